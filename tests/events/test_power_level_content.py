"""Power levels as a view: attributes, defaults, and what its methods change."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from appservice_api.events.power_level_content import PowerLevelStateEventContent
from appservice_api.events.power_levels import CREATOR_LEVEL

A, B = "@a:h", "@b:h"


def test_defaults() -> None:
    content = PowerLevelStateEventContent()
    assert (content.users_default, content.events_default, content.state_default) == (0, 0, 50)
    assert (content.invite, content.kick, content.ban, content.redact) == (0, 50, 50, 50)
    assert content == {}
    assert content.get_user_level(A) == 0
    assert content.get_event_level("m.room.topic") == 50
    assert content == {}


def test_what_is_set_is_in_the_json() -> None:
    content = PowerLevelStateEventContent({"users": {A: 100}, "kick": "40", "x": 1}, ban=60)
    content.users[B] = 50
    content.events["m.x"] = 5
    content.notifications["room"] = 70
    content.state_default = 30
    content.kick += 1
    assert json.loads(json.dumps(content)) == {
        "users": {A: 100, B: 50}, "events": {"m.x": 5}, "notifications": {"room": 70},
        "state_default": 30, "kick": 41, "ban": 60, "x": 1,
    }  # fmt: skip
    del content.ban
    assert content.ban == 50
    content.users = {A: 1}
    assert content["users"] == {A: 1}
    assert type(content.copy()) is PowerLevelStateEventContent
    assert copy.deepcopy(content) == content
    assert PowerLevelStateEventContent.deserialize(content.serialize()) == content
    with pytest.raises(TypeError, match="users_default"):
        PowerLevelStateEventContent(nonsense=5)


def test_malformed_levels_read_as_defaults() -> None:
    wrong: Any = {"users": 5, "events": None, "ban": "x", "invite": True, "kick": 1.5}
    content = PowerLevelStateEventContent(wrong)
    assert (content.ban, content.invite, content.kick) == (50, 0, 50)
    assert (content.users, content.events) == ({}, {})
    assert content == wrong
    content.set_user_level(A, 5)
    assert content["users"] == {A: 5}


def test_users() -> None:
    content = PowerLevelStateEventContent(users={A: 100}, users_default=5)
    assert (content.get_user_level(A), content.get_user_level(B)) == (100, 5)
    assert content.ensure_user_level(B, 5) is False
    assert B not in content.users
    assert content.ensure_user_level(B, 6) is True
    assert content.ensure_user_level(A, 50) is True
    assert content.users == {A: 50, B: 6}
    content.set_user_level(A, 5)
    assert content.users == {A: 5, B: 6}
    create = {"sender": A, "content": {"room_version": "12"}}
    assert content.get_user_level(A, create) == CREATOR_LEVEL
    assert content.get_user_level(B, create) == 6


def test_events() -> None:
    content = PowerLevelStateEventContent(events={"m.room.name": 40}, state_default=60)
    assert content.get_event_level("m.room.name") == 40
    assert content.get_event_level("m.room.topic") == 60
    assert content.get_event_level("m.room.message") == 0
    assert content.get_event_level("org.example", state=True) == 60
    assert content.ensure_event_level("m.room.topic", 60) is False
    assert content.ensure_event_level("org.example", 60, state=True) is False
    assert content.ensure_event_level("org.example", 60) is True
    content.set_event_level("m.room.message", 0)
    assert content.events == {"m.room.name": 40, "org.example": 60, "m.room.message": 0}
