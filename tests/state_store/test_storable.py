"""What a database can't store is left out, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appservice_api import ASStateStore, Membership
from appservice_api.state_store import MemberItem, RoomItems, Source, StateItem, open_state_store

ROOM, USER = "!r:hs.test", "@_u:hs.test"
UNSTORABLE = ["@a\0:h", "@\ud800:h", "@" + 300 * "x" + ":h"]


@pytest.fixture(params=["sqlite", "postgresql", "django_sqlite", "django_postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ASStateStore]:
    if request.param.startswith("django"):
        yield request.getfixturevalue(request.param)
        return
    pytest.importorskip("sqlalchemy", reason="the extra sql isn't installed")
    is_file = request.param == "sqlite"
    postgres = None if is_file else request.getfixturevalue("postgres")
    url = f"sqlite:///{tmp_path}/state.db" if postgres is None else postgres.new_database()
    with open_state_store(url) as made:
        yield made


def a_member(ts: Any = 5, event_id: str | None = None) -> MemberItem:
    return MemberItem(Membership.JOIN, ts, Source.RECEIVED, event_id)


@pytest.mark.parametrize("unstorable", UNSTORABLE)
def test_ids(store: ASStateStore, unstorable: str) -> None:
    store.write_members(ROOM, {unstorable: a_member(), USER: a_member(5, unstorable)}, full=True)
    tombstone = StateItem({}, 5, Source.SENT)
    store.write_rooms({
        unstorable: RoomItems({USER: a_member()}, {"m.room.tombstone": tombstone}),
        "!2:h": RoomItems({USER: a_member(), unstorable: a_member()}, {}, True),
    })  # fmt: skip
    assert store.get_members(ROOM) == [USER]
    assert store.read_member(ROOM, USER) == a_member()
    assert sorted(store.rooms_of(USER)) == ["!2:h", ROOM]
    assert store.has_full_member_list("!2:h")
    store.write_members(unstorable, {USER: a_member()}, gone=[Membership.INVITE], full=True)
    store.write_registered([unstorable, USER])
    store.registered(unstorable)
    assert store.is_registered(USER)
    store.set_profile(unstorable, "displayname", "x")
    store.set_power_levels(unstorable, {"ban": 1})
    # Nobody who asks for them fails.
    assert store.read_member(unstorable, USER) is None
    assert store.read_member(ROOM, unstorable) is None
    assert store.get_members(unstorable) == []
    assert store.rooms_of(unstorable) == []
    assert store.find_lookalikes(unstorable, "x") == []
    assert store.get_power_levels(unstorable) is None
    assert not store.has_full_member_list(unstorable)
    assert not store.is_registered(unstorable)


def test_times(store: ASStateStore) -> None:
    times: list[Any] = [True, 2**63, -(2**63) - 1, 1.5, None]
    members = {f"@{number}:h": a_member(ts) for number, ts in enumerate(times)}
    store.write_members(ROOM, {**members, USER: a_member(2**63 - 1)})
    assert store.get_members(ROOM) == [USER]
    store.write_state(ROOM, "m.room.tombstone", StateItem({}, times[0], Source.RECEIVED))
    assert store.get_tombstone(ROOM) is None


def test_contents(store: ASStateStore) -> None:
    fit = {"text": "a\0b\ud800c🎉", "n": 2**70}
    store.write_rooms({ROOM: RoomItems({USER: a_member()}, {
        "m.room.tombstone": StateItem({"n": float("nan")}, 5, Source.RECEIVED),
        "m.room.join_rules": StateItem(fit, 5, Source.RECEIVED, UNSTORABLE[0], UNSTORABLE[1]),
        "m.room.encryption": StateItem({"n": [float("inf")]}, 5, Source.RECEIVED),
    })})  # fmt: skip
    assert store.get_members(ROOM) == [USER]
    assert store.get_tombstone(ROOM) is None
    assert store.get_encryption_info(ROOM) is None
    assert store.get_join_rules(ROOM) == fit
    item = store.read_state(ROOM, "m.room.join_rules")
    assert item is not None
    assert (item.event_id, item.sender) == (None, None)
