"""SQLStateStore: a state store in SQLite or PostgreSQL, shared by threads and processes."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from ...clock import now
from ...events.membership import Membership
from ...fork import renew_after_fork
from ...ids import RoomID, UserID
from ..abstract import ASStateStore
from ..cache import CACHED, Cached, ReadThroughCache, keys_of
from ..databases import chunks
from ..items import FUTURE, MemberItem, RoomItems, Source, StateItem, memberships_of
from ..kept_back import kept_back
from ..lookalikes import looks
from ..storable import (
    is_storable,
    storable_members,
    storable_names,
    storable_rooms,
    storable_text,
)
from .deliveries import SQLDeliveries
from .engine import Database
from .schema import MEMBER, ROOM, STATE, USER, bring_up_to_date, is_up_to_date

__all__ = ["SQLStateStore"]


class SQLStateStore(Cached, ASStateStore):
    """A state store in an SQL database: SQLite for scripts and workers on one machine, PostgreSQL
    for several machines. Thread-safe, and safe over a fork; any number of processes may use one
    database at the same time.

    What was read is kept in a bounded cache. Another process's writes aren't seen in it until the
    homeserver contradicts its content (:meth:`invalidate`).

    Args:
        url: A database URL of SQLAlchemy: ``sqlite:///state.db``,
            ``postgresql+psycopg://user@host/name``.
        cache_size: How many items are cached.

    Raises:
        ValueError: The URL can't be used.
        MissingExtraError: The extra ``sql``, or the database's driver, isn't installed.
    """

    def __init__(self, url: str, *, cache_size: int = CACHED) -> None:
        super().__init__(ReadThroughCache(cache_size))
        self._database = Database(url)
        self._insert: Any = (
            sqlite if self._database.engine.dialect.name == "sqlite" else postgresql
        ).insert
        self._deliveries = SQLDeliveries(self._ready)
        self._opening = threading.Lock()
        renew_after_fork(self)

    def _before_fork(self) -> None:
        self._database.before_fork()

    def _after_fork_in_parent(self) -> None:
        self._database.after_fork_in_parent()

    def _after_fork(self) -> None:
        self._opening = threading.Lock()
        self._cache.clear()
        self._database.after_fork()

    def open(self) -> None:
        """Make the tables, or bring those of an older version up to date.

        Raises:
            StateStoreError: The database can't be used, or a newer version made it.
        """
        with self._opening:
            database = self._database
            if database.opened:
                return
            try:
                with database.reading() as connection:
                    database.opened = is_up_to_date(connection, database.name)
                if not database.opened:
                    database.write(lambda made: bring_up_to_date(made, database.name))
                    database.opened = True
            finally:
                if not database.opened:
                    database.close()

    def close(self) -> None:
        """Close all connections; the next call opens new ones."""
        self._database.close()

    def _ready(self) -> Database:
        if not self._database.opened:
            self.open()
        return self._database

    @property
    def deliveries(self) -> SQLDeliveries:
        """What is known of transactions and events that the homeserver pushes."""
        return self._deliveries

    # Members.

    def _read_member(self, room_id: str, user_id: str) -> MemberItem | None:
        if not is_storable(room_id, user_id):
            return None
        query = _members(room_id).where(USER.c.user_id == user_id)
        with self._ready().reading() as connection:
            row = connection.execute(query).one_or_none()
        return _member(row) if row is not None else None

    @kept_back
    def read_members(
        self, room_id: str, memberships: Iterable[Membership]
    ) -> dict[UserID, MemberItem]:
        if not is_storable(room_id):
            return {}
        query = _members(room_id).where(MEMBER.c.membership.in_([m.value for m in memberships]))
        with self._ready().reading() as connection:
            return {UserID.read(row.user_id): _member(row) for row in connection.execute(query)}

    def _read_looks(
        self, room_id: str, number: int, memberships: Iterable[Membership]
    ) -> list[tuple[str, str]]:
        query = _members(room_id).where(
            MEMBER.c.looks == number, MEMBER.c.membership.in_([m.value for m in memberships])
        )
        with self._ready().reading() as connection:
            return [(row.user_id, row.displayname) for row in connection.execute(query)]

    @kept_back
    def write_members(
        self,
        room_id: str,
        members: Mapping[str, MemberItem],
        *,
        gone: Iterable[Membership] = (),
        ts: int | None = None,
        full: bool = False,
    ) -> None:
        leaving = [membership.value for membership in gone]
        named = storable_members(room_id, members)
        if not is_storable(room_id):
            return

        def work(connection: Connection) -> None:
            room = self._number(connection, ROOM.c.room_id, [room_id])[room_id]
            users = self._number(connection, USER.c.user_id, list(named))
            rows = [_member_row(room, users[user_id], item) for user_id, item in named.items()]
            if leaving:
                left = MemberItem(Membership.LEAVE, now() if ts is None else ts, Source.FETCHED)
                gone_now = self._gone(connection, room, members, leaving)
                rows += [_member_row(room, user, left) for user in gone_now]
            self._write_members(connection, rows)
            if full:
                connection.execute(_FULL, {"full_room": room})

        self._ready().write(work)
        self._drop_members(room_id, members, others=bool(leaving))

    def _gone(
        self,
        connection: Connection,
        room: int,
        members: Mapping[str, MemberItem],
        leaving: list[str],
    ) -> list[int]:
        """The numbers of known members who aren't named any more."""
        query = (
            select(MEMBER.c.user, USER.c.user_id)
            .join(USER)
            .where(MEMBER.c.room == room, MEMBER.c.membership.in_(leaving))
        )
        return [row.user for row in connection.execute(query) if row.user_id not in members]

    @kept_back
    def write_rooms(self, rooms: Mapping[str, RoomItems]) -> None:
        kept = storable_rooms(rooms)

        def work(connection: Connection) -> None:
            numbers = self._number(connection, ROOM.c.room_id, list(kept))
            names = {user_id for room in kept.values() for user_id in room.members}
            users = self._number(connection, USER.c.user_id, list(names))
            by_number = {numbers[room_id]: room for room_id, room in kept.items()}
            self._write_members(connection, [
                _member_row(number, users[user_id], item)
                for number, room in by_number.items()
                for user_id, item in room.members.items()
            ])  # fmt: skip
            states = [
                _state_row(number, event_type, item)
                for number, room in sorted(by_number.items(), key=itemgetter(0))
                for event_type, item in sorted(room.states.items())
            ]
            if states:
                connection.execute(self._upsert(STATE, ("room", "type"), states[0]), states)
            full = sorted(number for number, room in by_number.items() if room.full)
            if full:
                connection.execute(_FULL, [{"full_room": number} for number in full])

        self._ready().write(work)
        self._cache.drop(*keys_of(rooms))

    def _write_members(self, connection: Connection, rows: list[dict[str, Any]]) -> None:
        # All writers use the same order, so that there is no deadlock. Rows with a profile and
        # those without have different columns.
        rows.sort(key=itemgetter("room", "user"))
        for _, some in groupby(rows, len):
            several = list(some)
            connection.execute(self._upsert(MEMBER, ("room", "user"), several[0]), several)

    def _write_profile(self, user_id: str, new: dict[str, Any], when: int) -> None:
        user = select(USER.c.id).where(USER.c.user_id == user_id).scalar_subquery()
        joined = (MEMBER.c.user == user, MEMBER.c.membership == Membership.JOIN.value)
        # PostgreSQL locks the rows in the order in which all writers write them.
        rooms = select(MEMBER.c.room).where(*joined).order_by(MEMBER.c.room)
        locked = rooms.with_for_update(key_share=True).subquery()
        change = MEMBER.update().where(
            *joined, MEMBER.c.ts <= when, MEMBER.c.room.in_(select(locked.c.room))
        )
        self._ready().write(lambda connection: connection.execute(change.values(**new)))
        self._cache.drop_member(user_id)

    def _upsert(self, table: Any, key: tuple[str, ...], row: Mapping[str, Any]) -> Any:
        """Write rows unless what is there is newer; see :func:`~..items.supersedes`."""
        statement = self._insert(table)
        new = statement.excluded
        return statement.on_conflict_do_update(
            index_elements=list(key),
            set_={name: new[name] for name in row if name not in key},
            where=or_(
                new.ts >= table.c.ts,
                new.event_id == table.c.event_id,
                and_(table.c.ts > now() + FUTURE, new.ts >= now() - FUTURE),
            ),
        )

    def _number(self, connection: Connection, column: Any, names: list[str]) -> dict[str, int]:
        """The numbers of rooms or users; those that are new get one."""
        found = self._numbered(connection, column, names)
        missing = sorted(set(names) - found.keys())
        if missing:
            rows = [{column.name: name} for name in missing]
            connection.execute(self._insert(column.table).on_conflict_do_nothing(), rows)
            found |= self._numbered(connection, column, missing)
        return found

    def _numbered(self, connection: Connection, column: Any, names: list[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        number = column.table.c.id
        for some in chunks(names):
            query = select(column, number).where(column.in_(some))
            found.update(connection.execute(query).all())
        return found

    @kept_back
    def rooms_of(
        self, user_id: str, memberships: Iterable[Membership | str] = (Membership.JOIN,)
    ) -> list[RoomID]:
        values = [membership.value for membership in memberships_of(memberships)]
        query = (
            select(ROOM.c.room_id)
            .join(MEMBER, MEMBER.c.room == ROOM.c.id)
            .join(USER, MEMBER.c.user == USER.c.id)
            .where(USER.c.user_id == user_id, MEMBER.c.membership.in_(values))
            .order_by(ROOM.c.id)
        )
        if not is_storable(user_id):
            return []
        with self._ready().reading() as connection:
            return [RoomID.read(room_id) for room_id in connection.scalars(query)]

    @kept_back
    def rooms(self) -> list[RoomID]:
        with self._ready().reading() as connection:
            rooms = connection.scalars(select(ROOM.c.room_id).order_by(ROOM.c.id))
            return [RoomID.read(room_id) for room_id in rooms]

    @kept_back
    def has_full_member_list(self, room_id: str) -> bool:
        if not is_storable(room_id):
            return False
        query = select(ROOM.c.full_members).where(ROOM.c.room_id == room_id)
        with self._ready().reading() as connection:
            return bool(connection.scalar(query))

    # The state of rooms.

    def _read_state(self, room_id: str, event_type: str) -> StateItem | None:
        if not is_storable(room_id, event_type):
            return None
        query = (
            select(STATE).join(ROOM).where(ROOM.c.room_id == room_id, STATE.c.type == event_type)
        )
        with self._ready().reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        return StateItem(row.content, row.ts, Source(row.source), row.event_id, row.sender)

    # Users.

    def _is_registered(self, user_id: str) -> bool | None:
        if not is_storable(user_id):
            return None
        query = select(USER.c.registered).where(USER.c.user_id == user_id)
        with self._ready().reading() as connection:
            return connection.scalar(query) or None

    @kept_back
    def registered_among(self, user_ids: Iterable[str]) -> set[str]:
        users, found = [user for user in user_ids if is_storable(user)], set[str]()
        with self._ready().reading() as connection:
            for some in chunks(users):
                query = select(USER.c.user_id).where(USER.c.registered, USER.c.user_id.in_(some))
                found.update(connection.scalars(query))
        return found

    @kept_back
    def write_registered(self, user_ids: Iterable[str]) -> None:
        users = storable_names(user_ids)
        if not users:
            return
        statement = self._insert(USER).on_conflict_do_update(
            index_elements=["user_id"], set_={"registered": True}, where=~USER.c.registered
        )
        rows = [{"user_id": user, "registered": True} for user in users]
        self._ready().write(lambda connection: connection.execute(statement, rows))


_FULL = (
    ROOM.update()
    .where(ROOM.c.id == bindparam("full_room"), ~ROOM.c.full_members)
    .values(full_members=True)
)


def _member_row(room: int, user: int, item: MemberItem) -> dict[str, Any]:
    row = {
        "room": room, "user": user, "membership": item.membership.value, "ts": item.ts,
        "source": item.source.value, "event_id": item.event_id,
    }  # fmt: skip
    if item.knows_profile:
        name = storable_text(item.displayname)
        row |= {
            "displayname": name, "avatar_url": storable_text(item.avatar_url),
            "looks": looks(name) if name else None,
        }  # fmt: skip
    return row


def _state_row(room: int, event_type: str, item: StateItem) -> dict[str, Any]:
    return {"room": room, "type": event_type, **item._asdict(), "source": item.source.value}


def _members(room_id: str) -> Select[Any]:
    return (
        select(MEMBER, USER.c.user_id)
        .join(USER, MEMBER.c.user == USER.c.id)
        .join(ROOM, MEMBER.c.room == ROOM.c.id)
        .where(ROOM.c.room_id == room_id)
    )


def _member(row: Any) -> MemberItem:
    return MemberItem(
        Membership(row.membership), row.ts, Source(row.source), row.event_id, row.displayname,
        row.avatar_url,
    )  # fmt: skip
