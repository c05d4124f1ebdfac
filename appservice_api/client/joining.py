"""A user's own membership: join, knock, leave, forget."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .. import errors
from ..api.endpoint import Endpoint, Needs
from ..api.options import CallOptions
from ..clock import now
from ..compat import Unpack
from ..events.content import content_of
from ..events.membership import Membership
from ..ids import RoomID
from .membership import MembershipMethods

__all__ = ["JoiningMethods"]

_ROOM = "/_matrix/client/v3/rooms/{roomId}"
JOIN_BY_ID = Endpoint("POST", _ROOM + "/join", Needs.ACCOUNT)
JOIN = Endpoint("POST", "/_matrix/client/v3/join/{roomIdOrAlias}", Needs.ACCOUNT)
LEAVE = Endpoint("POST", _ROOM + "/leave", Needs.REGISTERED)
FORGET = Endpoint("POST", _ROOM + "/forget", Needs.REGISTERED)
KNOCK = Endpoint("POST", "/_matrix/client/v3/knock/{roomIdOrAlias}", Needs.ACCOUNT)

Extra = Mapping[str, Any]

# For each new membership, the memberships (None: unknown) from which a user changes to it.
_COMING_FROM = {
    Membership.JOIN: (None, Membership.INVITE, Membership.LEAVE, Membership.KNOCK),
    Membership.KNOCK: (None, Membership.LEAVE),
}
_LEAVING_FROM = (Membership.JOIN, Membership.INVITE, Membership.KNOCK)


class JoiningMethods(MembershipMethods):
    """Joining and leaving rooms. Accepted changes are stored in the state store."""

    __slots__ = ()

    if TYPE_CHECKING:  # implemented by DirectoryMethods

        def _room_of(self, alias: str, options: CallOptions) -> str | None: ...

    @JOIN_BY_ID
    def join_room_by_id(
        self,
        room_id: str,
        third_party_signed: Mapping[str, Any] | None = None,
        extra_content: Extra | None = None,
        **options: Unpack[CallOptions],
    ) -> RoomID:
        """Join a room that this homeserver knows.

        Args:
            room_id: The room.
            third_party_signed: The signature of an invite by a third-party identifier.
            extra_content: More keys of the membership event.
            options: See :class:`CallOptions`.

        Returns:
            The room ID.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``POST /rooms/{roomId}/join``.
        """
        if extra_content:
            self.send_member_event(room_id, self.mxid, "join", extra_content, **options)
            return RoomID(room_id)
        content = {"third_party_signed": dict(third_party_signed)} if third_party_signed else {}
        return self._join_by(JOIN_BY_ID, room_id, content, options)

    @JOIN
    def join_room(
        self,
        room_id_or_alias: str,
        servers: Iterable[str] | None = None,
        third_party_signed: Mapping[str, Any] | None = None,
        max_retries: int | None = None,
        **options: Unpack[CallOptions],
    ) -> RoomID:
        """Join a room by its ID or an alias, through other homeservers if necessary.

        Args:
            room_id_or_alias: The room ID, or an alias.
            servers: The server names to join through; sent as ``via``, and as ``server_name``
                for old homeservers.
            third_party_signed: The signature of an invite by a third-party identifier.
            max_retries: The same as ``retry_count``.
            options: See :class:`CallOptions`.

        Returns:
            The room ID.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``POST /join/{roomIdOrAlias}``.
        """
        if max_retries is not None:
            options.setdefault("retry_count", max_retries)
        content = {"third_party_signed": dict(third_party_signed)} if third_party_signed else {}
        return self._join_by(JOIN, room_id_or_alias, content, options, query_params=_via(servers))

    def _join_by(
        self, endpoint: Endpoint, room: str, content: Extra, options: CallOptions, **more: Any
    ) -> RoomID:
        """Join by the endpoint or, if this user's events are marked, by a member event."""
        joined = None if content else self._came(Membership.JOIN, room, {}, options)
        if joined is not None:
            return joined
        asked_at = now()
        answer = self._unmarked(
            lambda: self._call(endpoint, (room,), content, options, **more),
            lambda answer: self._member_event(
                self._field(JOIN, answer, "room_id", str), self.mxid, options
            ),
        )  # fmt: skip
        room_id = RoomID.read(self._field(JOIN, answer, "room_id", str))
        self._remember(room_id, self.api.acting_user, Membership.JOIN, asked_at)
        return room_id

    def _came(
        self, membership: Membership, room: str, content: Extra, options: CallOptions
    ) -> RoomID | None:
        """Join or knock by a member event, if this user's events are marked.

        Args:
            membership: Join or knock.
            room: The room ID, or an alias.
            content: More keys of the event.
            options: The caller's options.

        Returns:
            The room ID, None if the endpoint must be used.
        """
        if self.api._mark is None:
            return None
        room_id = self._room_of(room, options) if room.startswith("#") else room
        if room_id is None:
            return None
        origins = _COMING_FROM[membership]
        done = self._sent_marked(membership, room_id, self.mxid, content, options, origins)
        return RoomID(room_id) if done else None

    @LEAVE
    def leave_room(
        self,
        room_id: str,
        reason: str | None = None,
        extra_content: Extra | None = None,
        raise_not_in_room: bool = False,
        **options: Unpack[CallOptions],
    ) -> None:
        """Leave a room, or reject an invite.

        Args:
            room_id: The room.
            reason: The reason, or None.
            extra_content: More keys of the membership event.
            raise_not_in_room: Whether not being in the room is an error.
            options: See :class:`CallOptions`.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``POST /rooms/{roomId}/leave``.
        """
        content: dict[str, Any] = {"reason": reason} if reason else {}
        asked_at = now()
        try:
            if extra_content:
                extra = {**content, **content_of(extra_content, "extra_content")}
                options["ensure_joined"] = False
                self.send_member_event(room_id, self.mxid, "leave", extra, **options)
            elif not self._sent_marked(
                Membership.LEAVE, room_id, self.mxid, content, options, _LEAVING_FROM
            ):
                self._unmarked(
                    lambda: self._call(LEAVE, (room_id,), content, options),
                    lambda _: self._member_event(room_id, self.mxid, options),
                )  # fmt: skip
        except (errors.MForbidden, errors.MNotFound):
            if raise_not_in_room:
                raise
        self._remember(room_id, self.api.acting_user, Membership.LEAVE, asked_at)

    @FORGET
    def forget_room(self, room_id: str, **options: Unpack[CallOptions]) -> None:
        """Forget a room that the user has left.

        Args:
            room_id: The room.
            options: See :class:`CallOptions`.

        Raises:
            MUnknown: The user is still in the room.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``POST /rooms/{roomId}/forget``.
        """
        self._call(FORGET, (room_id,), {}, options)

    @KNOCK
    def knock_room(
        self,
        room_id_or_alias: str,
        reason: str | None = None,
        servers: Iterable[str] | None = None,
        **options: Unpack[CallOptions],
    ) -> RoomID:
        """Ask to be invited to a room.

        Args:
            room_id_or_alias: The room ID, or an alias.
            reason: The reason, or None.
            servers: The server names to knock through.
            options: See :class:`CallOptions`.

        Returns:
            The room ID.

        Raises:
            MForbidden: The room doesn't allow knocking, or the user is in it already.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``POST /knock/{roomIdOrAlias}``.
        """
        content = {"reason": reason} if reason else {}
        knocked = self._came(Membership.KNOCK, room_id_or_alias, content, options)
        if knocked is not None:
            return knocked
        query = _via(servers)
        asked_at = now()
        answer = self._call(KNOCK, (room_id_or_alias,), content, options, query_params=query)
        room_id = RoomID.read(self._field(KNOCK, answer, "room_id", str))
        self._remember(room_id, self.api.acting_user, Membership.KNOCK, asked_at)
        return room_id


def _via(servers: Iterable[str] | None) -> dict[str, list[str]] | None:
    """The servers to join through; old homeservers call ``via`` ``server_name``."""
    via = [servers] if isinstance(servers, str) else list(servers or ())
    return {"via": via, "server_name": via} if via else None
