"""What isn't kept in the timeline: typing, receipts and read markers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..ids import check_event_id
from .base import BasicOptions, CallOptions, ClientMethods
from .endpoint import Endpoint, Needs

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["ReceiptMethods"]

_ROOM = "/_matrix/client/v3/rooms/{roomId}"
TYPING = Endpoint("PUT", _ROOM + "/typing/{userId}", Needs.JOINED)
READ_MARKERS = Endpoint("POST", _ROOM + "/read_markers", Needs.JOINED)


class ReceiptMethods(ClientMethods):
    """Typing notifications and read markers."""

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
        check_event_id(event_id)
        store, me = self.api.state_store, self.api.acting_user
        if me and not extra_content and store.get_read(room_id, me) == event_id:
            return
        content = {"m.fully_read": event_id, "m.read": event_id, **(extra_content or {})}
        self._call(READ_MARKERS, (room_id,), content, options)
        if me:
            store.set_read(room_id, me, event_id)
