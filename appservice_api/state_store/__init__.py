"""What is remembered of rooms and users, so that the homeserver is asked less."""

from __future__ import annotations

from .abstract import ASStateStore
from .items import MemberItem, Source, StateItem
from .memory import MemoryStateStore
from .opening import open_state_store

__all__ = [
    "ASStateStore",
    "MemberItem",
    "MemoryStateStore",
    "Source",
    "StateItem",
    "open_state_store",
]
