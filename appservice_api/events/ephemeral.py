"""Contents of ephemeral events: typing, receipts, presence.

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
        presence: Whether the user is online.
        status_msg: The user's status message.
        last_active_ago: How many milliseconds ago the user was active.
        currently_active: Whether the user is active.
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
    """The content of ``m.typing``: the users who are typing in the room."""

    __slots__ = ()

    user_ids = items(UserID)


class Receipt(NamedTuple):
    """A receipt: the event up to which a user has read.

    Attributes:
        event_id: The event.
        receipt_type: The type.
        user_id: The user.
        ts: When, in milliseconds since 1970; None if it is missing.
        thread_id: The root of the thread, or ``main``; None for the whole room.
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
        """The receipts one by one; malformed ones are left out."""
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
