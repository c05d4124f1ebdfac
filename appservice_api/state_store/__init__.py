"""What is remembered of rooms and users, so that the homeserver is asked less."""

from __future__ import annotations

from .abstract import ASStateStore, Source
from .memory import MemoryStateStore

__all__ = ["ASStateStore", "MemoryStateStore", "Source"]
