"""Deliveries in the database of a Django project."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError, connections, transaction
from django.db.models import BigIntegerField, Exists, F, Func, OuterRef, Q
from django.db.models.functions import Coalesce

from ..clock import now
from ..errors import StateStoreError
from ..fork import renew_after_fork
from ..state_store.deliveries import Begun as BegunEvent
from ..state_store.deliveries import (
    Claim,
    ClaimLost,
    Deliveries,
    Note,
    ParkedEvent,
    ParkedNote,
)
from ..state_store.names import storable
from ..state_store.pruning import (
    ABANDONED_MS,
    HANDLED,
    TRANSACTIONS,
    Turns,
    done_text,
    handled_row,
    lease_ms,
    named,
    time_ms,
)
from .database import Database
from .models import Begun, Handled, Parked, Settled, Transaction
from .rows import Rows, chunks

__all__ = ["DjangoDeliveries"]


class _Clock(Func):
    """The time in milliseconds since 1970, by the clock that all who share the database share,
    and when the database is about to write: whoever has waited to write has lost no time."""

    template = "CAST(EXTRACT(EPOCH FROM CLOCK_TIMESTAMP()) * 1000 AS BIGINT)"
    output_field = BigIntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "CAST((JULIANDAY('now') - 2440587.5) * 86400000 AS INTEGER)"
        return self.as_sql(compiler, connection, template=template, **context)


class DjangoDeliveries(Deliveries):
    """Deliveries in the database of a :class:`DjangoStateStore`.

    What is noted here counts at once, and isn't rolled back with anything: within ``atomic()`` all
    that writes is refused with a StateStoreError. Where ``ATOMIC_REQUESTS`` is set, the view that
    takes transactions must be decorated with ``django.db.transaction.non_atomic_requests``. (The
    transaction of Django's own TestCase is none.)

    On PostgreSQL, leases run by the database's clock: machines whose clocks differ don't take each
    other's claims.

    Args:
        database: The database.
        transactions: How many transactions are remembered.
        handled: How many handled events are remembered, beside the last one of each room.
    """

    def __init__(
        self, database: Database, *, transactions: int = TRANSACTIONS, handled: int = HANDLED
    ) -> None:
        self._database = database
        self._rows = Rows(database.using)
        #: The alias of the database.
        self.using = database.using
        self._most_transactions = transactions
        self._most_handled = handled
        self._after_fork()
        renew_after_fork(self)

    def _after_fork(self) -> None:
        # Whoever has lost a claim must not give up the claim of who has it now.
        self._owner = secrets.token_hex(8)
        self._finished = Turns()
        self._noted = Turns()
        # How often what this process has claimed was taken over; most never was.
        self._takeovers: dict[tuple[str, str], int] = {}

    # Transactions.

    def _these(self, transaction_id: str, digest: str, **more: Any) -> Any:
        rows = self._rows.of(Transaction)
        return rows.filter(transaction_id=named(transaction_id), digest=named(digest), **more)

    def _mine(self, transaction_id: str, digest: str) -> Any:
        return self._these(transaction_id, digest, owner=self._owner, finished_at=None)

    def _insert(self, transaction_id: str, digest: str) -> None:
        self._rows.insert([
            Transaction(
                transaction_id=named(transaction_id), digest=named(digest), owner=self._owner,
                claimed_until=0,
            )
        ])  # fmt: skip

    def claim(self, transaction_id: str, digest: str, lease: float) -> Claim:
        length = lease_ms(lease)
        these = self._these(transaction_id, digest)
        mine: dict[str, Any] = {"owner": self._owner, "claimed_until": _Clock() + length}

        def work() -> tuple[int, int]:
            self._insert(transaction_id, digest)
            new: int = these.filter(finished_at=None, claimed_until=0).update(**mine)
            if new:
                return new, 0
            over = these.filter(finished_at=None, claimed_until__lte=_Clock())
            taken = over.update(takeovers=Coalesce(F("takeovers"), 0) + 1, **mine)
            return taken, these.values_list("takeovers", flat=True)[0] if taken else 0

        claimed, takeovers = self._database.write_for_good(work)
        if claimed:
            if takeovers:
                self._takeovers[transaction_id, digest] = takeovers
            return Claim.MINE
        done = these.filter(finished_at__isnull=False)
        return Claim.DONE if self._database.read(done.exists) else Claim.BUSY

    def renew(self, transaction_id: str, digest: str, lease: float) -> None:
        length = lease_ms(lease)
        mine = self._mine(transaction_id, digest)
        self._database.write_for_good(lambda: mine.update(claimed_until=_Clock() + length))

    def takeovers(self, transaction_id: str, digest: str) -> int:
        return self._takeovers.get((transaction_id, digest), 0)

    def finish(self, transaction_id: str, digest: str) -> None:
        self._takeovers.pop((transaction_id, digest), None)
        these = self._these(transaction_id, digest)

        def work() -> None:
            if not these.update(finished_at=_Clock()):
                self._insert(transaction_id, digest)
                these.update(finished_at=_Clock())

        self._database.write_for_good(work)
        if self._finished.due():
            self._prune_transactions()

    def give_up(self, transaction_id: str, digest: str) -> None:
        self._takeovers.pop((transaction_id, digest), None)
        self._database.write_for_good(self._mine(transaction_id, digest).delete)

    def in_flight(self) -> set[tuple[str, str]]:
        claimed = self._rows.of(Transaction).filter(finished_at=None, claimed_until__gt=_Clock())
        return self._database.read(lambda: set(claimed.values_list("transaction_id", "digest")))

    # Events.

    def handled(self, keys: Iterable[str]) -> set[str]:
        by_name: dict[str, set[str]] = {}
        for key in keys:
            by_name.setdefault(named(key), set()).add(key)

        def work() -> set[str]:
            found: set[str] = set()
            for chunk in chunks(list(by_name)):
                rows = self._rows.of(Handled).filter(key__in=chunk)
                found.update(*(by_name[name] for name in rows.values_list("key", flat=True)))
            return found

        return self._database.read(work)

    def note_handled(self, key: str, room_id: str | None = None, ts: int | None = None) -> None:
        self.note_all_handled([(key, room_id, ts)])

    def note_all_handled(self, events: Iterable[tuple[str, str | None, int | None]]) -> None:
        rows = [Handled(**handled_row(*event)) for event in events]
        self._database.write_for_good(lambda: self._rows.insert(rows))
        if self._noted.due(len(rows)):
            self._prune_handled()

    def last_handled(self, room_id: str) -> str | None:
        return self._handled_of(room_id, "-pk")

    def first_handled(self, room_id: str) -> str | None:
        return self._handled_of(room_id, "pk")

    def _handled_of(self, room_id: str, order: str) -> str | None:
        rows = self._rows.of(Handled).filter(room=named(room_id)).order_by(order)
        found: str | None = self._database.read(rows.values_list("key", flat=True).first)
        return found

    def settle(self, room_id: str, event_id: str) -> None:
        row = Settled(room=named(room_id), event_id=named(event_id))
        self._database.write_for_good(lambda: self._rows.update([row], ("room",), ("event_id",)))

    def settled(self, room_id: str) -> str | None:
        rows = self._rows.of(Settled).filter(room=named(room_id))
        found: str | None = self._database.read(rows.values_list("event_id", flat=True).first)
        return found

    # A handler's unit of work.

    has_connection = True

    def joins(self, wants_connection: bool) -> bool:
        return True

    @contextmanager
    def unit(self, note: Note | ParkedNote | None) -> Iterator[Any]:
        with self._database.unit():
            yield connections[self._database.using]
            if note is not None:
                self._note_within(note)
        if isinstance(note, Note) and self._noted.due():
            self._prune_handled()

    def _note_within(self, note: Note | ParkedNote) -> None:
        using = self._database.using
        noted = True
        if isinstance(note, Note):
            try:
                with transaction.atomic(using=using, savepoint=False):
                    Handled(**handled_row(*note)).save(using=using, force_insert=True)
            except IntegrityError:
                noted = False
        else:
            these = self._rows.of(Parked).filter(pk=note.number, done=done_text(note.before))
            if note.done is None:
                noted = bool(these.delete()[0])
            else:
                noted = bool(these.update(done=done_text(note.done)))
        if not noted:
            raise ClaimLost("somebody else has handled the event meanwhile")

    # Processes that died.

    def begin(self, key: str, times: int) -> None:
        row = Begun(key=named(key), times=times, begun_at=now())
        self._database.write_for_good(
            lambda: self._rows.update([row], ("key",), ("times", "begun_at"))
        )

    def begun(self, keys: Iterable[str]) -> dict[str, BegunEvent]:
        by_name = {named(key): key for key in keys}

        def work() -> dict[str, BegunEvent]:
            found: dict[str, BegunEvent] = {}
            for chunk in chunks(list(by_name)):
                rows = self._rows.of(Begun).filter(key__in=chunk)
                for name, times, begun_at in rows.values_list("key", "times", "begun_at"):
                    found[by_name[name]] = BegunEvent(times, begun_at)
            return found

        return self._database.read(work)

    def ended(self, key: str) -> None:
        self._database.write_for_good(self._rows.of(Begun).filter(key=named(key)).delete)

    # Events that were put aside.

    def park(
        self, event: Mapping[str, Any], error: str, *, key: str | None = None,
        done: Iterable[str] = (), note: Note | None = None, instead_of: int | None = None,
    ) -> int:  # fmt: skip
        row = {
            "event": json.dumps(dict(event)), "error": storable(error), "parked_at": now(),
            "key": named(key) if key is not None else None, "done": done_text(done),
        }  # fmt: skip

        def work() -> int:
            made = Parked(**row)
            made.save(using=self._database.using, force_insert=True)
            if note is not None:
                self._rows.insert([Handled(**handled_row(*note))])
            if instead_of is not None:
                self._rows.of(Parked).filter(pk=instead_of).delete()
            return int(made.pk)

        return self._database.write_for_good(work)

    def set_done(self, number: int, done: Iterable[str]) -> None:
        text = done_text(done)
        these = self._rows.of(Parked).filter(pk=number)
        self._database.write_for_good(lambda: these.update(done=text))

    def parked(self) -> list[ParkedEvent]:
        rows = self._rows.of(Parked).order_by("pk")
        return self._database.read(lambda: [_parked(row) for row in rows])

    def count_parked(self) -> int:
        return int(self._database.read(self._rows.of(Parked).count))

    def parked_event(self, number: int) -> ParkedEvent | None:
        if time_ms(number) is None:
            return None
        row = self._database.read(self._rows.of(Parked).filter(pk=number).first)
        return _parked(row) if row is not None else None

    def unpark(self, number: int) -> ParkedEvent | None:
        found, these = self.parked_event(number), self._rows.of(Parked).filter(pk=number)
        if found is None:
            return None

        def work() -> int:
            removed: int = these.delete()[0]
            return removed

        # Of several who ask at once, one removes it.
        return found if self._database.write_for_good(work) else None

    # What is old.

    def _prune(self, model: Any, order: str, most: int, old: Callable[[Any], Any]) -> None:
        """Remove what is old.

        Args:
            model: The model.
            order: The field by which rows are old or new; those without one aren't counted.
            most: How many of the newest rows are kept.
            old: From where in the order on rows are old to those that are removed.
        """
        rows = self._rows.of(model).filter(**{f"{order}__isnull": False})
        newest = rows.order_by(f"-{order}").values_list(order, flat=True)
        try:
            for oldest in self._database.read(lambda: list(newest[most - 1 : most])):
                self._database.write_for_good(old(oldest).delete)
        except StateStoreError:
            # What was to be written is written; old rows are removed another time.
            return

    def _forget(self, rows: Any) -> None:
        try:
            self._database.write_for_good(rows.delete)
        except StateStoreError:
            # Another time.
            return

    def _prune_transactions(self) -> None:
        rows, begun = self._rows.of(Transaction), self._rows.of(Begun)
        self._forget(begun.filter(begun_at__lt=now() - ABANDONED_MS))
        abandoned = Q(finished_at=None, claimed_until__lt=_Clock() - ABANDONED_MS)
        self._prune(
            Transaction,
            "finished_at",
            self._most_transactions,
            lambda oldest: rows.filter(Q(finished_at__lt=oldest) | abandoned),
        )

    def _prune_handled(self) -> None:
        rows = self._rows.of(Handled)
        followed = Exists(rows.filter(room=OuterRef("room"), pk__gt=OuterRef("pk")))
        self._prune(
            Handled,
            "pk",
            self._most_handled,
            lambda oldest: rows.filter(Q(room=None) | followed, pk__lt=oldest),
        )


def _parked(row: Any) -> ParkedEvent:
    done = tuple(json.loads(row.done)) if row.done else ()
    return ParkedEvent(row.pk, json.loads(row.event), row.error, row.parked_at, row.key, done)
