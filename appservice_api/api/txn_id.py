"""Transaction IDs that no other thread, process, fork or restart ever makes again.

Spec: Client-Server API, "Transaction identifiers". Synapse keeps one space of them for each path
and application service, whoever is acting; so they are unique over all users.
"""

from __future__ import annotations

import os
import threading

__all__ = ["TransactionIDs"]


class TransactionIDs:
    """A random prefix for each process, and a locked counter."""

    __slots__ = ("_count", "_lock", "_prefix")

    def __init__(self) -> None:
        self._count = 0
        self.renew()

    def renew(self) -> None:
        """Begin with another prefix, as a forked child must."""
        self._lock = threading.Lock()
        self._prefix = os.urandom(9).hex()

    @property
    def count(self) -> int:
        """How many IDs were made."""
        return self._count

    def advance_to(self, count: int) -> None:
        """Set the counter forward.

        Raises:
            ValueError: It would go back, and the same IDs would be made again.
        """
        with self._lock:
            if count < self._count:
                raise ValueError(
                    f"txn_id can't go back from {self._count} to {count}: IDs would be made twice"
                )
            self._count = count

    def next(self) -> str:
        """Make a new ID."""
        with self._lock:
            self._count += 1
            return f"{self._prefix}.{self._count}"
