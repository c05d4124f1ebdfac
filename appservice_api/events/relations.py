"""Relations of an event to another one, and mentions of users.

Spec: Client-Server API, "Forming relationships between events", "Rich replies", "Threading",
"Event replacements", "Event annotations and reactions", "User and room mentions".
"""

from __future__ import annotations

from ..ids import EventID, UserID
from .enumerations import RelationType
from .view import View, flag, items, one_of, text, view

__all__ = ["InReplyTo", "Mentions", "RelatesTo"]


class InReplyTo(View):
    """The event that is replied to."""

    __slots__ = ()

    event_id = text(EventID)


class RelatesTo(View):
    """The relation of an event to another one.

    Attributes:
        rel_type: The type of relation; None for a plain reply.
        event_id: The other event.
        key: The key of a reaction, usually an emoji.
        in_reply_to: The event that is replied to.
        is_falling_back: Whether the reply is a fallback for clients that don't support threads.
    """

    __slots__ = ()

    rel_type = one_of(RelationType)
    event_id = text(EventID)
    key = text(str)
    in_reply_to = view(InReplyTo, "m.in_reply_to")
    is_falling_back = flag()

    @property
    def reply_to(self) -> EventID | None:
        """The event that is replied to; None for the fallback of a thread."""
        if self.rel_type is RelationType.THREAD and self.is_falling_back:
            return None
        replied = self.in_reply_to
        return replied.event_id if replied is not None else None

    @property
    def thread_root(self) -> EventID | None:
        """The root of the thread."""
        return self.event_id if self.rel_type is RelationType.THREAD else None

    @property
    def edits(self) -> EventID | None:
        """The event that is edited."""
        return self.event_id if self.rel_type is RelationType.REPLACE else None

    @property
    def annotates(self) -> EventID | None:
        """The event that is reacted to."""
        return self.event_id if self.rel_type is RelationType.ANNOTATION else None

    @property
    def annotation(self) -> str | None:
        """The key of a reaction; None if it isn't one."""
        return self.key if self.rel_type is RelationType.ANNOTATION else None


class Mentions(View):
    """The users whom an event mentions; they are notified.

    Attributes:
        user_ids: The users.
        room: Whether the whole room is mentioned.
    """

    __slots__ = ()

    user_ids = items(UserID)
    room = flag()
