"""The members of a room: list, invite, kick, ban, unban."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import errors, events
from ..api.endpoint import Endpoint, Needs
from ..api.options import CallOptions, RetryOptions, quiet, retry_options
from ..clock import now
from ..compat import Unpack
from ..errors import MatrixError
from ..events.content import content_of
from ..events.membership import Membership
from ..ids import UserID
from .member_events import MemberEventMethods
from .state import GET_STATE

__all__ = ["MembershipMethods"]

_ROOM = "/_matrix/client/v3/rooms/{roomId}"
INVITE = Endpoint("POST", _ROOM + "/invite", Needs.JOINED)
KICK = Endpoint("POST", _ROOM + "/kick", Needs.JOINED)
BAN = Endpoint("POST", _ROOM + "/ban", Needs.JOINED)
UNBAN = Endpoint("POST", _ROOM + "/unban", Needs.JOINED, already=("M_BAD_STATE",))
JOINED_MEMBERS = Endpoint("GET", _ROOM + "/joined_members", Needs.JOINED)

Extra = Mapping[str, Any]

# The memberships (None: unknown) that an endpoint changes. From others it changes nothing, or the
# homeserver refuses it; a member event could make another change.
_THERE = (Membership.JOIN, Membership.INVITE, Membership.KNOCK)
_FROM = {
    INVITE: (None, Membership.LEAVE, Membership.KNOCK),
    KICK: _THERE,
    BAN: (None, Membership.LEAVE, *_THERE),
    UNBAN: (Membership.BAN,),
}
# Both send "leave": a kick of a banned user would unban, an unban of a member would kick.
_ALIKE = (KICK, UNBAN)


class MembershipMethods(MemberEventMethods):
    """The members of a room. Accepted changes are stored in the state store."""

    __slots__ = ()

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
        if self._sent_marked(
            membership, room_id, user_id, content, options, _FROM[endpoint], endpoint in _ALIKE
        ):
            return
        asked_at = now()
        try:
            self._unmarked(
                lambda: self._call(endpoint, (room_id,), content, options),
                lambda _: self._member_event(room_id, user_id, options),
            )  # fmt: skip
        except errors.MForbidden as error:
            if not (
                error.repeated
                and self._is_already(membership, room_id, user_id, retry_options(options))
            ):
                raise
        self._remember(room_id, user_id, membership, asked_at)

    def _is_already(
        self, membership: Membership, room_id: str, user_id: str, retry: RetryOptions
    ) -> bool:
        """Whether a user has a membership already, by a lost attempt or another process: the
        refusal has the same errcode as one for a too low power level."""
        values = (room_id, "m.room.member", user_id)
        try:
            found = self._call(GET_STATE, values, options=quiet(retry))
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
            reason: The reason, or None.
            check_cache: Do nothing if the user is known to be joined or invited.
            extra_content: More keys of the membership event.
            options: See :class:`CallOptions`.

        Raises:
            MForbidden: It isn't allowed, or the user is in the room already.
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
        """Remove a user from a room, or withdraw an invite; see :meth:`invite_user`.

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
        """Ban a user from a room; see :meth:`invite_user`.

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
        """Lift a ban; see :meth:`invite_user`. Raises :class:`MBadState` if the user isn't
        banned.

        Spec: Client-Server API, ``POST /rooms/{roomId}/unban``.
        """
        self._change(UNBAN, Membership.LEAVE, room_id, user_id, reason, extra_content, options)

    @JOINED_MEMBERS
    def get_joined_members(
        self, room_id: str, **options: Unpack[CallOptions]
    ) -> dict[UserID, events.Member]:
        """Get the joined members of a room.

        Args:
            room_id: The room.
            options: See :class:`CallOptions`.

        Returns:
            ``displayname`` and ``avatar_url`` of each, if set, by user ID.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /rooms/{roomId}/joined_members``.
        """
        asked_at = now()
        members = self._ask_members(room_id, options)
        self._best_effort.set_members(
            room_id, members, only_membership=Membership.JOIN, ts=asked_at
        )
        return members

    def _ask_members(self, room_id: str, options: CallOptions) -> dict[UserID, events.Member]:
        """The joined members of a room; nothing is stored."""
        answer = self._call(JOINED_MEMBERS, (room_id,), options=options)
        return {
            UserID.read(user): events.Member(_profile(member))
            for user, member in self._field(JOINED_MEMBERS, answer, "joined", dict).items()
        }


def _profile(member: Any) -> dict[str, Any]:
    """A member with the keys of membership events; this endpoint uses ``display_name``."""
    if not isinstance(member, dict):
        return {}
    return {
        "displayname" if key == "display_name" else key: value
        for key, value in member.items()
        if value is not None
    }
