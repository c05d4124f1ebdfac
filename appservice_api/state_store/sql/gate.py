"""A gate that lets nobody in while the process forks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Gate"]


class Gate:
    """Counts who is inside, and is shut for a fork.

    Args:
        patience: How many seconds a fork waits for those inside to leave.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._changed = threading.Condition()
        self._inside = 0
        self._forks = 0

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Be inside; wait before while the gate is shut."""
        with self._changed:
            while self._forks:
                self._changed.wait()
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    def shut(self) -> bool:
        """Let nobody in any more, and wait until nobody is inside.

        Returns:
            Whether nobody is.
        """
        with self._changed:
            self._forks += 1
            return self._changed.wait_for(lambda: not self._inside, self._patience)

    def open(self) -> None:
        """Let everybody in again, once each fork is over."""
        with self._changed:
            # Two threads may fork at once, and who has been made in between was never shut.
            self._forks = max(0, self._forks - 1)
            self._changed.notify_all()
