"""What a database can store: names of up to 255 characters, numbers of 64 bits, texts without NUL
and lone surrogates.

What it can't store is left out or replaced, the same in all databases: an invented ID or number
doesn't make the items of others fail.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping
from typing import TypeVar

from .items import MemberItem, RoomItems, StateItem

__all__ = [
    "is_storable",
    "storable_members",
    "storable_name",
    "storable_names",
    "storable_rooms",
    "storable_states",
    "storable_text",
    "storable_time",
]

_log = logging.getLogger(__name__)

_LONGEST_NAME = 255
_BIGGEST = 2**63

Item = TypeVar("Item", MemberItem, StateItem)


def storable_text(text: str | None) -> str | None:
    """A text with NUL and lone surrogates replaced, which databases refuse."""
    if text is None or (text.isascii() and "\0" not in text):
        return text
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def is_storable(*names: str) -> bool:
    """Whether a database can store names as they are."""
    return all(len(name) <= _LONGEST_NAME and storable_text(name) == name for name in names)


def storable_name(name: str) -> str:
    """A name as it is or, if a database can't store it, its digest."""
    if is_storable(name):
        return name
    return "sha256:" + hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()


def storable_time(ts: object) -> int | None:
    """Timestamp in milliseconds, or None if the database can't store it."""
    return ts if isinstance(ts, int) and -_BIGGEST <= ts < _BIGGEST else None


def storable_names(names: Iterable[str]) -> list[str]:
    """Those names that a database can store, each once and in order."""
    return sorted(name for name in set(names) if _logged(is_storable(name), name))


def storable_members(room_id: str, members: Mapping[str, MemberItem]) -> dict[str, MemberItem]:
    """Those members of a room that a database can store."""
    if not _logged(is_storable(room_id), room_id):
        return {}
    return {
        user_id: _named(item)
        for user_id, item in members.items()
        if _logged(is_storable(user_id) and _is_time(item.ts), user_id, room_id)
    }


def storable_states(room_id: str, states: Mapping[str, StateItem]) -> dict[str, StateItem]:
    """Those state events of a room that a database can store."""
    if not _logged(is_storable(room_id), room_id):
        return {}
    found = {}
    for event_type, item in states.items():
        whole = is_storable(event_type) and _is_time(item.ts) and _is_json(item.content)
        if _logged(whole, event_type, room_id):
            sender = item.sender if item.sender is None or is_storable(item.sender) else None
            found[event_type] = _named(item)._replace(sender=sender)
    return found


def storable_rooms(rooms: Mapping[str, RoomItems]) -> dict[str, RoomItems]:
    """Those items of rooms that a database can store."""
    return {
        room_id: RoomItems(
            storable_members(room_id, room.members),
            storable_states(room_id, room.states),
            room.full,
        )
        for room_id, room in rooms.items()
        if _logged(is_storable(room_id), room_id)
    }


def _named(item: Item) -> Item:
    if item.event_id is None or is_storable(item.event_id):
        return item
    return item._replace(event_id=None)


def _is_time(ts: object) -> bool:
    return type(ts) is int and -_BIGGEST <= ts < _BIGGEST


def _is_json(content: object) -> bool:
    try:
        json.dumps(content, allow_nan=False)
    except (ValueError, RecursionError):
        return False
    return True


def _logged(storable: bool, *names: str) -> bool:
    if not storable:
        _log.debug("not remembered, since no database can store it: %a", names)
    return storable
