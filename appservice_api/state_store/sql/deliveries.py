"""Deliveries in an SQL database: claims that hold across processes and machines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Float,
    Table,
    cast,
    exists,
    extract,
    func,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects import postgresql, sqlite

from ...clock import now
from ..database_deliveries import (
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
from ..databases import chunks
from ..deliveries import Begun, Claim, ClaimLost, Note, ParkedEvent, ParkedNote
from ..keys import ClaimKey, ClaimKind, NoteKey
from ..storable import storable_name, storable_time
from .engine import Database
from .schema import (
    CAUGHT_UP,
    CHECKPOINT,
    CLAIM,
    EVENT_BEGUN,
    EVENT_HANDLED,
    EVENT_PARKED,
    NOTED,
)

__all__ = ["SQLDeliveries"]

_JULIAN_DAY_OF_1970 = 2_440_587.5
_NEWER = EVENT_HANDLED.alias()
_EVENT: Any = literal_column(f"'{EVENT}'").label("kind")


class SQLDeliveries(DatabaseDeliveries):
    """Deliveries in the database of an :class:`SQLStateStore`.

    Args:
        ready: Gives the database, with its tables.
        transactions, handled: As for :class:`DatabaseDeliveries`.
    """

    def __init__(
        self,
        ready: Callable[[], Database],
        *,
        transactions: int = TRANSACTIONS,
        handled: int = HANDLED,
    ) -> None:
        super().__init__(transactions, handled)
        self._ready = ready

    # Claims.

    def claim(self, key: ClaimKey, lease: float) -> Claim:
        length, row = lease_ms(lease), claim_row(key)
        with self._ready().single() as connection:
            clock = _clock(connection.dialect.name)
            statement = _insert(connection, CLAIM).values(
                **row, owner=self._owner, claimed_until=clock + length
            )
            if _rowcount(connection, statement.on_conflict_do_nothing()):
                return Claim.MINE
            taken = (
                CLAIM.update()
                .where(*_is(row), CLAIM.c.finished_at.is_(None), CLAIM.c.claimed_until <= clock)
                .values(
                    owner=self._owner, claimed_until=clock + length,
                    takeovers=CLAIM.c.takeovers + 1,
                )
            )  # fmt: skip
            if _rowcount(connection, taken):
                query = select(CLAIM.c.takeovers).where(*_is(row))
                self._takeovers[key] = connection.scalar(query) or 1
                return Claim.MINE
            finished = select(CLAIM.c.finished_at).where(*_is(row))
            return Claim.BUSY if connection.scalar(finished) is None else Claim.DONE

    def renew(self, key: ClaimKey, lease: float) -> None:
        length = lease_ms(lease)
        with self._ready().single() as connection:
            connection.execute(
                CLAIM.update()
                .where(*self._mine(key))
                .values(claimed_until=_clock(connection.dialect.name) + length)
            )

    def _finish(self, key: ClaimKey) -> None:
        with self._ready().single() as connection:
            clock = _clock(connection.dialect.name)
            statement = _insert(connection, CLAIM).values(
                **claim_row(key), owner=self._owner, claimed_until=clock, finished_at=clock
            )
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["kind", "name", "digest"], set_={"finished_at": clock}
                )
            )

    def _give_up(self, key: ClaimKey) -> None:
        with self._ready().single() as connection:
            connection.execute(CLAIM.delete().where(*self._mine(key)))

    def in_flight(self, kind: ClaimKind) -> set[ClaimKey]:
        with self._ready().single() as connection:
            query = select(CLAIM.c.name, CLAIM.c.digest).where(
                CLAIM.c.kind == kind.value,
                CLAIM.c.finished_at.is_(None),
                CLAIM.c.claimed_until > _clock(connection.dialect.name),
            )
            return {ClaimKey(kind, *row) for row in connection.execute(query)}

    def _mine(self, key: ClaimKey) -> list[ColumnElement[bool]]:
        return [
            *_is(claim_row(key)), CLAIM.c.owner == self._owner, CLAIM.c.finished_at.is_(None),
        ]  # fmt: skip

    # What is done.

    def handled(self, keys: Iterable[str | NoteKey]) -> set[str | NoteKey]:
        asked, found = by_row_key(keys), set[str | NoteKey]()
        if asked:
            with self._ready().single() as connection:
                for some in chunks(list(asked)):
                    for row in connection.execute(_handled(some)):
                        found.update(asked[row.kind, row.name])
        return found

    def note_handled(
        self, key: str | NoteKey, room_id: str | None = None, ts: int | None = None
    ) -> None:
        table, row = _noted(Note(key, room_id, ts))
        with self._ready().single() as connection:
            connection.execute(_insert(connection, table).on_conflict_do_nothing(), row)
        self._count_noted()

    def note_all_handled(self, notes: Iterable[Note]) -> None:
        # In the order given: two that note the same events never wait for each other.
        rows: dict[Table, list[dict[str, Any]]] = {}
        for table, row in map(_noted, notes):
            rows.setdefault(table, []).append(row)
        if not rows:
            return

        def work(connection: Connection) -> None:
            for table, some in rows.items():
                connection.execute(_insert(connection, table).on_conflict_do_nothing(), some)

        self._ready().write(work)
        self._count_noted(sum(map(len, rows.values())))

    def last_handled(self, room_id: str) -> str | None:
        return self._handled_of(room_id, EVENT_HANDLED.c.number.desc())

    def first_handled(self, room_id: str) -> str | None:
        return self._handled_of(room_id, EVENT_HANDLED.c.number.asc())

    def _handled_of(self, room_id: str, order: ColumnElement[Any]) -> str | None:
        query = select(EVENT_HANDLED.c.key).where(EVENT_HANDLED.c.room == storable_name(room_id))
        with self._ready().single() as connection:
            return connection.scalar(query.order_by(order).limit(1))

    # How far catching up is.

    def set_checkpoint(self, room_id: str, event_id: str) -> None:
        row = {"room": storable_name(room_id), "event_id": storable_name(event_id)}
        self._put(CHECKPOINT, row, "room")

    def checkpoint(self, room_id: str) -> str | None:
        query = select(CHECKPOINT.c.event_id).where(CHECKPOINT.c.room == storable_name(room_id))
        with self._ready().single() as connection:
            return connection.scalar(query)

    def set_caught_up(self, ts: int) -> None:
        self._put(CAUGHT_UP, {"id": 1, "ts": ts}, "id")

    def caught_up(self) -> int | None:
        with self._ready().single() as connection:
            return connection.scalar(select(CAUGHT_UP.c.ts))

    def _put(self, table: Table, row: dict[str, Any], *key: str) -> None:
        """Write a row; it replaces the one that has its key."""
        new = {name: value for name, value in row.items() if name not in key}
        with self._ready().single() as connection:
            statement = _insert(connection, table).values(row)
            connection.execute(statement.on_conflict_do_update(index_elements=[*key], set_=new))

    # A handler's unit of work.

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
        if isinstance(note, Note):
            self._count_noted()

    def _note_within(self, connection: Connection, note: Note | ParkedNote) -> None:
        if isinstance(note, Note):
            table, row = _noted(note)
            made = _insert(connection, table).values(row)
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

    def begin(self, key: str | NoteKey, times: int) -> None:
        kind, name = row_key(key)
        row = {"kind": kind, "name": name, "times": times, "begun_at": now()}
        self._put(EVENT_BEGUN, row, "kind", "name")

    def begun(self, keys: Iterable[str | NoteKey]) -> dict[str | NoteKey, Begun]:
        asked, found = by_row_key(keys), dict[str | NoteKey, Begun]()
        with self._ready().single() as connection:
            for some in chunks(list(asked)):
                for row in connection.execute(select(EVENT_BEGUN).where(_begun(some))):
                    for key in asked[row.kind, row.name]:
                        found[key] = Begun(row.times, row.begun_at)
        return found

    def ended(self, key: str | NoteKey) -> None:
        with self._ready().single() as connection:
            connection.execute(EVENT_BEGUN.delete().where(_begun([row_key(key)])))

    # Parked events.

    def _park(self, row: dict[str, Any], note: Note | None, instead_of: int | None) -> int:
        with self._ready().writing() as connection:
            made: Any = connection.execute(EVENT_PARKED.insert(), row).inserted_primary_key
            if note is not None:
                table, noted = _noted(note)
                connection.execute(_insert(connection, table).on_conflict_do_nothing(), noted)
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
            return [parked_event(row.number, row) for row in rows]

    def count_parked(self) -> int:
        with self._ready().reading() as connection:
            query = select(func.count()).select_from(EVENT_PARKED)
            return connection.scalar(query) or 0

    def parked_event(self, number: int) -> ParkedEvent | None:
        if storable_time(number) is None:
            return None
        with self._ready().reading() as connection:
            query = select(EVENT_PARKED).where(EVENT_PARKED.c.number == number)
            row = connection.execute(query).one_or_none()
            return parked_event(row.number, row) if row is not None else None

    def unpark(self, number: int) -> ParkedEvent | None:
        if storable_time(number) is None:
            return None
        this = EVENT_PARKED.c.number == number
        with self._ready().writing() as connection:
            row = connection.execute(select(EVENT_PARKED).where(this)).one_or_none()
            # If several processes do this at once, only one removes it.
            taken = row is not None and connection.execute(EVENT_PARKED.delete().where(this))
            return parked_event(number, row) if taken and taken.rowcount else None

    # What is old.

    def _prune_claims(self) -> None:
        finished_at = CLAIM.c.finished_at
        oldest = (
            select(finished_at)
            .where(finished_at.is_not(None))
            .order_by(finished_at.desc())
            .offset(self._most_transactions - 1)
            .limit(1)
        )
        with self._ready().single() as connection:
            clock = _clock(connection.dialect.name)
            abandoned = finished_at.is_(None) & (CLAIM.c.claimed_until < clock - ABANDONED_MS)
            connection.execute(
                CLAIM.delete().where(or_(finished_at < oldest.scalar_subquery(), abandoned))
            )
            forgotten = EVENT_BEGUN.c.begun_at < now() - ABANDONED_MS
            connection.execute(EVENT_BEGUN.delete().where(forgotten))

    def _prune_handled(self) -> None:
        number, room = EVENT_HANDLED.c.number, EVENT_HANDLED.c.room
        followed = exists().where(_NEWER.c.room == room, _NEWER.c.number > number)
        with self._ready().single() as connection:
            connection.execute(
                EVENT_HANDLED.delete().where(self._is_old(number), or_(room.is_(None), followed))
            )
            connection.execute(NOTED.delete().where(self._is_old(NOTED.c.number)))

    def _is_old(self, number: Any) -> ColumnElement[bool]:
        """Whether a row isn't among the newest of its table."""
        oldest = select(number).order_by(number.desc()).offset(self._most_handled - 1).limit(1)
        found: ColumnElement[bool] = number < oldest.scalar_subquery()
        return found


def _insert(connection: Connection, table: Table) -> Any:
    return (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(table)


def _clock(dialect: str) -> ColumnElement[int]:
    """The time in milliseconds since 1970, by the database's clock where it has one, at the moment
    of the write: waiting for a lock doesn't shorten a lease."""
    if dialect == "sqlite":
        days = func.julianday("now", type_=Float) - _JULIAN_DAY_OF_1970
        return cast(days * 86_400_000, BigInteger)
    return cast(extract("epoch", func.clock_timestamp()) * 1000, BigInteger)


def _rowcount(connection: Connection, statement: Any) -> int:
    """Execute a statement that writes; how many rows it wrote."""
    options = {"preserve_rowcount": True}
    return connection.execute(statement, execution_options=options).rowcount


def _is(row: Mapping[str, str]) -> list[ColumnElement[bool]]:
    return [CLAIM.c[name] == value for name, value in row.items()]


def _noted(note: Note) -> tuple[Table, dict[str, Any]]:
    """The table and the row of a note."""
    if isinstance(note.key, str):
        return EVENT_HANDLED, handled_row(note.key, note.room_id, note.ts)
    return NOTED, noted_row(note.key)


def _handled(rows: Iterable[tuple[str, str]]) -> Any:
    """The query for the rows among these that are noted: kinds and names."""
    queries = []
    for kind, names in by_kind(rows).items():
        if kind == EVENT:
            key = EVENT_HANDLED.c.key
            query = select(_EVENT, key.label("name")).where(key.in_(names))
        else:
            these = (NOTED.c.kind == kind, NOTED.c.name.in_(names))
            query = select(NOTED.c.kind, NOTED.c.name).where(*these)
        queries.append(query)
    return queries[0] if len(queries) == 1 else union_all(*queries)


def _begun(rows: Iterable[tuple[str, str]]) -> ColumnElement[bool]:
    kind, name = EVENT_BEGUN.c.kind, EVENT_BEGUN.c.name
    return or_(*((kind == one) & name.in_(names) for one, names in by_kind(rows).items()))
