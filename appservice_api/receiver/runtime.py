"""Runtime: what the receiver shares with the calls of the API."""

from __future__ import annotations

import threading
from typing import Protocol

from ..api.flight import SingleFlight
from ..api.retry import Clock

__all__ = ["Runtime"]


class Runtime(Protocol):
    """A clock, the end of all waiting, and single flight. Nobody keeps its attributes: a forked
    process has new ones.

    Attributes:
        closed: Set once the application service is closed.
    """

    clock: Clock
    closed: threading.Event
    flights: SingleFlight

    def sleep(self, seconds: float) -> None:
        """Wait, but no longer than until the application service is closed."""
