"""Claims: a transaction, a room or a parked event belongs to one thread of all processes.

A claim is kept by a lease: if its process dies, another one takes it over.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from ..errors import BusyError
from ..state_store import ASStateStore
from ..state_store.deliveries import Claim
from ..state_store.keys import ClaimKey, ClaimKind
from .leases import Leases
from .runtime import Runtime
from .waiting import Waiting

__all__ = ["EVERYWHERE", "Claims"]

#: Stands for all rooms in :meth:`Claims.try_alone`.
EVERYWHERE = ""

_FIRST_LOOK, _LONGEST_LOOK = 0.02, 0.5


class Claims:
    """Claims what this process handles.

    Args:
        lease: Seconds after which another process takes over the claim of one that has died.
        copy_timeout: Seconds for which a copy of a transaction waits for the first, if few wait.
        look: Called at each renewal of leases.
    """

    def __init__(
        self, state_store: ASStateStore, lease: float, copy_timeout: float, runtime: Runtime,
        log: Any, look: Callable[[], None],
    ) -> None:  # fmt: skip
        self._store = state_store
        self._copy_timeout = copy_timeout
        self._runtime = runtime
        self._log = log
        self._leases = Leases(state_store, lease, log, look)
        #: Requests that wait for what others do.
        self.waiting = Waiting()

    # Transactions.

    def claim(self, key: ClaimKey, rooms: Iterable[str]) -> Claim:
        """Claim a transaction, to :meth:`keep` it. If somebody else has it, a few requests wait:
        each of them occupies a thread.

        Args:
            key: The transaction.
            rooms: The rooms that it has events of.

        Returns:
            BUSY if somebody else has it, or one of the rooms.
        """
        claim, _ = self._claim_now(key, rooms)
        if claim is not Claim.BUSY or not self.waiting.enter():
            return claim
        try:
            return self._wait_and_claim(key, rooms)
        finally:
            self.waiting.leave()

    def keep(self, key: ClaimKey, *, finish: bool = False) -> AbstractContextManager[bool]:
        """Keep a claim while the block runs. The value is whether it was taken over from a process
        that died.

        Args:
            key: What was claimed.
            finish: Whether the transaction is done if the block raises nothing; else the claim is
                given back.
        """
        return _Kept(self, key, finish)

    def _keep(self, key: ClaimKey) -> bool:
        self._leases.hold(key)
        return self._store.deliveries.takeovers(key) > 0

    def _end(self, key: ClaimKey, finish: bool, error: BaseException | None) -> None:
        try:
            if error is not None:
                self._leave(key, error)
            elif finish:
                self._store.deliveries.finish(key)
            else:
                self._give_up(key)
        except BaseException as failed:
            self._leave(key, failed)
            raise
        finally:
            self._leases.release(key)

    # Rooms, and what is parked.

    @contextmanager
    def alone(self, room_id: str) -> Iterator[bool]:
        """Have a room to oneself while the block runs: no transaction with events of it is handled
        meanwhile. The value is that of :meth:`keep`.

        Args:
            room_id: The room.

        Raises:
            BusyError: Somebody else has it, or handles a transaction, for longer than
                ``copy_timeout``.
        """
        key = ClaimKey(ClaimKind.ROOM, room_id)
        if self._wait_and_claim(key) is not Claim.MINE:
            raise BusyError(
                f"somebody else has looked after {room_id} for {self._copy_timeout:g} s"
            )
        with self.keep(key) as taken_over:
            self._wait_for_others()
            yield taken_over

    def try_alone(self, room_id: str) -> bool:
        """Have a room to oneself, if nobody else has it, until :meth:`release`. What is being
        handled now isn't waited for.

        Args:
            room_id: The room; :data:`EVERYWHERE` for all.

        Returns:
            Whether nobody else has it.
        """
        key = ClaimKey(ClaimKind.ROOM, room_id)
        if self._store.deliveries.claim(key, self._leases.seconds) is not Claim.MINE:
            return False
        self._leases.hold(key)
        return True

    def release(self, room_id: str) -> None:
        """Leave a room to others."""
        key = ClaimKey(ClaimKind.ROOM, room_id)
        self._give_up(key)
        self._leases.release(key)

    @contextmanager
    def parked(self, number: int) -> Iterator[bool]:
        """Have a parked event to oneself while the block runs. The value is that of :meth:`keep`.

        Args:
            number: Its number.

        Raises:
            BusyError: Somebody else has it.
        """
        key = ClaimKey(ClaimKind.PARKED, str(number))
        if self._store.deliveries.claim(key, self._leases.seconds) is not Claim.MINE:
            raise BusyError(f"somebody else is handling the parked event {number}")
        with self.keep(key) as taken_over:
            yield taken_over

    # How.

    def _wait_and_claim(self, key: ClaimKey, rooms: Iterable[str] = ()) -> Claim:
        """Claim something; BUSY if somebody else has it, or one of its rooms, for longer than one
        can wait."""
        clock = self._runtime.clock
        until = clock.monotonic() + self._copy_timeout
        pause = _FIRST_LOOK
        while True:
            claim, waits_for = self._claim_now(key, rooms)
            left = until - clock.monotonic()
            if claim is not Claim.BUSY or left <= 0 or self._runtime.closed.is_set():
                return claim
            mine = self._leases.end_of(waits_for)
            if mine is not None:
                clock.wait(mine, left)
            else:
                self._runtime.sleep(min(left, pause * random.uniform(0.5, 1)))  # noqa: S311
                pause = min(pause * 2, _LONGEST_LOOK)

    def _claim_now(self, key: ClaimKey, rooms: Iterable[str]) -> tuple[Claim, ClaimKey]:
        """Claim something, without waiting; and the claim that is in the way."""
        claim = self._store.deliveries.claim(key, self._leases.seconds)
        # Who claims a room looks for transactions afterwards: one of the two sees the other.
        held = self._held(rooms) if claim is Claim.MINE and rooms else None
        if held is None:
            return claim, key
        self._give_up(key)
        return Claim.BUSY, held

    def _held(self, rooms: Iterable[str]) -> ClaimKey | None:
        """The claim of a room that somebody has to himself, one of these or all rooms."""
        wanted = {EVERYWHERE, *rooms}
        claims = self._store.deliveries.in_flight(ClaimKind.ROOM)
        return next((one for one in claims if one.name in wanted), None)

    def _wait_for_others(self) -> None:
        """Wait until the transactions that are being handled now are done."""
        clock, closed = self._runtime.clock, self._runtime.closed
        until, pause = clock.monotonic() + self._copy_timeout, _FIRST_LOOK
        before = self._store.deliveries.in_flight(ClaimKind.TRANSACTION)
        while before := before & self._store.deliveries.in_flight(ClaimKind.TRANSACTION):
            left = until - clock.monotonic()
            if left <= 0 or closed.is_set():
                names = ", ".join(sorted(one.name for one in before))
                raise BusyError(
                    f"transaction {names} has been handled for more than {self._copy_timeout:g} s"
                )
            mine = self._leases.end_of(next(iter(before)))
            clock.wait(mine if mine is not None else closed, min(left, pause))
            pause = min(pause * 2, _LONGEST_LOOK)

    def _leave(self, key: ClaimKey, error: BaseException) -> None:
        """Give a claim back. Whoever is stopped within a handler leaves it as if its process had
        died: the next one takes it over at once, and an event whose handler makes servers stop
        processes is found."""
        if isinstance(error, Exception):
            self._give_up(key)
            return
        try:
            self._store.deliveries.renew(key, 0)
        except Exception as failed:
            self._log.warning("%s %s can't be given back: %s", key.kind.value, key.name, failed)

    def _give_up(self, key: ClaimKey) -> None:
        try:
            self._store.deliveries.give_up(key)
        except Exception as error:
            self._log.warning("%s %s can't be given back: %s", key.kind.value, key.name, error)


class _Kept(AbstractContextManager[bool]):
    """A claim that is kept while a block runs; see :meth:`Claims.keep`."""

    __slots__ = ("_claims", "_finish", "_key")

    def __init__(self, claims: Claims, key: ClaimKey, finish: bool) -> None:
        self._claims = claims
        self._key = key
        self._finish = finish

    def __enter__(self) -> bool:
        try:
            return self._claims._keep(self._key)
        except BaseException as error:
            self._claims._end(self._key, self._finish, error)
            raise

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._claims._end(self._key, self._finish, error)
