"""What deliveries in databases have in common: the content of their rows, and how many are kept."""

from __future__ import annotations

import abc
import itertools
import json
import math
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from ..clock import now
from ..errors import StateStoreError
from ..fork import renew_after_fork
from .deliveries import Deliveries, Note, ParkedEvent
from .keys import ClaimKey, NoteKey
from .storable import storable_name, storable_text, storable_time

__all__ = [
    "ABANDONED_MS",
    "EVENT",
    "DatabaseDeliveries",
    "Turns",
    "by_kind",
    "by_row_key",
    "claim_row",
    "done_text",
    "handled_row",
    "lease_ms",
    "noted_row",
    "parked_event",
    "row_key",
]

#: How many transactions are remembered; events of older ones are known by what was handled.
TRANSACTIONS: Final = 10_000
#: How many handled events are remembered, beside the last one of each room; and how many notes.
HANDLED: Final = 100_000
#: A claim is removed so many milliseconds after its end.
ABANDONED_MS: Final = 86_400_000
#: The kind of a row whose key names what was pushed.
EVENT: Final = "event"

_EVERY = 1000


class Turns:
    """Decides when old rows are removed: once in so many writes, counted from a random start, so
    that short-lived processes do it as often as others."""

    def __init__(self, every: int = _EVERY) -> None:
        self._every = every
        self._count = itertools.count(secrets.randbelow(every))

    def due(self, more: int = 1) -> bool:
        """Count writes. Returns whether to remove old rows."""
        return 0 in [next(self._count) % self._every for _ in range(more)]


class DatabaseDeliveries(Deliveries):
    """Deliveries in a database.

    On PostgreSQL, leases use the database's clock, so that machines whose clocks differ don't take
    over each other's claims.

    Args:
        transactions: How many transactions are remembered.
        handled: How many handled events are remembered, beside the last one of each room; and how
            many other notes.
    """

    has_connection = True

    def __init__(self, transactions: int, handled: int) -> None:
        self._most_transactions = transactions
        self._most_handled = handled
        self._after_fork()
        renew_after_fork(self)

    def _after_fork(self) -> None:
        # A process that has lost a claim must not give up the claim of the one that has it now.
        self._owner = secrets.token_hex(8)
        self._finished = Turns()
        self._noted = Turns()
        # How often each claim of this process was taken over before; most never were.
        self._takeovers: dict[ClaimKey, int] = {}

    def takeovers(self, key: ClaimKey) -> int:
        return self._takeovers.get(key, 0)

    def finish(self, key: ClaimKey) -> None:
        self._takeovers.pop(key, None)
        self._finish(key)
        if self._finished.due():
            self._prune(self._prune_claims)

    @abc.abstractmethod
    def _finish(self, key: ClaimKey) -> None:
        """Write that a transaction was handled."""

    def give_up(self, key: ClaimKey) -> None:
        self._takeovers.pop(key, None)
        self._give_up(key)

    @abc.abstractmethod
    def _give_up(self, key: ClaimKey) -> None:
        """Remove a claim that is this process's."""

    def park(
        self, event: Mapping[str, Any], error: str, *, key: str | None = None,
        done: Iterable[str] = (), note: Note | None = None, instead_of: int | None = None,
    ) -> int:  # fmt: skip
        row = {
            "event": json.dumps(dict(event)), "error": storable_text(error), "parked_at": now(),
            "key": storable_name(key) if key is not None else None, "done": done_text(done),
        }  # fmt: skip
        return self._park(row, note, instead_of)

    @abc.abstractmethod
    def _park(self, row: dict[str, Any], note: Note | None, instead_of: int | None) -> int:
        """Write the row of a parked event. Returns its number."""

    def _count_noted(self, more: int = 1) -> None:
        """Count what was noted, and remove what is old now and then."""
        if self._noted.due(more):
            self._prune(self._prune_handled)

    def _prune(self, work: Callable[[], None]) -> None:
        try:
            work()
        except StateStoreError:
            # The write itself was successful; old rows are removed another time.
            return

    @abc.abstractmethod
    def _prune_claims(self) -> None:
        """Remove old claims, and old rows of what was begun."""

    @abc.abstractmethod
    def _prune_handled(self) -> None:
        """Remove old notes."""


def lease_ms(lease: float) -> int:
    """A lease in milliseconds.

    Raises:
        ValueError: It is negative or no number.
    """
    if not (math.isfinite(lease) and lease >= 0):
        raise ValueError(f"a lease must be a number of seconds from 0 on, not {lease!r}")
    return math.ceil(lease * 1000)


def claim_row(key: ClaimKey) -> dict[str, str]:
    """The columns that identify a claim."""
    return {
        "kind": key.kind.value, "name": storable_name(key.name),
        "digest": storable_name(key.digest),
    }  # fmt: skip


def handled_row(key: str, room_id: str | None, ts: int | None) -> dict[str, Any]:
    """The columns of an event that was handled."""
    name = storable_name(key)
    # An event kept as a digest is no room's last one: the homeserver couldn't be asked for it.
    room = storable_name(room_id) if room_id is not None and name == key else None
    return {"key": name, "room": room, "ts": storable_time(ts)}


def noted_row(key: NoteKey) -> dict[str, str]:
    """The columns of another note."""
    kind, name = row_key(key)
    return {"kind": kind, "name": name}


def row_key(key: str | NoteKey) -> tuple[str, str]:
    """The kind and the name of a row: of an event, or of another note."""
    if isinstance(key, str):
        return EVENT, storable_name(key)
    return key.kind.value, storable_name(key.name)


def by_row_key(keys: Iterable[str | NoteKey]) -> dict[tuple[str, str], list[str | NoteKey]]:
    """Keys by the kind and the name of their rows."""
    found: dict[tuple[str, str], list[str | NoteKey]] = {}
    for key in keys:
        found.setdefault(row_key(key), []).append(key)
    return found


def by_kind(keys: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """The names of rows by their kind."""
    found: dict[str, list[str]] = {}
    for kind, name in keys:
        found.setdefault(kind, []).append(name)
    return found


def done_text(done: Iterable[str]) -> str | None:
    """The names of handlers as a text; None for none."""
    names = [*done]
    return json.dumps(names) if names else None


def parked_event(number: int, row: Any) -> ParkedEvent:
    """The parked event of a row.

    Args:
        number: Its number.
        row: The row.
    """
    done = tuple(json.loads(row.done)) if row.done else ()
    return ParkedEvent(number, json.loads(row.event), row.error, row.parked_at, row.key, done)
