"""A script in the manner of the reference library, on a real homeserver."""

from __future__ import annotations

from pathlib import Path

import pytest

from appservice_api import AppServiceAPI
from appservice_api.testing import Homeserver

from .script import run

pytestmark = pytest.mark.synapse

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


def test_the_script(homeserver: Homeserver, tmp_path: Path) -> None:
    png = tmp_path / "face.png"
    png.write_bytes(PNG)
    user = homeserver.create_user("owner")
    ghosts = [homeserver.ghost("one"), homeserver.ghost("two")]
    said, events = run(
        homeserver.base_url, homeserver.bot_mxid, homeserver.as_token, ghosts,
        user["user_id"], user["access_token"], png,
    )  # fmt: skip
    assert said == ["Hello", "Hi", "face.png", "face.png", "* Hello there", "rules"]
    with AppServiceAPI(homeserver.base_url, homeserver.bot_mxid, homeserver.as_token) as api:
        assert len(set(events.values())) == len(events)
        assert api.bot_intent().get_joined_rooms() == []
