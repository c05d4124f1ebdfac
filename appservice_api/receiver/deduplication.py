"""Deduplication: each transaction is handled once, and so is each of its events.

A transaction is claimed, its events are handled, and it is acknowledged. What was handled is noted
in the state store, which all processes share: no crash loses an event of a room, and none is
handled twice but the one at which a process died. A transaction is known by its ID and a digest of
its events' IDs, an event by its ID, other items by their place in the transaction
(``transaction.py``).
"""

from __future__ import annotations

import threading
from typing import Any

from ..errors import StateStoreError
from ..state_store import ASStateStore
from ..state_store.deliveries import Claim, ClaimLost, Note
from ..state_store.keys import ClaimKey, ClaimKind, NoteKey
from .claims import Claims
from .counters import Counters
from .deaths import Deaths, deadly_last
from .dispatch import Closed, Dispatch
from .handlers import Step
from .http import Response, try_again
from .parked import Parked
from .progress import EventProgress, note_of
from .transaction import LONGEST_NAME, Item, Transaction
from .watch import Work

__all__ = ["Deduplication"]

_OUTCOME = {Claim.MINE: "handled", Claim.DONE: "repeated", Claim.BUSY: "busy"}


class Deduplication:
    """Handles each transaction once, whichever thread or process it comes to."""

    def __init__(
        self, state_store: ASStateStore, dispatch: Dispatch, claims: Claims, deaths: Deaths,
        parked: Parked, counters: Counters, log: Any,
    ) -> None:  # fmt: skip
        self._store = state_store
        self._dispatch = dispatch
        self._claims = claims
        self._deaths = deaths
        self._parked = parked
        self._counters = counters
        self._log = log
        self._local = threading.local()

    def deliver(self, transaction: Transaction) -> Response:
        """Handle a transaction, unless that is done; wait if somebody else does it.

        Returns:
            200 if it was handled; 503 if it is still being handled, or can't be now.
        """
        key = ClaimKey(ClaimKind.TRANSACTION, transaction.id, transaction.digest)
        transactions = self._counters.transactions
        try:
            claim = self._claims.claim(key, transaction.rooms())
            if claim is Claim.MINE:
                with self._claims.keep(key, finish=True) as taken_over:
                    self.handle([*transaction.items()], taken_over)
        except Exception as error:
            self._log.exception("transaction %s isn't acknowledged", transaction.id)
            self._counters.count(transactions, "failed")
            explained = isinstance(error, (StateStoreError, Closed, ClaimLost))
            what = str(error) if explained else type(error).__name__
            return try_again(f"This transaction can't be handled now: {what}")
        self._counters.count(transactions, _OUTCOME[claim])
        if claim is Claim.BUSY:
            return try_again("This transaction is still being handled")
        return Response(200)

    @property
    def is_handling(self) -> bool:
        """Whether the present thread is handling something."""
        return getattr(self._local, "handling", False)

    def handle(self, items: list[Item], taken_over: bool) -> None:
        """Handle items that weren't handled before, in order.

        Args:
            items: The items, which the caller has claimed.
            taken_over: Whether the claim was taken over from a process that died.
        """
        with self._dispatch.watch.handling() as work:
            self._local.handling = True
            try:
                self._handle(items, taken_over, work)
            finally:
                self._local.handling = False

    def _handle(self, items: list[Item], taken_over: bool, work: Work) -> None:
        marks = self._dispatch.marks(items)
        names: list[str | NoteKey] = [item.key for item in items]
        for noted in marks.values():
            names += noted
        done = self._store.deliveries.handled(names)
        left = [item for item in items if item.key not in done]
        self._remember(left)
        deaths = self._deaths.of(left) if taken_over else None
        unnoted: list[Note] = []
        for item in left if deaths is None else deadly_last(left, deaths):
            if item.key in done:
                continue
            done.add(item.key)
            handlers = self._dispatch.find(item)
            if handlers or not isinstance(item.content, dict):
                if unnoted:
                    self._note_all(unnoted)
                some = marks.get(item.key)
                finished = [name for mark, name in some.items() if mark in done] if some else []
                progress = EventProgress(note_of(item), finished)
                if deaths is None:
                    self._handle_one(item, handlers, progress, work)
                else:
                    with self._deaths.noting(item.key, deaths.get(item.key)) as deadly:
                        self._handle_one(item, handlers, progress, work, deadly)
            elif item.kind == "event":
                unnoted.append(note_of(item))
        if unnoted:
            self._note_all(unnoted)

    def _note_all(self, unnoted: list[Note]) -> None:
        """Note events that nobody handles."""
        self._store.deliveries.note_all_handled(unnoted)
        self._counters.count(self._counters.events, "unwanted", len(unnoted))
        unnoted.clear()

    def _remember(self, items: list[Item]) -> None:
        """Remember state events, those of names that every database can store."""
        states = [
            content for kind, _, content in items
            if kind == "event" and isinstance(content, dict) and "state_key" in content
            and _is_storable(content)
        ]  # fmt: skip
        if not states:
            return
        try:
            self._store.update_states(states)
        except StateStoreError:
            raise
        except Exception:
            # One that can't be read mustn't keep all that follow from being handled.
            self._log.exception("state events that were pushed can't be remembered")

    def _handle_one(
        self, item: Item, handlers: list[Step], progress: EventProgress, work: Work,
        deadly: RuntimeError | None = None,
    ) -> None:  # fmt: skip
        """Have one item handled, or park it; and note that.

        Args:
            item: The item.
            handlers: Its handlers.
            progress: Which of them have succeeded.
            work: What the thread handles.
            deadly: Why they aren't called.
        """
        problem = self._dispatch.call(handlers, item, progress, work, deadly)
        if problem is not None:
            self._parked.park(item, progress, problem)
        elif not progress.is_noted:
            self._store.deliveries.note_handled(*progress.note)
        outcome = "handled" if problem is None else "parked"
        self._counters.count(self._counters.events, outcome)


def _is_storable(event: dict[str, Any]) -> bool:
    """Whether every database can store the names in a state event."""
    names = [event.get(key, "") for key in ("room_id", "event_id", "sender", "state_key")]
    return all(
        isinstance(name, str) and len(name) <= LONGEST_NAME and name.isprintable() for name in names
    )
