"""Reading the timeline of a room."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..events.content import content_of
from .base import CallOptions, ClientMethods
from .endpoint import Endpoint, Needs

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ..events.context import EventContext
    from ..events.event import Event

__all__ = ["EventMethods"]

_ROOM = "/_matrix/client/v3/rooms/{roomId}"
MESSAGES = Endpoint("GET", _ROOM + "/messages", Needs.JOINED)
EVENT = Endpoint("GET", _ROOM + "/event/{eventId}", Needs.JOINED)
CONTEXT = Endpoint("GET", _ROOM + "/context/{eventId}", Needs.JOINED)


class EventMethods(ClientMethods):
    """Reading the timeline of a room."""

    __slots__ = ()

    @EVENT
    def get_event(self, room_id: str, event_id: str, **options: Unpack[CallOptions]) -> Event:
        """Read one event.

        Args:
            room_id: The room.
            event_id: The event.
            options: See :class:`CallOptions`.

        Returns:
            The event, a :class:`StateEvent` if it is one.

        Raises:
            MNotFound: There is no such event, or the user may not see it.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /rooms/{roomId}/event/{eventId}``.
        """
        from ..events.event import Event

        return Event.read(self._call(EVENT, (room_id, event_id), options=options))

    @CONTEXT
    def get_event_context(
        self,
        room_id: str,
        event_id: str,
        limit: int | None = 10,
        filter: str | Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> EventContext:
        """Read an event and what stands around it.

        Args:
            room_id: The room.
            event_id: The event.
            limit: How many events around it at most; the homeserver's choice if None.
            filter: A ``RoomEventFilter``, as a dict or as JSON.
            options: See :class:`CallOptions`.

        Returns:
            The event, the events before and after it, and the state of the room.

        Raises:
            MNotFound: There is no such event, or the user may not see it.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /rooms/{roomId}/context/{eventId}``.
        """
        from ..events.context import EventContext

        query = {"limit": limit, "filter": _filter(filter)}
        values = (room_id, event_id)
        return EventContext.read(self._call(CONTEXT, values, options=options, query_params=query))

    @MESSAGES
    def get_messages(
        self,
        room_id: str,
        direction: str = "b",
        from_token: str | None = None,
        to_token: str | None = None,
        limit: int | None = None,
        filter_json: str | Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> dict[str, Any]:
        """Read a page of a room's timeline.

        Args:
            room_id: The room.
            direction: ``b`` for backwards from the newest event, ``f`` for forwards.
            from_token: Where to begin; at the end of the direction's timeline if None.
            to_token: Where to end, None for nowhere.
            limit: How many events at most; the homeserver's choice if None.
            filter_json: A ``RoomEventFilter``, as a dict or as JSON.
            options: See :class:`CallOptions`.

        Returns:
            The page: ``chunk``, the list of events, ``start`` and, if there is more, ``end``.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /rooms/{roomId}/messages``.
        """
        query = {
            "dir": str(direction), "from": from_token, "to": to_token, "limit": limit,
            "filter": _filter(filter_json),
        }  # fmt: skip
        answer = self._call(MESSAGES, (room_id,), options=options, query_params=query)
        self._field(MESSAGES, answer, "chunk", list)
        return dict(answer)


def _filter(given: str | Mapping[str, Any] | None) -> str | None:
    """A filter as the query wants it, in JSON."""
    if given is None or isinstance(given, str):
        return given
    return json.dumps(content_of(given, "the filter"))
