"""Units of work: what a handler does is done once, whatever happens."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import copy_context
from pathlib import Path
from typing import Any

import pytest

from appservice_api import MemoryStateStore
from appservice_api.application import AppService
from appservice_api.receiver.watch import described
from appservice_api.state_store import Claim, Note
from appservice_api.testing import ManualClock, StubHomeserver
from appservice_api.testing.contract.deliveries import txn

from .conftest import GHOST, Pusher, event, registration


def room_of(stub: StubHomeserver) -> str:
    return stub.room(public=True)


def said(stub: StubHomeserver, room_id: str) -> list[str]:
    """The bodies of the messages in a room."""
    events = stub.events(room_id)
    return [one["content"].get("body") for one in events if one["type"] == "m.room.message"]


def sent(stub: StubHomeserver) -> list[str]:
    """The requests that sent something."""
    return stub.calls("PUT")


@pytest.fixture
def stopping() -> Iterator[None]:
    """SIGUSR1 stops a handler, as SIGABRT does in gunicorn's workers."""

    def stop(number: int, frame: object) -> None:
        sys.exit(1)

    before = signal.signal(signal.SIGUSR1, stop)
    yield
    signal.signal(signal.SIGUSR1, before)


# What is entered around an attempt.


def test_each_attempt_is_a_unit(stub: StubHomeserver, clock: ManualClock) -> None:
    story: list[str] = []

    @contextmanager
    def unit() -> Iterator[None]:
        story.append("begin")
        try:
            yield
        except BaseException as error:
            story.append(f"rolled back: {error}")
            raise
        story.append("commit")

    with AppService(registration(), stub.base_url, clock=clock, unit_of_work=unit) as app:

        @app.on("m.room.message")
        def first(event: Any) -> None:
            story.append("first")
            if story.count("first") == 1:
                raise RuntimeError("busy")

        @app.on("m.room.message")
        def second(event: Any) -> None:
            story.append("second")

        @app.on_user_query
        def query(user_id: str) -> bool:
            story.append("query")
            return True

        pusher = Pusher(app)
        assert pusher.push(event()).status == 200
        assert story == [
            "begin", "first", "rolled back: busy", "begin", "first", "commit",
            "begin", "second", "commit",
        ]  # fmt: skip
        story.clear()
        assert pusher.ask("GET", f"/_matrix/app/v1/users/{GHOST}").status == 200
        assert story == ["begin", "query", "commit"]


def test_an_event_is_noted_once_its_unit_has_ended(
    stub: StubHomeserver, clock: ManualClock
) -> None:
    """A commit that fails is the handler's failure: its event isn't lost."""
    attempts: list[str] = []

    @contextmanager
    def unit() -> Iterator[None]:
        yield
        attempts.append("commit")
        raise RuntimeError("the commit failed")

    with AppService(registration(), stub.base_url, clock=clock, unit_of_work=unit) as app:
        app.on("m.room.message")(lambda event: None)
        assert Pusher(app).push(event()).status == 200
        [parked] = app.state_store.deliveries.parked()
        assert len(attempts) == 3
        assert "the commit failed" in parked.error


def test_a_unit_that_swallows_errors_makes_no_success(
    stub: StubHomeserver, clock: ManualClock
) -> None:
    @contextmanager
    def unit() -> Iterator[None]:
        with suppress(ValueError):
            yield

    with AppService(registration(), stub.base_url, clock=clock, unit_of_work=unit) as app:

        @app.on("m.room.message")
        def fails(event: Any) -> None:
            raise ValueError("swallowed")

        Pusher(app).push(event())
        [parked] = app.state_store.deliveries.parked()
        assert "swallowed" in parked.error


def test_a_unit_of_work_is_checked(stub: StubHomeserver) -> None:
    with pytest.raises(ValueError, match="unit_of_work must be a function"):
        AppService(registration(), stub.base_url, unit_of_work="atomic")  # type: ignore[arg-type]


# Several handlers.


def test_only_handlers_that_failed_are_called_again(
    app: AppService, pusher: Pusher, stub: StubHomeserver
) -> None:
    calls: list[str] = []

    @app.on("m.room.message")
    def well(event: Any) -> None:
        calls.append("well")

    @app.on("m.room.message")
    def fails(event: Any) -> None:
        calls.append("fails")
        if len(calls) < 6:
            raise RuntimeError("not yet")

    @app.on("m.room.message")
    def last(event: Any) -> None:
        calls.append("last")

    pusher.push(event())
    assert calls == ["well", "fails", "fails", "fails", "last"]
    [parked] = app.state_store.deliveries.parked()
    assert parked.key == "$event1"
    assert [name.rpartition(".")[2] for name in parked.done] == ["last", "well"]
    assert app.retry_parked(parked.id)
    assert calls[5:] == ["fails"]
    assert app.state_store.deliveries.parked() == []


def test_what_was_done_before_a_stop_is_not_done_again(
    app: AppService, pusher: Pusher, stopping: None
) -> None:
    calls: list[str] = []

    @app.on("m.room.message")
    def well(event: Any) -> None:
        calls.append("well")

    @app.on("m.room.message")
    def stopped(event: Any) -> None:
        calls.append("stopped")
        if calls.count("stopped") == 1:
            signal.raise_signal(signal.SIGUSR1)

    with pytest.raises(SystemExit):
        pusher.push(event())
    assert pusher.push(event()).status == 200
    assert calls == ["well", "stopped", "stopped"]


def test_handlers_of_one_name_are_told_apart(app: AppService, pusher: Pusher) -> None:
    calls: list[int] = []

    def handler(number: int) -> Any:
        def handle(event: Any) -> None:
            calls.append(number)
            assert 1 // number >= 0

        return handle

    for number in range(3):
        app.on("m.room.message")(handler(number))
    pusher.push(event())
    assert calls == [0, 0, 0, 1, 2]
    [parked] = app.state_store.deliveries.parked()
    assert len(parked.done) == 2


# What handlers say.


def test_what_is_said_again_is_the_same_request(
    app: AppService, pusher: Pusher, stub: StubHomeserver
) -> None:
    room_id = room_of(stub)
    attempts: list[int] = []

    @app.on("m.room.message")
    def handle(event: Any, room: Any) -> None:
        attempts.append(1)
        reply = room.send_notice("thank you")
        room.redact(reply, reason="never mind")
        room.send_file(b"notes", file_name="notes.txt")
        ghost = app.api.intent(GHOST)
        ghost.send_to_device("m.test", {"@alice:hs.test": {"*": {"a": 1}}})
        room.send_notice("twice")
        room.send_notice("twice")
        if len(attempts) < 5:
            raise RuntimeError("the database is busy")

    pusher.push(event(room_id=room_id))
    assert len(attempts) == 3
    [parked] = app.state_store.deliveries.parked()
    assert app.retry_parked(parked.id)
    assert said(stub, room_id) == [None, "notes.txt", "twice", "twice"]
    requests = [one for one in sent(stub) if "/send/" in one or "/redact/" in one]
    # Each attempt sends all of it, and one was sent again after the bot was joined.
    assert len(requests) == 5 * len(attempts) + 1
    assert len(set(requests)) == 5
    assert len({one for one in sent(stub) if "/sendToDevice/" in one}) == 1


def test_what_differs_is_said(app: AppService, pusher: Pusher, stub: StubHomeserver) -> None:
    room_id = room_of(stub)
    attempts: list[int] = []

    @app.on("m.room.message")
    def handle(event: Any, room: Any, ghost: Any) -> None:
        attempts.append(1)
        room.send_notice(f"attempt {len(attempts)}")
        app.api.intent(GHOST).send_notice(room_id, "the same")
        room.send_notice("the same")
        room.send_notice("with an ID of mine", txn_id="mine")
        if len(attempts) < 2:
            raise RuntimeError("again")

    pusher.push(event(1, room_id=room_id), id="1")
    # Another event, or another handler: another message.
    attempts.append(2)
    pusher.push(event(2, room_id=room_id), id="2")
    assert said(stub, room_id) == [
        "attempt 1", "the same", "the same", "with an ID of mine", "attempt 2", "attempt 4",
        "the same", "the same",
    ]  # fmt: skip


def test_outside_handlers_every_message_is_new(
    app: AppService, pusher: Pusher, stub: StubHomeserver
) -> None:
    room_id = room_of(stub)

    @app.on("m.room.message")
    def handle(event: Any, room: Any) -> None:
        # A thread has a context of its own.
        thread = threading.Thread(target=room.send_notice, args=("in a thread",))
        thread.start()
        thread.join()
        context = copy_context()
        thread = threading.Thread(target=context.run, args=(room.send_notice, "in a copy"))
        thread.start()
        thread.join()
        if sum("in+a" in one or "send" in one for one in sent(stub)) < 4:
            raise RuntimeError("again")

    pusher.push(event(room_id=room_id))
    assert said(stub, room_id) == ["in a thread", "in a copy", "in a thread"]
    app.bot.send_notice(room_id, "hi")
    app.bot.send_notice(room_id, "hi")
    assert said(stub, room_id)[3:] == ["hi", "hi"]


# What isn't an exception.


class Own(BaseException):
    """An error of a handler's own."""


@pytest.mark.parametrize("error", [SystemExit(2), GeneratorExit(), KeyboardInterrupt(), Own()])
def test_nothing_that_a_handler_raises_stops_the_queue(
    app: AppService, pusher: Pusher, error: BaseException
) -> None:
    seen: list[str] = []
    reported: list[BaseException] = []

    @app.on("m.room.message")
    def ends(event: Any) -> None:
        seen.append(event.event_id)
        if event.event_id == "$event1":
            raise error

    @app.on_error
    def failed(error: BaseException) -> None:
        reported.append(error)
        raise error

    answers: list[int] = []

    def serve() -> None:
        answers.append(pusher.push(event(1), event(2)).status)

    # A server has threads; Ctrl-C in the main one is no handler's.
    thread = threading.Thread(target=serve)
    thread.start()
    thread.join(30)
    assert answers == [200]
    # What is meant to end isn't tried again.
    assert seen == ["$event1", "$event2"]
    [parked] = app.state_store.deliveries.parked()
    assert type(error).__name__ in parked.error
    assert reported == [error]


def test_arguments_that_are_parsed_in_a_handler_park_its_event(
    app: AppService, pusher: Pusher
) -> None:
    import argparse

    @app.on("m.room.message")
    def command(event: Any) -> None:
        argparse.ArgumentParser().parse_args(event.content.body.split())

    assert pusher.push(event(content={"body": "--no-such"}), event(2, content={"body": ""})).status
    assert [one.key for one in app.state_store.deliveries.parked()] == ["$event1"]


def test_a_query_whose_handler_exits_is_answered(app: AppService, pusher: Pusher) -> None:
    @app.on_user_query
    def query(user_id: str) -> bool:
        sys.exit(1)

    assert pusher.ask("GET", f"/_matrix/app/v1/users/{GHOST}").status == 500


@pytest.mark.usefixtures("interruptible")
def test_the_interrupt_of_the_main_thread_goes_up(app: AppService, pusher: Pusher) -> None:
    @app.on("m.room.message")
    def handle(event: Any) -> None:
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        pusher.push(event())
    assert app.state_store.deliveries.parked() == []


# Events of which processes die.


def test_an_event_that_stops_its_process_is_parked(
    app: AppService, pusher: Pusher, stopping: None
) -> None:
    """As if gunicorn's timeout ended the worker: three times, and the others don't wait for it."""
    seen: list[str] = []
    reported: list[str] = []

    @app.on("m.room.message")
    def handle(event: Any) -> None:
        seen.append(event.event_id)
        if event.event_id == "$event1":
            signal.raise_signal(signal.SIGUSR1)

    @app.on_error
    def report() -> None:
        reported.extend(f"{described(it.what)} {it.handler!r}" for it in app.receiver.watch._all())

    events = [event(1), event(2), event(3, room_id="!other:hs.test")]
    for _ in range(3):
        with pytest.raises(SystemExit):
            pusher.push(*events)
    assert pusher.push(*events).status == 200
    # Of the other room at once after the first time; of the same room in order.
    assert seen == ["$event1", "$event3", "$event1", "$event1", "$event2"]
    [parked] = app.state_store.deliveries.parked()
    assert "3 processes one after the other died" in parked.error
    assert parked.event["event_id"] == "$event1"
    # The log names what an error handler was called for, if that takes long.
    assert (reported[0].split()[1], "<Handler" in reported[0]) == ("$event1", True)
    # So it is when somebody tries it again.
    for _ in range(3):
        with pytest.raises(SystemExit):
            app.retry_parked(parked.id)
    assert not app.retry_parked(parked.id)
    [again] = app.state_store.deliveries.parked()
    assert again.id != parked.id
    assert "3 processes" in again.error


def test_healthy_events_survive_deaths(app: AppService, pusher: Pusher, stopping: None) -> None:
    """Each of them is in flight twice when its process is stopped, by chance."""
    seen: list[str] = []

    @app.on("m.room.message")
    def handle(event: Any) -> None:
        seen.append(event.event_id)
        if seen.count(event.event_id) <= 2:
            signal.raise_signal(signal.SIGUSR1)

    events = [event(number, room_id=f"!room{number}:hs.test") for number in range(4)]
    for _ in range(8):
        with pytest.raises(SystemExit):
            pusher.push(*events)
    assert pusher.push(*events).status == 200
    assert app.state_store.deliveries.parked() == []


def test_who_loses_a_claim_leaves_no_mark(app: AppService) -> None:
    deliveries = app.state_store.deliveries
    assert deliveries.claim(txn("1", "x"), 60) is Claim.MINE
    assert deliveries.takeovers(txn("1", "x")) == 0
    deliveries.renew(txn("1", "x"), 0)
    assert deliveries.claim(txn("1", "x"), 60) is Claim.MINE
    assert deliveries.takeovers(txn("1", "x")) == 1
    deliveries.give_up(txn("1", "x"))
    assert deliveries.claim(txn("1", "x"), 60) is Claim.MINE
    assert deliveries.takeovers(txn("1", "x")) == 0


# In the state store's own database.


@pytest.fixture
def sql(stub: StubHomeserver, clock: ManualClock, tmp_path: Path) -> Iterator[AppService]:
    """An application service whose handlers write to its state store's database."""
    sqlalchemy = pytest.importorskip("sqlalchemy")
    store = f"sqlite:///{tmp_path}/state.db"
    with AppService(registration(), stub.base_url, store, clock=clock) as app:
        app.state_store.open()
        engine = sqlalchemy.create_engine(store)
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text("CREATE TABLE done (name TEXT)"))
        app.rows = lambda: rows(engine)  # type: ignore[attr-defined]
        yield app
        engine.dispose()


def rows(engine: Any) -> list[str]:
    from sqlalchemy import text

    with engine.connect() as connection:
        return [row[0] for row in connection.execute(text("SELECT name FROM done"))]


def insert(connection: Any, name: str) -> None:
    from sqlalchemy import text

    connection.execute(text("INSERT INTO done VALUES (:name)"), {"name": name})


def test_what_failed_is_rolled_back(sql: Any, stub: StubHomeserver) -> None:
    calls: list[str] = []

    @sql.on("m.room.message")  # type: ignore[untyped-decorator]
    def handle(event: Any, connection: Any) -> None:
        calls.append(event.event_id)
        insert(connection, event.event_id)
        if event.event_id == "$event1" and len(calls) < 3:
            raise RuntimeError("after the row")
        if event.event_id == "$event2":
            raise SystemExit

    assert Pusher(sql).push(event(1), event(2), event(3)).status == 200
    assert sql.rows() == ["$event1", "$event3"]


def test_handled_is_written_with_the_row(sql: Any, stopping: None) -> None:
    """Whoever dies just before the commit has done neither."""
    story: list[Any] = []

    @sql.on("m.room.message")  # type: ignore[untyped-decorator]
    def handle(event: Any, connection: Any) -> None:
        insert(connection, event.event_id)
        story.append((sql.rows(), sql.state_store.deliveries.handled(["$event1"])))
        if len(story) == 1:
            signal.raise_signal(signal.SIGUSR1)

    pusher = Pusher(sql)
    with pytest.raises(SystemExit):
        pusher.push(event())
    assert (sql.rows(), sql.state_store.deliveries.handled(["$event1"])) == ([], set())
    assert pusher.push(event()).status == 200
    assert story == [([], set())] * 2
    assert (sql.rows(), sql.state_store.deliveries.handled(["$event1"])) == (
        ["$event1"], {"$event1"},
    )  # fmt: skip


def test_who_has_lost_the_claim_commits_nothing(sql: Any) -> None:
    """Another process has handled the event meanwhile."""

    @sql.on("m.room.message")  # type: ignore[untyped-decorator]
    def handle(event: Any, connection: Any) -> None:
        sql.state_store.deliveries.note_handled(event.event_id)
        insert(connection, event.event_id)

    answer = Pusher(sql).push(event())
    assert answer.status == 503
    assert b"somebody else has handled the event" in answer.data
    assert sql.rows() == []
    assert sql.state_store.deliveries.parked() == []


def test_each_of_several_handlers_has_its_transaction(sql: Any) -> None:
    calls: list[str] = []

    def handler(name: str, fails: int) -> Any:
        def handle(event: Any, connection: Any) -> None:
            calls.append(name)
            insert(connection, name)
            if calls.count(name) <= fails:
                raise RuntimeError(name)

        return handle

    for name, fails in (("a", 0), ("b", 4), ("c", 1)):
        sql.on("m.room.message")(handler(name, fails))
    Pusher(sql).push(event())
    assert sorted(sql.rows()) == ["a", "c"]
    [parked] = sql.state_store.deliveries.parked()
    assert sql.retry_parked(parked.id)
    assert sorted(sql.rows()) == ["a", "b", "c"]
    assert sql.state_store.deliveries.parked() == []


def test_a_parked_event_is_taken_back_with_the_row(sql: Any) -> None:
    """Two who retry it at once, after the claim of one was lost."""
    fail = [True]

    @sql.on("m.room.message")  # type: ignore[untyped-decorator]
    def handle(event: Any, connection: Any) -> None:
        if fail:
            raise RuntimeError("not yet")
        number = sql.state_store.deliveries.parked()[0].id
        sql.state_store.deliveries.unpark(number)
        insert(connection, event.event_id)

    Pusher(sql).push(event())
    [parked] = sql.state_store.deliveries.parked()
    fail.clear()
    with pytest.raises(Exception, match="somebody else has handled the event"):
        sql.retry_parked(parked.id)
    assert sql.rows() == []


@pytest.mark.parametrize("error", [RuntimeError("cleaning up"), SystemExit(1)])
def test_what_fails_after_the_commit_undoes_nothing(
    stub: StubHomeserver, clock: ManualClock, tmp_path: Path, error: BaseException
) -> None:
    """The handler is done: it isn't called again, and the error handler is called."""
    ends, calls, reported = [True], [], []

    @contextmanager
    def unit() -> Iterator[None]:
        yield
        if ends:
            raise error

    pytest.importorskip("sqlalchemy")
    with AppService(
        registration(), stub.base_url, f"sqlite:///{tmp_path}/state.db", clock=clock,
        unit_of_work=unit,
    ) as app:  # fmt: skip

        @app.on("m.room.message")
        def handle(event: Any, connection: Any) -> None:
            calls.append(event.event_id)

        @app.on_error
        def report(error: Any) -> None:
            reported.append(error)
            ends.clear()

        deliveries, pusher = app.state_store.deliveries, Pusher(app)
        assert pusher.push(event(1)).status == 200
        assert (calls, reported, deliveries.parked()) == (["$event1"], [error], [])
        number = deliveries.park(event(2), "it failed")
        ends.append(True)
        assert app.retry_parked(number)
        assert (calls, reported, deliveries.parked()) == (["$event1", "$event2"], [error] * 2, [])


def test_what_is_remembered_does_not_wait_for_a_unit_of_work(
    stub: StubHomeserver, clock: ManualClock, tmp_path: Path
) -> None:
    """Whose own session has the same file locked, as in a site that has one database."""
    sqlalchemy = pytest.importorskip("sqlalchemy")
    url = f"sqlite:///{tmp_path}/state.db"
    engine = sqlalchemy.create_engine(url)

    @contextmanager
    def unit() -> Iterator[None]:
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text("INSERT INTO mine VALUES (1)"))
            yield

    with AppService(registration(), stub.base_url, url, clock=clock, unit_of_work=unit) as app:
        app.state_store.open()
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text("CREATE TABLE mine (number INT)"))
        room_id, locked = room_of(stub), []

        @app.on("m.room.message")
        def handle(event: Any) -> None:
            app.api.intent(GHOST).send_text(room_id, "Hello")
            locked.append(app.state_store.is_joined(room_id, GHOST))

        assert Pusher(app).push(event()).status == 200
        assert app.state_store.deliveries.parked() == []
        assert (locked, app.state_store.is_joined(room_id, GHOST)) == ([True], True)
    assert said(stub, room_id) == ["Hello"]
    engine.dispose()


def test_a_handler_does_not_commit_itself(sql: Any) -> None:
    @sql.on("m.room.message")  # type: ignore[untyped-decorator]
    def handle(event: Any, connection: Any) -> None:
        insert(connection, "row")
        connection.commit()

    Pusher(sql).push(event())
    [parked] = sql.state_store.deliveries.parked()
    assert "leave out commit()" in parked.error
    assert sql.rows() == []


def test_what_may_fail_has_a_savepoint(sql: Any) -> None:
    @sql.on("m.room.message")  # type: ignore[untyped-decorator]
    def handle(event: Any, connection: Any) -> None:
        insert(connection, "kept")
        with suppress(KeyError), connection.begin_nested():
            insert(connection, "gone")
            raise KeyError

    Pusher(sql).push(event())
    assert sql.rows() == ["kept"]


def test_what_is_remembered_neither_waits_nor_is_lost(sql: Any, stub: StubHomeserver) -> None:
    """The handler has the database locked for writing while it speaks."""
    room_id, found = room_of(stub), []
    store = sql.state_store

    @sql.on("m.room.message")  # type: ignore[untyped-decorator]
    def handle(event: Any, room: Any, connection: Any) -> None:
        insert(connection, "row")
        sql.api.intent(GHOST).send_notice(room_id, "hi")
        found.append((store.is_registered(GHOST), store.is_joined(room_id, GHOST)))
        other = threading.Thread(target=lambda: found.append(store.is_joined(room_id, GHOST)))
        other.start()
        other.join()
        raise SystemExit

    assert Pusher(sql).push(event(room_id=room_id)).status == 200
    assert found == [(True, True), None]
    # The row was rolled back, and what the homeserver has answered is true nevertheless.
    assert sql.rows() == []
    assert store.is_registered(GHOST)
    assert store.is_joined(room_id, GHOST)


def test_other_workers_claims_do_not_wait_for_a_handler_that_writes_nothing(sql: Any) -> None:
    @sql.on("m.room.message")  # type: ignore[untyped-decorator]
    def handle(event: Any, connection: Any) -> None:
        other = threading.Thread(target=lambda: done.append(deliveries.claim(txn("2", "y"), 60)))
        other.start()
        other.join(20)

    done: list[Claim] = []
    deliveries = sql.state_store.deliveries
    Pusher(sql).push(event())
    assert done == [Claim.MINE]


def test_a_parked_event_can_be_dropped_by_a_handler_that_writes(sql: Any) -> None:
    number = sql.state_store.deliveries.park({"type": "x"}, "")

    @sql.on("m.room.message")  # type: ignore[untyped-decorator]
    def handle(event: Any, connection: Any) -> None:
        insert(connection, "row")
        sql.state_store.deliveries.unpark(number)

    assert Pusher(sql).push(event()).status == 200
    assert sql.state_store.deliveries.parked() == []


def test_a_store_without_a_database_has_no_connection(stub: StubHomeserver) -> None:
    with AppService(registration(), stub.base_url, MemoryStateStore()) as app:
        with pytest.raises(TypeError, match="connection"):
            app.on("*")(lambda connection: None)
        note = Note("$a", "!r:hs.test", 1)
        app.state_store.deliveries.note(note)
        assert app.state_store.deliveries.handled(["$a"]) == {"$a"}
