"""Rooms on a real homeserver."""

from __future__ import annotations

import pytest

from appservice_api import AppServiceAPI, Registration
from appservice_api.testing import Homeserver
from appservice_api.uris import MatrixURI

pytestmark = pytest.mark.synapse


@pytest.mark.parametrize("version", ["11", "12"])
def test_a_room(version: str, api: AppServiceAPI, homeserver: Homeserver) -> None:
    bot = api.bot_intent()
    closed = bot.room(bot.create_room(name="Tea", room_version=version))
    assert (closed.name, closed.topic, closed.alias, closed.version) == ("Tea", None, None, version)
    assert closed.is_encrypted is False
    levels = closed.power_levels
    assert levels is not None
    assert levels["users_default"] == 0
    ghost = api.intent(homeserver.ghost("guest"))
    seen = ghost.room(closed.room_id)
    seen.send_text("hello")
    assert set(seen.members) == {bot.mxid, ghost.mxid}
    closed.send_state_event("m.room.topic", {"topic": "Talk"})
    assert seen.topic == "Talk"
    closed.send_state_event("m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})
    assert seen.is_encrypted is True


def test_a_ghost_named_after_somebody_elsewhere(api: AppServiceAPI, homeserver: Homeserver) -> None:
    registration = Registration.load(homeserver.registration)
    name = "Zoë_[1]/👍 = %2F"
    ghost = api.intent(registration.user_id_for(name))
    room = ghost.room(ghost.create_room(preset="public_chat"))
    event_id = room.send_text("hi")
    found = room.get_event(event_id)
    assert registration.remote_name(found["sender"]) == name
    link = MatrixURI.of(room.room_id, event_id, via=[ghost.mxid.server_name])
    again = MatrixURI.parse(link.matrix_uri)
    assert ghost.get_event(again.target, str(again.event_id))["event_id"] == event_id
    assert MatrixURI.parse(str(MatrixURI.of(ghost.mxid))).target == ghost.mxid
