"""Rooms as a whole: creating, upgrading and listing them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from .. import errors
from ..api.endpoint import Endpoint, Needs
from ..api.options import CallOptions, quiet
from ..clock import now
from ..compat import Unpack
from ..events.content import content_of
from ..events.membership import Membership
from ..ids import RoomID, UserID, check_alias_localpart
from .base import ClientMethods, checked_choice
from .events import MESSAGES
from .state import ALL_STATE, GET_STATE

__all__ = ["RoomMethods"]

_V3 = "/_matrix/client/v3"
CREATE_ROOM = Endpoint("POST", _V3 + "/createRoom", Needs.ACCOUNT)
JOINED_ROOMS = Endpoint("GET", _V3 + "/joined_rooms", Needs.REGISTERED)
UPGRADE = Endpoint("POST", _V3 + "/rooms/{roomId}/upgrade", Needs.JOINED)

# The state that an upgrade changes in the old room.
_OF_UPGRADES = ("m.room.tombstone", "m.room.power_levels", "m.room.canonical_alias")
# How many events of a timeline homeservers return at most.
_PAGE = 100


class RoomMethods(ClientMethods):
    """Creating and upgrading rooms, and listing the user's."""

    __slots__ = ()

    @CREATE_ROOM
    def create_room(
        self,
        alias_localpart: str | None = None,
        visibility: str = "private",
        preset: str = "private_chat",
        name: str | None = None,
        topic: str | None = None,
        is_direct: bool = False,
        invitees: Iterable[str] | None = None,
        initial_state: Iterable[Mapping[str, Any]] | None = None,
        room_version: str | None = None,
        creation_content: Mapping[str, Any] | None = None,
        power_level_override: Mapping[str, Any] | None = None,
        custom_request_fields: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> RoomID:
        """Create a room. The request isn't repeated if the homeserver may have received it: after
        a MatrixConnectionError, check whether the room exists (easy with an alias) before retrying.

        Args:
            alias_localpart: The localpart of the room's alias, or None.
            visibility: ``private``, or ``public`` to list it in the room directory.
            preset: ``private_chat``, ``public_chat`` or ``trusted_private_chat``.
            name: The name of the room.
            topic: The topic of the room.
            is_direct: Whether invites say that it is a direct chat.
            invitees: The users to invite.
            initial_state: State events: ``type``, ``content`` and, if not empty, ``state_key``.
            room_version: The room version; the homeserver's default if None.
            creation_content: More keys of the create event's content.
            power_level_override: Keys of the power levels' content that replace the defaults.
            custom_request_fields: More keys of the request.
            options: See :class:`CallOptions`.

        Returns:
            The room ID.

        Raises:
            MRoomInUse: The alias is in use.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``POST /createRoom``.
        """
        checked_choice("visibility", visibility, "private", "public")
        checked_choice("preset", preset, "private_chat", "public_chat", "trusted_private_chat")
        invite = [UserID(user) for user in _several(invitees)]
        if alias_localpart is not None:
            check_alias_localpart(alias_localpart)
        fields = {
            "room_alias_name": alias_localpart, "visibility": str(visibility),
            "preset": str(preset), "name": name, "topic": topic, "is_direct": is_direct or None,
            "invite": invite or None,
            "initial_state": [
                content_of(event, "an event of initial_state") for event in initial_state or ()
            ] or None,
            "room_version": room_version,
            "creation_content": dict(creation_content) if creation_content else None,
            "power_level_content_override":
                dict(power_level_override) if power_level_override else None,
        }  # fmt: skip
        content = {key: value for key, value in fields.items() if value is not None}
        asked_at = now()
        answer = self._unmarked(
            lambda: self._call(
                CREATE_ROOM, (), {**content, **(custom_request_fields or {})}, options
            ),
            lambda made: self._made_of(self._field(CREATE_ROOM, made, "room_id", str), options),
        )
        room_id = RoomID.read(self._field(CREATE_ROOM, answer, "room_id", str))
        members = dict.fromkeys(invite, Membership.INVITE)
        if (me := self.api.acting_user) is not None:
            members[me] = Membership.JOIN
        self._best_effort.set_memberships({room_id: members}, ts=asked_at)
        return room_id

    @JOINED_ROOMS
    def get_joined_rooms(self, **options: Unpack[CallOptions]) -> list[RoomID]:
        """Get the rooms that the user is in. The state store remembers them, and that the user
        has left all others.

        Args:
            options: See :class:`CallOptions`.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /joined_rooms``.
        """
        asked_at = now()
        answer = self._call(JOINED_ROOMS, options=options)
        found = self._field(JOINED_ROOMS, answer, "joined_rooms", list)
        rooms = [RoomID.read(room) for room in found if isinstance(room, str)]
        if (me := self.api.acting_user) is not None:
            self._best_effort.set_rooms_of(me, rooms, ts=asked_at)
        return rooms

    @UPGRADE
    def upgrade_room(
        self,
        room_id: str,
        new_version: str,
        additional_creators: Iterable[str] | None = None,
        **options: Unpack[CallOptions],
    ) -> RoomID:
        """Replace a room by one of another version. The request isn't repeated if the homeserver
        may have received it.

        Args:
            room_id: The room.
            new_version: The room version of the new room.
            additional_creators: More users who become creators, in version 12 or newer.
            options: See :class:`CallOptions`.

        Returns:
            The room ID of the new room.

        Raises:
            MUnsupportedRoomVersion: The homeserver doesn't support the version.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``POST /rooms/{roomId}/upgrade``.
        """
        content: dict[str, Any] = {"new_version": new_version}
        if additional_creators is not None:
            content["additional_creators"] = [UserID(one) for one in _several(additional_creators)]
        answer = self._unmarked(
            lambda: self._call(UPGRADE, (room_id,), content, options),
            lambda made: [
                *self._made_of(self._field(UPGRADE, made, "replacement_room", str), options),
                *self._changed_in(room_id, options),
            ],
        )  # fmt: skip
        return RoomID.read(self._field(UPGRADE, answer, "replacement_room", str))

    def _made_of(self, room_id: str, options: CallOptions) -> list[Any]:
        """The events of a new room. The timeline also has state that was replaced since; if it is
        longer than a page, the state completes it."""
        query, asked = {"dir": "b", "limit": _PAGE}, quiet(options)
        answer = self._call(MESSAGES, (room_id,), options=asked, query_params=query)
        events = self._field(MESSAGES, answer, "chunk", list)
        if len(events) >= _PAGE:
            events += self._call(ALL_STATE, (room_id,), options=quiet(options))
        return [one for one in events if isinstance(one, dict)]

    def _changed_in(self, room_id: str, options: CallOptions) -> list[Any]:
        """The state events that an upgrade sends in the old room."""
        events = []
        for one in _OF_UPGRADES:
            values, query = (room_id, one, ""), {"format": "event"}
            with suppress(errors.MNotFound):
                events.append(
                    self._call(GET_STATE, values, options=quiet(options), query_params=query)
                )
        return [one for one in events if isinstance(one, dict)]


def _several(users: Iterable[str] | None) -> list[str]:
    """The users of an argument, which may be a single user ID."""
    return [users] if isinstance(users, str) else list(users or ())
