"""Time: that of the machine, and the clock that tests replace."""

from __future__ import annotations

import threading
import time
from time import monotonic
from typing import Protocol

__all__ = ["Clock", "SystemClock", "monotonic", "now"]


class Clock(Protocol):
    """The clock of the API and the receiver."""

    def monotonic(self) -> float:
        """Seconds of a clock that never goes back."""

    def time(self) -> float:
        """Seconds since 1970."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until an event is set, ``seconds`` at most; True if it is set."""


class SystemClock:
    """The clock of the machine."""

    monotonic = staticmethod(monotonic)
    time = staticmethod(time.time)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until an event is set, ``seconds`` at most; True if it is set."""
        return event.wait(seconds)


def now() -> int:
    """The present time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000
