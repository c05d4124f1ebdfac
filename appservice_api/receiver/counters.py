"""Counters: what a process has handled since it began."""

from __future__ import annotations

import threading
from collections import Counter

from ..fork import renew_after_fork

__all__ = ["Counters"]


class Counters:
    """The counters of this process alone: a forked child begins anew.

    Attributes:
        transactions: How many transactions, by outcome: ``handled``, ``repeated`` (it had been
            handled), ``busy`` (somebody else handles it) or ``failed``.
        events: How many events and other items, by outcome: ``handled``, ``parked`` or
            ``unwanted`` (by any handler).
    """

    def __init__(self) -> None:
        self._after_fork()
        renew_after_fork(self)

    def _after_fork(self) -> None:
        self._lock = threading.Lock()
        self.transactions: Counter[str] = Counter(handled=0, repeated=0, busy=0, failed=0)
        self.events: Counter[str] = Counter(handled=0, parked=0, unwanted=0)

    def count(self, counter: Counter[str], outcome: str, number: int = 1) -> None:
        """Count more of something."""
        with self._lock:
            counter[outcome] += number
