"""MemoryDeliveries: deliveries for as long as the process lives."""

from __future__ import annotations

import itertools
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..clock import now
from ..fork import renew_after_fork
from .deliveries import Begun, Claim, Deliveries, Note, ParkedEvent
from .items import copied
from .keys import ClaimKey, ClaimKind, NoteKey

__all__ = ["MemoryDeliveries"]


class MemoryDeliveries(Deliveries):
    """Deliveries in memory. Thread-safe.

    Args:
        transactions: How many transactions are kept.
        events: How many events are kept.
        parked: How many parked events are kept; the oldest are dropped.
        monotonic: Returns the time in seconds, by a clock that never goes back.
    """

    def __init__(
        self,
        transactions: int = 1_000,
        events: int = 100_000,
        parked: int = 10_000,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = transactions, events, parked
        self._monotonic = monotonic
        # When each claim ends, and the transactions that are done.
        self._claims: dict[ClaimKey, float] = {}
        self._done: OrderedDict[ClaimKey, None] = OrderedDict()
        # The room of each, None for none.
        self._handled: OrderedDict[str | NoteKey, str | None] = OrderedDict()
        self._last: OrderedDict[str, str] = OrderedDict()
        self._checkpoints: OrderedDict[str, str] = OrderedDict()
        self._caught_up: int | None = None
        self._parked: OrderedDict[int, ParkedEvent] = OrderedDict()
        # How often claims were taken over; events that were begun and not ended.
        self._takeovers: dict[ClaimKey, int] = {}
        self._begun: OrderedDict[str | NoteKey, Begun] = OrderedDict()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        renew_after_fork(self)

    def _after_fork(self) -> None:
        self._lock = threading.Lock()

    def claim(self, key: ClaimKey, lease: float) -> Claim:
        present = self._monotonic()
        with self._lock:
            if key in self._done:
                return Claim.DONE
            end = self._claims.get(key)
            if end is not None and end > present:
                return Claim.BUSY
            if end is not None:
                self._takeovers[key] = self._takeovers.get(key, 0) + 1
            self._claims[key] = present + lease
            if len(self._claims) > self._limits[0]:
                self._claims = {one: end for one, end in self._claims.items() if end > present}
                kept = self._claims
                self._takeovers = {one: n for one, n in self._takeovers.items() if one in kept}
            return Claim.MINE

    def renew(self, key: ClaimKey, lease: float) -> None:
        with self._lock:
            if key in self._claims:
                self._claims[key] = self._monotonic() + lease

    def finish(self, key: ClaimKey) -> None:
        with self._lock:
            self._claims.pop(key, None)
            self._takeovers.pop(key, None)
            self._done[key] = None
            if len(self._done) > self._limits[0]:
                self._done.popitem(last=False)

    def give_up(self, key: ClaimKey) -> None:
        with self._lock:
            self._claims.pop(key, None)
            self._takeovers.pop(key, None)

    def in_flight(self, kind: ClaimKind) -> set[ClaimKey]:
        present = self._monotonic()
        with self._lock:
            claims = self._claims.items()
            return {key for key, end in claims if key.kind is kind and end > present}

    def takeovers(self, key: ClaimKey) -> int:
        return self._takeovers.get(key, 0)

    def begin(self, key: str | NoteKey, times: int) -> None:
        with self._lock:
            self._begun[key] = Begun(times, now())
            if len(self._begun) > self._limits[0]:
                self._begun.popitem(last=False)

    def begun(self, keys: Iterable[str | NoteKey]) -> dict[str | NoteKey, Begun]:
        with self._lock:
            return {key: self._begun[key] for key in keys if key in self._begun}

    def ended(self, key: str | NoteKey) -> None:
        with self._lock:
            self._begun.pop(key, None)

    def handled(self, keys: Iterable[str | NoteKey]) -> set[str | NoteKey]:
        with self._lock:
            return {key for key in keys if key in self._handled}

    def note_handled(
        self, key: str | NoteKey, room_id: str | None = None, ts: int | None = None
    ) -> None:
        with self._lock:
            self._note(key, room_id)

    def _note(self, key: str | NoteKey, room_id: str | None) -> None:
        if key in self._handled:
            return
        self._handled[key] = room_id
        if len(self._handled) > self._limits[1]:
            self._handled.popitem(last=False)
        if room_id is not None and isinstance(key, str):
            self._put(self._last, room_id, key)

    def _put(self, kept: OrderedDict[str, str], room_id: str, event_id: str) -> None:
        kept[room_id] = event_id
        kept.move_to_end(room_id)
        if len(kept) > self._limits[1]:
            kept.popitem(last=False)

    def last_handled(self, room_id: str) -> str | None:
        return self._last.get(room_id)

    def first_handled(self, room_id: str) -> str | None:
        with self._lock:
            return next((str(key) for key, room in self._handled.items() if room == room_id), None)

    def set_checkpoint(self, room_id: str, event_id: str) -> None:
        with self._lock:
            self._put(self._checkpoints, room_id, event_id)

    def checkpoint(self, room_id: str) -> str | None:
        return self._checkpoints.get(room_id)

    def set_caught_up(self, ts: int) -> None:
        self._caught_up = ts

    def caught_up(self) -> int | None:
        return self._caught_up

    def park(
        self, event: Mapping[str, Any], error: str, *, key: str | None = None,
        done: Iterable[str] = (), note: Note | None = None, instead_of: int | None = None,
    ) -> int:  # fmt: skip
        with self._lock:
            number = next(self._numbers)
            self._parked[number] = ParkedEvent(
                number, copied(event) or {}, error, now(), key, tuple(done)
            )
            if instead_of is not None:
                self._parked.pop(instead_of, None)
            if len(self._parked) > self._limits[2]:
                self._parked.popitem(last=False)
            if note is not None:
                self._note(note.key, note.room_id)
            return number

    def set_done(self, number: int, done: Iterable[str]) -> None:
        with self._lock:
            if number in self._parked:
                self._parked[number] = self._parked[number]._replace(done=tuple(done))

    def parked(self) -> list[ParkedEvent]:
        with self._lock:
            return list(self._parked.values())

    def parked_event(self, number: int) -> ParkedEvent | None:
        return self._parked.get(number)

    def unpark(self, number: int) -> ParkedEvent | None:
        with self._lock:
            return self._parked.pop(number, None)
