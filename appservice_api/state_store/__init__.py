"""What is remembered of rooms and users, so that the homeserver is asked less.

A store of your own is an :class:`ASStateStore` that implements its abstract methods, with the types
of this package; for deliveries of its own, it implements :class:`Deliveries` too.
``appservice_api.testing.contract`` has the tests that each store passes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazily
from .abstract import ASStateStore
from .items import (
    FUTURE,
    KINDS,
    MemberItem,
    RoomItems,
    Source,
    StateItem,
    copied,
    memberships_of,
    now,
    supersedes,
)
from .memory import MemoryStateStore
from .opening import open_state_store

if TYPE_CHECKING:
    from .deliveries import Begun, Claim, ClaimLost, Deliveries, Note, ParkedEvent, ParkedNote
    from .keys import ClaimKey, ClaimKind, NoteKey, NoteKind
    from .memory_deliveries import MemoryDeliveries
else:
    __getattr__, __dir__ = lazily(
        __name__,
        {
            "deliveries": "Begun Claim ClaimLost Deliveries Note ParkedEvent ParkedNote",
            "keys": "ClaimKey ClaimKind NoteKey NoteKind",
            "memory_deliveries": "MemoryDeliveries",
        },
    )

__all__ = [
    "FUTURE",
    "KINDS",
    "ASStateStore",
    "Begun",
    "Claim",
    "ClaimKey",
    "ClaimKind",
    "ClaimLost",
    "Deliveries",
    "MemberItem",
    "MemoryDeliveries",
    "MemoryStateStore",
    "Note",
    "NoteKey",
    "NoteKind",
    "ParkedEvent",
    "ParkedNote",
    "RoomItems",
    "Source",
    "StateItem",
    "copied",
    "memberships_of",
    "now",
    "open_state_store",
    "supersedes",
]
