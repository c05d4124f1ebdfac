"""DjangoStateStore: a state store in the database of a Django project."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from ..clock import now
from ..events.membership import Membership
from ..fork import renew_after_fork
from ..ids import RoomID, UserID
from ..state_store.abstract import ASStateStore
from ..state_store.cache import CACHED, Cached, Key, ReadThroughCache, keys_of
from ..state_store.databases import chunks
from ..state_store.items import (
    MemberItem,
    RoomItems,
    Source,
    StateItem,
    memberships_of,
    supersedes,
)
from ..state_store.kept_back import kept_back
from ..state_store.lookalikes import looks
from ..state_store.storable import (
    is_storable,
    storable_members,
    storable_names,
    storable_rooms,
    storable_text,
)

if not apps.is_installed("appservice_api.django"):
    raise ImproperlyConfigured(
        "the state store needs its tables: add 'appservice_api.django' to INSTALLED_APPS, and run "
        "'manage.py migrate'"
    )

from .database import Database
from .deliveries import DjangoDeliveries
from .models import Member, Room, State, User
from .rows import Rows

__all__ = ["DjangoStateStore"]

T = TypeVar("T")

_TOLD = ("membership", "ts", "source", "event_id", "displayname", "avatar_url", "looks")
_ITEM = _TOLD[:-1]
_STATE = ("content", "ts", "source", "event_id", "sender")


class _Cache(ReadThroughCache):
    """A cache that isn't used within the project's transactions."""

    def __init__(self, size: int, database: Database) -> None:
        super().__init__(size)
        self._database = database

    def get(self, key: Key, read: Callable[[], T | None]) -> T | None:
        # Within a transaction a read may see what is never committed, or what was true before.
        # A handler's transaction contains nothing of the store's.
        if self._database.in_transaction() and not self._database.in_unit:
            return self._database.read(read)
        return super().get(key, lambda: self._database.read(read))


class DjangoStateStore(Cached, ASStateStore):
    """A state store in a database of a Django project: SQLite or PostgreSQL (MySQL and Oracle
    aren't supported). Thread-safe, and safe over a fork; any number of processes may use one
    database at the same time.

    It works in the project's transactions as models do: what is written within ``atomic()`` counts
    once that is committed, and is undone by a rollback. A write that fails raises, and the outer
    transaction can go on.

    During a handler's transaction, writes are kept back until it has ended, by a commit or not: the
    homeserver's answers are kept in either case, and other writers don't wait.

    What was read is kept in a bounded cache, except within ``atomic()``, where every read is a
    query; where ``AUTOCOMMIT`` is off, nothing is. Another process's writes aren't seen in the
    cache until the homeserver contradicts its content (:meth:`invalidate`).

    Connections are Django's, one for each thread. A thread that you start yourself closes its own
    at its end, by ``django.db.connections.close_all()``. A forked child makes new ones; with the
    connection pool of Django 5.1, don't use the database before the fork.

    A process that has a connection to SQLite open while it forks may corrupt the file. The one of
    the forking thread is closed first; don't fork within ``atomic()``, nor while other threads have
    connections.

    On SQLite, a transaction of your own that reads before it writes can fail at once with
    "database is locked" while another one writes: set ``transaction_mode`` to ``IMMEDIATE`` in the
    database's ``OPTIONS`` (Django 5.1), or write first.

    Args:
        using: The alias of the database.
        cache_size: How many items are cached.

    Raises:
        ValueError: The kind of the database isn't supported.
    """

    def __init__(self, using: str = "default", *, cache_size: int = CACHED) -> None:
        self._database = Database(using)
        super().__init__(_Cache(cache_size, self._database))
        self._rows = Rows(using)
        self._deliveries = DjangoDeliveries(self._database)
        renew_after_fork(self)

    def _before_fork(self) -> None:
        self._database.before_fork()

    def _after_fork(self) -> None:
        self._cache.clear()
        self._database.after_fork()

    def open(self) -> None:
        """Check that the tables exist.

        Raises:
            StateStoreError: They don't exist, or the database can't be reached.
        """
        self._database.read(lambda: self._rows.of(Room).exists())

    def close(self) -> None:
        """Forget what is cached. Connections are closed by Django."""
        self._cache.clear()

    def leave_thread(self) -> None:
        """Close the calling thread's connection, unless it is within a transaction."""
        self._database.leave_thread()

    @property
    def deliveries(self) -> DjangoDeliveries:
        """What is known of transactions and events that the homeserver pushes."""
        return self._deliveries

    def _write(self, work: Callable[[], None], dropped: Callable[[], None]) -> None:
        """Write, and drop outdated items from the cache: now, and again after the commit, unless a
        hook of the project fails first."""

        def writing() -> None:
            work()
            if not self._database.by_hand:
                transaction.on_commit(dropped, using=self._database.using)

        self._database.write(writing)
        dropped()

    # Members.

    def _members(self, room_id: str, **more: Any) -> Any:
        return self._rows.of(Member).filter(room__room_id=room_id, **more)

    def _read_member(self, room_id: str, user_id: str) -> MemberItem | None:
        if not is_storable(room_id, user_id):
            return None
        for row in self._members(room_id, user__user_id=user_id).values_list(*_ITEM):
            return _member(*row)
        return None

    @kept_back
    def read_members(
        self, room_id: str, memberships: Iterable[Membership]
    ) -> dict[UserID, MemberItem]:
        if not is_storable(room_id):
            return {}
        query = self._members(room_id, membership__in=[one.value for one in memberships])
        rows = query.values_list("user__user_id", *_ITEM)
        return self._database.read(
            lambda: {UserID.read(user): _member(*row) for user, *row in rows}
        )

    def _read_looks(
        self, room_id: str, number: int, memberships: Iterable[Membership]
    ) -> list[tuple[str, str]]:
        values = [membership.value for membership in memberships]
        query = self._members(room_id, looks=number, membership__in=values)
        return self._database.read(lambda: list(query.values_list("user__user_id", "displayname")))

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

        def work() -> None:
            room = self._rows.numbers(Room, "room_id", [room_id])[room_id]
            self._write_members({room: named}, leaving, ts)
            if full:
                self._full([room])

        self._write(work, lambda: self._drop_members(room_id, members, others=bool(leaving)))

    @kept_back
    def write_rooms(self, rooms: Mapping[str, RoomItems]) -> None:
        kept = storable_rooms(rooms)

        def work() -> None:
            numbers = self._rows.numbers(Room, "room_id", list(kept))
            by_number = {numbers[room_id]: room for room_id, room in kept.items()}
            self._write_members({number: room.members for number, room in by_number.items()}, [])
            self._write_states({
                (number, event_type): item
                for number, room in by_number.items()
                for event_type, item in room.states.items()
            })  # fmt: skip
            self._full(sorted(number for number, room in by_number.items() if room.full))

        written = keys_of(rooms)
        self._write(work, lambda: self._cache.drop(*written))

    def _write_profile(self, user_id: str, new: dict[str, Any], when: int) -> None:
        rows = self._rows.of(Member).filter(
            user__user_id=user_id, membership=Membership.JOIN.value, ts__lte=when
        )

        def work() -> None:
            # Rows are locked in the order in which all writers lock them.
            locked = rows.order_by("room_id").select_for_update(no_key=True, of=("self",))
            if locked.values_list("pk"):
                rows.update(**new)

        self._write(work, lambda: self._cache.drop_member(user_id))

    def _full(self, rooms: list[int]) -> None:
        for chunk in chunks(rooms):
            self._rows.of(Room).filter(pk__in=chunk, full_members=False).update(full_members=True)

    def _write_members(
        self,
        rooms: Mapping[int, Mapping[str, MemberItem]],
        leaving: list[str],
        ts: int | None = None,
    ) -> None:
        names = {user_id for members in rooms.values() for user_id in members}
        users = self._rows.numbers(User, "user_id", list(names))
        items = {
            (room, users[user_id]): item
            for room, members in rooms.items()
            for user_id, item in members.items()
        }
        others: set[tuple[int, int]] = set()
        if leaving:
            here = self._rows.of(Member).filter(room_id__in=list(rooms), membership__in=leaving)
            others = set(here.values_list("room_id", "user_id")) - items.keys()
        when = now() if ts is None else ts

        def changed(row: Member) -> Member | None:
            item, before = items.get((row.room_id, row.user_id)), _member_of(row)
            if item is None:
                left = MemberItem(Membership.LEAVE, when, Source.FETCHED)
                gone = row.membership in leaving and before.ts <= when
                return _row(row.room_id, row.user_id, left) if gone else None
            after = _row(row.room_id, row.user_id, item)
            if not item.knows_profile:
                after.displayname, after.avatar_url = row.displayname, row.avatar_url
                after.looks = row.looks
            return after if supersedes(item, before) and _member_of(after) != before else None

        new = {key: _row(*key, item) for key, item in items.items()}
        self._rows.merge(Member, ("room_id", "user_id"), new, others, changed, _TOLD)

    @kept_back
    def rooms_of(
        self, user_id: str, memberships: Iterable[Membership | str] = (Membership.JOIN,)
    ) -> list[RoomID]:
        values = [membership.value for membership in memberships_of(memberships)]
        query = self._rows.of(Member).filter(user__user_id=user_id, membership__in=values)
        rooms = query.order_by("room").values_list("room__room_id", flat=True)
        if not is_storable(user_id):
            return []
        return self._database.read(lambda: [RoomID.read(room_id) for room_id in rooms])

    @kept_back
    def rooms(self) -> list[RoomID]:
        rooms = self._rows.of(Room).order_by("pk").values_list("room_id", flat=True)
        return self._database.read(lambda: [RoomID.read(room_id) for room_id in rooms])

    @kept_back
    def has_full_member_list(self, room_id: str) -> bool:
        rooms = self._rows.of(Room).filter(room_id=room_id, full_members=True)
        return is_storable(room_id) and self._database.read(lambda: bool(rooms.exists()))

    # The state of rooms.

    def _read_state(self, room_id: str, event_type: str) -> StateItem | None:
        if not is_storable(room_id, event_type):
            return None
        rows = self._rows.of(State).filter(room__room_id=room_id, type=event_type)
        for row in rows.values_list(*_STATE):
            return _state(*row)
        return None

    def _write_states(self, items: Mapping[tuple[int, str], StateItem]) -> None:
        new = {
            (room, event_type): State(
                room_id=room, type=event_type, ts=item.ts, source=item.source.value,
                content=json.dumps(item.content) if item.content is not None else None,
                event_id=item.event_id, sender=item.sender,
            )
            for (room, event_type), item in items.items()
        }  # fmt: skip

        def changed(row: State) -> State | None:
            key = (row.room_id, row.type)
            before = _state(*(getattr(row, name) for name in _STATE))
            return new[key] if items[key] != before and supersedes(items[key], before) else None

        self._rows.merge(State, ("room_id", "type"), new, (), changed, _STATE)

    # Users.

    def _is_registered(self, user_id: str) -> bool | None:
        users = self._rows.of(User).filter(user_id=user_id, registered=True)
        return (is_storable(user_id) and users.exists()) or None

    @kept_back
    def registered_among(self, user_ids: Iterable[str]) -> set[str]:
        users, found = [user for user in user_ids if is_storable(user)], set[str]()
        for some in chunks(users):
            rows = self._rows.of(User).filter(user_id__in=some, registered=True)
            found.update(rows.values_list("user_id", flat=True))
        return found

    @kept_back
    def write_registered(self, user_ids: Iterable[str]) -> None:
        users = storable_names(user_ids)
        rows = [User(user_id=user_id, registered=True) for user_id in users]
        self._database.write(lambda: self._rows.update(rows, ("user_id",), ("registered",)))


def _row(room: int, user: int, item: MemberItem) -> Member:
    name = storable_text(item.displayname)
    return Member(
        room_id=room, user_id=user, membership=item.membership.value, ts=item.ts,
        source=item.source.value, event_id=item.event_id, displayname=name,
        avatar_url=storable_text(item.avatar_url), looks=looks(name) if name else None,
    )  # fmt: skip


def _member(
    membership: str, ts: int, source: str, event_id: str | None, displayname: str | None,
    avatar_url: str | None,
) -> MemberItem:  # fmt: skip
    return MemberItem(
        Membership(membership), ts, Source(source), event_id, displayname, avatar_url
    )  # fmt: skip


def _member_of(row: Member) -> MemberItem:
    return _member(*(getattr(row, name) for name in _ITEM))


def _state(
    content: str | None, ts: int, source: str, event_id: str | None, sender: str | None
) -> StateItem:
    known = json.loads(content) if content is not None else None
    return StateItem(known, ts, Source(source), event_id, sender)
