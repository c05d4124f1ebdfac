"""Events that relate to others: messages in threads, reactions, edits."""

from __future__ import annotations

from .. import answers, events
from ..api.endpoint import Endpoint, Needs
from ..api.options import CallOptions
from ..api.pages import PAGE_SIZE, Page, Pages
from ..compat import Unpack
from .base import ClientMethods, checked_choice

__all__ = ["RelationMethods"]

_ROOM = "/_matrix/client/v1/rooms/{roomId}"
RELATIONS = Endpoint("GET", _ROOM + "/relations/{eventId}", Needs.JOINED)
RELATIONS_OF_REL_TYPE = Endpoint("GET", _ROOM + "/relations/{eventId}/{relType}", Needs.JOINED)
RELATIONS_OF_TYPES = Endpoint(
    "GET", _ROOM + "/relations/{eventId}/{relType}/{eventType}", Needs.JOINED
)
THREADS = Endpoint("GET", _ROOM + "/threads", Needs.JOINED)


class RelationMethods(ClientMethods):
    """Reading the events that relate to others."""

    __slots__ = ()

    @RELATIONS
    @RELATIONS_OF_REL_TYPE
    @RELATIONS_OF_TYPES
    def get_relating_events(
        self,
        room_id: str,
        event_id: str,
        rel_type: str | None = None,
        event_type: str | None = None,
        direction: str = "b",
        from_token: str | None = None,
        to_token: str | None = None,
        limit: int | None = None,
        recurse: bool | None = None,
        **options: Unpack[CallOptions],
    ) -> answers.RelatedEvents:
        """Read a page of the events that relate to an event; :meth:`relations` reads all pages.

        Args:
            room_id: The room.
            event_id: The event that they relate to.
            rel_type: Only relations of this type, such as ``m.thread``.
            event_type: Only events of this type; needs ``rel_type``.
            direction: ``b`` for backwards from the newest event, ``f`` for forwards.
            from_token: The token to begin at; if None, the newest event (``b``) or the oldest.
            to_token: The token to end at; no end if None.
            limit: How many events at most; the homeserver's choice if None.
            recurse: Whether to include indirect relations: events that relate to a related event.
            options: See :class:`CallOptions`.

        Returns:
            The page: ``events`` (in the JSON ``chunk``) and, if there may be more,
            ``next_batch``.

        Raises:
            ValueError: An argument can't be used.
            MNotFound: There is no such event, or the user may not see it.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /rooms/{roomId}/relations/{eventId}``, and the same with
        ``/{relType}`` and ``/{relType}/{eventType}``.
        """
        endpoint, values = _relations(room_id, event_id, rel_type, event_type)
        query = {
            "dir": _direction(direction), "from": from_token, "to": to_token, "limit": limit,
            "recurse": recurse,
        }  # fmt: skip
        answer = self._call(endpoint, values, options=options, query_params=query)
        self._field(endpoint, answer, "chunk", list)
        return answers.RelatedEvents.read(answer)

    def relations(
        self,
        room_id: str,
        event_id: str,
        rel_type: str | None = None,
        event_type: str | None = None,
        direction: str = "b",
        recurse: bool | None = None,
        limit: int | None = None,
        from_token: str | None = None,
        to_token: str | None = None,
        page_size: int | None = PAGE_SIZE,
        **options: Unpack[CallOptions],
    ) -> Pages[events.Event]:
        """Iterate over the events that relate to an event.

        Args:
            room_id: The room.
            event_id: The event that they relate to.
            rel_type: Only relations of this type, such as ``m.thread``.
            event_type: Only events of this type; needs ``rel_type``.
            direction: ``b`` for backwards from the newest event, ``f`` for forwards.
            recurse: Whether to include indirect relations: events that relate to a related event.
            limit: How many events at most, None for all.
            from_token: The token to begin at; if None, the newest event (``b``) or the oldest.
            to_token: The token to end at; no end if None.
            page_size: How many events to request at once.
            options: See :class:`CallOptions`; they apply to each request.

        Raises:
            ValueError: An argument can't be used.
            MNotFound: There is no such event, or the user may not see it; raised while iterating.
            MatrixError: The homeserver refused, or couldn't be reached; raised while iterating.

        Spec: Client-Server API, ``GET /rooms/{roomId}/relations/{eventId}``, and the same with
        ``/{relType}`` and ``/{relType}/{eventType}``.
        """
        endpoint, values = _relations(room_id, event_id, rel_type, event_type)
        endpoint.path(values)
        direction = _direction(direction)

        def ask(token: str | None, size: int | None) -> Page[events.Event]:
            page = self.get_relating_events(
                room_id, event_id, rel_type, event_type, direction, token, to_token, size, recurse,
                **options,
            )  # fmt: skip
            return Page(page.events, page.next_batch, page)

        return Pages(ask, limit=limit, page_size=page_size, token=from_token)

    @THREADS
    def get_thread_roots(
        self,
        room_id: str,
        include: str = "all",
        limit: int | None = None,
        from_token: str | None = None,
        **options: Unpack[CallOptions],
    ) -> answers.ThreadRoots:
        """Read a page of the threads of a room; :meth:`threads` reads all pages.

        Args:
            room_id: The room.
            include: ``all``, or ``participated`` for threads with events of the user.
            limit: How many threads at most; the homeserver's choice if None.
            from_token: The ``next_batch`` of the previous page.
            options: See :class:`CallOptions`.

        Returns:
            The page: ``events`` (in the JSON ``chunk``), the root event of each thread, and, if
            there may be more, ``next_batch``.

        Raises:
            ValueError: An argument can't be used.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /rooms/{roomId}/threads``.
        """
        query = {"include": _include(include), "limit": limit, "from": from_token}
        answer = self._call(THREADS, (room_id,), options=options, query_params=query)
        self._field(THREADS, answer, "chunk", list)
        return answers.ThreadRoots.read(answer)

    def threads(
        self,
        room_id: str,
        include: str = "all",
        limit: int | None = None,
        from_token: str | None = None,
        page_size: int | None = PAGE_SIZE,
        **options: Unpack[CallOptions],
    ) -> Pages[events.Event]:
        """Iterate over the threads of a room, those with the latest messages first.

        Args:
            room_id: The room.
            include: ``all``, or ``participated`` for threads with events of the user.
            limit: How many threads at most, None for all.
            from_token: The token to begin at; the beginning if None.
            page_size: How many threads to request at once.
            options: See :class:`CallOptions`; they apply to each request.

        Returns:
            The root event of each thread.

        Raises:
            ValueError: An argument can't be used.
            MatrixError: The homeserver refused, or couldn't be reached; raised while iterating.

        Spec: Client-Server API, ``GET /rooms/{roomId}/threads``.
        """
        THREADS.path((room_id,))
        include = _include(include)

        def ask(token: str | None, size: int | None) -> Page[events.Event]:
            page = self.get_thread_roots(room_id, include, size, token, **options)
            return Page(page.events, page.next_batch, page)

        return Pages(ask, limit=limit, page_size=page_size, token=from_token)


def _relations(
    room_id: str, event_id: str, rel_type: str | None, event_type: str | None
) -> tuple[Endpoint, tuple[str, ...]]:
    """The endpoint for the given arguments, and the values of its path."""
    if rel_type is None:
        if event_type is not None:
            raise ValueError(f"event_type {str(event_type)!r} can be asked for only with rel_type")
        return RELATIONS, (room_id, event_id)
    if event_type is None:
        return RELATIONS_OF_REL_TYPE, (room_id, event_id, str(rel_type))
    return RELATIONS_OF_TYPES, (room_id, event_id, str(rel_type), str(event_type))


def _direction(given: str) -> str:
    return checked_choice("direction", given, "b", "f")


def _include(given: str) -> str:
    return checked_choice("include", given, "all", "participated")
