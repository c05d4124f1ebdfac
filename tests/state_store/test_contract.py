"""Our state stores keep to the contract."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from appservice_api import ASStateStore, MemoryStateStore
from appservice_api.state_store import open_state_store
from appservice_api.testing.contract import StateStoreContract

ROOM, USER = "!r:hs.test", "@_u:hs.test"


class TestStore(StateStoreContract):
    @pytest.fixture(params=["memory", "sqlite", "postgresql", "django", "django-postgresql"])
    def store(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ASStateStore]:
        if request.param == "memory":
            made = open_state_store(None)
        elif request.param == "sqlite":
            pytest.importorskip("sqlalchemy", reason="the extra sql isn't installed")
            made = open_state_store(f"sqlite:///{tmp_path}/state.db")
        elif request.param == "postgresql":
            made = open_state_store(request.getfixturevalue("postgres").new_database())
        elif request.param == "django":
            made = request.getfixturevalue("django_sqlite")
        else:
            made = request.getfixturevalue("django_postgresql")
        with made:
            yield made

    def test_only_memory_knows_what_changes_often(self, store: ASStateStore) -> None:
        alone = isinstance(store, MemoryStateStore)
        store.set_presence(USER, "online")
        store.set_read(ROOM, USER, "$e")
        assert store.has_presence(USER, "online") is alone
        assert store.get_read(ROOM, USER) == ("$e" if alone else None)
