"""Views of room aliases, published rooms, and rooms of spaces."""

from __future__ import annotations

from ..events.enumerations import EncryptionAlgorithm, JoinRule, RoomType
from ..events.event import StrippedStateEvent
from ..events.membership import Membership
from ..events.view import View, flag, items, listing, number, one_of, text
from ..ids import ContentURI, RoomAlias, RoomID, ServerName

__all__ = [
    "PublicRoomInfo",
    "RoomAliasInfo",
    "RoomDirectoryResponse",
    "RoomSummary",
    "SpaceHierarchy",
    "SpaceHierarchyRoom",
]


class RoomAliasInfo(View):
    """The room to which an alias points."""

    __slots__ = ()
    room_id = text(RoomID)
    #: Homeservers through which the room can be joined.
    servers = listing(ServerName)


class PublicRoomInfo(View):
    """A published room."""

    __slots__ = ()
    room_id = text(RoomID)
    canonical_alias = text(RoomAlias)
    name = text(str)
    topic = text(str)
    avatar_url = text(ContentURI)
    num_joined_members = number()
    #: Whether users who aren't members may read it.
    world_readable = flag()
    guest_can_join = flag()
    #: ``public`` if None.
    join_rule = one_of(JoinRule)
    #: ``m.space`` for a space, None for an ordinary room.
    room_type = one_of(RoomType)


class RoomDirectoryResponse(View):
    """A page of the published rooms of a homeserver."""

    __slots__ = ()
    #: The rooms.
    chunk = listing(PublicRoomInfo)
    #: The token of the next page; None at the end.
    next_batch = text(str)
    #: The token of the previous page; None at the beginning.
    prev_batch = text(str)
    #: An estimate of the number of rooms.
    total_room_count_estimate = number()


class RoomSummary(PublicRoomInfo):
    """The summary of a room, for users who aren't in it."""

    __slots__ = ()
    #: The rooms whose members may join, if the room is restricted.
    allowed_room_ids = items(RoomID)
    #: The algorithm of encryption; None if the room isn't encrypted.
    encryption = one_of(EncryptionAlgorithm)
    room_version = text(str)
    #: The membership of the requesting user.
    membership = one_of(Membership)


class SpaceHierarchyRoom(RoomSummary):
    """A room of a space."""

    __slots__ = ()
    #: The ``m.space.child`` events, if it is a space itself.
    children_state = listing(StrippedStateEvent)


class SpaceHierarchy(View):
    """A page of the rooms of a space."""

    __slots__ = ()
    #: The space, its rooms, the rooms of its subspaces and so on.
    rooms = listing(SpaceHierarchyRoom)
    #: The token of the next page; None at the end.
    next_batch = text(str)
