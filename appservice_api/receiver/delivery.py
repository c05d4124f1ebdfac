"""Delivery: claim, handle, acknowledge.

No crash loses an event of a room, and none is handled twice but the one at which a process died.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..api.retry import Clock
from ..errors import StateStoreError
from ..state_store.deliveries import Claim
from .leases import Leases
from .request import Answer, refusal
from .transaction import Item, Transaction, name_of

if TYPE_CHECKING:
    from ..state_store import ASStateStore

__all__ = ["Delivery"]

_FIRST_LOOK, _LONGEST_LOOK = 0.02, 0.5
#: Only events of rooms are always noted: the others can't come again in another transaction.
_ROOM_EVENT = "event"


class Delivery:
    """Handles each transaction once, whichever thread or process it comes to.

    Args:
        state_store: What is remembered of rooms and of transactions.
        handle: Handles one item, and returns None; or the traceback of why it can't be handled.
        wants: Whether anything handles an item.
        clock: What waits.
        log: Where is said what went wrong.
        lease: Seconds after which another process takes the transaction of one that has died.
        patience: Seconds for which a copy of a transaction waits for the first. Homeservers wait
            60 s.
    """

    def __init__(
        self,
        state_store: ASStateStore,
        handle: Callable[[Item], str | None],
        wants: Callable[[Item], bool],
        *,
        clock: Clock,
        log: Any,
        lease: float = 30.0,
        patience: float = 45.0,
    ) -> None:
        self._store = state_store
        self._deliveries = state_store.deliveries
        self._handle = handle
        self._wants = wants
        self._clock = clock
        self._log = log
        self._patience = patience
        self._leases = Leases(self._deliveries, lease, log)
        self._never = threading.Event()

    def deliver(self, transaction: Transaction) -> Answer:
        """Handle a transaction, unless that is done; wait if somebody else does it.

        Returns:
            200 if it was handled; 503 if it is still being handled, or can't be now.
        """
        key = (transaction.id, transaction.digest)
        try:
            claim = self._claim(key)
            if claim is Claim.MINE:
                self._work(key, transaction)
        except Exception as error:
            self._log.exception("transaction %s isn't acknowledged", transaction.id)
            what = str(error) if isinstance(error, StateStoreError) else type(error).__name__
            return _later(f"This transaction can't be taken now: {what}")
        if claim is Claim.BUSY:
            return _later("This transaction is still being handled")
        return Answer(200)

    def _claim(self, key: tuple[str, str]) -> Claim:
        """Claim a transaction; BUSY if somebody else has it for longer than one can wait."""
        until = self._clock.monotonic() + self._patience
        pause = _FIRST_LOOK
        while True:
            claim = self._deliveries.claim(*key, self._leases.seconds)
            left = until - self._clock.monotonic()
            if claim is not Claim.BUSY or left <= 0:
                return claim
            mine = self._leases.end_of(key)
            if mine is not None:
                self._clock.wait(mine, left)
            else:
                self._clock.wait(self._never, min(left, pause * random.uniform(0.5, 1)))  # noqa: S311
                pause = min(pause * 2, _LONGEST_LOOK)

    def _work(self, key: tuple[str, str], transaction: Transaction) -> None:
        self._leases.hold(key)
        try:
            self._handle_all(transaction)
            self._deliveries.finish(*key)
        except BaseException:
            self._give_up(key)
            raise
        finally:
            self._leases.release(key)

    def _give_up(self, key: tuple[str, str]) -> None:
        try:
            self._deliveries.give_up(*key)
        except Exception as error:
            self._log.warning("transaction %s can't be given back: %s", key[0], error)

    def _handle_all(self, transaction: Transaction) -> None:
        items = list(transaction.items())
        done = self._deliveries.handled([item.key for item in items])
        left = [item for item in items if item.key not in done]
        self._remember([item.content for item in left if item.kind == _ROOM_EVENT])
        for item in left:
            if item.key not in done:
                done.add(item.key)
                self.handle(item)

    def _remember(self, events: list[Any]) -> None:
        states = [one for one in events if isinstance(one, dict) and "state_key" in one]
        if not states:
            return
        try:
            self._store.update_states(states)
        except StateStoreError:
            raise
        except Exception:
            # One that can't be read mustn't keep all that follow from being handled.
            self._log.exception("state events that were pushed can't be remembered")

    def handle(self, item: Item) -> None:
        """Handle one item, or park it; and note that.

        Raises:
            StateStoreError: It can't be noted.
        """
        content, in_room = item.content, item.kind == _ROOM_EVENT
        if not isinstance(content, Mapping):
            self._park({"content": content}, f"This {item.kind} isn't an object")
        elif self._wants(item):
            problem = self._handle(item)
            if problem is not None:
                self._park(content, problem)
        elif not in_room:
            return
        room_id = ts = None
        if in_room and isinstance(content, Mapping):
            room_id = name_of(content.get("room_id"))
            said = content.get("origin_server_ts")
            ts = said if type(said) is int and 0 <= said < 2**53 else None
        self._deliveries.note_handled(item.key, room_id, ts)

    def _park(self, content: Mapping[str, Any], problem: str) -> None:
        number = self._deliveries.park(content, problem)
        self._log.error("an event is parked as number %d: %s", number, problem)


def _later(error: str) -> Answer:
    return refusal(503, "M_UNKNOWN", error, {"Retry-After": "2"})
