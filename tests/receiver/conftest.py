"""What the tests of the receiver share: an application service on a stub, and how it is pushed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from appservice_api import MemoryStateStore, Registration
from appservice_api.application import AppService
from appservice_api.receiver import Request, Response
from appservice_api.testing import ManualClock, StubHomeserver

ROOM = "!room:hs.test"
ALICE = "@alice:hs.test"
BOT = "@_irc_bot:hs.test"
GHOST = "@_irc_bob:hs.test"
HS_TOKEN = "hs_token"
REGISTRATION = {
    "id": "irc",
    "url": "http://127.0.0.1:1",
    "as_token": "as_token",
    "hs_token": HS_TOKEN,
    "sender_localpart": "_irc_bot",
    "receive_ephemeral": True,
    "namespaces": {
        "users": [
            {"exclusive": True, "regex": r"@_irc_.*:hs\.test"},
            {"exclusive": False, "regex": r"@dora:hs\.test"},
        ],
        "aliases": [{"exclusive": True, "regex": r"#_irc_.*:hs\.test"}],
        "rooms": [],
    },
}


def registration(**changes: Any) -> Registration:
    """The registration of these tests."""
    return Registration.load({**REGISTRATION, **changes})


def store_with_bot() -> MemoryStateStore:
    """A store that knows the bot to be registered, so that nobody sees to that."""
    store = MemoryStateStore()
    store.registered(BOT)
    return store


def event(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A message."""
    return {
        "type": "m.room.message", "event_id": f"$event{number}", "room_id": ROOM, "sender": ALICE,
        "origin_server_ts": number, "content": {"msgtype": "m.text", "body": f"hi {number}"},
        **changes,
    }  # fmt: skip


class Pusher:
    """Plays homeserver."""

    def __init__(self, app: AppService) -> None:
        self.app = app

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: str = "",
        token: str | None = HS_TOKEN,
    ) -> Response:
        """Make a request."""
        headers = {"authorization": f"Bearer {token}"} if token is not None else {}
        data = body if isinstance(body, bytes) else b"" if body is None else _json(body)
        return self.app.receiver.handle(Request(method, path, query, headers, data))

    def push(self, *events: Any, id: str = "1", **more: Any) -> Response:
        """Push a transaction."""
        body = {"events": list(events), **more}
        return self.ask("PUT", f"/_matrix/app/v1/transactions/{id}", body)


def _json(body: Any) -> bytes:
    return json.dumps(body).encode()


@pytest.fixture
def app(stub: StubHomeserver, clock: ManualClock) -> Iterator[AppService]:
    """An application service whose waits return at once, and whose bot is registered."""
    with AppService(registration(), stub.base_url, store_with_bot(), clock=clock) as made:
        yield made


@pytest.fixture
def pusher(app: AppService) -> Pusher:
    """The homeserver of that application service."""
    return Pusher(app)
