"""Deliveries in an SQL database: claims that hold across processes and machines."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Float,
    cast,
    exists,
    extract,
    func,
    or_,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from ...clock import now
from ...errors import StateStoreError
from ...fork import renew_after_fork
from ..deliveries import Begun, Claim, ClaimLost, Deliveries, Note, ParkedEvent, ParkedNote
from ..names import storable
from ..pruning import (
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
from .engine import Database
from .schema import EVENT_BEGUN, EVENT_HANDLED, EVENT_PARKED, EVENT_SETTLED, TRANSACTION

__all__ = ["SQLDeliveries"]

_CHUNK = 500
_JULIAN_DAY_OF_1970 = 2_440_587.5
_NEWER = EVENT_HANDLED.alias()


class SQLDeliveries(Deliveries):
    """Deliveries in the database of an :class:`SQLStateStore`.

    On PostgreSQL, leases run by the database's clock: machines whose clocks differ don't take each
    other's claims.

    Args:
        ready: Gives the database, with its tables.
        transactions: How many transactions are remembered.
        handled: How many handled events are remembered, beside the last one of each room.
    """

    def __init__(
        self,
        ready: Callable[[], Database],
        *,
        transactions: int = TRANSACTIONS,
        handled: int = HANDLED,
    ) -> None:
        self._ready = ready
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

    def claim(self, transaction_id: str, digest: str, lease: float) -> Claim:
        length = lease_ms(lease)
        database = self._ready()
        row = _named(transaction_id, digest)
        with database.single() as connection:
            clock = _clock(connection.dialect.name)
            statement = _insert(connection.dialect.name)(TRANSACTION).values(
                **row, owner=self._owner, claimed_until=clock + length
            )
            if _rowcount(connection, statement.on_conflict_do_nothing()):
                return Claim.MINE
            taken = (
                TRANSACTION.update()
                .where(
                    *_is(row),
                    TRANSACTION.c.finished_at.is_(None),
                    TRANSACTION.c.claimed_until <= clock,
                )
                .values(
                    owner=self._owner, claimed_until=clock + length,
                    takeovers=TRANSACTION.c.takeovers + 1,
                )
            )  # fmt: skip
            if _rowcount(connection, taken):
                query = select(TRANSACTION.c.takeovers).where(*_is(row))
                self._takeovers[transaction_id, digest] = connection.scalar(query) or 1
                return Claim.MINE
            finished = select(TRANSACTION.c.finished_at).where(*_is(row))
            return Claim.BUSY if connection.scalar(finished) is None else Claim.DONE

    def renew(self, transaction_id: str, digest: str, lease: float) -> None:
        length = lease_ms(lease)
        with self._ready().single() as connection:
            connection.execute(
                TRANSACTION.update()
                .where(*self._mine(transaction_id, digest))
                .values(claimed_until=_clock(connection.dialect.name) + length)
            )

    def takeovers(self, transaction_id: str, digest: str) -> int:
        return self._takeovers.get((transaction_id, digest), 0)

    def finish(self, transaction_id: str, digest: str) -> None:
        self._takeovers.pop((transaction_id, digest), None)
        with self._ready().single() as connection:
            clock = _clock(connection.dialect.name)
            statement = _insert(connection.dialect.name)(TRANSACTION).values(
                **_named(transaction_id, digest), owner=self._owner, claimed_until=clock,
                finished_at=clock,
            )  # fmt: skip
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["id", "digest"], set_={"finished_at": clock}
                )
            )
        if self._finished.due():
            self._prune(self._prune_transactions)

    def give_up(self, transaction_id: str, digest: str) -> None:
        self._takeovers.pop((transaction_id, digest), None)
        with self._ready().single() as connection:
            connection.execute(TRANSACTION.delete().where(*self._mine(transaction_id, digest)))

    def in_flight(self) -> set[tuple[str, str]]:
        with self._ready().single() as connection:
            query = select(TRANSACTION.c.id, TRANSACTION.c.digest).where(
                TRANSACTION.c.finished_at.is_(None),
                TRANSACTION.c.claimed_until > _clock(connection.dialect.name),
            )
            return {(row.id, row.digest) for row in connection.execute(query)}

    def _mine(self, transaction_id: str, digest: str) -> list[ColumnElement[bool]]:
        return [
            *_is(_named(transaction_id, digest)),
            TRANSACTION.c.owner == self._owner,
            TRANSACTION.c.finished_at.is_(None),
        ]

    # Events.

    def handled(self, keys: Iterable[str]) -> set[str]:
        by_name: dict[str, set[str]] = {}
        for key in keys:
            by_name.setdefault(named(key), set()).add(key)
        names, column = list(by_name), EVENT_HANDLED.c.key
        found: set[str] = set()
        if names:
            with self._ready().single() as connection:
                for start in range(0, len(names), _CHUNK):
                    query = select(column).where(column.in_(names[start : start + _CHUNK]))
                    for name in connection.scalars(query):
                        found |= by_name[name]
        return found

    def note_handled(self, key: str, room_id: str | None = None, ts: int | None = None) -> None:
        row = handled_row(key, room_id, ts)
        with self._ready().single() as connection:
            connection.execute(
                _insert(connection.dialect.name)(EVENT_HANDLED).on_conflict_do_nothing(), row
            )
        if self._noted.due():
            self._prune(self._prune_handled)

    def note_all_handled(self, events: Iterable[tuple[str, str | None, int | None]]) -> None:
        # In the order given, also for the database: none who notes the same waits for another.
        rows = [handled_row(*event) for event in events]
        if not rows:
            return

        def work(connection: Connection) -> None:
            statement = _insert(connection.dialect.name)(EVENT_HANDLED)
            connection.execute(statement.on_conflict_do_nothing(), rows)

        self._ready().write(work)
        if self._noted.due(len(rows)):
            self._prune(self._prune_handled)

    def last_handled(self, room_id: str) -> str | None:
        return self._handled_of(room_id, EVENT_HANDLED.c.number.desc())

    def first_handled(self, room_id: str) -> str | None:
        return self._handled_of(room_id, EVENT_HANDLED.c.number.asc())

    def _handled_of(self, room_id: str, order: ColumnElement[Any]) -> str | None:
        query = select(EVENT_HANDLED.c.key).where(EVENT_HANDLED.c.room == named(room_id))
        with self._ready().single() as connection:
            return connection.scalar(query.order_by(order).limit(1))

    def settle(self, room_id: str, event_id: str) -> None:
        row = {"room": named(room_id), "event_id": named(event_id)}
        with self._ready().single() as connection:
            statement = _insert(connection.dialect.name)(EVENT_SETTLED).values(row)
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["room"], set_={"event_id": row["event_id"]}
                )
            )

    def settled(self, room_id: str) -> str | None:
        query = select(EVENT_SETTLED.c.event_id).where(EVENT_SETTLED.c.room == named(room_id))
        with self._ready().single() as connection:
            return connection.scalar(query)

    # A handler's unit of work.

    has_connection = True

    def joins(self, wants_connection: bool) -> bool:
        return wants_connection

    @contextmanager
    def unit(self, note: Note | ParkedNote | None) -> Iterator[Connection]:
        database = self._ready()
        with database.unit() as connection:
            yield connection
            if note is not None:
                with database.explained("write"):
                    self._note_within(connection, note)
        if isinstance(note, Note) and self._noted.due():
            self._prune(self._prune_handled)

    def _note_within(self, connection: Connection, note: Note | ParkedNote) -> None:
        if isinstance(note, Note):
            made = _insert(connection.dialect.name)(EVENT_HANDLED).values(handled_row(*note))
            noted = _rowcount(connection, made.on_conflict_do_nothing())
        else:
            before = EVENT_PARKED.c.done == done_text(note.before)
            this = (EVENT_PARKED.c.number == note.number) & before
            noted = _rowcount(
                connection,
                EVENT_PARKED.delete().where(this)
                if note.done is None
                else EVENT_PARKED.update().where(this).values(done=done_text(note.done)),
            )
        if not noted:
            raise ClaimLost("somebody else has handled the event meanwhile")

    # Processes that died.

    def begin(self, key: str, times: int) -> None:
        row = {"times": times, "begun_at": now()}
        with self._ready().single() as connection:
            statement = _insert(connection.dialect.name)(EVENT_BEGUN).values(key=named(key), **row)
            connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=row))

    def begun(self, keys: Iterable[str]) -> dict[str, Begun]:
        by_name = {named(key): key for key in keys}
        names, found = list(by_name), dict[str, Begun]()
        with self._ready().single() as connection:
            for start in range(0, len(names), _CHUNK):
                these = EVENT_BEGUN.c.key.in_(names[start : start + _CHUNK])
                for row in connection.execute(select(EVENT_BEGUN).where(these)):
                    found[by_name[row.key]] = Begun(row.times, row.begun_at)
        return found

    def ended(self, key: str) -> None:
        with self._ready().single() as connection:
            connection.execute(EVENT_BEGUN.delete().where(EVENT_BEGUN.c.key == named(key)))

    # Events that were put aside.

    def park(
        self, event: Mapping[str, Any], error: str, *, key: str | None = None,
        done: Iterable[str] = (), note: Note | None = None, instead_of: int | None = None,
    ) -> int:  # fmt: skip
        row = {
            "event": json.dumps(dict(event)), "error": storable(error), "parked_at": now(),
            "key": named(key) if key is not None else None, "done": done_text(done),
        }  # fmt: skip
        with self._ready().writing() as connection:
            made: Any = connection.execute(EVENT_PARKED.insert(), row).inserted_primary_key
            if note is not None:
                statement = _insert(connection.dialect.name)(EVENT_HANDLED)
                connection.execute(statement.on_conflict_do_nothing(), handled_row(*note))
            if instead_of is not None:
                connection.execute(EVENT_PARKED.delete().where(EVENT_PARKED.c.number == instead_of))
            return int(made[0])

    def set_done(self, number: int, done: Iterable[str]) -> None:
        this = EVENT_PARKED.c.number == number
        with self._ready().single() as connection:
            connection.execute(EVENT_PARKED.update().where(this).values(done=done_text(done)))

    def parked(self) -> list[ParkedEvent]:
        with self._ready().reading() as connection:
            rows = connection.execute(select(EVENT_PARKED).order_by(EVENT_PARKED.c.number))
            return [_parked(row) for row in rows]

    def count_parked(self) -> int:
        with self._ready().reading() as connection:
            query = select(func.count()).select_from(EVENT_PARKED)
            return connection.scalar(query) or 0

    def parked_event(self, number: int) -> ParkedEvent | None:
        if time_ms(number) is None:
            return None
        with self._ready().reading() as connection:
            query = select(EVENT_PARKED).where(EVENT_PARKED.c.number == number)
            row = connection.execute(query).one_or_none()
            return _parked(row) if row is not None else None

    def unpark(self, number: int) -> ParkedEvent | None:
        if time_ms(number) is None:
            return None
        this = EVENT_PARKED.c.number == number
        with self._ready().writing() as connection:
            row = connection.execute(select(EVENT_PARKED).where(this)).one_or_none()
            # Of several who ask at once, one removes it.
            taken = row is not None and connection.execute(EVENT_PARKED.delete().where(this))
            return _parked(row) if taken and taken.rowcount else None

    # What is old.

    def _prune(self, work: Callable[[], None]) -> None:
        try:
            work()
        except StateStoreError:
            # What was to be written is written; old rows are removed another time.
            return

    def _prune_transactions(self) -> None:
        finished_at = TRANSACTION.c.finished_at
        oldest = (
            select(finished_at)
            .where(finished_at.is_not(None))
            .order_by(finished_at.desc())
            .offset(self._most_transactions - 1)
            .limit(1)
        )
        with self._ready().single() as connection:
            clock = _clock(connection.dialect.name)
            abandoned = finished_at.is_(None) & (TRANSACTION.c.claimed_until < clock - ABANDONED_MS)
            connection.execute(
                TRANSACTION.delete().where(or_(finished_at < oldest.scalar_subquery(), abandoned))
            )
            forgotten = EVENT_BEGUN.c.begun_at < now() - ABANDONED_MS
            connection.execute(EVENT_BEGUN.delete().where(forgotten))

    def _prune_handled(self) -> None:
        number, room = EVENT_HANDLED.c.number, EVENT_HANDLED.c.room
        oldest = select(number).order_by(number.desc()).offset(self._most_handled - 1).limit(1)
        followed = exists().where(_NEWER.c.room == room, _NEWER.c.number > number)
        with self._ready().single() as connection:
            connection.execute(
                EVENT_HANDLED.delete().where(
                    number < oldest.scalar_subquery(), or_(room.is_(None), followed)
                )
            )


def _insert(dialect: str) -> Any:
    return sqlite.insert if dialect == "sqlite" else postgresql.insert


def _clock(dialect: str) -> ColumnElement[int]:
    """The time in milliseconds since 1970, by the clock that all who share the database share,
    and when the database is about to write: whoever has waited to write has lost no time."""
    if dialect == "sqlite":
        days = func.julianday("now", type_=Float) - _JULIAN_DAY_OF_1970
        return cast(days * 86_400_000, BigInteger)
    return cast(extract("epoch", func.clock_timestamp()) * 1000, BigInteger)


def _rowcount(connection: Connection, statement: Any) -> int:
    """Do what writes; how many rows it wrote."""
    options = {"preserve_rowcount": True}
    return connection.execute(statement, execution_options=options).rowcount


def _named(transaction_id: str, digest: str) -> dict[str, str]:
    return {"id": named(transaction_id), "digest": named(digest)}


def _is(row: Mapping[str, str]) -> list[ColumnElement[bool]]:
    return [TRANSACTION.c[name] == value for name, value in row.items()]


def _parked(row: Any) -> ParkedEvent:
    done = tuple(json.loads(row.done)) if row.done else ()
    return ParkedEvent(row.number, json.loads(row.event), row.error, row.parked_at, row.key, done)
