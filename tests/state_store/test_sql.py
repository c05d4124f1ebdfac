"""State stores in databases: many at once, and bad days."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from appservice_api import ASStateStore, Membership, MissingExtraError, StateStoreError
from appservice_api.state_store import (
    Claim,
    MemberItem,
    NoteKey,
    NoteKind,
    RoomItems,
    Source,
    StateItem,
    open_state_store,
)
from appservice_api.state_store.database_deliveries import Turns
from appservice_api.testing.contract.deliveries import txn
from appservice_api.testing.postgres import Postgres

pytest.importorskip("sqlalchemy", reason="the extra sql isn't installed")

from sqlalchemy import Connection, MetaData, event, inspect, text

from appservice_api.state_store.sql import SQLStateStore, deliveries, engine, schema
from appservice_api.state_store.sql.url import read_url

ROOM, USER, OTHER = "!r:hs.test", "@_u:hs.test", "@o:hs.test"
fork = multiprocessing.get_context("fork")


@pytest.fixture(autouse=True)
def closing_all(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close what tests leave open: from Python 3.13 on, sqlite3 warns of it."""
    made: list[SQLStateStore] = []
    init = SQLStateStore.__init__

    def noted(self: SQLStateStore, url: str, **options: int) -> None:
        init(self, url, **options)
        made.append(self)

    monkeypatch.setattr(SQLStateStore, "__init__", noted)
    yield
    for store in made:
        store.close()


def count_queries(store: SQLStateStore) -> list[str]:
    """A list that grows by each statement of a store."""
    seen: list[str] = []
    event.listen(
        store._database.engine, "before_cursor_execute",
        lambda connection, cursor, statement, *rest: seen.append(statement),
    )  # fmt: skip
    return seen


def test_what_is_known_is_still_known_by_the_next_process(database_url: str) -> None:
    with open_state_store(database_url) as store:
        store.set_member(ROOM, USER, {"membership": "join", "displayname": "Ü 🎉"})
        store.registered(USER)
        store.write_state(
            ROOM, "m.room.create",
            StateItem({"room_version": "12"}, 5, Source.RECEIVED, "$create", OTHER),
        )  # fmt: skip
        store.set_encryption_info(ROOM, None)
    with open_state_store(database_url) as store:
        assert store.get_member(ROOM, USER) == {"membership": "join", "displayname": "Ü 🎉"}
        assert store.is_registered(USER)
        create = store.get_create(ROOM)
        assert create is not None
        assert (create["sender"], create["event_id"]) == (OTHER, "$create")
        assert create["content"] == {"room_version": "12"}
        assert store.is_encrypted(ROOM) is False


def test_a_warm_cache_costs_no_query(database_url: str) -> None:
    store = SQLStateStore(database_url)
    store.joined(ROOM, USER)
    store.registered(USER)
    store.set_power_levels(ROOM, {"users": {USER: 50}})
    assert store.is_joined(ROOM, USER)
    assert store.is_registered(USER)
    assert store.get_power_levels(ROOM) == {"users": {USER: 50}}
    seen = count_queries(store)
    assert store.is_joined(ROOM, USER)
    assert store.is_registered(USER)
    assert store.get_power_levels(ROOM) == {"users": {USER: 50}}
    store.registered(USER)
    assert seen == []
    store.left(ROOM, USER)
    assert store.is_joined(ROOM, USER) is False
    store.close()


def test_the_cache_is_bounded(tmp_path: Path) -> None:
    store = SQLStateStore(f"sqlite:///{tmp_path}/state.db", cache_size=10)
    users = [f"@u{number}:h" for number in range(50)]
    store.set_members(ROOM, {user: {} for user in users})
    for user in users:
        assert store.is_joined(ROOM, user)
    assert len(store._cache._items) == 10
    store.close()


def test_what_another_process_wrote_is_seen_once_it_is_doubted(database_url: str) -> None:
    one, other = SQLStateStore(database_url), SQLStateStore(database_url)
    one.joined(ROOM, USER)
    assert one.is_joined(ROOM, USER)
    assert one.is_joined(ROOM, OTHER) is None
    other.left(ROOM, USER)
    other.joined(ROOM, OTHER)
    assert one.is_joined(ROOM, OTHER) is True  # what isn't known is never cached
    one.invalidate(ROOM, USER)
    assert one.is_joined(ROOM, USER) is False
    assert one.get_power_levels(ROOM) is None
    one.set_power_levels(ROOM, {"ban": 1})
    assert one.get_power_levels(ROOM) == {"ban": 1}
    other.set_power_levels(ROOM, {"ban": 2})
    one.invalidate(ROOM, OTHER)
    assert one.get_power_levels(ROOM) == {"ban": 2}
    one.close()
    other.close()


def test_a_write_between_read_and_caching_is_not_hidden(database_url: str) -> None:
    store = SQLStateStore(database_url)
    store.joined(ROOM, USER)
    read = store._read_member

    def slow(room_id: str, user_id: str) -> MemberItem | None:
        item = read(room_id, user_id)
        store._read_member = read  # type: ignore[method-assign]
        store.left(room_id, user_id)
        return item

    store._read_member = slow  # type: ignore[method-assign]
    assert store.is_joined(ROOM, USER) is True
    assert store.is_joined(ROOM, USER) is False
    store.close()


def use(url: str, worker: int) -> None:
    """What each of the processes below does, with 8 threads."""
    store = open_state_store(url)
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(25):
                room = f"!{turn % 5}:h"
                store.joined(room, f"@{worker}-{number}-{turn}:h")
                store.set_members(room, {"@all:h": {"displayname": str(turn)}}, "invite")
                store.is_joined(room, f"@{worker}-{number}-{turn - 1}:h")
                store.set_power_levels(room, {"users_default": turn})
                store.registered(f"@{worker}-{number}-{turn}:h")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()
    os._exit(1 if errors else 0)


def test_8_threads_in_4_processes(database_url: str) -> None:
    with open_state_store(database_url):
        workers = [fork.Process(target=use, args=(database_url, number)) for number in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 4
    with open_state_store(database_url) as store:
        found = {user for room in range(5) for user in store.get_members(f"!{room}:h", ("join",))}
        expected = {f"@{w}-{n}-{t}:h" for w in range(4) for n in range(8) for t in range(25)}
        assert found == expected
        assert all(store.is_registered(user) for user in expected)


def test_a_forked_child_has_connections_of_its_own(database_url: str) -> None:
    store = open_state_store(database_url)
    store.joined(ROOM, USER)

    def child() -> None:
        store.joined(ROOM, f"@{os.getpid()}:h")
        os._exit(0 if store.is_joined(ROOM, USER) else 1)

    children = [fork.Process(target=child) for _ in range(4)]
    for process in children:
        process.start()
    for process in children:
        process.join()
    assert [process.exitcode for process in children] == [0] * 4
    assert store.is_joined(ROOM, USER)
    assert len(store.get_members(ROOM)) == 5
    store.close()


DAEMON = """
import os, subprocess, sys, time
from appservice_api.state_store import open_state_store
other = "import sys; from appservice_api.state_store import open_state_store as o\\n" + (
    "with o(sys.argv[1]) as s: [s.joined('!r:h', f'@{sys.argv[2]}-{n}:h') for n in range(20)]")
store = open_state_store(sys.argv[1])
store.joined("!r:h", "@parent:h")
ready, tell = os.pipe()
if os.fork():
    os._exit(0)  # the parent ends, as in a daemon
os.close(tell)
os.read(ready, 1)
for turn in range(5):
    for number in range(20):
        store.joined("!r:h", f"@daemon-{turn}-{number}:h")
    subprocess.run([sys.executable, "-c", other, sys.argv[1], f"cron-{turn}"], check=True)
print(len(store.get_members("!r:h")), flush=True)
store.close()
"""


def test_a_daemon_that_opened_sqlite_before_its_fork(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    done = subprocess.run(
        [sys.executable, "-c", DAEMON, f"sqlite:///{file}"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("201\n", "")
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("SELECT count(*) FROM as_member").fetchone() == (201,)


def open_files(file: Path) -> int:
    """How many handles of a file this process has."""
    handles = Path("/proc/self/fd")
    if not handles.is_dir():
        pytest.skip("this system doesn't tell which files are open")
    return sum(str(handle.resolve()) == str(file) for handle in handles.iterdir())


def test_no_connection_to_sqlite_is_open_while_the_process_forks(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    with open_state_store(f"sqlite:///{file}") as store:
        assert isinstance(store, SQLStateStore)
        store.joined(ROOM, USER)
        inside, leave = threading.Event(), threading.Event()

        def write() -> None:
            with store._database.writing():
                inside.set()
                leave.wait(60)

        writer = threading.Thread(target=write)
        writer.start()
        inside.wait(60)
        assert open_files(file) > 0
        timer = threading.Timer(0.2, leave.set)
        timer.start()
        pid = os.fork()
        if pid == 0:
            os._exit(open_files(file))
        assert os.waitpid(pid, 0)[1] == 0
        writer.join()
        timer.join()
        store.joined(ROOM, OTHER)
        assert len(store.get_members(ROOM)) == 2


def test_a_fork_does_not_wait_for_ever(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with open_state_store(f"sqlite:///{tmp_path}/state.db") as store:
        assert isinstance(store, SQLStateStore)
        store._database._fork_lock._timeout = 0.01
        with store._database.reading():
            pid = os.fork()
            if pid == 0:
                os._exit(0)
            os.waitpid(pid, 0)
        assert "the child must not use it" in caplog.text
        store.joined(ROOM, USER)


WRITER = """
import sys
from appservice_api.state_store import open_state_store
store = open_state_store(sys.argv[1])
number = 0
while True:
    store.set_members("!r:h", {f"@{number}-{one}:h": {} for one in range(5)}, "join")
    store.joined("!all:h", f"@{number}:h")
    print(number, flush=True)
    number += 1
"""


def test_killed_while_writing(database_url: str) -> None:
    for turn in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, database_url], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(5 + turn):
            line = process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        rest, _ = process.communicate()
        last = int((rest.split() or [line])[-1])
        with open_state_store(database_url) as store:
            assert {f"@{number}:h" for number in range(last + 1)} <= set(
                store.get_members("!all:h")
            )
            assert len(store.get_members("!r:h", ("join",))) == 5


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    file.write_bytes(b"this is not a database, but something that somebody wants to keep" * 99)
    before = file.read_bytes()
    with pytest.raises(StateStoreError, match=r"state\.db.* is damaged: move it away"):
        open_state_store(f"sqlite:///{file}")
    assert file.read_bytes() == before


def test_a_damaged_file(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    with open_state_store(f"sqlite:///{file}") as store:
        store.set_members(ROOM, {f"@{number}:h": {} for number in range(2000)})
    content = bytearray(file.read_bytes())
    content[4096 : len(content) // 2] = b"\xff" * (len(content) // 2 - 4096)
    file.write_bytes(content)
    for left in tmp_path.glob("state.db-*"):
        left.unlink()
    with (
        pytest.raises(StateStoreError, match="is damaged: move it away"),
        open_state_store(f"sqlite:///{file}") as store,
    ):
        store.get_members(ROOM)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StateStoreError, match=r"Do the folder of .* exist"):
        open_state_store(f"sqlite:///{tmp_path}/none/state.db")


def test_a_full_disk(tmp_path: Path) -> None:
    store = SQLStateStore(f"sqlite:///{tmp_path}/state.db")
    store.joined(ROOM, USER)
    event.listen(store._database.engine, "connect", lambda connection, _: connection.execute(
        "PRAGMA max_page_count = 1"
    ))  # fmt: skip
    store.close()
    with pytest.raises(StateStoreError, match=r"disk is full.*Make room"):
        store.set_members(ROOM, {f"@{number}:h": {} for number in range(5000)})
    assert store.is_joined(ROOM, USER)
    store.close()


def test_a_lost_database(database_url: str, postgres: object) -> None:
    if database_url.startswith("sqlite"):
        pytest.skip("a file isn't lost")
    store = SQLStateStore(database_url)
    store.joined(ROOM, USER)
    with store._database.writing() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    assert store.is_joined(ROOM, USER)  # a dead connection is noticed, and a new one made
    gone = SQLStateStore(database_url + "nowhere")
    with pytest.raises(StateStoreError, match="can't read the state store at postgresql"):
        gone.open()
    store.close()


def test_the_tables_of_a_newer_version_are_refused(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_state_store(database_url) as store:
        store.joined(ROOM, USER)
    monkeypatch.setattr(schema, "VERSION", schema.VERSION - 1)
    with pytest.raises(StateStoreError, match="install a newer appservice_api"):
        open_state_store(database_url)


def test_the_tables_of_an_older_version_are_brought_up_to_date(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_state_store(database_url) as store:
        store.joined(ROOM, USER)
    done: list[int] = []

    def step(number: int) -> Callable[[Connection], None]:
        return lambda connection: done.append(number)

    now = schema.VERSION
    monkeypatch.setattr(schema, "VERSION", now + 2)
    monkeypatch.setattr(schema, "UPGRADES", {now: step(now), now + 1: step(now + 1)})
    for _ in range(2):
        with open_state_store(database_url) as store:
            assert store.is_joined(ROOM, USER)
    assert done == [now, now + 1]


def test_a_database_of_version_1_gets_the_tables_of_deliveries(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = MetaData()
    for name in ("as_schema", "as_room", "as_user", "as_member", "as_state"):
        schema.METADATA.tables[name].to_metadata(older)
    with monkeypatch.context() as before:
        before.setattr(schema, "METADATA", older)
        before.setattr(schema, "VERSION", 1)
        with open_state_store(database_url) as store:
            store.set_member(ROOM, USER, {"membership": "join", "displayname": "Ü"})
            store.registered(USER)
            store.set_power_levels(ROOM, {"ban": 1})
            assert isinstance(store, SQLStateStore)
            assert set(inspect(store._database.engine).get_table_names()) == set(older.tables)
    for _ in range(2):
        with open_state_store(database_url) as store:
            assert store.get_member(ROOM, USER) == {"membership": "join", "displayname": "Ü"}
            assert store.is_registered(USER)
            assert store.get_power_levels(ROOM) == {"ban": 1}
            assert isinstance(store, SQLStateStore)
            store.deliveries.note_handled("$a", ROOM)
            assert store.deliveries.last_handled(ROOM) == "$a"
            assert store.deliveries.claim(txn("1", "x"), 0) is Claim.MINE
            number = store.deliveries.park({"type": "m"}, "why")
            assert store.deliveries.unpark(number) is not None


def test_an_upgrade_makes_the_same_tables_as_a_new_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tables(name: str) -> list[str]:
        with closing(sqlite3.connect(tmp_path / name)) as connection:
            found = connection.execute("SELECT name, tbl_name, sql FROM sqlite_master")
            return sorted(str(row) for row in found if row[1] not in older.tables)

    older = MetaData()
    for name in ("as_schema", "as_room", "as_user", "as_member", "as_state"):
        schema.METADATA.tables[name].to_metadata(older)
    with monkeypatch.context() as before:
        before.setattr(schema, "METADATA", older)
        before.setattr(schema, "VERSION", 1)
        open_state_store(f"sqlite:///{tmp_path}/old.db").close()
    for name in ("old.db", "new.db"):
        open_state_store(f"sqlite:///{tmp_path}/{name}").close()
    assert len(tables("old.db")) > 3
    assert tables("old.db") == tables("new.db")


def test_leases_run_by_the_clock_of_the_database(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_state_store(postgres.new_database()) as store:
        assert isinstance(store, SQLStateStore)
        assert store.deliveries.claim(txn("1", "x"), 60) is Claim.MINE
        monkeypatch.setattr(deliveries, "now", lambda: 2**50)  # a machine far in the future
        assert store.deliveries.claim(txn("1", "x"), 60) is Claim.BUSY


def test_noting_an_event_is_one_statement(database_url: str) -> None:
    with open_state_store(database_url) as store:
        assert isinstance(store, SQLStateStore)
        store.deliveries._noted = Turns(10**9)
        store.deliveries._noted.due()
        seen = count_queries(store)
        store.deliveries.note_handled("$a", ROOM, 5)
        assert len(seen) == 1
        noted = NoteKey(NoteKind.HANDLER, "x")
        store.deliveries.note_handled(noted)
        assert store.deliveries.handled(["$a", noted, "$b"]) == {"$a", noted}
        assert len(seen) == 3


def test_writers_of_the_same_rows_do_not_fail(postgres: Postgres) -> None:
    url = postgres.new_database()
    users = [f"@{number:02}:h" for number in range(60)]
    stores = [open_state_store(url) for _ in range(2)]
    errors: list[BaseException] = []

    def members(store: ASStateStore, seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(15):
            store.set_members(ROOM, {one: {} for one in users[chance.randrange(60) :]}, "join")

    def mixed(store: ASStateStore, seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(15):
            when = 2**45 + chance.randrange(9)
            items = {
                user: MemberItem(
                    Membership.JOIN, when, Source.SENT, knows_profile=chance.random() < 0.5
                )
                for user in users
            }
            store.write_rooms({room: RoomItems(items, {}) for room in (ROOM, "!2:h")})

    def profiles(store: ASStateStore, seed: int) -> None:
        for number in range(15):
            store.set_profile(users[seed], "displayname", str(number))

    def run(work: Callable[[ASStateStore, int], None], seed: int) -> None:
        try:
            work(stores[seed % 2], seed)
        except BaseException as error:
            errors.append(error)

    works = [members, mixed, profiles] * 2
    threads = [threading.Thread(target=run, args=(work, n)) for n, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in stores:
        store.close()
    assert errors == []


def test_a_transaction_that_was_ended_for_others_is_done_again(postgres: Postgres) -> None:
    with open_state_store(postgres.new_database()) as store:
        assert isinstance(store, SQLStateStore)
        ends = ["40P01", "40001"]

        def work(connection: Connection) -> str:
            if ends:
                code = ends.pop()
                connection.execute(text(f"DO $$ BEGIN RAISE SQLSTATE '{code}'; END $$"))
            return "done"

        assert store._database.write(work) == "done"
        ends += ["23505"]
        with pytest.raises(StateStoreError):
            store._database.write(work)
        ends += ["40001"] * 9
        with pytest.raises(StateStoreError):
            store._database.write(work)
        assert len(ends) == 3


def test_postgresql_does_not_let_us_wait_for_ever(postgres: Postgres) -> None:
    def limits(url: str) -> tuple[str, ...]:
        with open_state_store(url) as store:
            assert isinstance(store, SQLStateStore)
            with store._database.reading() as connection:
                names = ("statement_timeout", "lock_timeout")
                return tuple(connection.scalar(text(f"SHOW {name}")) or "" for name in names)

    url = postgres.new_database()
    assert limits(url) == ("30s", "30s")
    assert limits(url + "&options=-c%20lock_timeout%3D7s") == ("30s", "7s")
    for more, expected in (("", 10), ("&connect_timeout=3", None)):
        arguments = engine._arguments(read_url(url + more))
        assert arguments.get("connect_timeout") == expected


def test_no_free_connection(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("_CONNECTIONS", 1), ("_MORE", 0), ("_POOL_SECONDS", 0.01)):
        monkeypatch.setattr(engine, name, value)
    with open_state_store(database_url) as store:
        assert isinstance(store, SQLStateStore)
        with (
            store._database.reading(),
            pytest.raises(StateStoreError, match="connections of this process were in use"),
        ):
            store.get_members(ROOM)


def test_who_has_waited_for_a_locked_file_hardly_waits_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_BUSY_SECONDS", 0.05)
    file = tmp_path / "state.db"
    with open_state_store(f"sqlite:///{file}") as store:
        assert isinstance(store, SQLStateStore)
        seen = count_queries(store)
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StateStoreError, match="locked for too long"):
                store.joined(ROOM, USER)
            assert not [query for query in seen if "busy_timeout" in query]
            with pytest.raises(StateStoreError, match="locked for too long"):
                store.joined(ROOM, USER)
            assert "PRAGMA busy_timeout = 250" in seen
            other.execute("ROLLBACK")
        store.joined(ROOM, USER)
        store._database._locked_until = 0.0
        store.joined(ROOM, OTHER)
        assert seen[-1] != "PRAGMA busy_timeout = 50"
        assert "PRAGMA busy_timeout = 50" in seen


def test_opening_waits_for_no_writer_if_there_is_nothing_to_do(database_url: str) -> None:
    with open_state_store(database_url) as store:
        assert isinstance(store, SQLStateStore)
        with store._database.writing() as connection:
            connection.execute(text("UPDATE as_schema SET version = version"))
            with open_state_store(database_url) as other:
                assert other.is_joined(ROOM, USER) is None


@pytest.mark.parametrize("broken", [
    "UPDATE as_schema SET version = 0", "UPDATE as_schema SET version = -1",
    "DELETE FROM as_schema", "INSERT INTO as_schema VALUES (1)",
])  # fmt: skip
def test_a_database_without_a_proper_version(database_url: str, broken: str) -> None:
    with open_state_store(database_url) as store:
        assert isinstance(store, SQLStateStore)
        with store._database.writing() as connection:
            connection.execute(text(broken))
        name = store._database.name
    with pytest.raises(StateStoreError, match="must have one row") as caught:
        open_state_store(database_url)
    assert f"at {name} " in str(caught.value)


def test_a_file_that_was_deleted_while_it_is_open(tmp_path: Path) -> None:
    with open_state_store(f"sqlite:///{tmp_path}/state.db") as store:
        store.joined(ROOM, USER)
        for file in tmp_path.iterdir():
            file.unlink()
        with pytest.raises(StateStoreError, match="Its tables have gone"):
            store.joined(ROOM, OTHER)
        store.joined(ROOM, OTHER)
        assert store.get_members(ROOM) == [OTHER]


def test_tables_that_were_dropped_while_they_are_used(postgres: Postgres) -> None:
    with open_state_store(postgres.new_database()) as store:
        assert isinstance(store, SQLStateStore)
        store.joined(ROOM, USER)
        schema.METADATA.drop_all(store._database.engine)
        with pytest.raises(StateStoreError, match="Its tables have gone"):
            store.joined(ROOM, OTHER)
        store.joined(ROOM, OTHER)
        assert store.get_members(ROOM) == [OTHER]


def test_a_row_that_another_has_locked_for_too_long(postgres: Postgres) -> None:
    with open_state_store(postgres.new_database() + "&options=-c%20lock_timeout%3D50ms") as store:
        assert isinstance(store, SQLStateStore)
        store.joined(ROOM, USER)
        with store._database.writing() as connection:
            connection.execute(text("SELECT * FROM as_member FOR UPDATE"))
            with pytest.raises(StateStoreError, match=r"lock timeout$"):
                store.left(ROOM, USER)
        store.left(ROOM, USER)


def test_a_new_profile_is_one_statement(database_url: str) -> None:
    with open_state_store(database_url) as store, open_state_store(database_url) as other:
        assert isinstance(store, SQLStateStore)
        rooms = [f"!{number}:h" for number in range(30)]
        known = {"membership": "join", "displayname": "Old", "avatar_url": "mxc://h/1"}
        for room in rooms:
            store.set_member(room, USER, known)
            assert store.get_member(room, USER) == known
        store.set_member("!left:h", USER, {"membership": "leave"})
        other.set_profile(USER, "avatar_url", "mxc://h/2")
        seen = count_queries(store)
        store.set_profile(USER, "displayname", "New")
        assert len([query for query in seen if query.startswith("UPDATE")]) == 1
        assert len([query for query in seen if "SELECT" in query]) == 1
        for room in rooms:
            # Nothing that was cached is written back.
            assert store.get_member(room, USER) == {
                "membership": "join", "displayname": "New", "avatar_url": "mxc://h/2",
            }  # fmt: skip
        assert store.find_lookalikes(rooms[0], "new") == [USER]
        assert store.get_member("!left:h", USER) == {"membership": "leave"}
        store.set_profile(USER, "displayname", None)
        assert store.find_lookalikes(rooms[0], "new") == []
        with pytest.raises(ValueError, match="key must be"):
            store.set_profile(USER, "m.tz", "UTC")


@pytest.mark.parametrize("url, problem", [
    ("nonsense", "must look like"),
    ("mysql://u@h/d", "not in 'mysql'"),
    ("sqlite://", "in memory"),
    ("sqlite:///:memory:", "in memory"),
    (5, "must be an ASStateStore"),
    ("postgresql://me:SECRET@h:12ab/d", "can't be read: it must look like"),
    ("postgresql://me:SEC@RET@h/d", "write those of a password as '%40'"),
    ("postgresql://me:SEC@RE/T@h/d", "write those of a password as '%40'"),
    ("postgresql+foo://me:SECRET@h/d", "'postgresql\\+foo', which SQLAlchemy doesn't know"),
    ("postgresql+asyncpg://me:SECRET@h/d", "must be synchronous"),
    ("sqlite+aiosqlite:///state.db", "must be synchronous"),
])  # fmt: skip
def test_what_is_no_url(url: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as caught:
        open_state_store(url)
    assert not {piece for piece in ("SEC", "RE", "12ab") if piece in str(caught.value)}


@pytest.mark.parametrize("url", [
    "postgresql://me:SECRET@127.0.0.1:1/x?connect_timeout=2",
    "postgresql://127.0.0.1:1/x?user=me&password=SECRET",
    "postgresql://me:SE%40CRET@/x?host=127.0.0.1&port=1&sslpassword=SECRET",
])  # fmt: skip
def test_no_password_in_an_error(url: str) -> None:
    store = SQLStateStore(url)
    with pytest.raises(StateStoreError, match=r"at postgresql\+psycopg://127.0.0.1(:1)?/x: ") as no:
        store.open()
    assert not {piece for piece in ("SE", "CRET") if piece in f"{no.value} {no.value!r}"}


def test_a_missing_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtraError, match=r"appservice_api\[sql\]"):
        SQLStateStore("postgresql://me@localhost/x")


def test_readers_do_not_wait_for_a_writer(database_url: str) -> None:
    store = SQLStateStore(database_url)
    store.joined(ROOM, USER)
    with store._database.writing() as connection:
        connection.execute(schema.USER.insert(), {"user_id": "@new:h", "registered": True})
        assert store._read_member(ROOM, USER) is not None
    store.close()
