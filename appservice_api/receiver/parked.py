"""Parked: events that were put aside, since a handler failed again and again."""

from __future__ import annotations

from typing import Any

from ..state_store import ASStateStore
from ..state_store.deliveries import ParkedEvent
from ..state_store.keys import NoteKey, NoteKind
from .claims import Claims
from .counters import Counters
from .deaths import Deaths
from .dispatch import Dispatch
from .nesting import cut
from .progress import EventProgress, ParkedProgress, note_of
from .transaction import LISTS, Item
from .watch import described

__all__ = ["Parked"]

_UNWANTED = "\nNo handler wants it."


class Parked:
    """Puts events aside, and has them handled again."""

    def __init__(
        self, state_store: ASStateStore, dispatch: Dispatch, claims: Claims, deaths: Deaths,
        counters: Counters, log: Any,
    ) -> None:  # fmt: skip
        self._store = state_store
        self._dispatch = dispatch
        self._claims = claims
        self._deaths = deaths
        self._counters = counters
        self._log = log

    def park(self, item: Item, progress: EventProgress, problem: str) -> None:
        """Put an item aside.

        Args:
            item: The item.
            progress: Which of its handlers have succeeded.
            problem: The traceback.
        """
        number = self._store.deliveries.park(
            _as_event(item), problem, key=item.key, done=sorted(progress.done),
            note=progress.note,
        )  # fmt: skip
        self._log.error("%s is parked as number %d: %s", described(item), number, problem)

    def retry(self, number: int) -> bool:
        """Handle an event again that was put aside; see :meth:`AppService.retry_parked`."""
        with self._claims.parked(number) as taken_over:
            parked = self._store.deliveries.parked_event(number)
            if parked is None:
                raise KeyError(number)
            if not taken_over:
                return self._retry(parked)
            # Its name was another one when it was pushed.
            key = NoteKey(NoteKind.PARKED, str(number))
            with self._deaths.noting(key, self._deaths.of_one(key)) as deadly:
                return self._retry(parked, deadly)

    def _retry(self, parked: ParkedEvent, deadly: RuntimeError | None = None) -> bool:
        item = _as_item(parked)
        handlers = self._dispatch.find(item)
        progress = ParkedProgress(parked, note_of(item))
        with self._dispatch.watch.handling() as work:
            problem = self._dispatch.call(handlers, item, progress, work, deadly)
        if problem is None and not handlers:
            # It isn't lost to a process that has none of the handlers.
            problem = f"{parked.error.removesuffix(_UNWANTED)}{_UNWANTED}"
        # It stays parked as long as its handlers aren't done: whoever dies meanwhile loses nothing.
        if problem is not None:
            self._store.deliveries.park(
                parked.event, problem, key=parked.key, done=sorted(progress.done),
                instead_of=parked.id,
            )  # fmt: skip
        elif not progress.is_noted:
            self._store.deliveries.unpark(parked.id)
        outcome = "handled" if problem is None else "parked"
        self._counters.count(self._counters.events, outcome)
        return problem is None


def _as_event(item: Item) -> dict[str, Any]:
    """The object as which an item is put aside: an event as it was pushed, but for what no store
    could copy or write."""
    content = cut(item.content)
    if item.kind in LISTS:
        return {item.kind: content}
    return content if isinstance(content, dict) else {"content": content}


def _as_item(parked: ParkedEvent) -> Item:
    """The item that was put aside."""
    found, key = parked.event, parked.key or f"parked:{parked.id}"
    if len(found) == 1:
        [(name, content)] = found.items()
        if name in LISTS:
            return Item(name, key, content)
        if name == "content" and not isinstance(content, dict):
            return Item("event", key, content)
    if "to_user_id" in found:
        return Item("to_device", key, found)
    return Item("event" if "event_id" in found else "ephemeral", key, found)
