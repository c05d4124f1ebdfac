"""Who is in a room: invite, kick, ban, unban, and its members."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import MatrixError, MForbidden
from ..events.content import content_of
from ..events.membership import Membership
from ..ids import EventID, UserID
from ..state_store.items import Source, now
from .base import CallOptions, ClientMethods, EventOptions, patience_of
from .endpoint import Endpoint, Needs
from .state import GET_STATE, SEND_STATE

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ..events.member import Member

__all__ = ["MembershipMethods"]

_ROOM = "/_matrix/client/v3/rooms/{roomId}"
JOIN_BY_EVENT = Endpoint("PUT", SEND_STATE.template, Needs.ACCOUNT)
INVITE = Endpoint("POST", _ROOM + "/invite", Needs.JOINED)
KICK = Endpoint("POST", _ROOM + "/kick", Needs.JOINED)
BAN = Endpoint("POST", _ROOM + "/ban", Needs.JOINED)
UNBAN = Endpoint("POST", _ROOM + "/unban", Needs.JOINED, already=("M_BAD_STATE",))
JOINED_MEMBERS = Endpoint("GET", _ROOM + "/joined_members", Needs.JOINED)

Extra = Mapping[str, Any]


class MembershipMethods(ClientMethods):
    """Who is in a room. What the homeserver accepted is remembered in the state store."""

    __slots__ = ()

    def _remember(
        self, room_id: str, user_id: str | None, membership: Membership, asked_at: int
    ) -> None:
        """Remember a membership as of when it was asked for: what has happened since then, while
        the homeserver was answering, is newer."""
        if user_id is not None:
            self._notes.set_membership(room_id, user_id, membership, ts=asked_at)

    def fill_member_event(
        self, room_id: str, user_id: str, content: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """Called with the content of every membership event that is sent as an event; for
        subclasses that add to it, a display name for example.

        Args:
            room_id: The room.
            user_id: The user whose membership it is.
            content: What is about to be sent; it isn't to be changed.

        Returns:
            The content to send instead, None to leave it so.
        """
        return None

    def send_member_event(
        self,
        room_id: str,
        user_id: str,
        membership: Membership | str,
        extra_content: Extra | None = None,
        **options: Unpack[EventOptions],
    ) -> EventID:
        """Send an ``m.room.member`` event, for content or a timestamp that the endpoints for
        memberships don't take.

        Args:
            room_id: The room.
            user_id: The user whose membership it is.
            membership: The membership.
            extra_content: More keys of the content.
            options: See :class:`EventOptions`.

        Returns:
            The event ID.

        Raises:
            ValueError: It is no membership.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``m.room.member``.
        """
        kind = Membership.known(membership)
        content = {**content_of(extra_content or {}, "extra_content"), "membership": kind.value}
        filled = self.fill_member_event(room_id, user_id, content)
        if filled is not None:
            content = {**filled, "membership": kind.value}
        # Who is about to join can't be made to join first.
        endpoint = JOIN_BY_EVENT if kind is Membership.JOIN else SEND_STATE
        values = (room_id, "m.room.member", UserID(user_id))
        asked_at = now()
        answer = self._call(endpoint, values, content, options)
        event_id = EventID.read(self._field(SEND_STATE, answer, "event_id", str))
        self._notes.set_member(
            room_id, user_id, content, source=Source.SENT, ts=asked_at, event_id=event_id
        )
        return event_id

    def _change(
        self,
        endpoint: Endpoint,
        membership: Membership,
        room_id: str,
        user_id: str,
        reason: str | None,
        extra_content: Extra | None,
        options: CallOptions,
    ) -> None:
        """Change another user's membership, by the endpoint for it or by a member event."""
        content: dict[str, Any] = {"reason": reason} if reason else {}
        if extra_content:
            self.send_member_event(
                room_id,
                user_id,
                membership,
                {**content, **content_of(extra_content, "extra_content")},
                **options,
            )
            return
        content["user_id"] = UserID(user_id)
        asked_at = now()
        try:
            self._call(endpoint, (room_id,), content, options)
        except MForbidden as error:
            if not (
                error.repeated
                and self._is_already(membership, room_id, user_id, patience_of(options))
            ):
                raise
        self._remember(room_id, user_id, membership, asked_at)

    def _is_already(
        self, membership: Membership, room_id: str, user_id: str, patience: dict[str, Any]
    ) -> bool:
        """Whether it is done, by an attempt whose answer was lost or by another process: the
        errcode of the refusal is then the same as for a lack of power."""
        values = (room_id, "m.room.member", user_id)
        try:
            found = self._call(GET_STATE, values, options={**patience, "ensure_joined": False})
        except MatrixError:
            return False
        now = found.get("membership") if isinstance(found, dict) else None
        return now == membership or (membership is Membership.INVITE and now == Membership.JOIN)

    @INVITE
    def invite_user(
        self,
        room_id: str,
        user_id: str,
        reason: str | None = None,
        check_cache: bool = False,
        extra_content: Extra | None = None,
        **options: Unpack[CallOptions],
    ) -> None:
        """Invite a user to a room.

        Args:
            room_id: The room.
            user_id: The user.
            reason: Why, None for no reason.
            check_cache: Do nothing if the user is known to be joined or invited.
            extra_content: More keys of the membership event.
            options: See :class:`CallOptions`.

        Raises:
            MForbidden: Not allowed; also if the user is in the room already.
            MBadState: The user is banned.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``POST /rooms/{roomId}/invite``.
        """
        if check_cache and self.api.state_store.get_membership(room_id, user_id) in (
            Membership.JOIN,
            Membership.INVITE,
        ):
            return
        self._change(INVITE, Membership.INVITE, room_id, user_id, reason, extra_content, options)

    @KICK
    def kick_user(
        self,
        room_id: str,
        user_id: str,
        reason: str = "",
        extra_content: Extra | None = None,
        **options: Unpack[CallOptions],
    ) -> None:
        """Remove a user from a room, or take back an invite; as :meth:`invite_user`.

        Spec: Client-Server API, ``POST /rooms/{roomId}/kick``.
        """
        self._change(KICK, Membership.LEAVE, room_id, user_id, reason, extra_content, options)

    @BAN
    def ban_user(
        self,
        room_id: str,
        user_id: str,
        reason: str = "",
        extra_content: Extra | None = None,
        **options: Unpack[CallOptions],
    ) -> None:
        """Ban a user from a room; as :meth:`invite_user`.

        Spec: Client-Server API, ``POST /rooms/{roomId}/ban``.
        """
        self._change(BAN, Membership.BAN, room_id, user_id, reason, extra_content, options)

    @UNBAN
    def unban_user(
        self,
        room_id: str,
        user_id: str,
        reason: str = "",
        extra_content: Extra | None = None,
        **options: Unpack[CallOptions],
    ) -> None:
        """Lift a ban; as :meth:`invite_user`. A user who isn't banned raises
        :class:`MBadState`.

        Spec: Client-Server API, ``POST /rooms/{roomId}/unban``.
        """
        self._change(UNBAN, Membership.LEAVE, room_id, user_id, reason, extra_content, options)

    @JOINED_MEMBERS
    def get_joined_members(
        self, room_id: str, **options: Unpack[CallOptions]
    ) -> dict[UserID, Member]:
        """The joined members of a room.

        Args:
            room_id: The room.
            options: See :class:`CallOptions`.

        Returns:
            ``displayname`` and ``avatar_url`` of each, where they have one, by user ID.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /rooms/{roomId}/joined_members``.
        """
        asked_at = now()
        members = self._ask_members(room_id, options)
        self._notes.set_members(room_id, members, only_membership=Membership.JOIN, ts=asked_at)
        return members

    def _ask_members(self, room_id: str, options: CallOptions) -> dict[UserID, Member]:
        """The joined members of a room; nothing is remembered."""
        from ..events.member import Member

        answer = self._call(JOINED_MEMBERS, (room_id,), options=options)
        return {
            UserID.read(user): Member(_profile(member))
            for user, member in self._field(JOINED_MEMBERS, answer, "joined", dict).items()
        }


def _profile(member: Any) -> dict[str, Any]:
    """A member as membership events name its profile; this endpoint says ``display_name``."""
    if not isinstance(member, dict):
        return {}
    return {
        "displayname" if key == "display_name" else key: value
        for key, value in member.items()
        if value is not None
    }
