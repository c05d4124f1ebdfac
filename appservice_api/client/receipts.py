"""What isn't kept in the timeline: typing, receipts, read markers and presence."""

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


# In how many seconds what was said of a person comes back at the latest; afterwards the same is
# that person's own.
_LATE, _PRESENCE, _RECEIPT = 10.0, 60.0, 600.0


class ReceiptMethods(ClientMethods):
    """Typing notifications, receipts, read markers and presence."""

    __slots__ = ()

    @TYPING
    def set_typing(self, room_id: str, timeout: int = 0, **options: Unpack[BasicOptions]) -> None:
        """Say that the user is typing, or has stopped.

        Args:
            room_id: The room.
            timeout: For how many milliseconds; 0 for stopped.
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
        nothing is sent if that is known to be so already.

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
            thread_id: The thread that it is about: the ID of its root, or ``main``.
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
            fully_read: The event at which the read marker stands.
            read_receipt: The event up to which others see that the user has read, None for none.
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
        """Set the presence; nothing is sent if the same, status included, was sent last.

        Args:
            presence: ``online``, ``offline`` or ``unavailable``.
            status: A text beside it, None for none.
            ignore_cache: Send it all the same.
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
        """The presence of a user: ``presence``, and ``status_msg`` if there is one.

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
        """Note what is about to be said as a person; nothing of it can have a mark.

        Args:
            name: What it is.
            seconds: How long it may take to come back.
        """
        if self.api._mark is not None:
            self.api._shared.sent.note(name, seconds)
