"""Views of events of a room: pages, relations, threads, and what surrounds an event."""

from __future__ import annotations

from ..events.event import Event, StateEvent, event_field
from ..events.view import View, listing, number, text
from ..ids import EventID

__all__ = [
    "ClosestEvent",
    "EventContext",
    "PaginatedMessages",
    "RelatedEvents",
    "ThreadRoots",
]


class PaginatedMessages(View):
    """A page of the timeline of a room."""

    __slots__ = ()
    #: The token of the page's start.
    start = text(str)
    #: The token of the next page; None at the end.
    end = text(str)
    #: The events, in the requested direction.
    events = listing(Event, "chunk")
    #: State that is needed to show the events, if members are lazy-loaded.
    state = listing(StateEvent)


class ClosestEvent(View):
    """The event closest to a time."""

    __slots__ = ()
    #: The event.
    event_id = text(EventID)
    #: Its time in milliseconds since 1970.
    origin_server_ts = number()


class EventContext(View):
    """An event and the events around it. Spec: Client-Server API, "Event context".

    Attributes:
        event: The event.
        events_before: The events before it, the nearest first.
        events_after: The events after it, the nearest first.
        state: The state of the room at the last of these events.
        start: The token to read backwards from.
        end: The token to read forwards from.
    """

    __slots__ = ()

    event = event_field()
    events_before = listing(Event)
    events_after = listing(Event)
    state = listing(StateEvent)
    start = text(str)
    end = text(str)


class RelatedEvents(View):
    """A page of the events that relate to an event."""

    __slots__ = ()
    #: The events, in the requested direction.
    events = listing(Event, "chunk")
    #: The token of the next page; None at the end.
    next_batch = text(str)
    #: The token of the previous page; None at the beginning.
    prev_batch = text(str)
    #: How deep the homeserver has recursed, if that was requested.
    recursion_depth = number()


class ThreadRoots(View):
    """A page of the threads of a room."""

    __slots__ = ()
    #: The root of each thread, the thread with the latest event first.
    events = listing(Event, "chunk")
    #: The token of the next page; None at the end.
    next_batch = text(str)
