"""The state of a room: its state events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, overload

from .. import errors, events
from ..api.endpoint import Endpoint, Needs
from ..api.options import CallOptions, EventOptions
from ..clock import now
from ..compat import Unpack
from ..errors import MatrixResponseError
from ..events.content import content_of
from ..ids import EventID
from ..state_store.items import Source
from .base import ClientMethods

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
        """Send a state event.

        Args:
            room_id: The room.
            event_type: The type of the state event.
            content: Its content; it isn't changed.
            state_key: The state key, usually empty.
            options: See :class:`EventOptions`.

        Returns:
            The event ID; that of the present event if it has the same content.

        Raises:
            ValueError: The content or an argument can't be sent.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``PUT /rooms/{roomId}/state/{eventType}/{stateKey}``.
        """
        body = content_of(content)
        answer = self._call(SEND_STATE, (room_id, event_type, state_key), body, options)
        event_id = EventID.read(self._field(SEND_STATE, answer, "event_id", str))
        self._remember_state(
            room_id, event_type, state_key, body, source=Source.SENT, event_id=event_id
        )
        return event_id

    @overload
    def get_state_event(
        self,
        room_id: str,
        event_type: str,
        state_key: str = "",
        *,
        format: Literal["content"] = "content",
        **options: Unpack[CallOptions],
    ) -> events.EventContent: ...
    @overload
    def get_state_event(
        self,
        room_id: str,
        event_type: str,
        state_key: str = "",
        *,
        format: Literal["event"],
        **options: Unpack[CallOptions],
    ) -> events.StateEvent: ...
    @GET_STATE
    def get_state_event(
        self,
        room_id: str,
        event_type: str,
        state_key: str = "",
        *,
        format: Literal["content", "event"] = "content",
        **options: Unpack[CallOptions],
    ) -> events.EventContent | events.StateEvent:
        """Read a state event, or its content.

        Args:
            room_id: The room.
            event_type: The type of the state event.
            state_key: The state key, usually empty.
            format: ``content``, or ``event`` for the whole event.
            options: See :class:`CallOptions`.

        Returns:
            The content, an instance of the class for the type; or the event.

        Raises:
            MNotFound: The room has no such state.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /rooms/{roomId}/state/{eventType}/{stateKey}``.
        """
        query = {"format": format} if format != "content" else None
        values = (room_id, event_type, state_key)
        asked_at = now()
        answer = self._call(GET_STATE, values, options=options, query_params=query)
        if format == "event":
            event = events.StateEvent.read(answer)
            told = {"room_id": room_id, **event}
            if self._is_known_joined(room_id):
                self._best_effort.update_state(told, source=Source.FETCHED, ts=asked_at)
            else:
                self._best_effort.update_state(told)
            return event
        content = events.read_content(event_type, answer)
        # State of an unknown time (0) is stored, but replaces no other.
        when = asked_at if self._is_known_joined(room_id) else 0
        self._remember_state(
            room_id, event_type, state_key, content, source=Source.FETCHED, ts=when
        )
        return content

    def _look(self, room_id: str, event_type: str) -> events.EventContent | None:
        """The content of a state event, None if there is none. Read only: the user isn't
        registered or joined, and nothing is stored."""
        values = (room_id, event_type, "")
        try:
            answer = self._call(GET_STATE, values, options={"ensure_joined": False})
        except errors.MNotFound:
            return None
        return events.read_content(event_type, answer)

    def _is_known_joined(self, room_id: str) -> bool:
        """Whether the user is known to be in a room: one that has left gets the state of then."""
        me = self.api._acting
        return me is not None and bool(self.api.state_store.is_joined(room_id, me))

    @ALL_STATE
    def get_state(self, room_id: str, **options: Unpack[CallOptions]) -> list[events.StateEvent]:
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
        found, asked_at = self._ask_state(room_id, options)
        self._take_state(self._best_effort, room_id, found, asked_at)
        return found

    def sync_state(self, room_id: str, **options: Unpack[CallOptions]) -> None:
        """Read the whole state of a room into the state store: memberships, power levels and
        others. One request; the user must be in the room already.

        Args:
            room_id: The room.
            options: See :class:`CallOptions`.

        Raises:
            MForbidden: The user isn't in the room.
            StateStoreError: The state can't be stored.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /rooms/{roomId}/state``.
        """
        options.setdefault("ensure_joined", False)
        found, asked_at = self._ask_state(room_id, options)
        self._take_state(self.api.state_store, room_id, found, asked_at)

    def _ask_state(self, room_id: str, options: CallOptions) -> tuple[list[events.StateEvent], int]:
        """The state events of a room, and the time of the request."""
        asked_at = now()
        answer = self._call(ALL_STATE, (room_id,), options=options)
        if not isinstance(answer, list):
            raise MatrixResponseError(
                "the answer must be a list, but it is an object",
                method=ALL_STATE.method,
                path=ALL_STATE.template,
                user=self.api.acting_user,
            )
        return _state_events(answer), asked_at

    def _take_state(
        self, store: Any, room_id: str, found: list[events.StateEvent], asked_at: int
    ) -> None:
        if self._is_of_now(found):
            store.set_state(room_id, found, ts=asked_at)
        else:
            store.update_states({"room_id": room_id, **event} for event in found)

    def _is_of_now(self, state: list[events.StateEvent]) -> bool:
        """Whether a room's state is the present one: a user that has left gets that of then."""
        me = self.api.acting_user
        mine = (one for one in state if one.type == "m.room.member" and one.state_key == me)
        return any(one.get("content") and one.content.get("membership") == "join" for one in mine)

    @MEMBERS
    def get_members(
        self,
        room_id: str,
        at: str | None = None,
        membership: str | None = None,
        not_membership: str | None = None,
        **options: Unpack[CallOptions],
    ) -> list[events.StateEvent]:
        """Read the membership events of a room.

        Args:
            room_id: The room.
            at: A token of ``/messages`` or ``/sync``: the members at that time.
            membership: Only members with this membership.
            not_membership: Only members without this membership.
            options: See :class:`CallOptions`.

        Returns:
            The ``m.room.member`` events.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /rooms/{roomId}/members``.
        """
        query = {"at": at, "membership": membership, "not_membership": not_membership}
        answer = self._call(MEMBERS, (room_id,), options=options, query_params=query)
        found = _state_events(self._field(MEMBERS, answer, "chunk", list))
        if at is None:
            self._best_effort.update_states({"room_id": room_id, **event} for event in found)
        return found

    def _remember_state(
        self,
        room_id: str,
        event_type: str,
        state_key: str,
        content: Mapping[str, Any],
        *,
        source: Source,
        ts: int | None = None,
        event_id: str | None = None,
    ) -> None:
        if event_type != "m.room.create":  # the content alone lacks the creator
            self._best_effort.update_state(
                {"room_id": room_id, "type": event_type, "state_key": state_key,
                 "content": content, "event_id": event_id},
                source=source, ts=ts,
            )  # fmt: skip


def _state_events(found: list[Any]) -> list[events.StateEvent]:
    """The state events of an answer; values that aren't objects are left out."""
    return [events.StateEvent(event) for event in found if isinstance(event, dict)]
