"""What fits into a database. What doesn't is left out, the same in all of them: nobody's invented
ID or number makes what others have said fail."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from typing import TypeVar

from .items import MemberItem, RoomItems, StateItem
from .names import storable

__all__ = ["fits", "fitting_members", "fitting_names", "fitting_rooms", "fitting_states"]

_log = logging.getLogger(__name__)

_LONGEST_NAME = 255
_BIGGEST = 2**63

Item = TypeVar("Item", MemberItem, StateItem)


def fits(*names: str) -> bool:
    """Whether databases take names: of up to 255 characters, without NUL and lone surrogates."""
    return all(len(name) <= _LONGEST_NAME and storable(name) == name for name in names)


def fitting_names(names: Iterable[str]) -> list[str]:
    """Those names that databases take, each once and in order."""
    return sorted(name for name in set(names) if _seen(fits(name), name))


def fitting_members(room_id: str, members: Mapping[str, MemberItem]) -> dict[str, MemberItem]:
    """Those members of a room that databases take."""
    if not _seen(fits(room_id), room_id):
        return {}
    return {
        user_id: _named(item)
        for user_id, item in members.items()
        if _seen(fits(user_id) and _is_time(item.ts), user_id, room_id)
    }


def fitting_states(room_id: str, states: Mapping[str, StateItem]) -> dict[str, StateItem]:
    """Those state events of a room that databases take."""
    if not _seen(fits(room_id), room_id):
        return {}
    found = {}
    for event_type, item in states.items():
        fit = fits(event_type) and _is_time(item.ts) and _is_json(item.content)
        if _seen(fit, event_type, room_id):
            sender = item.sender if item.sender is None or fits(item.sender) else None
            found[event_type] = _named(item)._replace(sender=sender)
    return found


def fitting_rooms(rooms: Mapping[str, RoomItems]) -> dict[str, RoomItems]:
    """Those items of rooms that databases take."""
    return {
        room_id: RoomItems(
            fitting_members(room_id, room.members), fitting_states(room_id, room.states), room.full
        )
        for room_id, room in rooms.items()
        if _seen(fits(room_id), room_id)
    }


def _named(item: Item) -> Item:
    if item.event_id is None or fits(item.event_id):
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


def _seen(fit: bool, *names: str) -> bool:
    if not fit:
        _log.debug("not remembered, since no database takes it: %a", names)
    return fit
