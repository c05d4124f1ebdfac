"""The bot's account, which whoever serves sees to."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from appservice_api import MemoryStateStore, StateStoreError
from appservice_api.application import AppService
from appservice_api.testing import ManualClock, StubHomeserver, answer, hang

from .conftest import BOT, HS_TOKEN, Pusher, event, registration, store_with_bot

REGISTER = "POST /register"


@pytest.fixture
def app(stub: StubHomeserver, clock: ManualClock) -> Iterator[AppService]:
    """An application service whose bot may have no account."""
    stub.memory.sender = BOT
    with AppService(registration(), stub.base_url, MemoryStateStore(), clock=clock) as made:
        yield made


def test_who_serves_registers_the_bot_once(stub: StubHomeserver, app: AppService) -> None:
    for _ in range(2):
        with app.serve_in_thread(ping=False):
            stub.wait_for_calls(1, REGISTER)
    app.receiver.start()
    Pusher(app).push(event())
    assert stub.calls() == [REGISTER]
    assert stub.registered == {BOT}


def test_the_first_request_of_the_homeserver_does_it_under_any_server(
    stub: StubHomeserver, app: AppService
) -> None:
    pusher = Pusher(app)
    pusher.ask("GET", "/healthz", token=None)
    pusher.ask("GET", "/readyz", token=None)
    pusher.ask("PUT", "/_matrix/app/v1/transactions/1", {}, token="wrong")
    assert not app.receiver._account.begun
    pusher.push(event())
    stub.wait_for_calls(1, REGISTER)
    pusher.push(event(2), id="2")
    assert stub.calls() == [REGISTER]


def test_a_store_that_knows_it_asks_nobody(stub: StubHomeserver, clock: ManualClock) -> None:
    with AppService(registration(), stub.base_url, store_with_bot(), clock=clock) as app:
        before = threading.active_count()
        app.receiver.start()
        assert threading.active_count() == before
    assert stub.requests == []


def test_transactions_do_not_wait_for_it(stub: StubHomeserver, app: AppService) -> None:
    go_on = threading.Event()
    stub.script("POST", "/register", hang(go_on))
    seen: list[str] = []
    app.on("*")(lambda event: seen.append(event.event_id))
    try:
        assert Pusher(app).push(event()).status == 200
        assert seen == ["$event1"]
        stub.wait_for_calls(1, REGISTER)
        assert stub.registered == set()
    finally:
        go_on.set()


@pytest.mark.parametrize("refused", [
    answer(400, {"errcode": "M_EXCLUSIVE", "error": "outside"}),
    answer(500, {"errcode": "M_UNKNOWN", "error": "outside"}),
])  # fmt: skip
def test_a_refusal_is_told_and_keeps_nobody_from_serving(
    refused: Any, stub: StubHomeserver, app: AppService, caplog: pytest.LogCaptureFixture
) -> None:
    stub.script("POST", "/register", refused, forever=True)
    with caplog.at_level(logging.WARNING):
        app.receiver._account._run()
        assert Pusher(app).push(event()).status == 200
    assert [f"{BOT} goes on without" in record.message for record in caplog.records] == [True]


def test_a_homeserver_that_is_down_is_told(
    stub: StubHomeserver, app: AppService, caplog: pytest.LogCaptureFixture
) -> None:
    stub.stop()
    app.receiver._account._run()
    *given_up, told = caplog.records
    assert all("is given up" in record.message for record in given_up)
    assert told.levelname == "WARNING"
    assert "the bot can't be registered now" in told.message
    assert HS_TOKEN not in caplog.text
    stub.start()
    app.bot.create_room()
    assert stub.registered == {BOT}


def test_a_store_that_is_down_is_no_reason_not_to(
    stub: StubHomeserver, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: MemoryStateStore, user_id: str) -> bool:
        raise StateStoreError("the database is away")

    with AppService(registration(), stub.base_url, MemoryStateStore(), clock=clock) as app:
        monkeypatch.setattr(MemoryStateStore, "is_registered", fails)
        assert Pusher(app).ask("POST", "/_matrix/app/v1/ping", {}).status == 200
