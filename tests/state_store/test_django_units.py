"""Handlers whose state store is in a Django project's database: a transaction for each attempt."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("django", reason="the extra django isn't installed")

from django.db import IntegrityError, connections, transaction

from appservice_api.application import AppService
from appservice_api.testing import ManualClock, StubHomeserver

from ..receiver.conftest import GHOST, Pusher, event, registration

if TYPE_CHECKING:
    from appservice_api.django.state_store import DjangoStateStore


class Site:
    """An application service whose handlers write names to a table."""

    def __init__(self, app: AppService, alias: str) -> None:
        self.app = app
        self.alias = alias

    def write(self, name: str) -> None:
        with connections[self.alias].cursor() as cursor:
            cursor.execute("INSERT INTO done (name) VALUES (%s)", [name])

    def rows(self) -> list[str]:
        """What is committed, as another thread sees it."""
        found: list[str] = []

        def read() -> None:
            with connections[self.alias].cursor() as cursor:
                cursor.execute("SELECT name FROM done ORDER BY name")
                found.extend(name for (name,) in cursor.fetchall())
            connections[self.alias].close()

        thread = threading.Thread(target=read)
        thread.start()
        thread.join()
        return found

    def push(self, *events: Any) -> int:
        return Pusher(self.app).push(*events).status


@pytest.fixture
def site(
    stub: StubHomeserver, clock: ManualClock, django_store: DjangoStateStore
) -> Iterator[Site]:
    alias = django_store._database.using
    with connections[alias].cursor() as cursor:
        cursor.execute("CREATE TABLE done (name VARCHAR(255) UNIQUE)")
    with AppService(registration(), stub.base_url, django_store, clock=clock) as app:
        yield Site(app, alias)
    with connections[alias].cursor() as cursor:
        cursor.execute("DROP TABLE done")


def test_what_failed_is_rolled_back_and_the_others_go_on(site: Site) -> None:
    calls: list[str] = []

    @site.app.on("m.room.message")
    def handle(event: Any) -> None:
        calls.append(event.event_id)
        site.write(event.event_id)
        if event.event_id == "$event1" and len(calls) < 3:
            raise RuntimeError("after the row")
        if event.event_id == "$event2":
            site.write("$event1")

    assert site.push(event(1), event(2), event(3)) == 200
    assert site.rows() == ["$event1", "$event3"]
    [parked] = site.app.state_store.deliveries.parked()
    assert IntegrityError.__name__ in parked.error
    assert site.app.state_store.deliveries.handled(["$event1", "$event2"]) == {
        "$event1", "$event2",
    }  # fmt: skip


@pytest.mark.parametrize("error", [RuntimeError("afterwards"), SystemExit(1)])
def test_what_fails_on_commit_undoes_nothing(site: Site, error: BaseException) -> None:
    told: list[object] = []

    def fail() -> None:
        raise error

    @site.app.on("m.room.message")
    def handle(event: Any) -> None:
        site.write(event.event_id)
        transaction.on_commit(fail, using=site.alias)

    site.app.on_error(lambda error: told.append(error))
    assert site.push(event(1)) == 200
    deliveries = site.app.state_store.deliveries
    assert (site.rows(), told, deliveries.parked()) == (["$event1"], [error], [])
    assert site.app.retry_parked(deliveries.park(event(2), "it failed"))
    assert (site.rows(), told, deliveries.parked()) == (["$event1", "$event2"], [error] * 2, [])


def test_handled_is_written_with_the_row(site: Site) -> None:
    deliveries, calls = site.app.state_store.deliveries, []

    def stop(number: int, frame: object) -> None:
        sys.exit(1)

    @site.app.on("m.room.message")
    def handle(event: Any) -> None:
        calls.append(event.event_id)
        site.write(event.event_id)
        if len(calls) == 1:
            signal.raise_signal(signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, stop)
    try:
        with pytest.raises(SystemExit):
            site.push(event())
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert (site.rows(), deliveries.handled(["$event1"])) == ([], set())
    assert site.push(event()) == 200
    assert (site.rows(), deliveries.handled(["$event1"])) == (["$event1"], {"$event1"})


def test_who_has_lost_the_claim_commits_nothing(site: Site) -> None:
    """Another process has handled the event meanwhile."""
    deliveries = site.app.state_store.deliveries

    def elsewhere() -> None:
        deliveries.note_handled("$event1")
        connections[site.alias].close()

    @site.app.on("m.room.message")
    def handle(event: Any) -> None:
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        site.write(event.event_id)

    assert site.push(event()) == 503
    assert site.rows() == []
    assert deliveries.parked() == []


def test_a_retry_calls_who_has_not_succeeded(site: Site) -> None:
    fails, calls = [True], []

    @site.app.on("m.room.message")
    def first(event: Any) -> None:
        calls.append("first")
        site.write("first")

    @site.app.on("m.room.message")
    def second(event: Any) -> None:
        calls.append("second")
        site.write("second")
        if fails:
            raise RuntimeError("not yet")

    assert site.push(event()) == 200
    assert site.rows() == ["first"]
    [parked] = site.app.state_store.deliveries.parked()
    assert not site.app.retry_parked(parked.id)
    [parked] = site.app.state_store.deliveries.parked()
    fails.clear()
    assert site.app.retry_parked(parked.id)
    assert site.rows() == ["first", "second"]
    assert calls == ["first"] + ["second"] * 7
    assert site.app.state_store.deliveries.parked() == []


def test_what_is_remembered_is_not_rolled_back_and_holds_up_nobody(
    site: Site, stub: StubHomeserver
) -> None:
    room_id = stub.room(public=True)
    store = site.app.state_store
    found: list[Any] = []

    def elsewhere() -> None:
        # Somebody else's handler remembers the same while this one still runs.
        store.set_membership(room_id, GHOST, "join")
        store.registered(GHOST)
        found.append("written")
        connections[site.alias].close()

    @site.app.on("m.room.message")
    def handle(event: Any) -> None:
        ghost = site.app.api.intent(GHOST)
        ghost.send_notice(room_id, "hi")
        found.append((store.is_registered(GHOST), store.is_joined(room_id, GHOST)))
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        site.write("row")
        raise SystemExit

    assert site.push(event(room_id=room_id)) == 200
    assert found == [(True, True), "written"]
    assert site.rows() == []
    assert store.is_registered(GHOST)
    assert store.is_joined(room_id, GHOST)


def test_an_attempt_after_a_lost_connection_has_a_new_one(
    site: Site, request: pytest.FixtureRequest
) -> None:
    if site.alias != "postgresql":
        pytest.skip("SQLite's connections aren't lost")
    import psycopg

    url = connections["postgresql"].get_connection_params()
    calls: list[int] = []

    @site.app.on("m.room.message")
    def handle(event: Any) -> None:
        calls.append(1)
        connection = connections[site.alias]
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            (pid,) = cursor.fetchone()
        if len(calls) == 1:
            where = {key: url[key] for key in ("host", "user", "dbname") if key in url}
            with psycopg.connect(**where, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s)", [pid])
        site.write(event.event_id)

    assert site.push(event()) == 200
    assert len(calls) == 2
    assert site.rows() == ["$event1"]


def test_a_handler_that_has_read_can_write(site: Site) -> None:
    """On SQLite, a transaction that began with a read couldn't write after somebody else has."""
    written: list[int] = []

    def elsewhere() -> None:
        site.app.state_store.registered("@_irc_new:hs.test")
        written.append(1)
        connections[site.alias].close()

    @site.app.on("m.room.message")
    def handle(event: Any) -> None:
        with connections[site.alias].cursor() as cursor:
            cursor.execute("SELECT COUNT(*) FROM done")
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join(0.2)
        threads.append(thread)
        site.write(event.event_id)

    threads: list[threading.Thread] = []
    assert site.push(event()) == 200
    [thread] = threads
    thread.join()
    assert site.rows() == ["$event1"]
    assert written == [1]


def test_a_handler_may_take_back_a_parked_event(site: Site) -> None:
    number = site.app.state_store.deliveries.park({"type": "m.x", "event_id": "$x"}, "")

    @site.app.on("m.room.message")
    def command(event: Any) -> None:
        assert site.app.state_store.deliveries.unpark(number) is not None

    assert site.push(event()) == 200
    assert site.app.state_store.deliveries.parked() == []
