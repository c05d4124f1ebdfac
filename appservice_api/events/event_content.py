"""The base classes of the contents of events.

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
    """The content of an event. It is the class for types that have no class of their own.

    Attributes:
        relates_to: The relation of the event to another one.
        mentions: The users whom the event mentions.
        external_url: The URL of the original message, if a bridge sent the event.
    """

    __slots__ = ()

    relates_to = view(RelatesTo, "m.relates_to")
    mentions = view(Mentions, "m.mentions")
    external_url = text(str)


class StateEventContent(EventContent):
    """The content of a state event."""

    __slots__ = ()


class EphemeralEventContent(EventContent):
    """The content of an ephemeral event: typing, receipts, presence."""

    __slots__ = ()


class ToDeviceEventContent(EventContent):
    """The content of an event that is sent to devices."""

    __slots__ = ()


class AccountDataEventContent(EventContent):
    """The content of account data."""

    __slots__ = ()
