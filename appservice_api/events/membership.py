"""Membership: what a user is in a room. Spec: Client-Server API, ``m.room.member``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .open_enum import OpenEnum

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Membership"]


class Membership(OpenEnum):
    """What a user is in a room; plain strings are accepted as well."""

    JOIN = "join"
    LEAVE = "leave"
    INVITE = "invite"
    BAN = "ban"
    KNOCK = "knock"

    @classmethod
    def known(cls, value: str) -> Self:
        """A membership that is to be sent or set.

        Raises:
            ValueError: The specification doesn't know it.
        """
        found = cls(value)
        if not found.is_known:
            raise ValueError(f"{str(value)!r} is not a membership: {', '.join(cls)}")
        return found
