"""Views of third-party networks, their users and their locations."""

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
    """A network of a protocol.

    Attributes:
        network_id: The ID that the application service gives it.
        instance_id: The ID that the homeserver gives it, for ``get_room_directory()``.
        desc: The name for people.
        icon: The icon.
        fields: The values of fields that are the same in the whole network.
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
        user_fields: The fields that identify a user, the most general first.
        location_fields: The fields that identify a location, the most general first.
        field_types: ``regexp`` and ``placeholder`` by field.
        icon: The icon.
        instances: The networks.
    """

    __slots__ = ()
    user_fields = listing(str)
    location_fields = listing(str)
    field_types = table()
    icon = text(ContentURI)
    instances = listing(ThirdPartyInstance)


class ThirdPartyLocation(View):
    """A location of a third-party network that has a room.

    Attributes:
        alias: The alias of the room.
        protocol: The protocol.
        fields: The fields that identify the location.
    """

    __slots__ = ()
    alias = text(RoomAlias)
    protocol = text(str)
    fields = table()


class ThirdPartyUser(View):
    """The Matrix user of a user of a third-party network.

    Attributes:
        userid: The user ID.
        protocol: The protocol.
        fields: The fields that identify the user on the network.
    """

    __slots__ = ()
    userid = text(UserID)
    protocol = text(str)
    fields = table()
