"""Metrics: what is shown of transactions and events."""

from __future__ import annotations

import sys
from typing import Any

import pytest

pytest.importorskip("prometheus_client", reason="the extra metrics isn't installed")

from prometheus_client import CollectorRegistry, generate_latest

from appservice_api import MemoryStateStore, MissingExtraError, StateStoreError
from appservice_api.application import AppService
from appservice_api.metrics import AppServiceCollector
from appservice_api.testing import ManualClock, StubHomeserver

from .conftest import GHOST, Pusher, event, registration


def shown(*apps: AppService) -> dict[str, float]:
    """What a scrape of a registry shows, by name and labels; what is zero is left out."""
    registry = CollectorRegistry(auto_describe=True)
    registry.register(AppServiceCollector(*apps))
    lines = generate_latest(registry).decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs if float(value)}


def transactions(outcome: str) -> str:
    return f'appservice_transactions_total{{appservice="irc",outcome="{outcome}"}}'


def events(outcome: str) -> str:
    return f'appservice_events_total{{appservice="irc",outcome="{outcome}"}}'


PARKED = 'appservice_parked_events{appservice="irc"}'


def test_what_came_is_counted(app: AppService, pusher: Pusher) -> None:
    assert shown(app) == {}

    @app.on("m.room.message")
    def handle(event: Any) -> None:
        if event.content.body == "hi 3":
            raise ValueError

    pusher.push(event(1), event(2), event(3), event(4, type="m.other"), None)
    pusher.push(event(1), event(2), event(3), event(4, type="m.other"), None)
    pusher.push(event(3), event(5), id="2")
    assert shown(app) == {
        transactions("handled"): 2, transactions("repeated"): 1, events("handled"): 3,
        events("parked"): 2, events("unwanted"): 1, PARKED: 2,
    }  # fmt: skip
    number = app.state_store.deliveries.parked()[0].id
    assert not app.retry_parked(number)
    app._handlers.listeners.clear()
    app.on("*")(lambda: None)
    assert app.retry_parked(app.state_store.deliveries.parked()[-1].id)
    found = shown(app)
    assert (found[PARKED], found[events("parked")], found[events("handled")]) == (1, 3, 4)


def test_what_is_parked_is_asked_from_the_store(
    app: AppService, stub: StubHomeserver, clock: ManualClock
) -> None:
    with AppService(registration(id="x"), stub.base_url, app.state_store, clock=clock) as other:
        app.state_store.deliveries.park({}, "")
        assert shown(app, other) == {PARKED: 1, PARKED.replace("irc", "x"): 1}


class Unreachable(MemoryStateStore):
    """A store that can't be reached."""

    @property
    def deliveries(self) -> Any:
        raise StateStoreError("no such host")


def test_what_is_being_handled(app: AppService, pusher: Pusher, clock: ManualClock) -> None:
    found: list[dict[str, float]] = []

    @app.on("m.room.message")
    def slow() -> None:
        clock.advance(45)
        found.append(shown(app))

    @app.on_user_query
    def slow_too() -> None:
        clock.advance(5)
        found.append(shown(app))

    pusher.push(event(1))
    pusher.ask("GET", f"/_matrix/app/v1/users/{GHOST}")
    for metrics, seconds in zip(found, (45, 5), strict=True):
        assert metrics['appservice_handling{appservice="irc"}'] == 1
        assert metrics['appservice_longest_handling_seconds{appservice="irc"}'] == seconds
    left = shown(app)
    assert not [name for name in left if "handling" in name]


def test_what_isnt_shown(app: AppService) -> None:
    for given in ((), (None,), ("app",), ([app],), (app.api,), (app, app)):
        with pytest.raises(ValueError, match="needed, not"):
            AppServiceCollector(*given)


def test_a_store_that_cant_be_reached(stub: StubHomeserver, clock: ManualClock) -> None:
    with AppService(registration(), stub.base_url, Unreachable(), clock=clock) as app:
        Pusher(app).push(event(1))
        assert shown(app) == {transactions("failed"): 1}


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "appservice_api.metrics")
    for name in [name for name in sys.modules if name.split(".")[0] == "prometheus_client"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r"appservice_api\[metrics\]"):
        import appservice_api.metrics  # noqa: F401
