"""Ephemeral data outside the timeline: typing, receipts, read markers and presence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import events
from ..api.endpoint import Endpoint, Needs
from ..api.options import BasicOptions, CallOptions
from ..compat import Unpack
from ..events.content import content_of
from ..ids import EventID
from .base import ClientMethods

__all__ = ["ReceiptMethods"]

_ROOM = "/_matrix/client/v3/rooms/{roomId}"
TYPING = Endpoint("PUT", _ROOM + "/typing/{userId}", Needs.JOINED)
RECEIPT = Endpoint("POST", _ROOM + "/receipt/{receiptType}/{eventId}", Needs.JOINED)
SET_PRESENCE = Endpoint("PUT", "/_matrix/client/v3/presence/{userId}/status", Needs.ACCOUNT)
GET_PRESENCE = Endpoint("GET", "/_matrix/client/v3/presence/{userId}/status", Needs.REGISTERED)
READ_MARKERS = Endpoint("POST", _ROOM + "/read_markers", Needs.JOINED)


# Seconds within which the homeserver pushes back what was sent as a person (a user whose events
# are marked); what arrives later comes from that person.
_LATE, _PRESENCE, _RECEIPT = 10.0, 60.0, 600.0


class ReceiptMethods(ClientMethods):
    """Typing notifications, receipts, read markers and presence."""

    __slots__ = ()

    @TYPING
    def set_typing(self, room_id: str, timeout: int = 0, **options: Unpack[BasicOptions]) -> None:
        """Set that the user is typing, or has stopped.

        Args:
            room_id: The room.
            timeout: The duration in milliseconds; 0 if the user has stopped.
            options: See :class:`BasicOptions`.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``PUT /rooms/{roomId}/typing/{userId}``.
        """
        if not isinstance(timeout, int):
            raise ValueError(f"timeout must be int milliseconds, not {timeout!r}")
        content = {"typing": True, "timeout": timeout} if timeout > 0 else {"typing": False}
        self._note(("typing", room_id, self.mxid), max(timeout / 1000, 0) + _LATE)
        self._call(TYPING, (room_id, self.mxid), content, options)

    @READ_MARKERS
    def mark_read(
        self,
        room_id: str,
        event_id: str,
        extra_content: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> None:
        """Mark a room as read up to an event, with the read marker and a receipt in one request;
        nothing is sent if it is known to be marked already.

        Args:
            room_id: The room.
            event_id: The last event that was read.
            extra_content: More keys of the request.
            options: See :class:`CallOptions`.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``POST /rooms/{roomId}/read_markers``.
        """
        EventID(event_id)
        store, me = self.api.state_store, self.api.acting_user
        if me and not extra_content and store.get_read(room_id, me) == event_id:
            return
        content = {
            "m.fully_read": event_id,
            "m.read": event_id,
            **content_of(extra_content or {}, "extra_content"),
        }
        self._note_receipt(room_id, event_id)
        self._call(READ_MARKERS, (room_id,), content, options)
        if me:
            self._best_effort.set_read(room_id, me, event_id)

    @RECEIPT
    def send_receipt(
        self,
        room_id: str,
        event_id: str,
        receipt_type: str = "m.read",
        thread_id: str | None = None,
        **options: Unpack[CallOptions],
    ) -> None:
        """Send a receipt for an event.

        Args:
            room_id: The room.
            event_id: The event.
            receipt_type: ``m.read``, ``m.read.private`` or ``m.fully_read``.
            thread_id: The thread of the receipt: the event ID of its root, or ``main``.
            options: See :class:`CallOptions`.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``POST /rooms/{roomId}/receipt/{receiptType}/{eventId}``.
        """
        content = {"thread_id": thread_id} if thread_id is not None else {}
        self._note_receipt(room_id, event_id)
        self._call(RECEIPT, (room_id, receipt_type, event_id), content, options)

    def set_fully_read_marker(
        self,
        room_id: str,
        fully_read: str,
        read_receipt: str | None = None,
        extra_content: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> None:
        """Set the read marker, and a receipt in the same request.

        Args:
            room_id: The room.
            fully_read: The event of the read marker.
            read_receipt: The event of the public read receipt, or None.
            extra_content: More keys of the request.
            options: See :class:`CallOptions`.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``POST /rooms/{roomId}/read_markers``.
        """
        content = {
            "m.fully_read": EventID(fully_read),
            **content_of(extra_content or {}, "extra_content"),
        }
        if read_receipt is not None:
            content["m.read"] = EventID(read_receipt)
            self._note_receipt(room_id, read_receipt)
        self._call(READ_MARKERS, (room_id,), content, options)

    @SET_PRESENCE
    def set_presence(
        self,
        presence: str = "online",
        status: str | None = None,
        ignore_cache: bool = False,
        **options: Unpack[CallOptions],
    ) -> None:
        """Set the presence; nothing is sent if presence and status are those last sent.

        Args:
            presence: ``online``, ``offline`` or ``unavailable``.
            status: The status message, or None.
            ignore_cache: Send it even if it is unchanged.
            options: See :class:`CallOptions`.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``PUT /presence/{userId}/status``.
        """
        me, store = self.mxid, self.api.state_store
        known = f"{presence} {status or ''}"
        if not ignore_cache and store.has_presence(me, known):
            return
        content = {"presence": str(presence)}
        if status is not None:
            content["status_msg"] = status
        self._note(("presence", str(presence), status or "", me), _PRESENCE)
        self._call(SET_PRESENCE, (me,), content, options)
        self._best_effort.set_presence(me, known)

    @GET_PRESENCE
    def get_presence(
        self, user_id: str, **options: Unpack[CallOptions]
    ) -> events.PresenceEventContent:
        """Get the presence of a user: ``presence``, and ``status_msg`` if there is one.

        Args:
            user_id: The user.
            options: See :class:`CallOptions`.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /presence/{userId}/status``.
        """
        return events.PresenceEventContent.read(
            self._call(GET_PRESENCE, (user_id,), options=options)
        )

    def _note_receipt(self, room_id: str, event_id: str) -> None:
        if self.api._mark is not None:
            self._note(("receipt", room_id, event_id, self.mxid), _RECEIPT)

    def _note(self, name: tuple[object, ...], seconds: float) -> None:
        """If this user's events are marked, note what is sent: it can't have a mark.

        Args:
            name: What identifies it.
            seconds: How long the homeserver may take to push it back.
        """
        if self.api._mark is not None:
            self.api._shared.sent.note(name, seconds)
