"""Transaction IDs: new ones, those of callers, and those that a repeat makes again.

Spec: Client-Server API, "Transaction identifiers". Synapse keeps one space of them for each path
and application service, whoever is acting; so they are unique over all users.
"""

from __future__ import annotations

import enum
import hashlib
import json
import os
import threading
from contextvars import ContextVar
from functools import lru_cache
from itertools import count
from typing import Any

from .path import quote_part

__all__ = ["REPEATABLE", "RepeatableIDs", "TransactionIDs", "personal_id"]

_LONGEST = 255
_OWNER = 16


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


class RepeatableIDs:
    """IDs that are the same when work is repeated: derived from the content, the user and the work.
    What the work sends twice gets two IDs.

    Args:
        work: Identifies the work.
    """

    __slots__ = ("_counts", "_work")

    def __init__(self, *work: str) -> None:
        self._work = work
        self._counts: dict[str, count[int]] = {}

    def make(self, user: str | None, target: tuple[object, ...], content: Any) -> str | None:
        """Make the ID of a request.

        Args:
            user: The acting user.
            target: The values of its path.
            content: What is sent.

        Returns:
            The ID; None if the content can't be sent.
        """
        try:
            said = json.dumps([self._work, user, target, content], sort_keys=True)
        except (TypeError, ValueError, RecursionError):
            return None
        digest = hashlib.sha256(said.encode()).hexdigest()[:40]
        # Atomic: a handler may send in several threads.
        return f"{digest}.{next(self._counts.setdefault(digest, count()))}"


#: Makes the IDs of what is sent in the present context; None for new ones.
REPEATABLE: ContextVar[RepeatableIDs | None] = ContextVar("appservice_api.txn_ids", default=None)


def personal_id(txn_id: str, user: str | None) -> str:
    """The transaction ID to send for a caller's own ID: the same for the same user, and a different
    one for each other user.

    Args:
        txn_id: The caller's.
        user: The acting user; None for the owner of the token.

    Raises:
        ValueError: It can't be a transaction ID.
    """
    quote_part(txn_id, "txnId")
    # Numbers and enumerations of texts are fine.
    txn_id = str(txn_id.value if isinstance(txn_id, enum.Enum) else txn_id)
    size = len(txn_id.encode())
    if size > _LONGEST:
        raise ValueError(f"transaction ID {txn_id[:40]!r}… is longer than {_LONGEST} bytes")
    if size > _LONGEST - _OWNER - 1:
        txn_id = hashlib.sha256(txn_id.encode()).hexdigest()
    return f"{txn_id}.{_mark_of(user)}"


@lru_cache(maxsize=4096)
def _mark_of(user: str | None) -> str:
    return hashlib.sha256((user or "").encode()).hexdigest()[:_OWNER]
