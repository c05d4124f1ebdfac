"""Power levels: what a user has, and what an event needs.

Spec: Client-Server API, ``m.room.power_levels``; Room Version 12 for the creators of a room.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["CREATOR_LEVEL", "level_of", "needed_level"]

#: Above every level that a power levels event can hold.
CREATOR_LEVEL = 2**53
# From version 12 on the creators stand above all levels; unknown versions are taken as new.
_OLD_VERSIONS = frozenset(str(version) for version in range(1, 12))


def _integer(value: object, default: int) -> int:
    """A level as old room versions may write it (``"50"``), or the default."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return default
    try:
        return int(value)
    except ValueError:
        return default


def level_of(
    user_id: str, power_levels: Mapping[str, Any] | None, create: Mapping[str, Any] | None
) -> int:
    """The power level of a user.

    Args:
        user_id: The user.
        power_levels: The content of ``m.room.power_levels``, None if the room has none.
        create: The whole ``m.room.create`` event, None if it isn't known.
    """
    made_by = create.get("sender") if create else None
    content = create.get("content") if create else None
    content = content if isinstance(content, Mapping) else {}
    if create and str(content.get("room_version", "1")) not in _OLD_VERSIONS:
        more = content.get("additional_creators")
        if user_id == made_by or (isinstance(more, list) and user_id in more):
            return CREATOR_LEVEL
    if power_levels is None:
        return 100 if user_id == made_by else 0
    users = power_levels.get("users")
    default = _integer(power_levels.get("users_default"), 0)
    return _integer(users.get(user_id), default) if isinstance(users, Mapping) else default


def needed_level(
    event_type: str, power_levels: Mapping[str, Any] | None, *, state: bool = False
) -> int:
    """The power level that sending an event needs.

    Args:
        event_type: The type of the event.
        power_levels: The content of ``m.room.power_levels``, None if the room has none.
        state: Whether it is a state event.
    """
    content = power_levels or {}
    events = content.get("events")
    default = _integer(content.get("state_default"), 50) if state else _integer(
        content.get("events_default"), 0
    )  # fmt: skip
    return _integer(events.get(event_type), default) if isinstance(events, Mapping) else default
