"""Keys: what identifies claims and notes, each with its kind."""

from __future__ import annotations

import enum
from typing import NamedTuple

__all__ = ["ClaimKey", "ClaimKind", "NoteKey", "NoteKind"]


class ClaimKind(str, enum.Enum):
    """What is claimed."""

    #: A transaction that the homeserver pushed.
    TRANSACTION = "transaction"
    #: A room, or all of them: no transaction with events of it is handled meanwhile.
    ROOM = "room"
    #: A parked event that is retried.
    PARKED = "parked"
    #: A request under way as a real user, whose event may be pushed before it is answered.
    SENDING = "sending"


class ClaimKey(NamedTuple):
    """Identifies a claim.

    Attributes:
        kind: What is claimed.
        name: The ID of the transaction, the room (empty for all rooms), the number of the parked
            event, or who sends.
        digest: Distinguishes claims of the same name: the digest of a transaction's body, since a
            homeserver with a new database counts from 1 again; a random number for a request.
    """

    kind: ClaimKind
    name: str
    digest: str = ""


class NoteKind(str, enum.Enum):
    """What is noted, beside events that were handled."""

    #: One handler of several of an event is done.
    HANDLER = "handler"
    #: All handlers were called for the upgrade of a room.
    UPGRADE = "upgrade"
    #: An event was sent as a real user.
    SENT = "sent"
    #: A part of a real user's profile was set.
    PROFILE = "profile"
    #: A parked event is retried.
    PARKED = "parked"


class NoteKey(NamedTuple):
    """Identifies a note, unless it is of an event that was handled.

    Attributes:
        kind: What is noted.
        name: Which one.
    """

    kind: NoteKind
    name: str

    def __str__(self) -> str:
        """As a text, from which transaction IDs and other keys are derived."""
        return f"${self.kind.value}:{self.name}"
