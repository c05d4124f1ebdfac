"""The state of a room: its state events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from ..events.content import content_of
from ..ids import EventID
from .base import CallOptions, ClientMethods, EventOptions
from .endpoint import Endpoint, Needs

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["StateMethods"]

_STATE = "/_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}"
SEND_STATE = Endpoint("PUT", _STATE, Needs.JOINED)
GET_STATE = Endpoint("GET", _STATE, Needs.JOINED)
ALL_STATE = Endpoint("GET", "/_matrix/client/v3/rooms/{roomId}/state", Needs.JOINED)
MEMBERS = Endpoint("GET", "/_matrix/client/v3/rooms/{roomId}/members", Needs.JOINED)


class StateMethods(ClientMethods):
    """Reading and changing the state of a room."""

    __slots__ = ()

    @SEND_STATE
    def send_state_event(
        self,
        room_id: str,
        event_type: str,
        content: Mapping[str, Any],
        state_key: str = "",
        **options: Unpack[EventOptions],
    ) -> EventID:
        """Set a piece of a room's state.

        Args:
            room_id: The room.
            event_type: The type of the state event.
            content: Its content; it isn't changed.
            state_key: Which of the type, mostly empty.
            options: See :class:`EventOptions`.

        Returns:
            The event ID; that of the present state if it has the same content already.

        Raises:
            ValueError: The content or an argument can't be sent.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``PUT /rooms/{roomId}/state/{eventType}/{stateKey}``.
        """
        body = content_of(content)
        answer = self._call(SEND_STATE, (room_id, event_type, state_key), body, options)
        self._remember_state(room_id, event_type, state_key, body)
        return EventID.read(self._field(SEND_STATE, answer, "event_id", str))

    @GET_STATE
    def get_state_event(
        self,
        room_id: str,
        event_type: str,
        state_key: str = "",
        *,
        format: Literal["content", "event"] = "content",
        **options: Unpack[CallOptions],
    ) -> dict[str, Any]:
        """Read a piece of a room's state.

        Args:
            room_id: The room.
            event_type: The type of the state event.
            state_key: Which of the type, mostly empty.
            format: ``content``, or ``event`` for the whole event.
            options: See :class:`CallOptions`.

        Returns:
            The content, or the event.

        Raises:
            MNotFound: The room has no such state.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /rooms/{roomId}/state/{eventType}/{stateKey}``.
        """
        query = {"format": format} if format != "content" else None
        values = (room_id, event_type, state_key)
        answer = self._call(GET_STATE, values, options=options, query_params=query)
        if format == "event":
            self.api.state_store.update_state({"room_id": room_id, **answer})
        else:
            self._remember_state(room_id, event_type, state_key, answer)
        return dict(answer)

    @ALL_STATE
    def get_state(self, room_id: str, **options: Unpack[CallOptions]) -> list[dict[str, Any]]:
        """Read the whole state of a room.

        Args:
            room_id: The room.
            options: See :class:`CallOptions`.

        Returns:
            The state events.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /rooms/{roomId}/state``.
        """
        return self._remember_events(room_id, self._call(ALL_STATE, (room_id,), options=options))

    @MEMBERS
    def get_members(
        self,
        room_id: str,
        at: str | None = None,
        membership: str | None = None,
        not_membership: str | None = None,
        **options: Unpack[CallOptions],
    ) -> list[dict[str, Any]]:
        """Read the membership events of a room.

        Args:
            room_id: The room.
            at: A token of ``/messages`` or ``/sync``: the members at that time.
            membership: The one membership that counts.
            not_membership: The one membership that doesn't.
            options: See :class:`CallOptions`.

        Returns:
            The ``m.room.member`` events.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /rooms/{roomId}/members``.
        """
        query = {"at": at, "membership": membership, "not_membership": not_membership}
        answer = self._call(MEMBERS, (room_id,), options=options, query_params=query)
        events = self._field(MEMBERS, answer, "chunk", list)
        return list(events) if at is not None else self._remember_events(room_id, events)

    def _remember_events(self, room_id: str, events: Any) -> list[dict[str, Any]]:
        """The state events of an answer; what isn't one is left out."""
        found = [event for event in events if isinstance(event, dict)]
        for event in found:
            self.api.state_store.update_state({"room_id": room_id, **event})
        return found

    def _remember_state(
        self, room_id: str, event_type: str, state_key: str, content: Mapping[str, Any]
    ) -> None:
        if event_type != "m.room.create":  # its content alone lacks the creator
            self.api.state_store.update_state(
                {"room_id": room_id, "type": event_type, "state_key": state_key,
                 "content": content}
            )  # fmt: skip
