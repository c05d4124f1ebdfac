"""Reports: inappropriate content, for the homeserver's administrators."""

from __future__ import annotations

from ..api.endpoint import Endpoint, Needs
from ..api.options import CallOptions
from ..compat import Unpack
from .base import ClientMethods

__all__ = ["ReportMethods"]

_V3 = "/_matrix/client/v3"
REPORT_ROOM = Endpoint("POST", _V3 + "/rooms/{roomId}/report", Needs.REGISTERED)
REPORT_EVENT = Endpoint("POST", _V3 + "/rooms/{roomId}/report/{eventId}", Needs.JOINED)
REPORT_USER = Endpoint("POST", _V3 + "/users/{userId}/report", Needs.REGISTERED)


class ReportMethods(ClientMethods):
    """Reporting rooms, events and users. A report whose answer was lost isn't repeated."""

    __slots__ = ()

    @REPORT_ROOM
    def report_room(self, room_id: str, reason: str = "", **options: Unpack[CallOptions]) -> None:
        """Report a room; the user need not be in it.

        Args:
            room_id: The room.
            reason: The reason.
            options: See :class:`CallOptions`.

        Raises:
            MNotFound: There is no such room; not all homeservers report that.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``POST /rooms/{roomId}/report``.
        """
        self._call(REPORT_ROOM, (room_id,), {"reason": reason}, options)

    @REPORT_EVENT
    def report_event(
        self, room_id: str, event_id: str, reason: str = "", **options: Unpack[CallOptions]
    ) -> None:
        """Report an event of a room that the user is in.

        Args:
            room_id: The room.
            event_id: The event.
            reason: The reason.
            options: See :class:`CallOptions`.

        Raises:
            MNotFound: There is no such event; not all homeservers report that.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``POST /rooms/{roomId}/report/{eventId}``.
        """
        self._call(REPORT_EVENT, (room_id, event_id), {"reason": reason}, options)

    @REPORT_USER
    def report_user(self, user_id: str, reason: str = "", **options: Unpack[CallOptions]) -> None:
        """Report a user.

        Args:
            user_id: The user.
            reason: The reason.
            options: See :class:`CallOptions`.

        Raises:
            MNotFound: There is no such user; not all homeservers report that.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``POST /users/{userId}/report``.
        """
        self._call(REPORT_USER, (user_id,), {"reason": reason}, options)
