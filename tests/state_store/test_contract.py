"""Our state stores keep to the contract."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from appservice_api import ASStateStore, Membership, MemoryStateStore
from appservice_api.state_store import open_state_store
from appservice_api.testing.contract import StateStoreContract

ROOM, USER = "!r:hs.test", "@_u:hs.test"


KINDS = ["memory", "sqlite", "postgresql", "django", "django-postgresql"]
# As a handler sees it whose transaction is open.
KEPT_BACK = ["sqlite, kept back", "django, kept back"]


class TestStore(StateStoreContract):
    @pytest.fixture(params=[*KINDS, *KEPT_BACK])
    def store(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ASStateStore]:
        kind, _, kept = request.param.partition(", ")
        if kind == "memory":
            made = open_state_store(None)
        elif kind == "sqlite":
            pytest.importorskip("sqlalchemy", reason="the extra sql isn't installed")
            made = open_state_store(f"sqlite:///{tmp_path}/state.db")
        elif kind == "postgresql":
            made = open_state_store(request.getfixturevalue("postgres").new_database())
        elif kind == "django":
            made = request.getfixturevalue("django_sqlite")
        else:
            made = request.getfixturevalue("django_postgresql")
        with made, made.keeping_back() if kept else nullcontext():
            yield made

    def test_only_memory_knows_what_changes_often(self, store: ASStateStore) -> None:
        alone = isinstance(store, MemoryStateStore)
        store.set_presence(USER, "online")
        store.set_read(ROOM, USER, "$e")
        assert store.has_presence(USER, "online") is alone
        assert store.get_read(ROOM, USER) == ("$e" if alone else None)

    def test_who_has_joined_since_a_list_was_asked_for_stays(self, store: ASStateStore) -> None:
        for ts, user in ((1000, "@before:h"), (2000, "@then:h"), (3000, "@since:h")):
            store.set_membership(ROOM, user, "join", ts=ts)
        store.set_members(ROOM, {}, only_membership="join", ts=2000)
        assert store.get_members(ROOM) == ["@since:h"]
        assert store.get_membership(ROOM, "@then:h") is Membership.LEAVE
        store.write_members(ROOM, {}, gone=[Membership.JOIN])
        assert store.get_members(ROOM) == []

    def test_rooms_joined_since_they_were_asked_for_stay(self, store: ASStateStore) -> None:
        for ts, room in ((1000, "!before:h"), (3000, "!since:h")):
            store.set_membership(room, USER, "join", ts=ts)
        store.set_rooms_of(USER, [ROOM], ts=2000)
        assert sorted(store.rooms_of(USER)) == [ROOM, "!since:h"]
        store.set_rooms_of(USER, [])
        assert store.rooms_of(USER) == []
