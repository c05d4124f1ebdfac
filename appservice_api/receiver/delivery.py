"""Delivery: claim, handle, acknowledge.

No crash loses an event of a room, and none is handled twice but the one at which a process died.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..api.sent import SENDING
from ..errors import BusyError, StateStoreError
from ..state_store.deliveries import (
    Begun,
    Claim,
    ClaimLost,
    Deliveries,
    Note,
    ParkedEvent,
)
from .checkpoint import Checkpoint, ParkedCheckpoint
from .dispatch import Closed, Dispatch
from .handler import Step
from .leases import Leases
from .request import Answer, refusal
from .tally import Tally
from .transaction import LONGEST_NAME, Item, Transaction, name_of, parked_as, unparked
from .waiting import Waiting
from .watch import described

if TYPE_CHECKING:
    from ..api.shared import Shared
    from ..state_store import ASStateStore

__all__ = ["EVERYWHERE", "Delivery", "later"]

#: Stands for all rooms in :meth:`Delivery.try_alone`.
EVERYWHERE = ""
# Rooms are claimed as transactions of this ID.
_ROOM = "$room"
# And so is what is parked, while it is retried.
_PARKED = "$parked"

_FIRST_LOOK, _LONGEST_LOOK = 0.02, 0.5
_LONGEST_TIME = 2**53
#: Only events of rooms are always noted: the others can't come again in another transaction.
_ROOM_EVENT = "event"
_OUTCOME = {Claim.MINE: "handled", Claim.DONE: "repeated", Claim.BUSY: "busy"}
# So many deaths in a row are no coincidence.
_DEATHS = 3
_UNWANTED = "\nNo handler wants it."


class Delivery:
    """Handles each transaction once, whichever thread or process it comes to.

    Args:
        state_store: What is remembered of rooms and of transactions.
        dispatch: The handlers.
        shared: What the API has that waits and tells the time.
        lease: Seconds after which another process takes the transaction of one that has died.
        patience: Seconds for which a copy of a transaction waits for the first, if few wait.
            Homeservers wait 60 s.
    """

    def __init__(
        self, state_store: ASStateStore, dispatch: Dispatch, shared: Shared, *, lease: float,
        patience: float,
    ) -> None:  # fmt: skip
        self._store = state_store
        self._dispatch = dispatch
        self._shared = shared
        self._log = shared.log
        self._patience = patience
        self._leases = Leases(state_store, lease, shared.log, dispatch.watch.look)
        #: Requests that wait for what others do.
        self.waiting = Waiting()
        #: What this process has done.
        self.tally = Tally()
        self._local = threading.local()

    @property
    def _deliveries(self) -> Deliveries:
        return self._store.deliveries

    def deliver(self, transaction: Transaction) -> Answer:
        """Handle a transaction, unless that is done; wait if somebody else does it.

        Returns:
            200 if it was handled; 503 if it is still being handled, or can't be now.
        """
        key = (transaction.id, transaction.digest)
        try:
            claim = self._claim_if_few_wait(key, _rooms(transaction))
            if claim is Claim.MINE:
                self._work(key, transaction)
        except Exception as error:
            self._log.exception("transaction %s isn't acknowledged", transaction.id)
            self.tally.count(self.tally.transactions, "failed")
            told = isinstance(error, (StateStoreError, Closed, ClaimLost))
            what = str(error) if told else type(error).__name__
            return later(f"This transaction can't be taken now: {what}")
        self.tally.count(self.tally.transactions, _OUTCOME[claim])
        if claim is Claim.BUSY:
            return later("This transaction is still being handled")
        return Answer(200)

    def _claim(self, key: tuple[str, str], rooms: Iterable[str] = ()) -> Claim:
        """Claim a transaction; BUSY if somebody else has it, or one of its rooms, for longer than
        one can wait."""
        clock, closed = self._shared.clock, self._shared.closed
        until = clock.monotonic() + self._patience
        pause = _FIRST_LOOK
        while True:
            claim, waits_for = self._claim_now(key, rooms)
            left = until - clock.monotonic()
            if claim is not Claim.BUSY or left <= 0 or closed.is_set():
                return claim
            mine = self._leases.end_of(waits_for)
            if mine is not None:
                clock.wait(mine, left)
            else:
                clock.wait(closed, min(left, pause * random.uniform(0.5, 1)))  # noqa: S311
                pause = min(pause * 2, _LONGEST_LOOK)

    def _claim_if_few_wait(self, key: tuple[str, str], rooms: Iterable[str]) -> Claim:
        """As :meth:`_claim`, but only a few requests wait: each occupies a thread."""
        claim, _ = self._claim_now(key, rooms)
        if claim is not Claim.BUSY or not self.waiting.enter():
            return claim
        try:
            return self._claim(key, rooms)
        finally:
            self.waiting.leave()

    def _claim_now(
        self, key: tuple[str, str], rooms: Iterable[str]
    ) -> tuple[Claim, tuple[str, str]]:
        """Claim a transaction, without waiting; and the claim that is in the way."""
        claim = self._deliveries.claim(*key, self._leases.seconds)
        # Who claims a room looks for transactions afterwards: one of the two sees the other.
        held = self._held(rooms) if claim is Claim.MINE and rooms else None
        if held is None:
            return claim, key
        self._give_up(key)
        return Claim.BUSY, held

    def _held(self, rooms: Iterable[str]) -> tuple[str, str] | None:
        """The claim of a room that somebody has to himself, one of these or all rooms."""
        wanted = {EVERYWHERE, *rooms}
        claims = self._deliveries.in_flight()
        return next((one for one in claims if one[0] == _ROOM and one[1] in wanted), None)

    @contextmanager
    def alone(self, room_id: str) -> Iterator[None]:
        """Have a room to oneself: no transaction with events of it is handled meanwhile.

        Args:
            room_id: The room.

        Raises:
            BusyError: Somebody else has it, or handles a transaction, for longer than one can
                wait.
        """
        key = (_ROOM, room_id)
        if self._claim(key) is not Claim.MINE:
            raise BusyError(f"somebody else has looked after {room_id} for {self._patience:g} s")
        try:
            self._leases.hold(key)
            self._wait_for_others()
            with self._careful(key):
                yield
        except BaseException as error:
            self._leave(key, error)
            raise
        else:
            self._give_up(key)
        finally:
            self._leases.release(key)

    def try_alone(self, room_id: str) -> bool:
        """Have a room to oneself, if nobody else has it, until :meth:`release`. What is being
        handled now isn't waited for.

        Args:
            room_id: The room; :data:`EVERYWHERE` for all.

        Returns:
            Whether nobody else has it.
        """
        key = (_ROOM, room_id)
        if self._deliveries.claim(*key, self._leases.seconds) is not Claim.MINE:
            return False
        self._leases.hold(key)
        return True

    def release(self, room_id: str) -> None:
        """Leave a room to others."""
        key = (_ROOM, room_id)
        self._give_up(key)
        self._leases.release(key)

    def _wait_for_others(self) -> None:
        """Wait until the transactions that are being handled now are done."""
        clock, closed = self._shared.clock, self._shared.closed
        until, pause = clock.monotonic() + self._patience, _FIRST_LOOK
        others = (_ROOM, _PARKED, SENDING)
        before = {one for one in self._deliveries.in_flight() if one[0] not in others}
        while before := before & self._deliveries.in_flight():
            left = until - clock.monotonic()
            if left <= 0 or closed.is_set():
                names = ", ".join(sorted(name for name, _ in before))
                raise BusyError(
                    f"transaction {names} has been handled for more than {self._patience:g} s"
                )
            mine = self._leases.end_of(next(iter(before)))
            clock.wait(mine if mine is not None else closed, min(left, pause))
            pause = min(pause * 2, _LONGEST_LOOK)

    def _work(self, key: tuple[str, str], transaction: Transaction) -> None:
        try:
            self._leases.hold(key)
            with self._careful(key):
                self.handle(transaction.items())
            self._deliveries.finish(*key)
        except BaseException as error:
            self._leave(key, error)
            raise
        finally:
            self._leases.release(key)

    @contextmanager
    def _careful(self, key: tuple[str, str]) -> Iterator[None]:
        """Note which event is in flight, if the claim was taken over from somebody who died."""
        before = getattr(self._local, "careful", False)
        self._local.careful = self._deliveries.takeovers(*key) > 0
        try:
            yield
        finally:
            self._local.careful = before

    def _leave(self, key: tuple[str, str], error: BaseException) -> None:
        """Give a claim back. Whoever is stopped within a handler leaves it as if he had died: the
        next one takes it over at once, and an event whose handler makes servers stop processes is
        found."""
        if isinstance(error, Exception):
            self._give_up(key)
            return
        try:
            self._deliveries.renew(*key, 0)
        except Exception as failed:
            self._log.warning("transaction %s can't be given back: %s", key[0], failed)

    def _give_up(self, key: tuple[str, str]) -> None:
        try:
            self._deliveries.give_up(*key)
        except Exception as error:
            self._log.warning("transaction %s can't be given back: %s", key[0], error)

    @property
    def is_handling(self) -> bool:
        """Whether the present thread is handling something."""
        return getattr(self._local, "handling", False)

    def handle(self, given: Iterable[Item]) -> None:
        """Handle items that weren't handled before, in order; by who has claimed them."""
        with self._watched():
            self._local.handling = True
            try:
                self._handle(list(given))
            finally:
                self._local.handling = False

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Have what this thread handles be seen by who watches what takes long."""
        outer = getattr(self._local, "work", None)
        self._local.work, before = self._dispatch.watch.begin()
        try:
            yield
        finally:
            self._dispatch.watch.end(before)
            self._local.work = outer

    def _handle(self, items: list[Item]) -> None:
        marks = self._dispatch.marks(items)
        names = [item.key for item in items]
        done = self._deliveries.handled([*names, *(one for some in marks.values() for one in some)])
        left = [item for item in items if item.key not in done]
        self._remember(left)
        begun = self._begun(left) if getattr(self._local, "careful", False) else None
        unnoted: list[Note] = []
        for item in left if begun is None else _deadly_last(left, begun):
            if item.key in done:
                continue
            done.add(item.key)
            handlers = self._dispatch.find(item)
            if handlers or not isinstance(item.content, dict):
                if unnoted:
                    self._note_all(unnoted)
                some = marks.get(item.key)
                finished = [name for mark, name in some.items() if mark in done] if some else []
                if begun is None:
                    self._handle_one(item, handlers, Checkpoint(_note(item), finished))
                else:
                    with self._beginning(item.key, begun.get(item.key)) as problem:
                        checkpoint = Checkpoint(_note(item), finished)
                        self._handle_one(item, handlers, checkpoint, problem)
            elif item.kind == _ROOM_EVENT:
                unnoted.append(_note(item))
        if unnoted:
            self._note_all(unnoted)

    def _begun(self, items: list[Item]) -> dict[str, Begun]:
        """How often events were in flight when a process died. Of the first process that died is
        only known that it was at the first event that isn't done."""
        found = self._deliveries.begun([item.key for item in items])
        if not found:
            first = next((item for item in items if self._dispatch.find(item)), None)
            return {first.key: Begun(1, 0)} if first is not None else {}
        return found

    @contextmanager
    def _beginning(self, key: str, before: Begun | None) -> Iterator[RuntimeError | None]:
        """Note that an event is in flight. The value is why it isn't to be handled any more."""
        times = before.times if before is not None else 0
        if before is not None and times >= _DEATHS:
            yield RuntimeError(_died(before))
        else:
            self._deliveries.begin(key, times + 1)
            try:
                yield None
            except Exception:
                self._deliveries.ended(key)
                raise
        self._deliveries.ended(key)

    def _note_all(self, unnoted: list[Note]) -> None:
        """Note events that nobody handles."""
        self._deliveries.note_all_handled(unnoted)
        self.tally.count(self.tally.events, "unwanted", len(unnoted))
        unnoted.clear()

    def _remember(self, items: list[Item]) -> None:
        """Remember state events, those of names that every database takes."""
        states = [
            content for kind, _, content in items
            if kind == _ROOM_EVENT and isinstance(content, dict) and "state_key" in content
            and _is_named(content)
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
        self, item: Item, handlers: list[Step], checkpoint: Checkpoint,
        deadly: RuntimeError | None = None,
    ) -> None:  # fmt: skip
        """Have one item handled, or park it; and note that.

        Args:
            item: The item.
            handlers: Its handlers.
            checkpoint: How far they are.
            deadly: Why they aren't called.
        """
        if deadly is None:
            problem = self._dispatch.call(handlers, item, checkpoint, self._local.work)
        else:
            problem = self._tell_deadly(deadly, item)
        if problem is not None:
            number = self._deliveries.park(
                parked_as(item), problem, key=item.key, done=sorted(checkpoint.done),
                note=checkpoint.note,
            )  # fmt: skip
            self._log.error("%s is parked as number %d: %s", described(item), number, problem)
        elif not checkpoint.is_noted:
            self._deliveries.note_handled(*checkpoint.note)
        self.tally.count(self.tally.events, "handled" if problem is None else "parked")

    def _tell_deadly(self, deadly: RuntimeError, item: Item) -> str:
        """Tell handlers of errors why an item isn't handled any more."""
        self._dispatch.watch.next(self._local.work, item)
        return self._dispatch.tell(deadly, item)

    def retry(self, number: int) -> bool:
        """Handle again what was parked. Returns whether it was handled.

        Raises:
            KeyError: There is none of this number.
            BusyError: Somebody else is at it.
        """
        key = (_PARKED, str(number))
        if self._deliveries.claim(*key, self._leases.seconds) is not Claim.MINE:
            raise BusyError(f"somebody else is handling the parked event {number}")
        try:
            self._leases.hold(key)
            with self._careful(key):
                handled = self._retry(number)
        except BaseException as error:
            self._leave(key, error)
            raise
        else:
            self._give_up(key)
        finally:
            self._leases.release(key)
        return handled

    def _retry(self, number: int) -> bool:
        parked = self._deliveries.parked_event(number)
        if parked is None:
            raise KeyError(number)
        item = unparked(parked.event, number, parked.key)
        if not self._local.careful:
            return self._retry_one(parked, item)
        # Its name was another one when it was pushed.
        name = f"{_PARKED}:{number}"
        before = self._deliveries.begun([name]).get(name, Begun(1, 0))
        with self._beginning(name, before) as deadly:
            return self._retry_one(parked, item, deadly)

    def _retry_one(
        self, parked: ParkedEvent, item: Item, deadly: RuntimeError | None = None
    ) -> bool:
        handlers = self._dispatch.find(item)
        checkpoint = ParkedCheckpoint(parked, _note(item))
        with self._watched():
            if deadly is None:
                problem = self._dispatch.call(handlers, item, checkpoint, self._local.work)
            else:
                problem = self._tell_deadly(deadly, item)
        if problem is None and not handlers:
            # It isn't lost to a process that has none of the handlers.
            problem = f"{parked.error.removesuffix(_UNWANTED)}{_UNWANTED}"
        # It stays parked as long as its handlers aren't done: whoever dies meanwhile loses nothing.
        if problem is not None:
            self._deliveries.park(
                parked.event, problem, key=parked.key, done=sorted(checkpoint.done),
                instead_of=parked.id,
            )  # fmt: skip
        elif not checkpoint.is_noted:
            self._deliveries.unpark(parked.id)
        self.tally.count(self.tally.events, "handled" if problem is None else "parked")
        return problem is None


# Rooms come again and again.
_room_name = lru_cache(maxsize=1024)(name_of)


def _rooms(transaction: Transaction) -> set[str]:
    """The rooms that a transaction has events of."""
    given = [one.get("room_id") for one in transaction.events if isinstance(one, dict)]
    found = {one for one in given if isinstance(one, str)}
    return {room for room in map(_room_name, found) if room is not None}


def _room_of(item: Item) -> object:
    return name_of(item.content.get("room_id")) if isinstance(item.content, dict) else None


def _deadly_last(items: list[Item], begun: dict[str, Begun]) -> list[Item]:
    """Items in order, but for those of rooms with events of which processes died: they come last,
    so that other rooms don't wait for them."""
    deaths: dict[object, int] = {}
    for item in items:
        times = begun[item.key].times if item.key in begun else 0
        deaths[_room_of(item)] = max(times, deaths.get(_room_of(item), 0))
    return sorted(items, key=lambda item: deaths[_room_of(item)])


def _died(before: Begun) -> str:
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


def _note(item: Item) -> Note:
    """What is noted of an item: its key, its room, and its time."""
    if item.kind != _ROOM_EVENT or not isinstance(item.content, dict):
        return Note(item.key)
    said = item.content.get("origin_server_ts")
    ts = said if type(said) is int and 0 <= said < _LONGEST_TIME else None
    room = item.content.get("room_id")
    return Note(item.key, _room_name(room) if isinstance(room, str) else None, ts)


def _is_named(event: dict[str, Any]) -> bool:
    """Whether the names in a state event are such that every database takes."""
    names = [event.get(key, "") for key in ("room_id", "event_id", "sender", "state_key")]
    return all(
        isinstance(name, str) and len(name) <= LONGEST_NAME and name.isprintable() for name in names
    )


def later(error: str) -> Answer:
    """The answer that has a homeserver push a transaction again."""
    return refusal(503, "M_UNKNOWN", error, {"Retry-After": "2"})
