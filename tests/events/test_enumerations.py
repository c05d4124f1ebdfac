"""Enumerations: open, and nothing but text."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from appservice_api import Membership, MemoryStateStore
from appservice_api.events import EventType, EventTypeClass, MessageType, PaginationDirection
from appservice_api.events.open_enum import OpenEnum

KINDS = OpenEnum.__subclasses__()


@pytest.mark.parametrize("kind", KINDS)
def test_enumeration(kind: type[OpenEnum]) -> None:
    for member in kind:
        assert kind(str(member)) is member
        assert member.is_known
        assert pickle.loads(pickle.dumps(member)) is member
        assert copy.deepcopy(member) is member
    unknown = kind("com.example.unknown")
    assert unknown == "com.example.unknown" == str(unknown) == f"{unknown}"
    assert not unknown.is_known
    assert unknown not in list(kind)
    assert pickle.loads(pickle.dumps(unknown)) == unknown
    assert type(copy.copy(unknown)) is kind
    assert hash(unknown) == hash("com.example.unknown")
    assert json.dumps({unknown: unknown}) == '{"com.example.unknown": "com.example.unknown"}'
    with pytest.raises(ValueError, match="5 is not a valid"):
        kind(5)


def test_event_type() -> None:
    assert EventType.find("m.room.message") is EventType.ROOM_MESSAGE
    assert EventType.ROOM_MESSAGE.is_message
    assert EventType.ROOM_NAME.is_state
    assert EventType.TYPING.is_ephemeral
    assert EventType.ROOM_KEY.is_to_device
    assert EventType.DIRECT.is_account_data
    assert EventType.ROOM_ENCRYPTED.classes == {EventTypeClass.MESSAGE, EventTypeClass.TO_DEVICE}
    assert EventType("com.x").classes == frozenset()
    assert EventType.find("m.room.name", EventTypeClass.MESSAGE).is_state
    given = EventType.find("com.x", EventTypeClass.STATE)
    for one in (given, pickle.loads(pickle.dumps(given)), copy.deepcopy(given)):
        assert one == "com.x"
        assert one.is_state
        assert not one.is_message


def test_message_type() -> None:
    assert MessageType.EMOTE.is_text
    assert MessageType.VIDEO.is_media
    assert not MessageType("com.x").is_text


def test_membership() -> None:
    assert Membership.known("join") is Membership.JOIN
    with pytest.raises(ValueError, match="'joined' is not a membership: join, leave"):
        Membership.known("joined")
    with pytest.raises(ValueError, match="'joined' is not a membership"):
        MemoryStateStore().set_membership("!r:hs.test", "@a:hs.test", "joined")


def test_pagination_direction() -> None:
    assert (PaginationDirection.FORWARD, PaginationDirection.BACKWARD) == ("f", "b")
