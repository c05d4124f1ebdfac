"""Views of room aliases."""

from __future__ import annotations

from ..events.view import View, listing, text
from ..ids import RoomID, ServerName

__all__ = ["RoomAliasInfo"]


class RoomAliasInfo(View):
    """What a room alias points to."""

    __slots__ = ()
    room_id = text(RoomID)
    #: Homeservers that know the room, to join it through.
    servers = listing(ServerName)
