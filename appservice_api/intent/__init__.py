"""IntentAPI: a user who is registered and joined when it matters."""

from __future__ import annotations

from ..api.appservice import AppServiceAPI
from .intent import IntentAPI

__all__ = ["IntentAPI"]

AppServiceAPI._intent_type = IntentAPI
