"""Views of answers about events that relate to others."""

from __future__ import annotations

from ..events.event import Event
from ..events.view import View, listing, number, text

__all__ = ["RelatedEvents", "ThreadRoots"]


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
