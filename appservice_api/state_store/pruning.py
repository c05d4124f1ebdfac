"""How much is remembered of deliveries, and in which form it fits into a database."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import secrets
from collections.abc import Iterable
from typing import Any, Final

from .names import storable

__all__ = [
    "ABANDONED_MS",
    "HANDLED",
    "TRANSACTIONS",
    "Turns",
    "done_text",
    "handled_row",
    "lease_ms",
    "named",
    "time_ms",
]

#: How many transactions are remembered; the events of older ones are told by what was handled.
TRANSACTIONS: Final = 10_000
#: How many handled events are remembered, beside the last one of each room.
HANDLED: Final = 100_000
#: A claim that is over and that nobody has asked for in a day is forgotten.
ABANDONED_MS: Final = 86_400_000

_EVERY = 1000
_LONGEST_NAME = 255
_BIGGEST = 2**63


class Turns:
    """Tells after how many writes old rows are to be removed: now and then, and in short-lived
    processes as often as in others."""

    def __init__(self, every: int = _EVERY) -> None:
        self._every = every
        self._count = itertools.count(secrets.randbelow(every))

    def due(self, more: int = 1) -> bool:
        """Count so many writes, and tell whether old rows are to be removed."""
        return 0 in [next(self._count) % self._every for _ in range(more)]


def named(text: str) -> str:
    """A name as the database keeps it: the text, or its digest if it is too long or holds what
    databases refuse."""
    if len(text) <= _LONGEST_NAME and storable(text) == text:
        return text
    return "sha256:" + hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def lease_ms(lease: float) -> int:
    """A lease in milliseconds.

    Raises:
        ValueError: It is negative or no number.
    """
    if not (math.isfinite(lease) and lease >= 0):
        raise ValueError(f"a lease must be a number of seconds from 0 on, not {lease!r}")
    return math.ceil(lease * 1000)


def time_ms(ts: int | None) -> int | None:
    """A time of anybody's, None if no database takes it."""
    return ts if isinstance(ts, int) and -_BIGGEST <= ts < _BIGGEST else None


def done_text(done: Iterable[str]) -> str | None:
    """The names of handlers as a text; None for none."""
    names = [*done]
    return json.dumps(names) if names else None


def handled_row(key: str, room_id: str | None, ts: int | None) -> dict[str, Any]:
    """The columns of an event that was handled."""
    name = named(key)
    # What is kept as a digest is no room's last event: nobody could ask the homeserver for it.
    room = named(room_id) if room_id is not None and name == key else None
    return {"key": name, "room": room, "ts": time_ms(ts)}
