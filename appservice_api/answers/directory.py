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
    """What a room alias points to."""

    __slots__ = ()
    room_id = text(RoomID)
    #: Homeservers that know the room, to join it through.
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
    #: Whether it can be read without joining.
    world_readable = flag()
    guest_can_join = flag()
    #: ``public`` if None.
    join_rule = one_of(JoinRule)
    #: ``m.space`` for a space, None for most rooms.
    room_type = one_of(RoomType)


class RoomDirectoryResponse(View):
    """A page of the published rooms of a homeserver."""

    __slots__ = ()
    #: The rooms.
    chunk = listing(PublicRoomInfo)
    #: Where the next page begins; None at the end.
    next_batch = text(str)
    #: Where the page before begins; None at the beginning.
    prev_batch = text(str)
    #: About how many rooms there are.
    total_room_count_estimate = number()


class RoomSummary(PublicRoomInfo):
    """What a room is, for those who aren't in it."""

    __slots__ = ()
    #: For restricted rooms: members of these rooms may join.
    allowed_room_ids = items(RoomID)
    #: The algorithm of an encrypted room, else None.
    encryption = one_of(EncryptionAlgorithm)
    room_version = text(str)
    #: What the asking user is in it.
    membership = one_of(Membership)


class SpaceHierarchyRoom(RoomSummary):
    """A room of a space."""

    __slots__ = ()
    #: The ``m.space.child`` events, if it is a space itself.
    children_state = listing(StrippedStateEvent)


class SpaceHierarchy(View):
    """A page of the rooms of a space."""

    __slots__ = ()
    #: The space, the rooms in it, the rooms in its spaces and so on.
    rooms = listing(SpaceHierarchyRoom)
    #: Where the next page begins; None at the end.
    next_batch = text(str)
