"""An event and what stands around it. Spec: Client-Server API, "Event context"."""

from __future__ import annotations

from .event import Event, StateEvent, event_field
from .view import View, listing, text

__all__ = ["EventContext"]


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
