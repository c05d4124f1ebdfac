"""Runtime: what the receiver shares with the calls of the API."""

from __future__ import annotations

import threading
from typing import Protocol

from ..api.flight import SingleFlight
from ..clock import Clock

__all__ = ["Runtime"]


class Runtime(Protocol):
    """A clock, the end of all waiting, and single flight.

    Attributes:
        closed: Set once the application service is closed; another one in a forked process.
        flights: Work that is done once for all who want it; another one in a forked process.
    """

    clock: Clock
    closed: threading.Event
    flights: SingleFlight

    def sleep(self, seconds: float) -> None:
        """Wait, but no longer than until the application service is closed."""
