"""Power levels of a new room."""

from __future__ import annotations

from typing import Any


def power_levels(creator: str, invitees_have_ops: list[str], invite: int) -> dict[str, Any]:
    """The power levels of a new room, as Synapse sets them.

    Args:
        creator: Who made the room.
        invitees_have_ops: Users who get the creator's level.
        invite: The level that inviting needs.

    Returns:
        The content of m.room.power_levels.
    """
    return {
        "users": dict.fromkeys([creator, *invitees_have_ops], 100),
        "users_default": 0,
        "events": {
            "m.room.name": 50,
            "m.room.power_levels": 100,
            "m.room.history_visibility": 100,
            "m.room.canonical_alias": 50,
            "m.room.avatar": 50,
            "m.room.tombstone": 100,
            "m.room.server_acl": 100,
            "m.room.encryption": 100,
        },
        "events_default": 0,
        "state_default": 50,
        "ban": 50,
        "kick": 50,
        "redact": 50,
        "invite": invite,
        "historical": 100,
    }
