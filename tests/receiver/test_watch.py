"""What takes long: how the log names it, and how few wait for it."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from appservice_api import MemoryStateStore
from appservice_api.application import AppService
from appservice_api.receiver.leases import Leases
from appservice_api.receiver.waiting import Waiting
from appservice_api.receiver.watch import described
from appservice_api.testing import ManualClock, StubHomeserver
from appservice_api.testing.contract.deliveries import txn

from .conftest import GHOST, Pusher, event, registration


def test_the_log_names_what_takes_long(
    app: AppService, pusher: Pusher, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """At growing intervals, and never with what was said."""
    told: list[int] = []

    @app.on("m.room.message")
    def slow() -> None:
        for _ in range(25):
            clock.advance(10)
            app.receiver.watch.look()
        told.append(len(caplog.records))

    @app.on("m.room.message")
    def quick() -> None:
        app.receiver.watch.look()

    pusher.push(event(1, content={"body": "secret"}))
    lines = [record.getMessage() for record in caplog.records if "handled for" in record.msg]
    what = "event $event1 m.room.message @alice:hs.test !room:hs.test has been handled for"
    handler = "<Handler test_the_log_names_what_takes_long.<locals>.slow>"
    assert lines == [f"{what} {passed} s, now by {handler}" for passed in (30, 60, 120, 240)]
    assert "secret" not in caplog.text
    assert {record.levelname for record in caplog.records} == {"WARNING"}


def test_health_checks_have_questions_named(
    app: AppService, pusher: Pusher, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    @app.on_user_query
    def slow() -> None:
        clock.advance(31)
        assert pusher.ask("GET", "/healthz").status == 200

    pusher.ask("GET", f"/_matrix/app/v1/users/{GHOST}")
    assert f"user_query {GHOST} has been handled for 31 s, now by <Handler" in caplog.text


def test_whoever_retries_in_a_handler_goes_on_afterwards(app: AppService, pusher: Pusher) -> None:
    watch = app.receiver.watch
    seen: list[str] = []
    number = app.state_store.deliveries.park(event(2), "")

    @app.on("m.room.message")
    def handle(event: Any) -> None:
        if event.event_id == "$event1":
            app.retry_parked(number)
        seen.extend(described(work.what) for work in watch._all())

    pusher.push(event(1))
    assert [one.split()[1] for one in seen] == ["$event2", "$event1"]
    assert watch.number == 0
    assert watch.longest == 0


def test_leases_look_at_what_takes_long() -> None:
    looked = threading.Event()
    leases = Leases(MemoryStateStore(), 0.03, None, looked.set)
    leases.hold(txn("1", ""))
    assert looked.wait(20)
    leases.release(txn("1", ""))


@pytest.mark.parametrize(("threads", "most"), [(1, 0), (2, 0), (3, 1), (4, 2), (8, 2), (64, 2)])
def test_those_who_wait_leave_threads(threads: int, most: int) -> None:
    waiting = Waiting()
    waiting.limit(threads)
    assert [waiting.enter() for _ in range(3)] == [number < most for number in range(3)]
    if most:
        waiting.leave()
        assert waiting.enter()


def test_few_wait_for_the_start(stub: StubHomeserver, clock: ManualClock) -> None:
    """While another process catches up, a request that may not wait is answered at once."""
    with AppService(
        registration(), stub.base_url, MemoryStateStore(), clock=clock, catch_up_at_start=True
    ) as app:
        app.receiver._startup.begin = threading.Event  # type: ignore[method-assign]
        app.receiver.limit_waiting(1)
        before = clock.monotonic()
        answer = Pusher(app).push(event(1))
        assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
        assert clock.monotonic() == before


def test_few_wait_for_a_room(app: AppService, pusher: Pusher, clock: ManualClock) -> None:
    app.receiver.limit_waiting(1)
    with app.receiver.claims.alone("!room:hs.test"):
        before = clock.monotonic()
        assert pusher.push(event(1)).status == 503
        assert clock.monotonic() == before
    assert pusher.push(event(1)).status == 200
