"""What was never pushed is found in the rooms, and handled once and in order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from appservice_api import BusyError, MatrixConnectionError, RoomID
from appservice_api.application import AppService
from appservice_api.receiver.dispatch import HandlerPolicy
from appservice_api.receiver.http import Request
from appservice_api.state_store import Claim, ClaimKey, ClaimKind
from appservice_api.testing import ManualClock, StubHomeserver, answer, hang
from appservice_api.testing.contract.deliveries import txn

from .conftest import ALICE, BOT, GHOST, Pusher, event, registration, store_with_bot


@pytest.fixture
def stub() -> Iterator[StubHomeserver]:
    """A homeserver that knows the bot of these tests."""
    with StubHomeserver("as_token", BOT) as made:
        yield made


@pytest.fixture
def app(stub: StubHomeserver) -> Iterator[AppService]:
    """An application service whose threads really wait for each other."""
    policy = HandlerPolicy(first_wait=0, longest_wait=0)
    with AppService(registration(), stub.base_url, store_with_bot(), handler_policy=policy) as made:
        yield made


@pytest.fixture
def room(stub: StubHomeserver, app: AppService) -> str:
    """A room that the bot is in."""
    return stub.room(members=[BOT, ALICE])


@pytest.fixture
def say(stub: StubHomeserver, room: str) -> Callable[[str], dict[str, Any]]:
    """Has Alice say something in the room; it isn't pushed."""

    def said(body: str) -> dict[str, Any]:
        content = {"msgtype": "m.text", "body": body}
        return dict(stub.memory.rooms[room].append(ALICE, "m.room.message", content))

    return said


@pytest.fixture
def seen(app: AppService) -> list[str]:
    """The bodies of the messages that were handled."""
    bodies: list[str] = []
    app.on("m.room.message")(lambda event: bodies.append(event.content.body))
    return bodies


Say = Callable[[str], dict[str, Any]]


def test_what_was_missed_is_handled_once_and_in_order(
    app: AppService, pusher: Pusher, room: str, say: Say, seen: list[str]
) -> None:
    pusher.push(say("1"))
    for number in range(2, 250):
        say(str(number))
    pusher.push(say("250"), id="2")
    say("251")
    told: list[tuple[int, int]] = []
    done = app.catch_up(progress=lambda *numbers: told.append(numbers))
    assert done.events == {room: 249}
    assert done.failed == {}
    assert told == [(1, 1)]
    assert seen == ["1", "250", *map(str, range(2, 250)), "251"]
    assert app.catch_up().events == {}
    assert len(seen) == 251


def test_a_transaction_that_comes_late_is_known(
    app: AppService, pusher: Pusher, say: Say, seen: list[str]
) -> None:
    pusher.push(say("1"))
    late = [say("2"), say("3")]
    app.catch_up()
    assert pusher.push(*late, id="2").status == 200
    assert seen == ["1", "2", "3"]


def test_a_quiet_room_costs_one_request(
    stub: StubHomeserver, app: AppService, pusher: Pusher, room: str, say: Say
) -> None:
    pusher.push(say("1"))
    app.catch_up()
    before = len(stub.requests)
    app.catch_up()
    rooms, messages = stub.requests[before:]
    # Nobody is named: the bot asks.
    assert (rooms.user_id, messages.user_id) == (None, None)
    assert (rooms.method, rooms.decoded_path) == ("GET", "/_matrix/client/v3/joined_rooms")
    assert messages.decoded_path == f"/_matrix/client/v3/rooms/{room}/messages"
    assert messages.query == {"dir": ["b"], "limit": ["1"]}


def test_it_goes_on_where_it_ended(
    stub: StubHomeserver, app: AppService, pusher: Pusher, room: str, say: Say, seen: list[str]
) -> None:
    pusher.push(say("1"))
    app.catch_up()
    # What isn't remembered any more isn't handled again.
    app.state_store.deliveries._handled.clear()  # type: ignore[attr-defined]
    say("2")
    assert app.catch_up().events == {room: 1}
    assert seen == ["1", "2"]


def test_a_room_of_which_nothing_is_known_begins_now(
    app: AppService, room: str, say: Say, seen: list[str]
) -> None:
    say("before")
    assert app.catch_up() == ({}, {})
    say("after")
    assert app.catch_up().events == {room: 1}
    assert seen == ["after"]


def test_a_room_that_was_joined_by_a_request_begins_there(
    stub: StubHomeserver, app: AppService, seen: list[str]
) -> None:
    room = stub.room(public=True)
    timeline = stub.memory.rooms[room]
    timeline.append(ALICE, "m.room.message", {"msgtype": "m.text", "body": "before"})
    app.bot.join_room(room)
    timeline.append(ALICE, "m.room.message", {"msgtype": "m.text", "body": "after"})
    assert app.catch_up().events == {room: 2}
    assert seen == ["after"]


def test_a_room_that_is_joined_meanwhile_is_looked_after(
    stub: StubHomeserver, app: AppService, pusher: Pusher, room: str, say: Say, seen: list[str]
) -> None:
    pusher.push(say("1"))
    say("move")
    replacement = stub.room(public=True)
    timeline = stub.memory.rooms[replacement]

    @app.on("m.room.message", room=room)
    def follow(event: Any) -> None:
        if event.content.body == "move":
            app.bot.join_room(replacement)
            timeline.append(ALICE, "m.room.message", {"msgtype": "m.text", "body": "there"})

    told: list[tuple[int, int]] = []
    done = app.catch_up(progress=lambda *numbers: told.append(numbers))
    # Its join is an event, too.
    assert done.events == {room: 1, replacement: 2}
    assert told == [(1, 1), (2, 2)]
    assert seen == ["1", "move", "there"]


@pytest.mark.parametrize("rooms", [5, [None], "x", ["!r:hs.test", 5]])
def test_rooms_that_are_none(app: AppService, rooms: Any) -> None:
    with pytest.raises(ValueError, match="room"):
        app.catch_up(rooms)


def test_a_room_of_a_ghost_is_read_by_the_ghost(
    stub: StubHomeserver, app: AppService, seen: list[str]
) -> None:
    gone, ghost = "@_irc_gone:hs.test", app.api.intent(GHOST)
    room = stub.room(public=True, members=[ALICE])
    app.state_store.joined(room, gone)  # so it was
    stub.add_user(gone)
    ghost.ensure_joined(room)
    stub.memory.rooms[room].append(ALICE, "m.room.message", {"msgtype": "m.text", "body": "hi"})
    before = len(stub.requests)
    app.catch_up()
    assert seen == ["hi"]
    # Last, the bot asks whether a room has come.
    asked = [one.user_id for one in stub.requests[before:]]
    assert asked == [None, gone, GHOST, GHOST, GHOST, None]
    assert stub.membership(room, gone) is None  # looking doesn't join


def test_rooms_may_be_named(
    stub: StubHomeserver, app: AppService, pusher: Pusher, room: str, say: Say, seen: list[str]
) -> None:
    other = stub.room(members=[BOT])
    pusher.push(say("1"), event(room_id=other))
    stub.memory.rooms[other].append(ALICE, "m.room.message", {"body": "not this"})
    say("2")
    assert app.catch_up([room]).events == {room: 1}
    assert seen == ["1", "hi 1", "2"]
    with pytest.raises(ValueError, match="room"):
        app.catch_up(["#alias:hs.test"])


def test_a_room_that_is_refused_is_told_and_the_others_go_on(
    stub: StubHomeserver, app: AppService, pusher: Pusher, room: str, say: Say, seen: list[str]
) -> None:
    other = stub.room(members=[BOT])
    stub.script("GET", f"{other}/messages", answer(500, {"errcode": "M_UNKNOWN", "error": "no"}))
    pusher.push(say("1"))
    say("2")
    done = app.catch_up()
    assert done.events == {room: 1}
    assert list(done.failed) == [other]
    assert "no" in str(done.failed[RoomID(other)])
    assert app.catch_up() == ({}, {})


def test_an_event_whose_handler_fails_is_parked(
    app: AppService, pusher: Pusher, room: str, say: Say
) -> None:
    handled: list[str] = []

    @app.on("m.room.message")
    def picky(event: Any) -> None:
        if event.content.body == "2":
            raise RuntimeError("not this one")
        handled.append(event.content.body)

    pusher.push(say("1"))
    say("2")
    say("3")
    assert app.catch_up().events == {room: 2}
    assert handled == ["1", "3"]
    [parked] = app.state_store.deliveries.parked()
    assert parked.event["content"]["body"] == "2"


def test_what_is_missed_of_the_state_is_remembered(
    stub: StubHomeserver, app: AppService, pusher: Pusher, room: str, say: Say
) -> None:
    pusher.push(say("1"))
    stub.memory.rooms[room].append(ALICE, "m.room.topic", {"topic": "tea"}, "")
    stub.memory.rooms[room].append(ALICE, "m.room.member", {"membership": "leave"}, ALICE)
    app.catch_up()
    assert app.state_store.is_joined(room, ALICE) is False


def test_own_echoes_are_left_out(
    app: AppService, pusher: Pusher, room: str, say: Say, seen: list[str]
) -> None:
    pusher.push(say("1"))
    app.bot.send_text(room, "mine")
    say("2")
    assert app.catch_up().events == {room: 2}
    assert seen == ["1", "2"]


def test_a_transaction_waits_for_the_room(
    app: AppService, pusher: Pusher, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = threading.Event()
    claim = app.state_store.deliveries.claim

    def noted(key: ClaimKey, lease: float) -> Claim:
        found = claim(key, lease)
        if key.name == "9":
            asked.set()
        return found

    monkeypatch.setattr(app.state_store.deliveries, "claim", noted)
    seen: list[str] = []
    newer: list[Any] = []
    answers: list[int] = []
    pushing = threading.Thread(
        target=lambda: answers.append(pusher.push(*newer, id="9").status), daemon=True
    )

    @app.on("m.room.message")
    def slow(event: Any) -> None:
        if event.content.body == "2":
            # Meanwhile the homeserver pushes what has just been said.
            newer.append(say("4"))
            pushing.start()
            assert asked.wait(20)
        seen.append(event.content.body)

    pusher.push(say("1"))
    say("2")
    say("3")
    app.catch_up()
    pushing.join(20)
    assert answers == [200]
    assert seen == ["1", "2", "3", "4"]


def test_other_rooms_dont_wait(
    stub: StubHomeserver, app: AppService, pusher: Pusher, say: Say
) -> None:
    seen: list[str] = []
    other = event(7, room_id=stub.room(members=[BOT]))

    @app.on("m.room.message")
    def handle(event: Any) -> None:
        if event.content.body == "2":
            assert pusher.push(other, id="9").status == 200
        seen.append(event.content.body)

    pusher.push(say("1"))
    say("2")
    app.catch_up()
    assert seen == ["1", "hi 7", "2"]


def test_what_is_being_handled_isnt_handled_again(
    app: AppService, pusher: Pusher, room: str, say: Say
) -> None:
    seen: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    @app.on("m.room.message")
    def slow(event: Any) -> None:
        if event.content.body == "3":
            begun.set()
            assert go_on.wait(20)
        seen.append(event.content.body)

    pusher.push(say("1"))
    say("2")
    pushing = threading.Thread(target=pusher.push, args=(say("3"),), kwargs={"id": "3"})
    pushing.start()
    assert begun.wait(20)
    done: list[Any] = []
    catching_up = threading.Thread(target=lambda: done.append(app.catch_up()))
    catching_up.start()
    go_on.set()
    pushing.join(20)
    catching_up.join(20)
    assert done[0].events == {room: 1}
    assert seen == ["1", "3", "2"]


def test_a_retry_of_what_is_parked_isnt_waited_for(
    app: AppService, pusher: Pusher, room: str, say: Say
) -> None:
    fails, seen = [True], []
    done: list[Any] = []

    @app.on("m.room.message")
    def handle(event: Any) -> None:
        if event.content.body == "1":
            if fails:
                raise RuntimeError
            catching_up = threading.Thread(target=lambda: done.append(app.catch_up()), daemon=True)
            catching_up.start()
            catching_up.join(10)
        seen.append(event.content.body)

    pusher.push(say("1"))
    [parked] = app.state_store.deliveries.parked()
    say("2")
    fails.clear()
    assert app.retry_parked(parked.id)
    assert done[0].events == {room: 1}
    assert seen == ["2", "1"]


def test_what_is_sent_at_the_time_isnt_waited_for(
    stub: StubHomeserver, app: AppService, pusher: Pusher, room: str, say: Say, seen: list[str]
) -> None:
    stub.add_user_token("own", ALICE)
    go_on, done = threading.Event(), []
    stub.script("POST", "/createRoom", hang(go_on))
    creating = threading.Thread(target=app.api.intent(ALICE, token="own").create_room, daemon=True)
    creating.start()
    stub.wait_for_calls(1, "/createRoom")
    assert app.state_store.deliveries.in_flight(ClaimKind.SENDING)
    pusher.push(say("1"))
    say("2")
    catching_up = threading.Thread(target=lambda: done.append(app.catch_up()), daemon=True)
    catching_up.start()
    catching_up.join(10)
    assert done[0].events == {room: 1}
    assert seen == ["1", "2"]
    go_on.set()
    creating.join(20)


def test_who_handles_for_ever_is_named(stub: StubHomeserver, clock: ManualClock) -> None:
    room = stub.room(members=[BOT, ALICE])
    with AppService(registration(), stub.base_url, store_with_bot(), clock=clock) as app:
        deliveries = app.state_store.deliveries
        deliveries.note_handled(stub.events(room)[0]["event_id"], room)
        assert deliveries.claim(txn("17", "x"), 1000) is Claim.MINE
        with pytest.raises(BusyError, match="transaction 17 has been handled for more than 45 s"):
            app.catch_up()
        assert deliveries.in_flight(ClaimKind.TRANSACTION) == {txn("17", "x")}
        assert deliveries.in_flight(ClaimKind.ROOM) == set()
        deliveries.finish(txn("17", "x"))
        assert deliveries.claim(ClaimKey(ClaimKind.ROOM, room), 1000) is Claim.MINE
        with pytest.raises(BusyError, match=f"somebody else has looked after {room} for 45 s"):
            app.catch_up()
        assert deliveries.in_flight(ClaimKind.ROOM) == {ClaimKey(ClaimKind.ROOM, room)}


def test_two_at_once_handle_it_once(
    app: AppService, pusher: Pusher, say: Say, seen: list[str]
) -> None:
    pusher.push(say("1"))
    for number in range(2, 30):
        say(str(number))
    threads = [threading.Thread(target=app.catch_up) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert seen == [str(number) for number in range(1, 30)]


def test_a_homeserver_that_is_away_is_an_error(stub: StubHomeserver, clock: ManualClock) -> None:
    stub.stop()
    app = AppService(registration(), stub.base_url, store_with_bot(), clock=clock)
    with app, pytest.raises(MatrixConnectionError):
        app.catch_up()


# At the start.


@pytest.fixture
def starting(stub: StubHomeserver) -> Iterator[AppService]:
    with AppService(
        registration(), stub.base_url, store_with_bot(), catch_up_at_start=True
    ) as made:
        yield made


def test_at_the_start_what_was_missed_comes_first(
    starting: AppService, room: str, say: Say
) -> None:
    seen: list[str] = []
    starting.on("m.room.message")(lambda event: seen.append(event.content.body))
    starting.state_store.deliveries.note_handled(say("0")["event_id"], room)
    say("1")
    say("2")
    assert Pusher(starting).push(say("3")).status == 200
    assert seen == ["1", "2", "3"]
    # Once is enough.
    say("4")
    Pusher(starting).push(say("5"), id="2")
    assert seen == ["1", "2", "3", "5"]
    assert starting.receiver.stop(20)


@pytest.mark.parametrize("path", ["/readyz", "/healthz", "/_matrix/app/v1/users/@x:hs.test"])
def test_any_request_begins_the_start(
    starting: AppService, room: str, say: Say, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    handled = threading.Event()
    starting.on("m.room.message")(lambda: handled.set())
    starting.state_store.deliveries.note_handled(say("0")["event_id"], room)
    say("1")
    starting.receiver.handle(Request("GET", path))
    assert handled.wait(20)
    assert "catching up; what is pushed meanwhile waits" in caplog.text


def test_what_fails_at_the_start_is_tried_again(
    stub: StubHomeserver, starting: AppService, room: str, say: Say
) -> None:
    deliveries, seen = starting.state_store.deliveries, []
    starting.on("m.room.message")(lambda event: seen.append(event.content.body))
    deliveries.note_handled(say("0")["event_id"], room)
    say("1")
    busy = {"errcode": "M_LIMIT_EXCEEDED", "error": "busy", "retry_after_ms": 900_000}
    stub.script("GET", "joined_rooms", answer(429, busy))
    newer = say("2")
    # Newer events stay with the homeserver, which repeats the transaction.
    assert Pusher(starting).push(newer).status == 503
    assert starting.receiver.stop(20)
    assert (deliveries.in_flight(ClaimKind.ROOM), seen) == (set(), [])
    starting.receiver.start()
    assert Pusher(starting).push(newer).status == 200
    assert seen == ["1", "2"]


def test_what_is_closed_at_the_start_says_nothing(
    stub: StubHomeserver, starting: AppService, caplog: pytest.LogCaptureFixture
) -> None:
    busy = {"errcode": "M_LIMIT_EXCEEDED", "error": "busy", "retry_after_ms": 20_000}
    stub.script("GET", "joined_rooms", answer(429, busy))
    first = starting.receiver._startup.begin()
    assert first is not None
    stub.wait_for_calls(1, "/joined_rooms")
    starting.close()
    assert first.wait(20)
    assert "can't catch up" not in caplog.text


def test_what_fails_for_good_at_the_start_stalls_nothing(
    stub: StubHomeserver, starting: AppService, room: str, say: Say
) -> None:
    seen: list[str] = []
    starting.on("m.room.message")(lambda event: seen.append(event.content.body))
    stub.script("GET", "joined_rooms", answer(400, {"errcode": "M_UNKNOWN", "error": "no"}))
    assert Pusher(starting).push(say("1")).status == 200
    assert seen == ["1"]


def test_another_process_that_does_it_is_enough(
    stub: StubHomeserver, starting: AppService, room: str, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliveries, tries = starting.state_store.deliveries, []

    def try_alone(room_id: str) -> bool:
        tries.append(room_id)
        deliveries.set_caught_up(2**50)  # it ends just now
        return len(tries) > 1

    monkeypatch.setattr(starting.receiver.claims, "try_alone", try_alone)
    assert Pusher(starting).push(say("1")).status == 200
    assert tries == ["", ""]
    assert stub.requests == []


def test_a_process_that_dies_at_it_is_replaced(
    starting: AppService, room: str, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliveries, seen = starting.state_store.deliveries, []
    starting.on("m.room.message")(lambda event: seen.append(event.content.body))
    deliveries.note_handled(say("0")["event_id"], room)
    say("1")
    # The dead one's claim is over when it is looked at for the second time.
    assert deliveries.claim(ClaimKey(ClaimKind.ROOM, ""), 1000) is Claim.MINE
    claims = starting.receiver.claims
    try_alone = claims.try_alone

    def looked(room_id: str) -> bool:
        found = try_alone(room_id)
        deliveries.give_up(ClaimKey(ClaimKind.ROOM, "")) if not found else None
        return found

    monkeypatch.setattr(claims, "try_alone", looked)
    assert Pusher(starting).push(say("2")).status == 200
    assert seen == ["1", "2"]


def test_what_is_pushed_comes_again_if_it_takes_long(
    stub: StubHomeserver, clock: ManualClock, room: str, say: Say
) -> None:
    with AppService(
        registration(), stub.base_url, store_with_bot(), clock=clock, catch_up_at_start=True
    ) as app:
        go_on = threading.Event()
        stub.script("GET", "joined_rooms", hang(go_on))
        answer = Pusher(app).push(say("1"))
        assert answer.status == 503
        assert "still being handled" in str(answer.body)
        go_on.set()
        assert app.receiver.stop(20)


def test_a_start_that_was_stopped_stops_nothing_else(
    stub: StubHomeserver, starting: AppService, room: str, say: Say
) -> None:
    seen: list[str] = []
    starting.on("m.room.message")(lambda event: seen.append(event.content.body))
    starting.state_store.deliveries.note_handled(say("0")["event_id"], room)
    say("1")
    go_on = threading.Event()
    stub.script("GET", "joined_rooms", hang(go_on))
    starting.receiver.start()
    assert not starting.receiver.stop(0)
    go_on.set()
    assert starting.receiver.stop(20)
    assert seen == []
    assert starting.catch_up().events == {room: 1}
    assert seen == ["1"]


@pytest.mark.parametrize("progress", [5, "no", []])
def test_a_progress_that_cant_be_called(
    stub: StubHomeserver, app: AppService, progress: Any
) -> None:
    with pytest.raises(ValueError, match="progress must be a function"):
        app.catch_up(progress=progress)
    assert stub.requests == []


def test_a_handler_cannot_catch_up(app: AppService, pusher: Pusher, say: Say) -> None:
    app.on("m.room.message")(lambda app: app.catch_up())
    assert pusher.push(say("1")).status == 200
    [parked] = app.state_store.deliveries.parked()
    assert "RuntimeError: a handler can't catch up" in parked.error


def test_a_room_that_nobody_may_see_is_told_if_it_was_named(
    stub: StubHomeserver, app: AppService
) -> None:
    room = stub.room(members=[ALICE])
    app.state_store.joined(room, GHOST)  # so it was
    stub.add_user(GHOST)
    assert app.catch_up() == ({}, {})
    for named in (room, [room], ["!typo:hs.test"]):
        done = app.catch_up(named)
        [error] = done.failed.values()
        assert (done.events, error.errcode) == ({}, "M_FORBIDDEN")


def test_what_came_while_nobody_of_us_was_there_is_not_ours(
    stub: StubHomeserver, app: AppService, pusher: Pusher, room: str, say: Say, seen: list[str]
) -> None:
    pusher.push(say("1"))
    message = {"msgtype": "m.text", "body": "behind our back"}
    absent = {"membership": "leave"}
    stub.memory.rooms[room].append(ALICE, "m.room.message", message, unsigned=absent)
    say("2")
    assert app.catch_up().events == {room: 1}
    assert seen == ["1", "2"]
    # Unless there was somebody else of us, who may have been there.
    stub.memory.rooms[room].append(ALICE, "m.room.message", message, unsigned=absent)
    app.state_store.joined(room, GHOST)
    app.catch_up()
    assert seen == ["1", "2", "behind our back"]
