"""Membership of a user in a room. Spec: Client-Server API, ``m.room.member``."""

from __future__ import annotations

from ..compat import Self
from .open_enum import OpenEnum

__all__ = ["Membership"]


class Membership(OpenEnum):
    """The membership of a user in a room."""

    JOIN = "join"
    LEAVE = "leave"
    INVITE = "invite"
    BAN = "ban"
    KNOCK = "knock"

    @classmethod
    def known(cls, value: str) -> Self:
        """A membership of the specification, which can be sent.

        Raises:
            ValueError: The specification doesn't have it.
        """
        found = cls(value)
        if not found.is_known:
            raise ValueError(f"{str(value)!r} is not a membership: {', '.join(cls)}")
        return found
