"""The contract suite, as somebody who has written a store of his own uses it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import appservice_api

_ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(appservice_api.__file__).parents[1])}

_STORE = '''
import threading
from collections import defaultdict

import pytest

from appservice_api import Membership
from appservice_api.state_store import ASStateStore, MemberItem, Source
from appservice_api.clock import now
from appservice_api.state_store.items import copied, supersedes
from appservice_api.testing.contract import DeliveriesContract, StateStoreContract


class Store(ASStateStore):
    """The least that a store implements."""

    def __init__(self):
        self.members, self.states = defaultdict(dict), defaultdict(dict)
        self.users, self.full, self.lock = set(), set(), threading.RLock()

    def newer(self, item, known):
        return known is None or supersedes(item, known)

    def read_member(self, room_id, user_id):
        return self.members.get(room_id, {}).get(user_id)

    def read_members(self, room_id, memberships):
        with self.lock:
            found = dict(self.members.get(room_id, {}))
        wanted = set(memberships)
        return {user: one for user, one in found.items() if one.membership in wanted}

    def write_members(self, room_id, members, *, gone=(), ts=None, full=False):
        when, gone = now() if ts is None else ts, set(gone)
        with self.lock:
            known = self.members[room_id]
            for user, one in known.items():
                if user not in members and one.membership in gone and one.ts <= when:
                    known[user] = MemberItem(Membership.LEAVE, when, Source.FETCHED)
            for user, one in members.items():
                before = known.get(user)
                if self.newer(one, before):
                    if not one.knows_profile and before is not None:
                        one = one._replace(
                            displayname=before.displayname, avatar_url=before.avatar_url
                        )
                    known[user] = one._replace(knows_profile=True)
            if full:
                self.full.add(room_id)

    def rooms_of(self, user_id, memberships=(Membership.JOIN,)):
        wanted = {memberships} if isinstance(memberships, str) else set(memberships)
        with self.lock:
            return [
                room for room, known in self.members.items()
                if user_id in known and known[user_id].membership in wanted
            ]

    def rooms(self):
        with self.lock:
            return list({*self.members, *self.states})

    def has_full_member_list(self, room_id):
        return room_id in self.full

    def read_state(self, room_id, event_type):
        return self.states.get(room_id, {}).get(event_type)

    def write_state(self, room_id, event_type, item):
        with self.lock:
            if self.newer(item, self.read_state(room_id, event_type)):
                self.states[room_id][event_type] = item._replace(content=copied(item.content))

    def is_registered(self, user_id):
        return user_id in self.users

    def registered(self, user_id):
        self.users.add(user_id)


class Careless(Store):
    """The last one who writes wins."""

    def newer(self, item, known):
        return True
'''

_TESTS = """
class TestStore(StateStoreContract):
    @pytest.fixture
    def store(self):
        with {store}() as store:
            yield store


class TestDeliveries(DeliveriesContract):
    @pytest.fixture
    def deliveries(self):
        return {store}().deliveries
"""


def run(folder: Path, *tests: str) -> str:
    """Run tests in a process of their own, as in a project of somebody else's."""
    file = folder / "test_store.py"
    file.write_text("".join(tests))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file)],
        cwd=folder,
        env=_ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.stdout + done.stderr


def test_a_store_that_keeps_to_it_passes(tmp_path: Path) -> None:
    told = run(tmp_path, _STORE, _TESTS.format(store="Store"))
    assert " passed" in told, told
    assert " failed" not in told, told
    assert " error" not in told, told


def test_a_store_that_does_not_is_told_what_is_wrong(tmp_path: Path) -> None:
    told = run(tmp_path, _STORE, _TESTS.format(store="Careless"))
    assert "TestStore::test_what_is_older_never_overwrites_what_is_newer" in told
    assert "TestDeliveries::" not in told
    assert "AssertionError: assert {" in told  # the assertions are rewritten


def test_who_gives_no_store_is_told_so(tmp_path: Path) -> None:
    told = run(
        tmp_path,
        "from appservice_api.testing.contract import StateStoreContract\n",
        "class TestStore(StateStoreContract): pass\n",
    )
    assert "NotImplementedError: give the subclass a fixture named store" in told


def test_the_rest_of_the_kit_needs_no_pytest() -> None:
    code = "import sys, appservice_api.testing; print('pytest' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=_ENVIRONMENT, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "False\n", done.stderr
