"""A clock that tests advance."""

from __future__ import annotations

import threading

EPOCH = 1_700_000_000.0
_POLL = 0.001


class ManualClock:
    """A deterministic, thread-safe clock.

    Args:
        auto: Whether `wait` advances the clock and returns at once, so that no thread blocks.
    """

    def __init__(self, *, auto: bool = False) -> None:
        self.auto = auto
        self.waits: list[float] = []
        self._now = 0.0
        self._waiters = 0
        self._changed = threading.Condition()

    def monotonic(self) -> float:
        """Seconds since this clock was made, in its own time."""
        with self._changed:
            return self._now

    def time(self) -> float:
        """Seconds since 1970, in its own time; starts at `EPOCH`."""
        return EPOCH + self.monotonic()

    def advance(self, seconds: float) -> None:
        """Advance the clock, and wake the threads whose wait has ended.

        Args:
            seconds: By how much.

        Raises:
            ValueError: It is negative.
        """
        if seconds < 0:
            raise ValueError(f"cannot advance by {seconds} seconds")
        with self._changed:
            self._now += seconds
            self._changed.notify_all()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait as `event.wait(seconds)` does, in this clock's time.

        Args:
            event: The event.
            seconds: How long to wait at most.

        Returns:
            Whether the event is set.
        """
        with self._changed:
            self.waits.append(seconds)
            if self.auto or event.is_set():
                if not event.is_set():
                    self._now += max(seconds, 0.0)
                return event.is_set()
            until = self._now + seconds
            self._waiters += 1
            self._changed.notify_all()
            try:
                # A plain Event can't notify this condition, so it is polled.
                while self._now < until and not event.is_set():
                    self._changed.wait(_POLL)
            finally:
                self._waiters -= 1
                self._changed.notify_all()
            return event.is_set()

    @property
    def waiters(self) -> int:
        """How many threads are waiting."""
        with self._changed:
            return self._waiters

    def wait_for_waiters(self, count: int, timeout: float = 5.0) -> None:
        """Wait until a number of threads wait on this clock.

        Args:
            count: The number, at least.
            timeout: In seconds of real time.

        Raises:
            AssertionError: There weren't so many in time.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._waiters >= count, timeout):
                raise AssertionError(f"{self._waiters} of {count} threads wait on the clock")
