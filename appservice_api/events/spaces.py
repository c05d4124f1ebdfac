"""Contents of the state events of spaces. Spec: Client-Server API, "Spaces"."""

from __future__ import annotations

from ..ids import ServerName
from .event_content import StateEventContent
from .view import flag, items, text

__all__ = ["SpaceChildStateEventContent", "SpaceParentStateEventContent"]


class SpaceChildStateEventContent(StateEventContent):
    """The content of ``m.space.child``; the state key is the room.

    Attributes:
        via: Servers to join the room through; without any, the room isn't a child.
        order: A text that sorts the children.
        suggested: Whether the room is suggested.
    """

    __slots__ = ()

    via = items(ServerName)
    order = text(str)
    suggested = flag()


class SpaceParentStateEventContent(StateEventContent):
    """The content of ``m.space.parent``; the state key is the space.

    Attributes:
        via: Servers to join the space through; without any, the space isn't a parent.
        canonical: Whether it is the main parent.
    """

    __slots__ = ()

    via = items(ServerName)
    canonical = flag()
