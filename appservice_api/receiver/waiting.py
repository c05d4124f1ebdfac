"""Waiting: requests that wait for what other requests, or other processes, do."""

from __future__ import annotations

import threading

from ..fork import renew_after_fork

__all__ = ["Waiting"]

_MOST = 2
# One thread handles what is waited for, and another one must be free.
_NEEDED = 2


class Waiting:
    """Bounds how many requests of this process wait: each occupies a thread of its server, and
    the homeserver repeats them anyhow.

    Attributes:
        most: How many wait at once.
    """

    def __init__(self) -> None:
        self.most = _MOST
        self._after_fork()
        renew_after_fork(self)

    def _after_fork(self) -> None:
        self._lock = threading.Lock()
        self._number = 0

    def limit(self, threads: int) -> None:
        """Leave threads to requests that don't wait.

        Args:
            threads: How many there are.
        """
        self.most = max(0, min(_MOST, threads - _NEEDED))

    def enter(self) -> bool:
        """Begin to wait; False if enough do."""
        with self._lock:
            if self._number >= self.most:
                return False
            self._number += 1
            return True

    def leave(self) -> None:
        """Wait no longer."""
        with self._lock:
            self._number -= 1
