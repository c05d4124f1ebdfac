"""A lock that a fork holds alone, and all others share."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["ForkLock"]


class ForkLock:
    """Prevents the use of connections while the process forks.

    Args:
        timeout: How many seconds a fork waits for those who use them.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._changed = threading.Condition()
        self._users = 0
        self._forks = 0

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Hold the lock together with others; while a fork has it, wait first."""
        with self._changed:
            while self._forks:
                self._changed.wait()
            self._users += 1
        try:
            yield
        finally:
            with self._changed:
                self._users -= 1
                self._changed.notify_all()

    def acquire(self) -> bool:
        """Take the lock for a fork.

        Returns:
            Whether nobody else holds it any more.
        """
        with self._changed:
            self._forks += 1
            return self._changed.wait_for(lambda: not self._users, self._timeout)

    def release(self) -> None:
        """Let others hold the lock again, once each fork is over."""
        with self._changed:
            # Two threads may fork at once; a lock that was made in between was never acquired.
            self._forks = max(0, self._forks - 1)
            self._changed.notify_all()
