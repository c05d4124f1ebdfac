"""The bases of all contents of events.

Spec: Client-Server API, "Room event format", "Forming relationships between events" and "User and
room mentions".
"""

from __future__ import annotations

from .relations import Mentions, RelatesTo
from .view import View, text, view

__all__ = [
    "AccountDataEventContent",
    "EphemeralEventContent",
    "EventContent",
    "StateEventContent",
    "ToDeviceEventContent",
]


class EventContent(View):
    """The content of an event; that of a type without a class of its own is just this.

    Attributes:
        relates_to: How the event relates to another one.
        mentions: Whom the event mentions.
        external_url: Where the original message is found, if a bridge made the event.
    """

    __slots__ = ()

    relates_to = view(RelatesTo, "m.relates_to")
    mentions = view(Mentions, "m.mentions")
    external_url = text(str)


class StateEventContent(EventContent):
    """The content of a state event."""

    __slots__ = ()


class EphemeralEventContent(EventContent):
    """The content of an event that isn't kept: typing, receipts, presence."""

    __slots__ = ()


class ToDeviceEventContent(EventContent):
    """The content of an event that is sent to devices."""

    __slots__ = ()


class AccountDataEventContent(EventContent):
    """The content of an event that a user keeps at the homeserver."""

    __slots__ = ()
