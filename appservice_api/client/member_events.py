"""Member events: memberships that are sent as state events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import errors
from ..api.endpoint import Endpoint, Needs
from ..api.options import CallOptions, EventOptions, quiet
from ..clock import now
from ..compat import Unpack
from ..errors import MatrixRequestError
from ..events.content import content_of
from ..events.membership import Membership
from ..ids import EventID, UserID, server_of
from ..state_store.items import Source
from .base import ClientMethods
from .profile import PROFILE
from .state import GET_STATE, SEND_STATE

__all__ = ["MemberEventMethods"]

JOIN_BY_EVENT = Endpoint("PUT", SEND_STATE.template, Needs.ACCOUNT)

Extra = Mapping[str, Any]

# These events contain the user's profile, which a homeserver need not add.
_WITH_PROFILE = (Membership.JOIN, Membership.INVITE, Membership.KNOCK)


class MemberEventMethods(ClientMethods):
    """Sending memberships as events, with content that their endpoints don't accept."""

    __slots__ = ()

    def _remember(
        self, room_id: str, user_id: str | None, membership: Membership, asked_at: int
    ) -> None:
        """Store a membership with the time of the request: events that arrived while the
        homeserver was answering are newer."""
        if user_id is not None:
            self._best_effort.set_membership(room_id, user_id, membership, ts=asked_at)

    def fill_member_event(
        self, room_id: str, user_id: str, content: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """Called with the content of every membership that is sent as an event, for subclasses
        that add keys to it, for example a display name.

        Args:
            room_id: The room.
            user_id: The user whose membership it is.
            content: The content to send; it must not be changed.

        Returns:
            The content to send instead, None to send it unchanged.
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
        memberships don't accept.

        Args:
            room_id: The room.
            user_id: The user whose membership it is.
            membership: The membership.
            extra_content: More keys of the content.
            options: See :class:`EventOptions`.

        Returns:
            The event ID.

        Raises:
            ValueError: ``membership`` isn't a membership.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``m.room.member``.
        """
        kind = Membership.known(membership)
        content = {**content_of(extra_content or {}, "extra_content"), "membership": kind.value}
        filled = self.fill_member_event(room_id, user_id, content)
        if filled is not None:
            content = {**filled, "membership": kind.value}
        # A join needs no join before it.
        endpoint = JOIN_BY_EVENT if kind is Membership.JOIN else SEND_STATE
        values = (room_id, "m.room.member", UserID(user_id))
        asked_at = now()
        answer = self._call(endpoint, values, content, options)
        event_id = EventID.read(self._field(SEND_STATE, answer, "event_id", str))
        self._best_effort.set_member(
            room_id, user_id, content, source=Source.SENT, ts=asked_at, event_id=event_id
        )
        return event_id

    def _sent_marked(
        self,
        membership: Membership,
        room_id: str,
        user_id: str,
        content: Mapping[str, Any],
        options: CallOptions,
        origins: tuple[Membership | None, ...],
        asks: bool = False,
    ) -> bool:
        """If this user's events are marked, send a membership as an event, which can have a mark;
        the endpoints for memberships accept none.

        Args:
            membership: The new membership.
            room_id: The room.
            user_id: The user whose membership it is.
            content: The content for the endpoint.
            options: The caller's options.
            origins: The memberships that the endpoint changes, None for an unknown one.
            asks: Whether to ask the homeserver even if the membership is known.

        Returns:
            Whether it was sent; False if no mark is needed, if nothing would change, or if the
            homeserver refused: then the endpoint is used, and its error raised.
        """
        if self.api._mark is None:
            return False
        known = self.api.state_store.get_membership(room_id, user_id)
        if known is None or known not in origins or asks:
            known = self._asked_membership(room_id, user_id, options)
        if known not in origins:
            return False
        extra = {key: value for key, value in content.items() if key != "user_id"}
        if membership in _WITH_PROFILE:
            extra = {**self._profile_in_rooms(user_id, options), **extra}
        if user_id == self.mxid and membership is not Membership.JOIN:
            options = {**options, "ensure_joined": False}
        try:
            self.send_member_event(room_id, user_id, membership, extra, **options)
        except MatrixRequestError as refused:
            if not 400 <= refused.http_status < 500 or refused.http_status == 429:
                raise
            return False
        return True

    def _asked_membership(
        self, room_id: str, user_id: str, options: CallOptions
    ) -> Membership | None:
        """A user's membership in a room, from the homeserver; None if it refuses or has none."""
        values = (room_id, "m.room.member", user_id)
        try:
            found = self._call(GET_STATE, values, options=quiet(options))
        except (errors.MForbidden, errors.MNotFound):
            return None
        said = found.get("membership") if isinstance(found, dict) else None
        return next((one for one in Membership if one == said), None)

    def _member_event(
        self, room_id: str, user_id: str, options: CallOptions
    ) -> list[Mapping[str, Any]]:
        """The present member event of a user, from the homeserver."""
        values, query = (room_id, "m.room.member", user_id), {"format": "event"}
        found = self._call(GET_STATE, values, options=quiet(options), query_params=query)
        return [found] if isinstance(found, dict) else []

    def _profile_in_rooms(self, user_id: str, options: CallOptions) -> dict[str, Any]:
        """The keys of a user's profile that member events contain; none if the profile can't be
        read, or the user is on another homeserver."""
        if server_of(user_id) != server_of(self.mxid):
            return {}
        try:
            found = self._call(PROFILE, (user_id,), options=quiet(options))
        except MatrixRequestError:
            return {}
        profile = found if isinstance(found, dict) else {}
        return {key: profile[key] for key in ("displayname", "avatar_url") if profile.get(key)}
