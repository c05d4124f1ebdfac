"""A clock that tests turn by hand."""

from __future__ import annotations

import threading

EPOCH = 1_700_000_000.0
_GLANCE = 0.001


class ManualClock:
    """A deterministic, thread-safe clock.

    Args:
        auto: `wait` advances the clock itself and returns at once; no thread ever blocks.
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
        """Turn the clock forward and wake the threads whose time has come.

        Args:
            seconds: How far.

        Raises:
            ValueError: Negative: time doesn't run backwards.
        """
        if seconds < 0:
            raise ValueError(f"cannot advance by {seconds} seconds")
        with self._changed:
            self._now += seconds
            self._changed.notify_all()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait as `event.wait(seconds)` does, in this clock's time.

        Args:
            event: What ends the wait early.
            seconds: How long at most.

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
                # A plain Event can't wake this condition, so it is glanced at.
                while self._now < until and not event.is_set():
                    self._changed.wait(_GLANCE)
            finally:
                self._waiters -= 1
                self._changed.notify_all()
            return event.is_set()

    @property
    def waiters(self) -> int:
        """How many threads wait now."""
        with self._changed:
            return self._waiters

    def wait_for_waiters(self, count: int, timeout: float = 5.0) -> None:
        """Wait until so many threads wait on this clock.

        Args:
            count: At least so many.
            timeout: In seconds of real time.

        Raises:
            AssertionError: Fewer waited in time.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._waiters >= count, timeout):
                raise AssertionError(f"{self._waiters} of {count} threads wait on the clock")
