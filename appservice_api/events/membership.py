"""Membership: what a user is in a room. Spec: Client-Server API, ``m.room.member``."""

from __future__ import annotations

from .enumeration import OpenEnum

__all__ = ["Membership"]


class Membership(OpenEnum):
    """What a user is in a room; plain strings are accepted as well."""

    JOIN = "join"
    LEAVE = "leave"
    INVITE = "invite"
    BAN = "ban"
    KNOCK = "knock"
