"""Views of answers about the timeline of a room."""

from __future__ import annotations

from ..events.event import Event, StateEvent
from ..events.view import View, listing, number, text
from ..ids import EventID

__all__ = ["ClosestEvent", "PaginatedMessages"]


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
