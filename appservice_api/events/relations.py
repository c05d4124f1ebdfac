"""Relations: what an event says about another event, and whom it mentions.

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
    """How an event relates to another one.

    Attributes:
        rel_type: The kind of relation; None for a reply that is nothing else.
        event_id: The event that it relates to.
        key: What a reaction says, mostly an emoji.
        in_reply_to: The event that is replied to.
        is_falling_back: The reply is only there for clients that know no threads.
    """

    __slots__ = ()

    rel_type = one_of(RelationType)
    event_id = text(EventID)
    key = text(str)
    in_reply_to = view(InReplyTo, "m.in_reply_to")
    is_falling_back = flag()

    @property
    def reply_to(self) -> EventID | None:
        """The event that is replied to; None for a reply that is only the fallback of a
        thread."""
        if self.rel_type is RelationType.THREAD and self.is_falling_back:
            return None
        replied = self.in_reply_to
        return replied.event_id if replied is not None else None

    @property
    def thread_root(self) -> EventID | None:
        """The event at which the thread begins."""
        return self.event_id if self.rel_type is RelationType.THREAD else None

    @property
    def edits(self) -> EventID | None:
        """The event whose content is replaced."""
        return self.event_id if self.rel_type is RelationType.REPLACE else None

    @property
    def annotates(self) -> EventID | None:
        """The event that is reacted to."""
        return self.event_id if self.rel_type is RelationType.ANNOTATION else None

    @property
    def annotation(self) -> str | None:
        """What the reaction says, None if it is no reaction."""
        return self.key if self.rel_type is RelationType.ANNOTATION else None


class Mentions(View):
    """Whom an event mentions, so that they are notified.

    Attributes:
        user_ids: The users.
        room: Whether the whole room is mentioned.
    """

    __slots__ = ()

    user_ids = items(UserID)
    room = flag()
