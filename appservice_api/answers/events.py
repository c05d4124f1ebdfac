"""Views of answers about the timeline of a room."""

from __future__ import annotations

from ..events.event import Event, StateEvent
from ..events.view import View, items, number, text, view
from ..ids import EventID

__all__ = ["ClosestEvent", "EventContext", "PaginatedMessages"]


class PaginatedMessages(View):
    """A page of a timeline."""

    __slots__ = ()
    #: Where the page begins.
    start = text(str)
    #: Where the next page begins; None at the end.
    end = text(str)
    #: The events, in the direction that was asked for.
    events = items(Event, "chunk")
    #: State that helps to show them, with lazy-loaded members.
    state = items(StateEvent)


class EventContext(View):
    """An event and what stands around it."""

    __slots__ = ()
    #: Where the events before begin, for going on backwards.
    start = text(str)
    #: Where the events after end, for going on forwards.
    end = text(str)
    #: The event.
    event = view(Event)
    #: The events before it, the nearest first.
    events_before = items(Event)
    #: The events after it, the nearest first.
    events_after = items(Event)
    #: The state of the room at the last of these events.
    state = items(StateEvent)


class ClosestEvent(View):
    """The event that is nearest to a time."""

    __slots__ = ()
    #: The event.
    event_id = text(EventID)
    #: Its time in milliseconds since 1970.
    origin_server_ts = number()
