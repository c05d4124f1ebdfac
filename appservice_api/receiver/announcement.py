"""Announcement: an event by which somebody learns that a room is replaced by another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..events.membership import Membership
from ..ids import RoomID
from .transaction import name_of

__all__ = [
    "ANNOUNCING",
    "CREATE",
    "MEMBER",
    "TOMBSTONE",
    "Announcement",
    "predecessor",
    "replacement",
]

CREATE, MEMBER, TOMBSTONE = "m.room.create", "m.room.member", "m.room.tombstone"
#: The types of events that may announce upgrades.
ANNOUNCING = (TOMBSTONE, MEMBER)


class Announcement(NamedTuple):
    """An upgrade that an event announces.

    Attributes:
        old: The room that is replaced.
        new: The room that replaces it.
        tombstone: The event that says so in the old room; None if it is announced by an
            invitation to the new room.
        invited: Who is invited, None for nobody.
    """

    old: RoomID
    new: RoomID
    tombstone: Mapping[str, Any] | None = None
    invited: str | None = None

    @classmethod
    def read(cls, event: Mapping[str, Any]) -> Announcement | None:
        """What an event announces, None if that is nothing."""
        content, key = event.get("content"), event.get("state_key")
        if event.get("type") == TOMBSTONE and key == "":
            old, new = _room_id(event.get("room_id")), replacement(content)
            invited = None
        elif event.get("type") == MEMBER and isinstance(key, str) and _is_invitation(content):
            old, new = predecessor(_shown_create(event)), _room_id(event.get("room_id"))
            invited = key
        else:
            return None
        if old is None or new is None or old == new:
            return None
        return cls(old, new, event if invited is None else None, invited)


def replacement(content: object) -> RoomID | None:
    """The room that the content of a tombstone names."""
    return _room_id(content.get("replacement_room")) if isinstance(content, Mapping) else None


def predecessor(content: object) -> RoomID | None:
    """The room that a room replaces, by the content of its create event."""
    found = content.get("predecessor") if isinstance(content, Mapping) else None
    return _room_id(found.get("room_id")) if isinstance(found, Mapping) else None


def _is_invitation(content: object) -> bool:
    return isinstance(content, Mapping) and content.get("membership") == Membership.INVITE


def _shown_create(event: Mapping[str, Any]) -> object:
    """The content of the create event that an invitation shows."""
    unsigned = event.get("unsigned")
    shown = unsigned.get("invite_room_state") if isinstance(unsigned, Mapping) else None
    for one in shown if isinstance(shown, list) else ():
        if isinstance(one, Mapping) and one.get("type") == CREATE and one.get("state_key") == "":
            return one.get("content")
    return None


def _room_id(found: object) -> RoomID | None:
    try:
        return RoomID(found) if isinstance(found, str) and name_of(found) else None
    except ValueError:
        return None
