"""Deaths: events at which processes die, one after the other.

Once a process has died, those that take over its work note each event before they handle it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..state_store import ASStateStore
from ..state_store.deliveries import Begun
from ..state_store.keys import NoteKey
from .handlers import Step
from .transaction import Item, name_of

__all__ = ["Deaths", "deadly_last"]

# So many deaths in a row are no coincidence.
_TOO_MANY = 3


class Deaths:
    """Finds the event at which processes die, so that it can be parked."""

    def __init__(self, state_store: ASStateStore, find: Callable[[Item], list[Step]]) -> None:
        self._store = state_store
        self._find = find

    def of(self, items: list[Item]) -> dict[str | NoteKey, Begun]:
        """How often processes died at each of these. Of the first process that died is only known
        that it was at the first event that isn't done."""
        found = self._store.deliveries.begun([item.key for item in items])
        if not found:
            first = next((item for item in items if self._find(item)), None)
            return {first.key: Begun(1, 0)} if first is not None else {}
        return found

    def of_one(self, key: str | NoteKey) -> Begun:
        """How often processes died at one event, at least once."""
        return self._store.deliveries.begun([key]).get(key, Begun(1, 0))

    @contextmanager
    def noting(self, key: str | NoteKey, before: Begun | None) -> Iterator[RuntimeError | None]:
        """Note that an event is being handled while the block runs. The value is why it isn't to
        be handled any more.

        Args:
            key: The name of the event; the number of a parked one.
            before: How often processes died at it.
        """
        deliveries = self._store.deliveries
        times = before.times if before is not None else 0
        if before is not None and times >= _TOO_MANY:
            yield RuntimeError(_explained(before))
        else:
            deliveries.begin(key, times + 1)
            try:
                yield None
            except Exception:
                deliveries.ended(key)
                raise
        deliveries.ended(key)


def deadly_last(items: list[Item], deaths: dict[str | NoteKey, Begun]) -> list[Item]:
    """Items in order, but for those of rooms with events at which processes died: they come last,
    so that other rooms don't wait for them."""
    by_room: dict[object, int] = {}
    for item in items:
        times = deaths[item.key].times if item.key in deaths else 0
        by_room[_room_of(item)] = max(times, by_room.get(_room_of(item), 0))
    return sorted(items, key=lambda item: by_room[_room_of(item)])


def _room_of(item: Item) -> object:
    return name_of(item.content.get("room_id")) if isinstance(item.content, dict) else None


def _explained(before: Begun) -> str:
    """Why an event isn't handled any more."""
    text = (
        f"{before.times} processes one after the other died, or were stopped, while they handled "
        "this event"
    )
    if before.begun_at:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(before.begun_at / 1000))
        text += f"; the last one had begun it at {when} UTC"
    return (
        f"{text}. That may have been for want of memory, by a crash of the interpreter, or by the "
        "timeout of the server that runs the handlers; its log may tell"
    )
