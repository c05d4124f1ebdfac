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
    """A page of a timeline."""

    __slots__ = ()
    #: Where the page begins.
    start = text(str)
    #: Where the next page begins; None at the end.
    end = text(str)
    #: The events, in the direction that was asked for.
    events = listing(Event, "chunk")
    #: State that helps to show them, with lazy-loaded members.
    state = listing(StateEvent)


class ClosestEvent(View):
    """The event that is nearest to a time."""

    __slots__ = ()
    #: The event.
    event_id = text(EventID)
    #: Its time in milliseconds since 1970.
    origin_server_ts = number()


class EventContext(View):
    """An event and what stands around it.

    Attributes:
        event: The event.
        events_before: The events before it, the nearest first.
        events_after: The events after it, the nearest first.
        state: The state of the room after the last of them.
        start: Where to go on reading backwards.
        end: Where to go on reading forwards.
    """

    __slots__ = ()

    event = event_field()
    events_before = listing(Event)
    events_after = listing(Event)
    state = listing(StateEvent)
    start = text(str)
    end = text(str)


class RelatedEvents(View):
    """A page of the events that relate to one."""

    __slots__ = ()
    #: The events, in the direction that was asked for.
    events = listing(Event, "chunk")
    #: Where the next page begins; None at the end.
    next_batch = text(str)
    #: Where the page before begins; None at the beginning.
    prev_batch = text(str)
    #: How deep the homeserver looked, if it was asked to look for indirect relations.
    recursion_depth = number()


class ThreadRoots(View):
    """A page of the threads of a room."""

    __slots__ = ()
    #: The first event of each, the thread with the latest message first.
    events = listing(Event, "chunk")
    #: Where the next page begins; None at the end.
    next_batch = text(str)
