"""Membership: what a user is in a room. Spec: Client-Server API, ``m.room.member``."""

from __future__ import annotations

import enum

__all__ = ["Membership"]


class Membership(str, enum.Enum):
    """What a user is in a room; plain strings are accepted as well."""

    JOIN = "join"
    LEAVE = "leave"
    INVITE = "invite"
    BAN = "ban"
    KNOCK = "knock"

    def __str__(self) -> str:
        return self.value
