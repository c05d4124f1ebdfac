"""A real homeserver is killed and started again while ghosts speak: nothing is lost or doubled."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from appservice_api import AppServiceAPI, Registration, RetryPolicy
from appservice_api.testing import Synapse
from appservice_api.testing.pool import make_registration
from appservice_api.testing.process import installed

pytestmark = pytest.mark.synapse

SERVER_NAME = "hs.test"
GHOSTS = 10


@pytest.fixture
def homeserver_of_its_own() -> Iterator[tuple[Synapse, Registration]]:
    if not installed():
        pytest.skip("Synapse isn't installed: pip install 'appservice_api[demo]'")
    registration = make_registration("restart", "http://127.0.0.1:9", SERVER_NAME)
    with Synapse([registration], server_name=SERVER_NAME) as made:
        yield made, Registration.load(registration)


def test_what_is_said_during_a_restart_is_said_once(
    homeserver_of_its_own: tuple[Synapse, Registration],
) -> None:
    synapse, registration = homeserver_of_its_own
    # A machine that is busy starts Synapse in more than the 30 seconds of the defaults.
    retry = RetryPolicy(repeats=200, deadline=300)
    with AppServiceAPI.from_registration(registration, synapse.base_url, retry=retry) as api:
        bot = api.bot_intent()
        room = bot.create_room(preset="public_chat")
        texts = [f"{number} while it was away" for number in range(GHOSTS)]
        ghosts = [api.intent(f"@_restart_{number}:{SERVER_NAME}") for number in range(GHOSTS)]
        sent: list[str] = []
        threads = [
            threading.Thread(
                target=lambda ghost, text: sent.append(ghost.send_text(room, text)), args=pair
            )
            for pair in zip(ghosts, texts, strict=True)
        ]
        synapse.kill()
        for thread in threads:
            thread.start()
        synapse.restart()
        for thread in threads:
            thread.join(300)
        found = [event for event in bot.messages(room, limit=200) if event.type == "m.room.message"]
    assert sorted(event.content["body"] for event in found) == texts
    assert {event.event_id for event in found} == set(sent)
