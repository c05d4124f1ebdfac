"""Import of what mautrix-python has remembered. The samples have the form of those that its
version 0.21.1 makes."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from appservice_api import ASStateStore, Membership, MemoryStateStore, StateStoreError
from appservice_api.state_store import Source, StateItem, open_state_store
from appservice_api.state_store.importing import Imported, import_json, import_sql
from appservice_api.testing.postgres import Postgres

ROOM, FULL, ALICE, BOB, CAROL = "!r:h", "!full:h", "@a:h", "@b:h", "@c:h"
LEVELS: dict[str, Any] = {"users": {ALICE: 100}, "users_default": 0, "events": {}}
CREATE = {
    "type": "m.room.create", "room_id": ROOM, "event_id": "$c", "sender": ALICE,
    "origin_server_ts": 5, "state_key": "", "content": {"room_version": "12"}, "unsigned": {},
}  # fmt: skip
ENCRYPTION = {"algorithm": "m.megolm.v1.aes-sha2"}
JSON: dict[str, Any] = {
    "registered": {"@_g:h": True},
    "members": {
        ROOM: {
            ALICE: {"membership": "join"},
            BOB: {"membership": "invite", "displayname": "B", "avatar_url": "mxc://a/b"},
        },
        FULL: {CAROL: {"membership": "join"}},
    },
    "full_member_list": {FULL: True, ROOM: False},
    "power_levels": {ROOM: LEVELS, FULL: None},
    "encryption": {ROOM: ENCRYPTION, FULL: None},
    "create": {ROOM: CREATE},
}
SCHEMA = """
CREATE TABLE mx_room_state (
    room_id TEXT PRIMARY KEY, is_encrypted BOOLEAN, has_full_member_list BOOLEAN, encryption TEXT,
    power_levels TEXT, create_event TEXT
);
CREATE TABLE mx_user_profile (
    room_id TEXT, user_id TEXT, membership membership NOT NULL, displayname TEXT, avatar_url TEXT,
    PRIMARY KEY (room_id, user_id)
);
CREATE TABLE mx_registrations (user_id TEXT PRIMARY KEY);
"""
MEMBERS = [
    (ROOM, ALICE, "join", None, None),
    (ROOM, BOB, "invite", "B", "mxc://a/b"),
    (FULL, CAROL, "join", None, None),
]
ROOMS = [
    (ROOM, True, None, json.dumps(ENCRYPTION), json.dumps(LEVELS), json.dumps(CREATE)),
    (FULL, False, True, None, None, None),
]


def save(folder: Path, data: object) -> str:
    path = folder / "state.json"
    path.write_text(json.dumps(data))
    return str(path)


def make_sqlite(path: Path, *, mode: str = "wal") -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"PRAGMA journal_mode = {mode}")
    connection.executescript(SCHEMA)
    connection.executemany("INSERT INTO mx_user_profile VALUES (?, ?, ?, ?, ?)", MEMBERS)
    connection.executemany("INSERT INTO mx_room_state VALUES (?, ?, ?, ?, ?, ?)", ROOMS)
    connection.execute("INSERT INTO mx_registrations VALUES ('@_g:h')")
    return connection


def from_json(request: pytest.FixtureRequest, folder: Path, store: ASStateStore) -> Imported:
    return import_json(save(folder, JSON), store)


def from_sqlite(request: pytest.FixtureRequest, folder: Path, store: ASStateStore) -> Imported:
    make_sqlite(folder / "bridge.db").close()
    return import_sql(f"sqlite:///{folder}/bridge.db", store)


def from_postgresql(request: pytest.FixtureRequest, folder: Path, store: ASStateStore) -> Imported:
    psycopg = pytest.importorskip("psycopg")
    server: Postgres = request.getfixturevalue("postgres")
    url = server.new_database()
    name, _, host = url.rpartition("@/")[2].partition("?host=")
    with psycopg.connect(f"host={host} user=postgres dbname={name}") as connection:
        connection.execute(
            "CREATE TYPE membership AS ENUM ('join', 'leave', 'invite', 'ban', 'knock')"
        )
        connection.execute(SCHEMA)
        cursor = connection.cursor()
        cursor.executemany("INSERT INTO mx_user_profile VALUES (%s, %s, %s, %s, %s)", MEMBERS)
        cursor.executemany("INSERT INTO mx_room_state VALUES (%s, %s, %s, %s, %s, %s)", ROOMS)
        cursor.execute("INSERT INTO mx_registrations VALUES ('@_g:h')")
    # As bridges write it in their configurations.
    return import_sql(url.replace("postgresql+psycopg:", "postgres:"), store)


@pytest.fixture(params=["memory", "sqlite", "postgresql", "django", "django-postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ASStateStore]:
    if request.param.startswith("django"):
        yield request.getfixturevalue(
            "django_sqlite" if request.param == "django" else "django_postgresql"
        )
        return
    url = None
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/made.db"
    elif request.param == "postgresql":
        url = request.getfixturevalue("postgres").new_database()
    with open_state_store(url) as made:
        yield made


@pytest.mark.parametrize("take", [from_json, from_sqlite, from_postgresql])
def test_everything_is_imported(
    take: Callable[..., Imported],
    store: ASStateStore,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    assert take(request, tmp_path, store) == Imported(2, 3, 4, 1, {})
    assert store.get_member(ROOM, ALICE) == {"membership": "join"}
    assert store.get_member_profiles(ROOM)[BOB] == {  # type: ignore[index]
        "membership": "invite", "displayname": "B", "avatar_url": "mxc://a/b",
    }  # fmt: skip
    assert store.rooms_of(CAROL) == [FULL]
    assert store.has_full_member_list(FULL)
    assert not store.has_full_member_list(ROOM)
    assert store.get_power_levels(ROOM) == LEVELS
    assert store.get_power_levels(FULL) is None
    assert store.get_encryption_info(ROOM) == ENCRYPTION
    assert store.is_encrypted(FULL) is False
    assert store.has_power_level(ROOM, ALICE, "m.x", state=True)
    created = store.get_create(ROOM)
    assert created is not None
    assert (created["sender"], created["content"]) == (ALICE, {"room_version": "12"})
    assert store.is_registered("@_g:h")


def test_what_is_imported_replaces_nothing(store: ASStateStore, tmp_path: Path) -> None:
    store.update_state({**CREATE, "content": {"room_version": "11"}})
    store.left(ROOM, ALICE)
    store.set_membership(ROOM, BOB, "join", ts=1)
    store.set_power_levels(ROOM, {"ban": 1}, ts=1)
    for _ in range(2):
        import_json(save(tmp_path, JSON), store)
    assert store.get_create(ROOM)["content"] == {"room_version": "11"}  # type: ignore[index]
    assert store.get_membership(ROOM, ALICE) is Membership.LEAVE
    assert store.get_member(ROOM, BOB) == {"membership": "join"}
    assert store.get_power_levels(ROOM) == {"ban": 1}
    assert store.is_joined(FULL, CAROL)


def test_everything_replaces_what_was_imported(store: ASStateStore, tmp_path: Path) -> None:
    import_json(save(tmp_path, JSON), store)
    store.update_state({
        "type": "m.room.member", "room_id": ROOM, "state_key": ALICE, "sender": ALICE,
        "origin_server_ts": 0, "content": {"membership": "leave"},
    })  # fmt: skip
    store.update_state({**CREATE, "content": {"room_version": "11"}})
    store.write_state(ROOM, "m.room.encryption", StateItem(None, 0, Source.RECEIVED))
    store.set_members(FULL, {}, only_membership="join")
    assert store.get_membership(ROOM, ALICE) is Membership.LEAVE
    assert store.get_create(ROOM)["content"] == {"room_version": "11"}  # type: ignore[index]
    assert store.is_encrypted(ROOM) is False
    assert store.get_members(FULL) == []


def test_an_older_file(tmp_path: Path) -> None:
    store = MemoryStateStore()
    path = save(tmp_path, {"registrations": ["@_g:h", "@_h:h"], "members": {}})
    assert import_json(path, store) == Imported(0, 0, 0, 2, {})
    assert store.is_registered("@_h:h")


def test_an_older_table(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "bridge.db")
    connection.execute("CREATE TABLE mx_room_state (room_id TEXT, power_levels TEXT)")
    connection.execute("INSERT INTO mx_room_state VALUES (?, ?)", (ROOM, json.dumps(LEVELS)))
    connection.commit()
    connection.close()
    store = MemoryStateStore()
    assert import_sql(f"sqlite:{tmp_path}/bridge.db", store) == Imported(1, 0, 1, 0, {})
    assert store.is_encrypted(ROOM) is None


def test_what_cannot_be_read_is_counted_and_left_out(tmp_path: Path) -> None:
    store = MemoryStateStore()
    data = {
        "members": {
            ROOM: {ALICE: {"membership": "join", "displayname": 5}, BOB: {"membership": "x"},
                   "bob": {"membership": "join"}, CAROL: None, "@d:h": {"membership": ["join"]}},
            "": {ALICE: {"membership": "join"}}, "!x\0:h": {ALICE: {"membership": "join"}},
            FULL: "broken",
        },
        "full_member_list": {"x": True}, "power_levels": {ROOM: [1]}, "encryption": "broken",
        "create": {ROOM: {"room_version": "11"}, FULL: "broken"},
        "registrations": ["@_g:h", 5, ["x"], "nobody"],
    }  # fmt: skip
    assert import_json(save(tmp_path, data), store) == Imported(1, 1, 0, 1, {
        "member": 7, "member list": 1, "power levels": 1, "encryption": 1, "create event": 2,
        "registered user": 3,
    })  # fmt: skip
    assert store.get_member(ROOM, ALICE) == {"membership": "join"}
    assert not store.has_create_cached(ROOM)


def test_malformed_rows(tmp_path: Path) -> None:
    connection = make_sqlite(tmp_path / "bridge.db", mode="delete")
    connection.execute(
        "INSERT INTO mx_user_profile VALUES (?, '@d:h', 'join', CAST(x'ff41' AS TEXT), x'ff')",
        (ROOM,),
    )
    connection.execute("INSERT INTO mx_user_profile VALUES (NULL, NULL, 5, NULL, NULL)")
    connection.execute(
        "INSERT INTO mx_room_state VALUES ('!2:h', 1, 'x', '{', '{', '[]'), (7, 1, 1, '', '', '')"
    )
    connection.close()
    store = MemoryStateStore()
    imported = import_sql(f"sqlite:///{tmp_path}/bridge.db", store)
    assert imported == Imported(3, 4, 5, 1, {
        "member": 1, "power levels": 2, "create event": 2, "member list": 1, "encryption": 1,
    })  # fmt: skip
    assert store.get_member(ROOM, "@d:h") == {"membership": "join", "displayname": "\ufffdA"}
    assert store.is_encrypted("!2:h") is True


def test_texts_that_databases_refuse(store: ASStateStore, tmp_path: Path) -> None:
    names = {"membership": "join", "displayname": "a\0\ud800", "avatar_url": "\0"}
    import_json(save(tmp_path, {"members": {ROOM: {ALICE: names}}}), store)
    assert store.get_member(ROOM, ALICE) == {
        "membership": "join", "displayname": "a\ufffd?", "avatar_url": "\ufffd",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["", "{", "[]", "5", '{"a": 1}', "[" * 100_000, "\ufffe"])
def test_what_is_no_store(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(text, encoding="utf-16" if text == "\ufffe" else "utf-8")
    with pytest.raises(ValueError, match=r"x\.json"):
        import_json(str(path), MemoryStateStore())


def test_databases_that_cannot_be_read(tmp_path: Path) -> None:
    store = MemoryStateStore()
    path = tmp_path / "bridge.db"
    with pytest.raises(FileNotFoundError):
        import_sql(f"sqlite:///{path}", store)
    path.write_text("no database, and long enough to be seen as none " * 100)
    with pytest.raises(StateStoreError, match=r"bridge\.db.*not a database"):
        import_sql(f"sqlite:///{path}", store)
    path.unlink()
    sqlite3.connect(path).execute("CREATE TABLE x (y)").connection.close()
    with pytest.raises(ValueError, match=r"bridge\.db' has none of the tables"):
        import_sql(f"sqlite:///{path}", store)
    with pytest.raises(ValueError, match="mysql"):
        import_sql("mysql://h/x", store)
    with pytest.raises(StateStoreError, match="can't read postgresql"):
        import_sql(f"postgresql://u:secret@/x?host={tmp_path}", store)


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_source_stays_as_it_is(mode: str, tmp_path: Path) -> None:
    make_sqlite(tmp_path / "bridge.db", mode=mode).close()
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in tmp_path.iterdir()}
    import_sql(f"sqlite:///{tmp_path}/bridge.db", MemoryStateStore())
    assert before == {
        file: (file.read_bytes(), file.stat().st_mtime_ns) for file in tmp_path.iterdir()
    }


def test_what_is_still_in_the_log_of_a_crashed_bridge_is_imported(tmp_path: Path) -> None:
    (tmp_path / "crashed").mkdir()
    connection = make_sqlite(tmp_path / "bridge.db")
    for name in ("bridge.db", "bridge.db-wal"):
        shutil.copy(tmp_path / name, tmp_path / "crashed" / name)
    connection.close()
    files = [tmp_path / "crashed" / name for name in ("bridge.db", "bridge.db-wal")]
    before = [file.read_bytes() for file in files]
    imported = import_sql(f"sqlite:///{files[0]}", MemoryStateStore())
    assert imported == Imported(2, 3, 4, 1, {})
    assert [file.read_bytes() for file in files] == before


def test_progress_is_told_and_batches_are_joined(store: ASStateStore, tmp_path: Path) -> None:
    many = {f"@u{number}:h": {"membership": "join"} for number in range(4000)}
    rooms = {f"!{number}:h": {f"@u{number}:h": {"membership": "join"}} for number in range(2000)}
    data = {
        "members": {**rooms, ROOM: many},
        "full_member_list": dict.fromkeys([*rooms, ROOM], True),
        "registered": dict.fromkeys(many, True),
    }
    told: list[int] = []
    assert import_json(save(tmp_path, data), store, told.append) == Imported(
        2001, 6000, 0, 4000, {}
    )
    assert told == [5000, 10_000, 12_001]
    assert len(store.get_members(ROOM)) == 4000
    assert sorted(store.rooms_of("@u1999:h")) == ["!1999:h", ROOM]
    assert store.has_full_member_list(ROOM)
    assert store.is_registered("@u3999:h")
