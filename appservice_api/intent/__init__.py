"""IntentAPI: a user who is registered and joined when it matters."""

from __future__ import annotations

from .intent import IntentAPI, Room

__all__ = ["IntentAPI", "Room"]
