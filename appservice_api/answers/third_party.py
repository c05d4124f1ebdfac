"""Views of third-party networks and of what is found there."""

from __future__ import annotations

from ..events.view import View, listing, table, text
from ..ids import ContentURI, RoomAlias, UserID

__all__ = [
    "ThirdPartyInstance",
    "ThirdPartyLocation",
    "ThirdPartyProtocol",
    "ThirdPartyUser",
]


class ThirdPartyInstance(View):
    """One network of a protocol.

    Attributes:
        network_id: The application service's name for it.
        instance_id: The homeserver's name for it, as ``get_room_directory()`` takes it.
        desc: What people call it.
        icon: Its icon.
        fields: The fields' values that all that is in it has.
    """

    __slots__ = ()
    network_id = text(str)
    instance_id = text(str)
    desc = text(str)
    icon = text(ContentURI)
    fields = table()


class ThirdPartyProtocol(View):
    """A protocol that an application service bridges.

    Attributes:
        user_fields: What tells a user, the widest first.
        location_fields: What tells a location, the widest first.
        field_types: ``regexp`` and ``placeholder`` of each field.
        icon: Its icon.
        instances: Its networks.
    """

    __slots__ = ()
    user_fields = listing(str)
    location_fields = listing(str)
    field_types = table()
    icon = text(ContentURI)
    instances = listing(ThirdPartyInstance)


class ThirdPartyLocation(View):
    """A portal room to a location of a third-party network.

    Attributes:
        alias: The alias of the room.
        protocol: The protocol.
        fields: What tells the location.
    """

    __slots__ = ()
    alias = text(RoomAlias)
    protocol = text(str)
    fields = table()


class ThirdPartyUser(View):
    """The Matrix user who stands for a user of a third-party network.

    Attributes:
        userid: The user ID.
        protocol: The protocol.
        fields: What tells the user of the network.
    """

    __slots__ = ()
    userid = text(UserID)
    protocol = text(str)
    fields = table()
