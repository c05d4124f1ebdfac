"""Deliveries in the database of a Django project."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError, connections, transaction
from django.db.models import BigIntegerField, CharField, Exists, F, Func, OuterRef, Q, Value
from django.db.models.functions import Coalesce

from ..clock import now
from ..state_store.database_deliveries import (
    ABANDONED_MS,
    EVENT,
    HANDLED,
    TRANSACTIONS,
    DatabaseDeliveries,
    by_kind,
    by_row_key,
    claim_row,
    done_text,
    handled_row,
    lease_ms,
    noted_row,
    parked_event,
    row_key,
)
from ..state_store.databases import chunks
from ..state_store.deliveries import Begun as BegunEvent
from ..state_store.deliveries import (
    Claim,
    ClaimLost,
    Note,
    ParkedEvent,
    ParkedNote,
)
from ..state_store.keys import ClaimKey, ClaimKind, NoteKey
from ..state_store.storable import storable_name, storable_time
from . import models
from .database import Database
from .models import Begun, CaughtUp, Checkpoint, Handled, Noted, Parked
from .rows import Rows

__all__ = ["DjangoDeliveries"]


class _Clock(Func):
    """The time in milliseconds since 1970, by the database's clock where it has one, at the moment
    of the write: waiting for a lock doesn't shorten a lease."""

    template = "CAST(EXTRACT(EPOCH FROM CLOCK_TIMESTAMP()) * 1000 AS BIGINT)"
    output_field = BigIntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "CAST((JULIANDAY('now') - 2440587.5) * 86400000 AS INTEGER)"
        return self.as_sql(compiler, connection, template=template, **context)


class DjangoDeliveries(DatabaseDeliveries):
    """Deliveries in the database of a :class:`DjangoStateStore`.

    What is noted here counts at once, and is never rolled back: within ``atomic()``, writes are
    refused with a StateStoreError. If ``ATOMIC_REQUESTS`` is set, the view that receives
    transactions must be decorated with ``django.db.transaction.non_atomic_requests``. (The
    transaction of Django's own TestCase doesn't count.)

    Args:
        database: The database.
        transactions, handled: As for :class:`DatabaseDeliveries`.
    """

    def __init__(
        self, database: Database, *, transactions: int = TRANSACTIONS, handled: int = HANDLED
    ) -> None:
        super().__init__(transactions, handled)
        self._database = database
        self._rows = Rows(database.using)
        #: The alias of the database.
        self.using = database.using

    # Claims.

    def _these(self, key: ClaimKey, **more: Any) -> Any:
        return self._rows.of(models.Claim).filter(**claim_row(key), **more)

    def _mine(self, key: ClaimKey) -> Any:
        return self._these(key, owner=self._owner, finished_at=None)

    def _insert(self, key: ClaimKey) -> None:
        row = models.Claim(**claim_row(key), owner=self._owner, claimed_until=0)
        self._rows.insert([row])

    def claim(self, key: ClaimKey, lease: float) -> Claim:
        length, these = lease_ms(lease), self._these(key)
        mine: dict[str, Any] = {"owner": self._owner, "claimed_until": _Clock() + length}

        def work() -> tuple[int, int]:
            self._insert(key)
            new: int = these.filter(finished_at=None, claimed_until=0).update(**mine)
            if new:
                return new, 0
            over = these.filter(finished_at=None, claimed_until__lte=_Clock())
            taken = over.update(takeovers=Coalesce(F("takeovers"), 0) + 1, **mine)
            return taken, these.values_list("takeovers", flat=True)[0] if taken else 0

        claimed, takeovers = self._database.write_for_good(work)
        if claimed:
            if takeovers:
                self._takeovers[key] = takeovers
            return Claim.MINE
        done = these.filter(finished_at__isnull=False)
        return Claim.DONE if self._database.read(done.exists) else Claim.BUSY

    def renew(self, key: ClaimKey, lease: float) -> None:
        length, mine = lease_ms(lease), self._mine(key)
        self._database.write_for_good(lambda: mine.update(claimed_until=_Clock() + length))

    def _finish(self, key: ClaimKey) -> None:
        these = self._these(key)

        def work() -> None:
            if not these.update(finished_at=_Clock()):
                self._insert(key)
                these.update(finished_at=_Clock())

        self._database.write_for_good(work)

    def _give_up(self, key: ClaimKey) -> None:
        self._database.write_for_good(self._mine(key).delete)

    def in_flight(self, kind: ClaimKind) -> set[ClaimKey]:
        rows = self._rows.of(models.Claim).filter(
            kind=kind.value, finished_at=None, claimed_until__gt=_Clock()
        )
        found = rows.values_list("name", "digest")
        return self._database.read(lambda: {ClaimKey(kind, *row) for row in found})

    # What is done.

    def handled(self, keys: Iterable[str | NoteKey]) -> set[str | NoteKey]:
        asked = by_row_key(keys)

        def work() -> set[str | NoteKey]:
            found: set[str | NoteKey] = set()
            for chunk in chunks(list(asked)):
                for name, kind in self._handled(chunk):
                    found.update(asked[kind, name])
            return found

        return self._database.read(work)

    def _handled(self, rows: list[tuple[str, str]]) -> Any:
        """The query for the rows among these that are noted: kinds and names."""
        queries = []
        for kind, names in by_kind(rows).items():
            if kind == EVENT:
                events = self._rows.of(Handled).filter(key__in=names)
                queries.append(events.values_list("key", Value(EVENT, CharField())))
            else:
                notes = self._rows.of(Noted).filter(kind=kind, name__in=names)
                queries.append(notes.values_list("name", "kind"))
        return queries[0].union(*queries[1:], all=True) if len(queries) > 1 else queries[0]

    def note_handled(
        self, key: str | NoteKey, room_id: str | None = None, ts: int | None = None
    ) -> None:
        self.note_all_handled([Note(key, room_id, ts)])

    def note_all_handled(self, notes: Iterable[Note]) -> None:
        rows: dict[Any, list[Any]] = {}
        for row in map(_noted, notes):
            rows.setdefault(type(row), []).append(row)

        def work() -> None:
            for some in rows.values():
                self._rows.insert(some)

        self._database.write_for_good(work)
        self._count_noted(sum(map(len, rows.values())))

    def last_handled(self, room_id: str) -> str | None:
        return self._handled_of(room_id, "-pk")

    def first_handled(self, room_id: str) -> str | None:
        return self._handled_of(room_id, "pk")

    def _handled_of(self, room_id: str, order: str) -> str | None:
        rows = self._rows.of(Handled).filter(room=storable_name(room_id)).order_by(order)
        found: str | None = self._database.read(rows.values_list("key", flat=True).first)
        return found

    # How far catching up is.

    def set_checkpoint(self, room_id: str, event_id: str) -> None:
        row = Checkpoint(room=storable_name(room_id), event_id=storable_name(event_id))
        self._database.write_for_good(lambda: self._rows.update([row], ("room",), ("event_id",)))

    def checkpoint(self, room_id: str) -> str | None:
        rows = self._rows.of(Checkpoint).filter(room=storable_name(room_id))
        found: str | None = self._database.read(rows.values_list("event_id", flat=True).first)
        return found

    def set_caught_up(self, ts: int) -> None:
        row = CaughtUp(pk=1, ts=ts)
        self._database.write_for_good(lambda: self._rows.update([row], ("id",), ("ts",)))

    def caught_up(self) -> int | None:
        rows = self._rows.of(CaughtUp).values_list("ts", flat=True)
        found: int | None = self._database.read(rows.first)
        return found

    # A handler's unit of work.

    def joins(self, wants_connection: bool) -> bool:
        return True

    @contextmanager
    def unit(self, note: Note | ParkedNote | None) -> Iterator[Any]:
        with self._database.unit():
            yield connections[self._database.using]
            if note is not None:
                self._note_within(note)
        if isinstance(note, Note):
            self._count_noted()

    def _note_within(self, note: Note | ParkedNote) -> None:
        using = self._database.using
        noted = True
        if isinstance(note, Note):
            try:
                with transaction.atomic(using=using, savepoint=False):
                    _noted(note).save(using=using, force_insert=True)
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

    def begin(self, key: str | NoteKey, times: int) -> None:
        kind, name = row_key(key)
        row = Begun(kind=kind, name=name, times=times, begun_at=now())
        self._database.write_for_good(
            lambda: self._rows.update([row], ("kind", "name"), ("times", "begun_at"))
        )

    def begun(self, keys: Iterable[str | NoteKey]) -> dict[str | NoteKey, BegunEvent]:
        asked = by_row_key(keys)

        def work() -> dict[str | NoteKey, BegunEvent]:
            found: dict[str | NoteKey, BegunEvent] = {}
            for chunk in chunks(list(asked)):
                for row in self._rows.of(Begun).filter(_any_of(chunk)):
                    for key in asked[row.kind, row.name]:
                        found[key] = BegunEvent(row.times, row.begun_at)
            return found

        return self._database.read(work)

    def ended(self, key: str | NoteKey) -> None:
        self._database.write_for_good(self._rows.of(Begun).filter(_any_of([row_key(key)])).delete)

    # Parked events.

    def _park(self, row: dict[str, Any], note: Note | None, instead_of: int | None) -> int:
        def work() -> int:
            made = Parked(**row)
            made.save(using=self._database.using, force_insert=True)
            if note is not None:
                self._rows.insert([_noted(note)])
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
        return self._database.read(lambda: [parked_event(row.pk, row) for row in rows])

    def count_parked(self) -> int:
        return int(self._database.read(self._rows.of(Parked).count))

    def parked_event(self, number: int) -> ParkedEvent | None:
        if storable_time(number) is None:
            return None
        row = self._database.read(self._rows.of(Parked).filter(pk=number).first)
        return parked_event(row.pk, row) if row is not None else None

    def unpark(self, number: int) -> ParkedEvent | None:
        found, these = self.parked_event(number), self._rows.of(Parked).filter(pk=number)
        if found is None:
            return None

        def work() -> int:
            removed: int = these.delete()[0]
            return removed

        # Of several processes that ask at once, one removes it.
        return found if self._database.write_for_good(work) else None

    # What is old.

    def _oldest(self, model: Any, order: str, most: int) -> Any:
        """The oldest of the newest rows that are kept, as a value of the field by which they are
        ordered; None if there are no more."""
        rows = self._rows.of(model).filter(**{f"{order}__isnull": False}).order_by(f"-{order}")
        kept = rows.values_list(order, flat=True)[most - 1 : most]
        found = self._database.read(lambda: list(kept))
        return found[0] if found else None

    def _prune_claims(self) -> None:
        forgotten = self._rows.of(Begun).filter(begun_at__lt=now() - ABANDONED_MS)
        self._database.write_for_good(forgotten.delete)
        old = Q(finished_at=None, claimed_until__lt=_Clock() - ABANDONED_MS)
        oldest = self._oldest(models.Claim, "finished_at", self._most_transactions)
        if oldest is not None:
            old |= Q(finished_at__lt=oldest)
        self._database.write_for_good(self._rows.of(models.Claim).filter(old).delete)

    def _prune_handled(self) -> None:
        rows = self._rows.of(Handled)
        followed = Exists(rows.filter(room=OuterRef("room"), pk__gt=OuterRef("pk")))
        old = {Handled: Q(room=None) | followed, Noted: Q()}
        for model, these in old.items():
            oldest = self._oldest(model, "pk", self._most_handled)
            if oldest is not None:
                rows = self._rows.of(model).filter(these, pk__lt=oldest)
                self._database.write_for_good(rows.delete)


def _noted(note: Note) -> Handled | Noted:
    """The row of a note."""
    if isinstance(note.key, str):
        return Handled(**handled_row(note.key, note.room_id, note.ts))
    return Noted(**noted_row(note.key))


def _any_of(rows: list[tuple[str, str]]) -> Q:
    """The rows of these kinds and names."""
    kinds = (Q(kind=kind, name__in=names) for kind, names in by_kind(rows).items())
    return Q(*kinds, _connector=Q.OR)
