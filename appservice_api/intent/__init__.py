"""IntentAPI: acts as a user, and registers and joins it when a request needs that."""

from __future__ import annotations

from .intent import IntentAPI, Room

__all__ = ["IntentAPI", "Room"]
