"""What is remembered of rooms and users, so that the homeserver is asked less."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazily
from .abstract import ASStateStore
from .items import MemberItem, Source, StateItem
from .memory import MemoryStateStore
from .opening import open_state_store

if TYPE_CHECKING:
    from .deliveries import Deliveries
else:
    __getattr__, __dir__ = lazily(__name__, {"deliveries": "Deliveries"})

__all__ = [
    "ASStateStore",
    "Deliveries",
    "MemberItem",
    "MemoryStateStore",
    "Source",
    "StateItem",
    "open_state_store",
]
