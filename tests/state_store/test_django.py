"""The state store of Django projects: transactions, threads, forks, and what can be wrong."""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("django", reason="the extra django isn't installed")

from django.core.management import call_command
from django.db import OperationalError, connections, transaction

from appservice_api import Membership, StateStoreError
from appservice_api.state_store import MemberItem, Source, StateItem

from . import django_project

if TYPE_CHECKING:
    from appservice_api.django.state_store import DjangoStateStore

ROOM, USER, OTHER = "!r:hs.test", "@_u:hs.test", "@o:hs.test"


class Undo(Exception):
    """Rolls a transaction back."""


@pytest.fixture
def store(django_store: DjangoStateStore) -> DjangoStateStore:
    return django_store


def alias_of(store: DjangoStateStore) -> str:
    return store._database.using


def a_member(ts: int) -> MemberItem:
    return MemberItem(Membership.JOIN, ts, Source.RECEIVED, None, str(ts))


@contextmanager
def undone(alias: str) -> Iterator[None]:
    with suppress(Undo), transaction.atomic(using=alias):
        yield
        raise Undo


@contextmanager
def counted_queries(alias: str) -> Iterator[list[str]]:
    asked: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        asked.append(sql)
        return execute(sql, params, many, context)

    with connections[alias].execute_wrapper(note):
        yield asked


def test_the_migrations_are_complete(django_folder: Path) -> None:
    out = io.StringIO()
    call_command("makemigrations", "appservice_api", check=True, dry_run=True, stdout=out)
    assert out.getvalue() == "No changes detected in app 'appservice_api'\n"


def test_what_was_read_is_not_asked_for_again(store: DjangoStateStore) -> None:
    store.joined(ROOM, USER)
    store.registered(USER)
    store.set_power_levels(ROOM, {"ban": 1})

    def ask() -> None:
        assert store.is_joined(ROOM, USER)
        assert store.is_registered(USER)
        assert store.get_power_levels(ROOM) == {"ban": 1}
        store.registered(USER)

    ask()
    with counted_queries(alias_of(store)) as asked:
        ask()
        assert asked == []
        store.invalidate(ROOM, USER)
        ask()
        assert len(asked) == 3


def test_what_is_rolled_back_leaves_nothing_stale(store: DjangoStateStore) -> None:
    store.joined(ROOM, USER)
    assert store.is_joined(ROOM, USER)
    with undone(alias_of(store)):
        store.left(ROOM, USER)
        store.registered(USER)
        store.set_power_levels(ROOM, {"ban": 1})
        store.set_members(ROOM, {OTHER: {}}, only_membership="join")
        # Within the transaction all of it is seen ...
        assert store.is_joined(ROOM, USER) is False
        assert store.is_registered(USER)
        assert store.get_power_levels(ROOM) == {"ban": 1}
        assert store.has_full_member_list(ROOM)
    # ... and after it none.
    assert store.is_joined(ROOM, USER) is True
    assert not store.is_registered(USER)
    assert store.get_power_levels(ROOM) is None
    assert store.get_members(ROOM) == [USER]
    assert not store.has_full_member_list(ROOM)


def test_what_is_committed_is_seen(store: DjangoStateStore) -> None:
    store.joined(ROOM, USER)
    assert store.is_joined(ROOM, USER)
    with transaction.atomic(using=alias_of(store)):
        store.left(ROOM, USER)
        with undone(alias_of(store)):
            store.joined(ROOM, OTHER)
        assert store.is_joined(ROOM, OTHER) is None
    assert store.is_joined(ROOM, USER) is False
    assert store.is_joined(ROOM, OTHER) is None


def test_a_hook_that_fails_leaves_nothing_stale(store: DjangoStateStore) -> None:
    store.joined(ROOM, USER)
    assert store.is_joined(ROOM, USER)

    def write() -> None:
        with transaction.atomic(using=alias_of(store)):
            transaction.on_commit(lambda: 1 // 0, using=alias_of(store))
            store.left(ROOM, USER)

    with pytest.raises(ZeroDivisionError):
        write()
    assert store.is_joined(ROOM, USER) is False


def test_nothing_is_cached_without_autocommit(
    django_postgresql: DjangoStateStore, django_folder: Path
) -> None:
    from appservice_api.django.state_store import DjangoStateStore

    settings = connections.settings[alias_of(django_postgresql)]
    connections.settings["by-hand"] = {**settings, "AUTOCOMMIT": False}
    store = DjangoStateStore("by-hand")
    store.joined(ROOM, USER)
    transaction.commit(using="by-hand")
    assert store.is_joined(ROOM, USER)
    assert not store._cache._items
    assert not connections["by-hand"].run_on_commit
    connections["by-hand"].close()


def test_a_new_profile_is_one_update(store: DjangoStateStore) -> None:
    rooms = [f"!{number}:h" for number in range(20)]
    for room in rooms:
        store.set_member(room, USER, {"membership": "join", "displayname": "Old"})
        assert store.is_joined(room, USER)
    store.set_member("!left:h", USER, {"membership": "leave"})
    from appservice_api.django.models import Member

    store._rows.of(Member).update(avatar_url="mxc://h/2")  # by another process
    with counted_queries(alias_of(store)) as asked:
        store.set_profile(USER, "displayname", "New")
    assert len([one for one in asked if one.startswith("UPDATE") and "displayname" in one]) == 1
    assert len(asked) < 6
    for room in rooms:
        assert store.get_member(room, USER) == {
            "membership": "join", "displayname": "New", "avatar_url": "mxc://h/2",
        }  # fmt: skip
    assert store.find_lookalikes(rooms[0], "new") == [USER]
    left = store.get_member("!left:h", USER)
    assert left == {"membership": "leave", "avatar_url": "mxc://h/2"}
    store.set_profile(USER, "displayname", None)
    assert store.find_lookalikes(rooms[0], "new") == []
    with pytest.raises(ValueError, match="key must be"):
        store.set_profile(USER, "m.tz", "UTC")


def test_no_connection_to_sqlite_is_open_while_the_process_forks(
    django_sqlite: DjangoStateStore,
) -> None:
    connection = connections[alias_of(django_sqlite)]
    django_sqlite.joined(ROOM, USER)
    assert connection.connection is not None
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert connection.connection is None
    assert django_sqlite.is_joined(ROOM, USER)
    with transaction.atomic(using=alias_of(django_sqlite)):
        django_sqlite.left(ROOM, USER)
        django_sqlite._before_fork()  # a transaction isn't lost
    assert django_sqlite.is_joined(ROOM, USER) is False


def test_another_thread_does_not_keep_what_an_open_transaction_changes(
    django_postgresql: DjangoStateStore,
) -> None:
    store = django_postgresql
    store.joined(ROOM, USER)
    seen: list[bool | None] = []

    def look() -> None:
        seen.append(store.is_joined(ROOM, USER))
        connections.close_all()

    with transaction.atomic(using=alias_of(store)):
        store.left(ROOM, USER)
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    assert seen == [True]
    assert store.is_joined(ROOM, USER) is False


def test_transactions_begun_by_hand(django_postgresql: DjangoStateStore) -> None:
    store = django_postgresql  # on SQLite, Django's savepoints need atomic()
    alias = alias_of(store)
    store.joined(ROOM, USER)
    assert store.is_joined(ROOM, USER)
    transaction.set_autocommit(False, using=alias)
    try:
        store.left(ROOM, USER)
        assert store.is_joined(ROOM, USER) is False
        transaction.rollback(using=alias)
        assert store.is_joined(ROOM, USER) is True
        store.left(ROOM, USER)
        transaction.commit(using=alias)
    finally:
        transaction.set_autocommit(True, using=alias)
    assert store.is_joined(ROOM, USER) is False


def test_a_failed_write_does_not_end_the_outer_transaction(
    django_postgresql: DjangoStateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = django_postgresql
    with transaction.atomic(using=alias_of(store)):
        store.joined(ROOM, USER)
        with monkeypatch.context() as broken:
            broken.setattr(
                store, "_write_states", lambda items: query(alias_of(store), "SELECT 1 / 0")
            )
            with pytest.raises(StateStoreError, match="can't write the state store in the data"):
                store.set_power_levels(ROOM, {})
        store.joined(ROOM, OTHER)
    assert sorted(store.get_members(ROOM)) == [USER, OTHER]


def write_a_lot(store: DjangoStateStore, seed: int, count: int) -> dict[Any, int]:
    """Write at random; what is the newest of each."""
    chance = random.Random(seed)
    newest: dict[Any, int] = {}
    for _ in range(count):
        room, ts = f"!{chance.randrange(3)}:h", chance.randrange(10**9) * 100 + seed
        if chance.random() < 0.2:
            store.write_state(room, "m.room.tombstone", StateItem({"n": ts}, ts, Source.RECEIVED))
            written: list[Any] = [room]
        else:
            users = [f"@{chance.randrange(20)}:h" for _ in range(chance.choice((1, 1, 6)))]
            store.write_members(room, dict.fromkeys(users, a_member(ts)))
            written = [(room, user) for user in users]
            store.read_member(room, users[0])
        for key in written:
            newest[key] = max(ts, newest.get(key, 0))
    return newest


def test_many_threads(store: DjangoStateStore) -> None:
    newest: list[dict[Any, int]] = []

    def work(seed: int) -> None:
        try:
            newest.append(write_a_lot(store, seed, 40))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(newest) == 8
    for key in {key for one in newest for key in one}:
        ts = max(one.get(key, 0) for one in newest)
        if isinstance(key, tuple):
            assert store.read_member(*key) == a_member(ts)
        else:
            assert store.get_tombstone(key) == {"n": ts}


def test_forked_children(store: DjangoStateStore) -> None:
    store.joined(ROOM, USER)
    assert store.is_joined(ROOM, USER)
    children = []
    for number in range(4):
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                write_a_lot(store, number, 10)
                store.joined(f"!{number}:h", USER)
                code = 0 if store.is_joined(ROOM, USER) else 2
            finally:
                os._exit(code)
        children.append(pid)
    write_a_lot(store, 4, 10)
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 4
    assert len(store.rooms_of(USER)) == 5


def test_a_lost_connection_is_made_anew(django_postgresql: DjangoStateStore) -> None:
    store = django_postgresql
    store.joined(ROOM, USER)

    def lose() -> None:
        connection = connections[alias_of(store)]
        [[pid]] = query(alias_of(store), "SELECT pg_backend_pid()")
        other = connection.copy()
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        other.close()

    lose()
    assert store.is_joined(ROOM, USER)
    lose()
    store.left(ROOM, USER)
    assert store.is_joined(ROOM, USER) is False

    def begin() -> None:
        with transaction.atomic(alias_of(store)):
            lose()
            # Whoever began the transaction must know that it is gone.
            with pytest.raises(StateStoreError, match="can't read"):
                store.is_joined(ROOM, USER)

    with pytest.raises(OperationalError):
        begin()
    assert store.is_joined(ROOM, USER) is False


def query(alias: str, sql: str) -> list[Any]:
    with connections[alias].cursor() as cursor:
        cursor.execute(sql)
        rows: list[Any] = cursor.fetchall()
        return rows


def test_a_database_without_the_tables(django_folder: Path) -> None:
    from appservice_api.django.state_store import DjangoStateStore

    django_project.add("empty", f"sqlite:///{django_folder}/empty.db")
    store = DjangoStateStore("empty")
    for work in (store.open, lambda: store.joined(ROOM, USER), lambda: store.rooms_of(USER)):
        with pytest.raises(
            StateStoreError, match=r"'empty'.*manage.py migrate appservice_api"
        ) as failed:
            work()
        # Whoever tries again later fails again.
        assert not failed.value.temporary
    connections["empty"].close()


def test_a_database_that_is_locked(
    django_sqlite: DjangoStateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    from appservice_api.django import database

    monkeypatch.setattr(database, "_BUSY_SECONDS", 0.0)
    alias = alias_of(django_sqlite)
    connections[alias].ensure_connection()
    query(alias, "PRAGMA busy_timeout = 1")
    other = connections[alias].copy()
    with other.cursor() as cursor:
        cursor.execute("BEGIN IMMEDIATE")
        with pytest.raises(StateStoreError, match=r"database is locked.*transaction_mode"):
            django_sqlite.joined(ROOM, USER)
        cursor.execute("ROLLBACK")
    other.close()
    django_sqlite.joined(ROOM, USER)


def test_a_database_of_another_kind(django_folder: Path) -> None:
    from django.db.utils import ConnectionDoesNotExist

    from appservice_api.django.state_store import DjangoStateStore

    django_project.add("other", "dummy://")
    with pytest.raises(ValueError, match="'other' is unknown"):
        DjangoStateStore("other")
    with pytest.raises(ConnectionDoesNotExist, match="missing"):
        DjangoStateStore("missing")


@pytest.mark.parametrize("code, said", [
    ("import appservice_api.django", ""),
    ("sys.modules['django'] = None; import appservice_api.django",
     "MissingExtraError: appservice_api.django needs the extra 'django'"),
    ("from django.conf import settings; settings.configure(); import django; django.setup(); "
     "import appservice_api.django.state_store",
     "ImproperlyConfigured: the state store needs its tables: add 'appservice_api.django'"),
])  # fmt: skip
def test_what_an_import_says(code: str, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {code}"], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode != 0) == bool(said)
    assert said in done.stderr
