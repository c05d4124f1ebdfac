"""Delivery: claimed, handled, acknowledged; once, in order, whatever happens."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterable
from typing import Any

import pytest

from appservice_api import BusyError, MemoryStateStore, StateStoreError
from appservice_api.application import AppService
from appservice_api.receiver import Transaction
from appservice_api.receiver.dispatch import HandlerPolicy
from appservice_api.state_store import Claim, ClaimKey, ClaimKind, NoteKey
from appservice_api.state_store.memory_deliveries import MemoryDeliveries
from appservice_api.testing import ManualClock, StubHomeserver

from .conftest import ALICE, BOT, GHOST, ROOM, Pusher, event, registration


def bodies_seen(app: AppService) -> list[Any]:
    """A list that fills with the bodies of messages."""
    seen: list[Any] = []
    app.on("m.room.message")(lambda event: seen.append(event.content.body))
    return seen


def test_a_transaction_is_handled_once(app: AppService, pusher: Pusher) -> None:
    seen = bodies_seen(app)
    for _ in range(3):
        answer = pusher.push(event(1), event(2))
        assert (answer.status, answer.data) == (200, b"{}")
    assert seen == ["hi 1", "hi 2"]
    assert app.state_store.deliveries.last_handled(ROOM) == "$event2"


def test_a_number_with_other_events_is_another_transaction(app: AppService, pusher: Pusher) -> None:
    seen = bodies_seen(app)
    pusher.push(event(1))
    pusher.push(event(2))
    assert seen == ["hi 1", "hi 2"]


def test_a_repeat_has_other_ages_and_no_typing(app: AppService, pusher: Pusher) -> None:
    typing = {"type": "m.typing", "room_id": ROOM, "content": {"user_ids": [ALICE]}}
    typists: list[Any] = []
    app.on_ephemeral("m.typing")(lambda event: typists.append(event.content))
    digests: list[str] = []
    deliver = app.receiver.deliver

    def noted(transaction: Transaction) -> Any:
        digests.append(transaction.digest)
        return deliver(transaction)

    app.receiver.deliver = noted  # type: ignore[method-assign]
    pusher.push(event(1, unsigned={"age": 5}, age=5), ephemeral=[typing])
    pusher.push(event(1, unsigned={"age": 9}, age=9))
    assert len(digests) == 2
    assert len(set(digests)) == 1
    assert len(typists) == 1


def to_device(number: int) -> dict[str, Any]:
    """What a device of a ghost is sent."""
    return {
        "type": "m.x", "sender": ALICE, "to_user_id": GHOST, "to_device_id": "D",
        "content": {"number": number},
    }  # fmt: skip


def test_a_number_without_events_is_told_apart_by_all_that_it_has(
    app: AppService, pusher: Pusher
) -> None:
    seen: list[int] = []
    app.on_to_device()(lambda event: seen.append(event.content["number"]))
    for number in (1, 1, 2, 1):
        assert pusher.push(to_device=[to_device(number)]).status == 200
    assert seen == [1, 2]


def test_what_has_no_id_is_told_apart_by_what_doesnt_age(app: AppService, pusher: Pusher) -> None:
    seen = bodies_seen(app)
    for changes in (
        {"age": 5, "unsigned": {"age": 5}}, {"age": 9, "unsigned": {"age": 9}}, {"unsigned": 1},
        {"content": {"msgtype": "m.text", "body": "another"}},
    ):  # fmt: skip
        nameless = event(1, **changes)
        del nameless["event_id"]
        assert pusher.push(nameless, event(2)).status == 200
    assert seen == ["hi 1", "hi 2", "another"]


@pytest.mark.parametrize(
    "name, known",
    [
        ("$".ljust(255, "x"), True), ("$".ljust(256, "x"), False), ("$é", False), ("$\n", False),
        ("", False), (5, False),
    ],
    ids=["255", "256", "not ASCII", "not printable", "empty", "a number"],
)  # fmt: skip
def test_names_that_every_database_takes(
    name: Any, known: bool, app: AppService, pusher: Pusher
) -> None:
    seen = bodies_seen(app)
    for id in ("1", "2"):
        assert pusher.push(event(1, event_id=name), id=id).status == 200
    assert seen == ["hi 1"] * (1 if known else 2)
    assert app.state_store.deliveries.handled([name]) == ({name} if known else set())


@pytest.mark.parametrize(
    "id", ["1", "x" * 135, "x" * 136, "x" * 190, "x" * 255, "x" * 256, "%C3%A9"]
)
def test_what_has_no_name_gets_one_that_every_database_takes(
    id: str, app: AppService, pusher: Pusher
) -> None:
    tries: list[int] = []

    @app.on_to_device()
    def fails(event: Any) -> None:
        tries.append(event.content["number"])
        raise RuntimeError

    for _ in range(2):
        assert pusher.push(id=id, to_device=[to_device(1), to_device(2)]).status == 200
    assert sorted(set(tries)) == [1, 2]
    keys = [one.key for one in app.state_store.deliveries.parked()]
    assert len(set(keys)) == 2
    for key in keys:
        assert key is not None
        assert len(key) <= 255
        assert key.isascii()
        assert key.isprintable()


def test_an_event_of_another_transaction_isnt_handled_again(
    app: AppService, pusher: Pusher
) -> None:
    seen = bodies_seen(app)
    pusher.push(event(1), event(2), id="1")
    pusher.push(event(2), event(3), event(3), id="2")
    assert seen == ["hi 1", "hi 2", "hi 3"]


def test_what_is_ephemeral_is_taken_once_a_transaction(app: AppService, pusher: Pusher) -> None:
    seen: list[Any] = []
    app.on_ephemeral()(lambda event: seen.append(event.type))
    found = [{"type": "m.presence", "sender": ALICE, "content": {}}] * 2
    both: dict[str, Any] = {"ephemeral": found, "de.sorunome.msc2409.ephemeral": found}
    pusher.push(id="1", **both)
    pusher.push(id="1", **both)
    assert seen == ["m.presence"] * 2
    unstable: dict[str, Any] = {"de.sorunome.msc2409.ephemeral": found}
    pusher.push(id="2", **unstable)
    assert len(seen) == 4


def test_everything_in_a_transaction_is_handled(app: AppService, pusher: Pusher) -> None:
    seen: list[Any] = []
    app.on_device_lists(lambda changed, left: seen.append((changed, left)))
    app.on_one_time_keys(lambda counts: seen.append(counts))
    app.on_fallback_keys(lambda types: seen.append(types))
    app.on_to_device()(lambda event, ghost: seen.append((event.to_device_id, ghost.mxid)))
    app.on("*")(lambda event: seen.append(event.event_id))
    more: dict[str, Any] = {
        "org.matrix.msc3202.device_lists": {"changed": [ALICE, 1], "left": None},
        "org.matrix.msc3202.device_one_time_key_counts": {GHOST: {"D": {"a": 1}}},
        "org.matrix.msc3202.device_unused_fallback_key_types": {GHOST: {"D": ["a"]}},
        "de.sorunome.msc2409.to_device": [to_device(1)],
    }
    pusher.push(event(1), **more)
    assert seen == [
        ([ALICE], []), {GHOST: {"D": {"a": 1}}}, {GHOST: {"D": ["a"]}}, ("D", GHOST), "$event1",
    ]  # fmt: skip


@pytest.mark.parametrize("prefix", ["", "org.matrix.msc3202."])
def test_stable_names_come_first(prefix: str) -> None:
    both: dict[str, Any] = {
        "device_lists": {"changed": []},
        "org.matrix.msc3202.device_lists": {"left": []},
    }
    found = Transaction("1", {**both, f"{prefix}device_one_time_keys_count": {"a": {}}}, b"")
    assert found.device_lists == {"changed": []}
    assert found.one_time_keys == {"a": {}}
    assert found.events == []


def test_what_isnt_an_object_is_parked(app: AppService, pusher: Pusher) -> None:
    seen = bodies_seen(app)
    assert pusher.push(None, 1, event(1), "x", ephemeral=[2]).status == 200
    assert seen == ["hi 1"]
    parked = app.state_store.deliveries.parked()
    assert [one.event for one in parked] == [{"content": one} for one in (None, 1, "x", 2)]
    assert pusher.push(None, 1, event(1), "x", ephemeral=[2]).status == 200
    assert len(app.state_store.deliveries.parked()) == 4
    # Another transaction of the same number.
    assert pusher.push(None, 7, event(1), "x").status == 200
    assert len(app.state_store.deliveries.parked()) == 7


def test_the_store_knows_before_handlers_run(app: AppService, pusher: Pusher) -> None:
    known: list[Any] = []
    app.on("m.room.message")(lambda app: known.append(app.state_store.is_joined(ROOM, ALICE)))
    joined = event(2, type="m.room.member", state_key=ALICE, content={"membership": "join"})
    pusher.push(event(1), joined)
    assert known == [True]


def test_a_handler_that_fails_is_called_again(
    app: AppService, pusher: Pusher, clock: ManualClock
) -> None:
    tries: list[str] = []
    others: list[str] = []

    @app.on("m.room.message")
    def fails_once(event: Any) -> None:
        tries.append(event.event_id)
        if len(tries) == 1:
            raise RuntimeError

    app.on("*")(lambda event: others.append(event.event_id))
    assert pusher.push(event(1), event(2)).status == 200
    assert tries == ["$event1", "$event1", "$event2"]
    assert others == ["$event1", "$event2"]
    assert len(clock.waits) == 1
    assert app.state_store.deliveries.parked() == []


def test_an_event_that_cant_be_handled_is_parked(app: AppService, pusher: Pusher) -> None:
    errors: list[Any] = []
    others: list[str] = []

    @app.on("m.room.message")
    def fails(event: Any) -> None:
        if event.event_id == "$event1":
            raise KeyError("poison")

    @app.on_error
    def told(error: Exception, event: Any, traceback: str) -> None:
        errors.append((error, event.event_id, traceback))
        raise ValueError("the handler of errors fails as well")

    app.on("*")(lambda event: others.append(event.event_id))
    first = event(1)
    assert pusher.push(first, event(2)).status == 200
    assert others == ["$event1", "$event2"]
    [(error, event_id, text)] = errors
    assert (type(error), event_id) == (KeyError, "$event1")
    assert 'raise KeyError("poison")' in text
    [parked] = app.state_store.deliveries.parked()
    assert (parked.event, parked.error) == (first, text)
    pusher.push(first, id="2")
    assert len(app.state_store.deliveries.parked()) == 1


def test_how_often_a_handler_is_called_is_configurable(
    stub: StubHomeserver, clock: ManualClock
) -> None:
    policy = HandlerPolicy(attempts=5, first_wait=1, longest_wait=2)
    with AppService(registration(), stub.base_url, clock=clock, handler_policy=policy) as app:
        tries: list[int] = []

        @app.on("*")
        def fails() -> None:
            tries.append(1)
            raise RuntimeError

        Pusher(app).push(event(1))
        assert len(tries) == 5
        assert len(clock.waits) == 4
        assert max(clock.waits) <= 2


class Failing(MemoryDeliveries):
    """Deliveries that can't be reached, at some of their methods."""

    def __init__(self, *failing: str) -> None:
        super().__init__()
        self.failing = set(failing)

    def _fail(self, name: str) -> None:
        if name in self.failing:
            raise StateStoreError(f"{name}: no such host")

    def claim(self, *args: Any) -> Claim:
        self._fail("claim")
        return super().claim(*args)

    def handled(self, keys: Iterable[str | NoteKey]) -> set[str | NoteKey]:
        self._fail("handled")
        return super().handled(keys)

    def note_handled(self, *args: Any) -> None:
        self._fail("note_handled")
        super().note_handled(*args)

    def finish(self, *args: Any) -> None:
        self._fail("finish")
        super().finish(*args)

    def give_up(self, *args: Any) -> None:
        self._fail("give_up")
        super().give_up(*args)


class Store(MemoryStateStore):
    """A store with deliveries of a test's own."""

    def __init__(self, deliveries: MemoryDeliveries) -> None:
        super().__init__()
        self._deliveries = deliveries


@pytest.mark.parametrize(
    "failing, twice",
    [(["claim"], False), (["handled"], False), (["note_handled"], True), (["finish"], False)],
)
def test_what_cant_be_noted_isnt_acknowledged(
    stub: StubHomeserver, clock: ManualClock, failing: list[str], twice: bool
) -> None:
    deliveries = Failing(*failing)
    with AppService(registration(), stub.base_url, Store(deliveries), clock=clock) as app:
        pusher, seen = Pusher(app), bodies_seen(app)
        answer = pusher.push(event(1))
        assert answer.status == 503
        assert b"no such host" in answer.data
        deliveries.failing.clear()
        assert pusher.push(event(1)).status == 200
        assert seen == ["hi 1"] * (2 if twice else 1)


def test_a_claim_that_cant_be_given_back_runs_out(stub: StubHomeserver, clock: ManualClock) -> None:
    deliveries = Failing("handled", "give_up")
    deliveries._monotonic = clock.monotonic
    with AppService(registration(), stub.base_url, Store(deliveries), clock=clock) as app:
        pusher, seen = Pusher(app), bodies_seen(app)
        assert pusher.push(event(1)).status == 503
        deliveries.failing.clear()
        # Until then a copy waits, as for a process that has died.
        assert pusher.push(event(1)).status == 200
        assert clock.monotonic() >= 30
        assert seen == ["hi 1"]


def test_who_waits_too_long_is_told_to_come_again(
    app: AppService, pusher: Pusher, clock: ManualClock
) -> None:
    transaction = Transaction("1", {"events": [event(1)]}, b"")
    key = ClaimKey(ClaimKind.TRANSACTION, transaction.id, transaction.digest)
    assert app.state_store.deliveries.claim(key, 10_000.0) is Claim.MINE
    answer = pusher.push(event(1))
    assert (answer.status, b'"errcode":"M_UNKNOWN"' in answer.data) == (503, True)
    assert answer.headers["Retry-After"] == "2"
    assert 45 <= clock.monotonic() < 60


def test_a_shutdown_gives_the_claim_back(
    app: AppService, pusher: Pusher, request: pytest.FixtureRequest
) -> None:
    """What the handler of a signal raises, as gunicorn's workers do, is the server's stop."""
    seen: list[str] = []

    class Worker:
        def handle_quit(self, number: int, frame: object) -> None:
            sys.exit(0)

    before = signal.signal(signal.SIGUSR1, Worker().handle_quit)
    request.addfinalizer(lambda: signal.signal(signal.SIGUSR1, before))

    @app.on("*")
    def ends(event: Any) -> None:
        seen.append(event.event_id)
        if event.event_id == "$event2" and len(seen) == 2:
            signal.raise_signal(signal.SIGUSR1)

    with pytest.raises(SystemExit):
        pusher.push(event(1), event(2), event(3))
    assert app.state_store.deliveries.parked() == []
    assert pusher.push(event(1), event(2), event(3)).status == 200
    # The one at which it ended comes again, the one before doesn't.
    assert seen == ["$event1", "$event2", "$event2", "$event3"]


def test_two_copies_wait_for_the_first_and_the_others_are_refused(stub: StubHomeserver) -> None:
    with AppService(registration(), stub.base_url) as app:
        pusher, begun, go_on = Pusher(app), threading.Event(), threading.Event()
        seen: list[Any] = []
        answers: list[Any] = []
        refused = threading.Semaphore(0)

        @app.on("*")
        def slow(event: Any) -> None:
            begun.set()
            assert go_on.wait(20)
            seen.append(event.event_id)

        def push() -> None:
            answer = pusher.push(event(1), event(2))
            answers.append((answer.status, answer.headers.get("Retry-After")))
            refused.release()

        threads = [threading.Thread(target=push) for _ in range(20)]
        for thread in threads:
            thread.start()
        assert begun.wait(20)
        # At once, while the first is still being handled.
        assert all([refused.acquire(timeout=20) for _ in range(17)])  # noqa: C419
        assert answers == [(503, "2")] * 17
        go_on.set()
        for thread in threads:
            thread.join(20)
        assert answers[17:] == [(200, None)] * 3
        assert seen == ["$event1", "$event2"]


def test_a_claim_is_kept_while_handlers_run(stub: StubHomeserver) -> None:
    renewed = threading.Event()

    class Noting(MemoryDeliveries):
        def renew(self, *args: Any) -> None:
            super().renew(*args)
            renewed.set()

    with AppService(registration(), stub.base_url, Store(Noting()), lease=0.03) as app:
        kept: list[bool] = []
        app.on("*")(lambda: kept.append(renewed.wait(20)))
        assert Pusher(app).push(event(1)).status == 200
        assert kept == [True]


def test_the_thread_that_keeps_claims_leaves_no_connection_behind(stub: StubHomeserver) -> None:
    left = threading.Semaphore(0)

    class Leaving(MemoryStateStore):
        def leave_thread(self) -> None:
            if threading.current_thread() is not threading.main_thread():
                left.release()

    store = Leaving()
    store.registered(BOT)
    with AppService(registration(), stub.base_url, store, lease=0.03) as app:
        told: list[bool] = []
        app.on("*")(lambda: told.extend(left.acquire(timeout=20) for _ in range(2)))
        assert Pusher(app).push(event(1)).status == 200
        assert told == [True, True]


def test_own_events_come_only_to_who_asks_for_them(app: AppService, pusher: Pusher) -> None:
    seen: list[Any] = []
    app.on("m.room.message")(lambda event, mine: seen.append((event.sender, mine)))
    app.on("m.room.message", mine=True)(lambda event, mine: seen.append((event.sender, mine)))
    pusher.push(
        event(1), event(2, sender=BOT), event(3, sender=GHOST), event(4, sender="@dora:hs.test")
    )
    assert seen == [
        (ALICE, False), (ALICE, False), (BOT, True), (GHOST, True), ("@dora:hs.test", False),
        ("@dora:hs.test", False),
    ]  # fmt: skip


def test_what_real_users_send_through_us_is_ours(stub: StubHomeserver) -> None:
    with AppService(registration(), stub.base_url, real_user_content_key="our.key") as app:
        assert app.is_mine(event(1, sender="@dora:hs.test", content={"our.key": True}))
        assert not app.is_mine(event(1, sender="@dora:hs.test"))
        assert app.is_mine(event(1, sender="@dora:hs.test", content={"our.key": "yes"}))
        assert not app.is_mine(event(1, sender="@dora:hs.test", content={"our.key": False}))


@pytest.mark.parametrize(
    "found, mine",
    [
        ({"type": "m.typing", "content": {"user_ids": [GHOST]}}, True),
        ({"type": "m.typing", "content": {"user_ids": [GHOST, ALICE]}}, False),
        ({"type": "m.typing", "content": {"user_ids": []}}, False),
        ({"type": "m.typing", "content": {"user_ids": 1}}, False),
        ({"type": "m.receipt", "content": {"$e": {"m.read": {GHOST: {}}}}}, True),
        ({"type": "m.receipt", "content": {"$e": {"m.read": {GHOST: {}, ALICE: {}}}}}, False),
        ({"type": "m.receipt", "content": {"$e": 1}}, False),
        ({"type": "m.presence", "sender": GHOST, "content": {}}, True),
        ({"sender": [], "content": []}, False),
    ],
)
def test_typing_and_receipts_of_ghosts_alone_are_ours(
    app: AppService, found: dict[str, Any], mine: bool
) -> None:
    assert app.is_mine(found) is mine


def test_what_was_parked_is_handled_again(app: AppService, pusher: Pusher) -> None:
    fails, seen = [True], []

    def handle(what: Any) -> None:
        if fails[0]:
            raise RuntimeError
        seen.append(what)

    app.on("*")(lambda event: handle(event["type"]))
    app.on_ephemeral()(lambda event: handle(event["type"]))
    app.on_to_device()(lambda event: handle(event.to_device_id))
    app.on_one_time_keys(lambda counts: handle(counts))
    pusher.push(
        event(1), None,
        ephemeral=[{"type": "m.typing", "content": {}}],
        to_device=[{"type": "m.x", "to_user_id": GHOST, "to_device_id": "D", "content": {}}],
        device_one_time_keys_count={GHOST: {}},
    )  # fmt: skip
    numbers = [one.id for one in app.state_store.deliveries.parked()]
    assert len(numbers) == 5
    assert not app.retry_parked(numbers[0])
    fails.clear()
    fails.append(False)
    again = [one.id for one in app.state_store.deliveries.parked()]
    assert [app.retry_parked(number) for number in again].count(True) == 4
    assert sorted(map(str, seen)) == sorted(["m.room.message", "m.typing", "D", str({GHOST: {}})])
    [left] = app.state_store.deliveries.parked()
    assert left.event == {"content": None}
    with pytest.raises(KeyError):
        app.retry_parked(numbers[0])


def test_what_was_parked_isnt_lost_to_who_has_no_handler(app: AppService) -> None:
    deliveries = app.state_store.deliveries
    number = deliveries.park(event(1), "ValueError: boom")
    for _ in range(2):
        assert not app.retry_parked(number)
        [left] = deliveries.parked()
        assert (left.event, left.error) == (event(1), "ValueError: boom\nNo handler wants it.")
        number = left.id


def test_an_event_isnt_parked_because_of_a_close(stub: StubHomeserver, clock: ManualClock) -> None:
    store = MemoryStateStore()
    with AppService(registration(), stub.base_url, store, clock=clock) as app:

        @app.on("*")
        def closes(app: AppService, intent: Any) -> None:
            app.close()
            intent.whoami()

        answer = Pusher(app).push(event(1))
        assert (answer.status, b"was closed" in answer.data) == (503, True)
    assert store.deliveries.parked() == []
    with AppService(registration(), stub.base_url, store, clock=clock) as app:
        seen = bodies_seen(app)
        assert Pusher(app).push(event(1)).status == 200
        assert seen == ["hi 1"]


def test_names_that_no_database_takes_are_left_out(app: AppService, pusher: Pusher) -> None:
    seen: list[Any] = []
    told: list[Any] = []
    app.on("*")(lambda event: seen.append(event["state_key"]))
    update = app.state_store.update_states
    app.state_store.update_states = lambda events: told.extend(events) or update(events)  # type: ignore[func-returns-value, method-assign, assignment, misc]
    joined: dict[str, Any] = {"type": "m.room.member", "content": {"membership": "join"}}
    for number, odd in enumerate(["\0", "\ud800", "x" * 300]):
        for key in ("state_key", "room_id", "sender"):
            state = event(
                number, event_id=f"${number}{key}", **{"state_key": "x", key: odd, **joined}
            )
            assert pusher.push(state, id=f"{number}{key}").status == 200
    assert len(seen) == 9
    assert told == []


def test_a_store_that_cant_read_an_event_stalls_nothing(
    app: AppService, pusher: Pusher, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = bodies_seen(app)

    def fails(events: Any) -> None:
        raise TypeError

    monkeypatch.setattr(app.state_store, "update_states", fails)
    assert pusher.push(event(1, state_key="")).status == 200
    assert seen == ["hi 1"]


def test_events_that_nobody_handles_are_noted_at_once(app: AppService, pusher: Pusher) -> None:
    noted: list[int] = []
    deliveries = app.state_store.deliveries
    note_all = deliveries.note_all_handled

    def counting(notes: Any) -> None:
        noted.append(len(list(notes)))
        note_all(notes)

    deliveries.note_all_handled = counting  # type: ignore[method-assign]
    app.on("m.sticker")(lambda: None)
    pusher.push(*map(event, range(10)), event(10, type="m.sticker"), event(11))
    assert noted == [10, 1]
    assert len(deliveries.handled(f"$event{number}" for number in range(12))) == 12
    assert deliveries.last_handled(ROOM) == "$event11"


@pytest.mark.usefixtures("interruptible")
def test_who_dies_retrying_loses_nothing(app: AppService, pusher: Pusher) -> None:
    @app.on("m.room.message")
    def fails(event: Any) -> None:
        raise RuntimeError("not yet")

    pusher.push(event(1))
    [parked] = app.state_store.deliveries.parked()

    @app.on("m.room.message")
    def dies(event: Any) -> None:
        # At this moment it is still there, and nobody else may take it.
        assert app.state_store.deliveries.parked_event(parked.id) == parked
        with pytest.raises(BusyError):
            app.retry_parked(parked.id)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        app.retry_parked(parked.id)
    assert app.state_store.deliveries.parked() == [parked]
    assert app.state_store.deliveries.in_flight(ClaimKind.PARKED) == set()
