"""How the demo's ghost answers, and what is told if nothing is pushed; on a stub."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from appservice_api import MemoryStateStore, Registration
from appservice_api.application import AppService
from appservice_api.cli.demo.conversation import answer as answer_by
from appservice_api.cli.demo.interruption import Interruption
from appservice_api.cli.demo.reception import Reception
from appservice_api.testing import ManualClock, StubHomeserver, SynapseError, answer

ROOM = "!room:hs.test"
ERIN = "@erin:hs.test"
ALICE = "@_demo_alice:hs.test"
URL = "http://127.0.0.1:1"
PING = "/_matrix/client/v1/appservice/demo/ping"


@pytest.fixture
def app(stub: StubHomeserver, clock: ManualClock) -> Iterator[AppService]:
    registration = Registration.load({
        "id": "demo", "url": URL, "as_token": "as_token", "hs_token": "hs_token",
        "sender_localpart": "bot", "rate_limited": False,
        "namespaces": {"users": [{"exclusive": True, "regex": r"@_demo_.*:hs\.test"}]},
    })  # fmt: skip
    store = MemoryStateStore()
    store.registered("@bot:hs.test")
    with AppService(registration, stub.base_url, store, clock=clock) as made:
        yield made


def message(number: int, sender: str, **content: Any) -> dict[str, Any]:
    return {
        "type": "m.room.message", "event_id": f"$event{number}", "room_id": ROOM, "sender": sender,
        "content": {"msgtype": "m.text", "body": "hi", **content},
    }  # fmt: skip


def push(url: str, transaction: int, *events: dict[str, Any]) -> None:
    path = f"{url}/_matrix/app/v1/transactions/{transaction}"
    headers = {"Authorization": "Bearer hs_token"}
    assert requests.put(path, json={"events": list(events)}, headers=headers).json() == {}


def sends(stub: StubHomeserver) -> list[Any]:
    """Who sent which content."""
    return [
        (request.query["user_id"][0], json.loads(request.body))
        for request in stub.requests
        if "/send/m.room.message/" in request.path
    ]


def test_a_ghost_answers_what_is_pushed(app: AppService, stub: StubHomeserver) -> None:
    reception = Reception(app)
    answer_by(app, app.api.intent(ALICE), ERIN)
    stub.script("PUT", "/send/m.room.message/", answer(200, {"event_id": "$event9"}))
    with app.serve_in_thread(ping=False) as url:
        push(url, 1, message(1, "@_demo_bob:hs.test"), message(2, "@dora:hs.test"))
        assert sends(stub) == []
        push(url, 2, message(3, ERIN))
        [(sender, content)] = sends(stub)
        assert sender == ALICE
        assert content["m.relates_to"] == {"m.in_reply_to": {"event_id": "$event3"}}
        assert set(reception.events) == {"$event1", "$event2", "$event3"}
        push(url, 3, {**message(9, ALICE), "content": content})
    reception.wait_for_reply("$event3", "the answer")
    reception.wait_for("$event9", "the answer")
    assert len(sends(stub)) == 1
    assert (len(reception.events), reception.transactions) == (4, 3)


@pytest.mark.parametrize(
    "status, reply, told",
    [
        (
            502,
            {"errcode": "M_CONNECTION_FAILED", "error": "Connection was refused"},
            "the homeserver doesn't reach that: .*Connection was refused",
        ),
        (200, {"duration_ms": 3}, "though the homeserver reaches that"),
    ],
)
def test_what_is_not_pushed_is_told_with_the_reason(
    app: AppService, stub: StubHomeserver, status: int, reply: dict[str, Any], told: str
) -> None:
    stub.script("POST", PING, answer(status, reply))
    reception = Reception(app, timeout=0)
    start = f"Erin's message wasn't pushed to {URL} within 0 seconds"
    with pytest.raises(SynapseError, match=f"{start}.*{told}"):
        reception.wait_for("$event1", "Erin's message")


def test_an_interruption_ends_the_wait(app: AppService) -> None:
    reception = Reception(app)
    before = threading.active_count()
    signalled = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))

    def wait() -> None:
        with Interruption() as interruption, app.serve_in_thread(ping=False):
            signalled.start()
            with interruption.allowed():
                reception.wait_for("$event1", "the answer")

    with pytest.raises(SystemExit) as stopped:
        wait()
    signalled.join(20)
    assert stopped.value.code == 130
    assert threading.active_count() == before


def test_what_a_handler_raises_ends_the_wait(app: AppService) -> None:
    reception = Reception(app)

    @app.on("m.room.message")
    def broken() -> None:
        raise RuntimeError("no answer")

    with app.serve_in_thread(ping=False) as url:
        push(url, 1, message(1, ERIN))
        with pytest.raises(RuntimeError, match="no answer"):
            reception.wait_for_reply("$event1", "the answer")
