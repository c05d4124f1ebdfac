"""Reading the timeline of a room."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .. import answers, events
from ..api.endpoint import Endpoint, Needs
from ..api.event import timestamp_ms
from ..api.options import CallOptions
from ..api.pages import PAGE_SIZE, Page, Pages
from ..compat import Unpack
from ..events.content import content_of
from .base import ClientMethods, checked_choice

__all__ = ["EventMethods"]

_ROOM = "/_matrix/client/v3/rooms/{roomId}"
MESSAGES = Endpoint("GET", _ROOM + "/messages", Needs.JOINED)
EVENT = Endpoint("GET", _ROOM + "/event/{eventId}", Needs.JOINED)
CONTEXT = Endpoint("GET", _ROOM + "/context/{eventId}", Needs.JOINED)
AT_TIME = Endpoint("GET", "/_matrix/client/v1/rooms/{roomId}/timestamp_to_event", Needs.JOINED)


class EventMethods(ClientMethods):
    """Reading the timeline of a room."""

    __slots__ = ()

    @EVENT
    def get_event(
        self, room_id: str, event_id: str, **options: Unpack[CallOptions]
    ) -> events.Event:
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
        return events.Event.read(self._call(EVENT, (room_id, event_id), options=options))

    @CONTEXT
    def get_event_context(
        self,
        room_id: str,
        event_id: str,
        limit: int | None = 10,
        filter: str | Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> answers.EventContext:
        """Read an event and the events around it.

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
        query = {"limit": limit, "filter": _filter(filter)}
        values = (room_id, event_id)
        return answers.EventContext.read(
            self._call(CONTEXT, values, options=options, query_params=query)
        )

    @AT_TIME
    def timestamp_to_event(
        self,
        room_id: str,
        timestamp: int | datetime,
        direction: str = "f",
        **options: Unpack[CallOptions],
    ) -> answers.ClosestEvent:
        """Find the event nearest to a time.

        Args:
            room_id: The room.
            timestamp: The time: int milliseconds since 1970, or a datetime (local time if it has
                no zone).
            direction: ``f`` for the first event at or after the time, ``b`` for the last one at
                or before it.
            options: See :class:`CallOptions`.

        Returns:
            Its ``event_id`` and its own timestamp; :meth:`get_event_context` returns tokens to
            read from there.

        Raises:
            ValueError: An argument can't be used.
            MNotFound: There is no event in that direction.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /rooms/{roomId}/timestamp_to_event``.
        """
        query = {"ts": timestamp_ms(timestamp), "dir": _direction(direction)}
        answer = self._call(AT_TIME, (room_id,), options=options, query_params=query)
        self._field(AT_TIME, answer, "event_id", str)
        return answers.ClosestEvent.read(answer)

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
    ) -> answers.PaginatedMessages:
        """Read a page of a room's timeline; :meth:`messages` reads all pages.

        Args:
            room_id: The room.
            direction: ``b`` for backwards from the newest event, ``f`` for forwards.
            from_token: The token to begin at; if None, the newest event (``b``) or the oldest.
            to_token: The token to end at; no end if None.
            limit: How many events at most; the homeserver's choice if None.
            filter_json: A ``RoomEventFilter``, as a dict or as JSON.
            options: See :class:`CallOptions`.

        Returns:
            The page: ``events`` (in the JSON ``chunk``), ``start`` and, if there may be more,
            ``end``.

        Raises:
            ValueError: An argument can't be used.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /rooms/{roomId}/messages``.
        """
        query = {
            "dir": _direction(direction), "from": from_token, "to": to_token, "limit": limit,
            "filter": _filter(filter_json),
        }  # fmt: skip
        answer = self._call(MESSAGES, (room_id,), options=options, query_params=query)
        self._field(MESSAGES, answer, "chunk", list)
        return answers.PaginatedMessages.read(answer)

    def messages(
        self,
        room_id: str,
        direction: str = "b",
        from_token: str | None = None,
        to_token: str | None = None,
        limit: int | None = None,
        filter_json: str | Mapping[str, Any] | None = None,
        page_size: int | None = PAGE_SIZE,
        **options: Unpack[CallOptions],
    ) -> Pages[events.Event]:
        """Iterate over a room's timeline, as far as the user may see it.

        Args:
            room_id: The room.
            direction: ``b`` for backwards from the newest event, ``f`` for forwards.
            from_token: The token to begin at; if None, the newest event (``b``) or the oldest.
            to_token: The token to end at; no end if None.
            limit: How many events at most, None for all.
            filter_json: A ``RoomEventFilter``, as a dict or as JSON.
            page_size: How many events to request at once.
            options: See :class:`CallOptions`; they apply to each request.

        Returns:
            The events. After iterating forwards, ``token`` is the ``from_token`` for later events.

        Raises:
            ValueError: An argument can't be used.
            MatrixError: The homeserver refused, or couldn't be reached; raised while iterating.

        Spec: Client-Server API, ``GET /rooms/{roomId}/messages``.
        """
        MESSAGES.path((room_id,))
        direction, query_filter = _direction(direction), _filter(filter_json)

        def ask(token: str | None, size: int | None) -> Page[events.Event]:
            page = self.get_messages(
                room_id, direction, token, to_token, size, query_filter, **options
            )
            return Page(page.events, page.end, page)

        return Pages(ask, limit=limit, page_size=page_size, token=from_token)


def _direction(given: str) -> str:
    return checked_choice("direction", given, "b", "f")


def _filter(given: str | Mapping[str, Any] | None) -> str | None:
    """A filter for the query, as JSON."""
    if given is None or isinstance(given, str):
        return given
    return json.dumps(content_of(given, "the filter"))
