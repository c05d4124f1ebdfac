"""Spaces: rooms that are made of rooms. Spec: Client-Server API, "Spaces"."""

from __future__ import annotations

from ..ids import ServerName
from .event_content import StateEventContent
from .view import flag, items, text

__all__ = ["SpaceChildStateEventContent", "SpaceParentStateEventContent"]


class SpaceChildStateEventContent(StateEventContent):
    """The content of ``m.space.child``; the state key is the room.

    Attributes:
        via: Servers by which the room can be joined; without any it is no child.
        order: What its place depends on: text that is compared.
        suggested: Whether it is recommended.
    """

    __slots__ = ()

    via = items(ServerName)
    order = text(str)
    suggested = flag()


class SpaceParentStateEventContent(StateEventContent):
    """The content of ``m.space.parent``; the state key is the space.

    Attributes:
        via: Servers by which the space can be joined; without any it is no parent.
        canonical: Whether it is the main one.
    """

    __slots__ = ()

    via = items(ServerName)
    canonical = flag()
