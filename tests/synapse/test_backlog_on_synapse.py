"""A real homeserver is killed while messages arrive: none is lost, and none handled twice."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appservice_api import AppService, AppServiceAPI, IntentAPI
from appservice_api.testing import Synapse
from appservice_api.testing.pool import make_registration
from appservice_api.testing.process import installed

pytest.importorskip("sqlalchemy", reason="the extra sql isn't installed")
pytestmark = pytest.mark.synapse

SERVER_NAME = "hs.test"


@pytest.fixture(scope="module")
def listener() -> Iterator[socket.socket]:
    """Keeps a port for the application service."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


@pytest.fixture(scope="module")
def synapse(listener: socket.socket) -> Iterator[Synapse]:
    """A homeserver of this module's own: it will be killed."""
    if not installed():
        pytest.skip("Synapse isn't installed: pip install 'appservice_api[demo]'")
    port = listener.getsockname()[1]
    listener.close()
    registration = make_registration("backlog", f"http://127.0.0.1:{port}", SERVER_NAME)
    with Synapse([registration], server_name=SERVER_NAME) as made:
        yield made


@pytest.fixture
def app(synapse: Synapse, tmp_path: Path) -> Iterator[AppService]:
    """The application service."""
    [registration] = synapse.registrations
    with AppService.from_registration(
        dict(registration), synapse.base_url, f"sqlite:///{tmp_path}/state.db",
        server_name=SERVER_NAME, default_retry_count=10,
    ) as made:  # fmt: skip
        yield made


@pytest.fixture
def alice(synapse: Synapse) -> Iterator[IntentAPI]:
    """An ordinary user."""
    user = synapse.create_user(f"alice{time.time_ns()}")
    with AppServiceAPI(synapse.base_url, user["user_id"], user["access_token"]) as api:
        yield api.bot_intent()


def port_of(app: AppService) -> int:
    return int(str(app.registration.url).rsplit(":", 1)[1])


def test_a_kill_loses_nothing(synapse: Synapse, app: AppService, alice: IntentAPI) -> None:
    seen: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    @app.on("m.room.message")
    def handle(event: Any) -> None:
        begun.set()
        assert go_on.wait(30)
        seen.append(event.content.body)

    # Served from the first event on, the homeserver never takes it for down: it would then push
    # when it likes.
    with app.serve_in_thread(port=port_of(app), ping=False):
        room = app.bot.create_room(preset="public_chat")
        alice.join_room(room)
        alice.send_text(room, "0")
        assert begun.wait(30)
        # These wait in the homeserver's memory only.
        for number in range(1, 6):
            alice.send_text(room, str(number))
        synapse.kill()
        go_on.set()
        synapse.restart()
        told: list[tuple[int, int]] = []
        app.catch_up(progress=lambda *numbers: told.append(numbers))
        assert told[-1][0] == told[-1][1] >= 1
        assert seen == [str(number) for number in range(6)]
        alice.send_text(room, "6")
        until = time.monotonic() + 60
        while "6" not in seen and time.monotonic() < until:
            time.sleep(0.05)
        assert seen == [str(number) for number in range(7)]
        assert app.catch_up([room]).events == {}


def test_a_room_of_version_12_and_of_a_ghost(
    synapse: Synapse, app: AppService, alice: IntentAPI
) -> None:
    seen: list[str] = []
    app.on("m.room.message")(lambda event: seen.append(event.content.body))
    room = alice.create_room(preset="public_chat", room_version="12")
    alice.send_text(room, "before")
    ghost = app.api.intent(f"@_backlog_ghost:{SERVER_NAME}")
    ghost.ensure_joined(room)
    for number in range(3):
        alice.send_text(room, str(number))
    # Nobody served: the homeserver has pushed nothing.
    assert app.catch_up([room]).events[room] == 4
    assert seen == ["0", "1", "2"]
