"""What isn't kept: typing, receipts, presence.

Spec: Client-Server API, "Typing notifications", "Receipts", "Presence".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..ids import ContentURI, EventID, UserID
from .enumerations import PresenceState, ReceiptType
from .event_content import EphemeralEventContent
from .view import flag, items, number, one_of, text

__all__ = ["PresenceEventContent", "Receipt", "ReceiptEventContent", "TypingEventContent"]


class PresenceEventContent(EphemeralEventContent):
    """The content of ``m.presence``.

    Attributes:
        presence: Whether the user is there.
        status_msg: What the user says about it.
        last_active_ago: How long ago the user did something, in milliseconds.
        currently_active: Whether the user is doing something.
        displayname: The user's name.
        avatar_url: The user's avatar.
    """

    __slots__ = ()

    presence = one_of(PresenceState)
    status_msg = text(str)
    last_active_ago = number()
    currently_active = flag()
    displayname = text(str)
    avatar_url = text(ContentURI)


class TypingEventContent(EphemeralEventContent):
    """The content of ``m.typing``: all who are typing in the room."""

    __slots__ = ()

    user_ids = items(UserID)


class Receipt(NamedTuple):
    """Up to where a user has read.

    Attributes:
        event_id: The event.
        receipt_type: Who sees it.
        user_id: The user.
        ts: When, in milliseconds since 1970; None if it isn't told.
        thread_id: The thread that it is about: its root, or ``main``; None for all of the room.
    """

    event_id: EventID
    receipt_type: ReceiptType
    user_id: UserID
    ts: int | None
    thread_id: str | None


class ReceiptEventContent(EphemeralEventContent):
    """The content of ``m.receipt``: by event, then by type, then by user."""

    __slots__ = ()

    def receipts(self) -> Iterator[Receipt]:
        """The receipts one by one; what is malformed is left out."""
        for event_id, types in self.items():
            for receipt_type, users in types.items() if isinstance(types, dict) else ():
                for user_id, found in users.items() if isinstance(users, dict) else ():
                    if isinstance(found, dict):
                        ts, thread = found.get("ts"), found.get("thread_id")
                        yield Receipt(
                            EventID.read(event_id), ReceiptType(receipt_type),
                            UserID.read(user_id), ts if type(ts) is int else None,
                            thread if isinstance(thread, str) else None,
                        )  # fmt: skip
