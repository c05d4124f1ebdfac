"""Making rooms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..events.membership import Membership
from ..ids import RoomID, check_user_id
from .base import CallOptions, ClientMethods
from .endpoint import Endpoint, Needs

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["RoomMethods"]

CREATE_ROOM = Endpoint("POST", "/_matrix/client/v3/createRoom", Needs.REGISTERED)


class RoomMethods(ClientMethods):
    """Making rooms."""

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
        """Create a room. The request is never sent twice where it may have arrived: look for the
        room, or give it an alias, before you try again after a MatrixConnectionError.

        Args:
            alias_localpart: The localpart of the room's alias, None for no alias.
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
            MRoomInUse: The alias is taken.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``POST /createRoom``.
        """
        _check_choice("visibility", visibility, ("private", "public"))
        _check_choice("preset", preset, ("private_chat", "public_chat", "trusted_private_chat"))
        invite = [check_user_id(user) for user in invitees or ()]
        fields = {
            "room_alias_name": alias_localpart, "visibility": str(visibility),
            "preset": str(preset), "name": name, "topic": topic, "is_direct": is_direct or None,
            "invite": invite or None,
            "initial_state": [dict(event) for event in initial_state or ()] or None,
            "room_version": room_version,
            "creation_content": dict(creation_content) if creation_content else None,
            "power_level_content_override":
                dict(power_level_override) if power_level_override else None,
        }  # fmt: skip
        content = {key: value for key, value in fields.items() if value is not None}
        answer = self._call(CREATE_ROOM, (), {**content, **(custom_request_fields or {})}, options)
        room_id = RoomID(self._field(CREATE_ROOM, answer, "room_id", str))
        store = self.api.state_store
        me = self.api.acting_user
        if me is not None:
            store.set_membership(room_id, me, Membership.JOIN)
        for user in invite:
            store.set_membership(room_id, user, Membership.INVITE)
        return room_id


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Refuse what a homeserver would silently take for something else.

    Raises:
        ValueError: The value isn't one of the choices.
    """
    if str(value) not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, not {value!r}")
