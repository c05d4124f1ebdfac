"""A store that somebody else writes: what is public is enough for it, and it keeps to the contract.

It is an example, too: a store over anything that has keys and values, such as Redis.
"""

from __future__ import annotations

import ast
import json
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from appservice_api import Membership, RoomID, UserID
from appservice_api.state_store import (
    ASStateStore,
    Claim,
    ClaimKey,
    ClaimKind,
    Deliveries,
    MemberItem,
    Note,
    NoteKey,
    ParkedEvent,
    Source,
    StateItem,
    copied,
    memberships_of,
    now,
    supersedes,
)
from appservice_api.testing.contract import DeliveriesContract, StateStoreContract


class KeyValueStore(ASStateStore):
    """Keeps each item as JSON under a key."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, ...], str] = {}
        self._lock = threading.RLock()
        self._own_deliveries = KeyValueDeliveries()

    @property
    def deliveries(self) -> Deliveries:
        return self._own_deliveries

    def _get(self, *key: str) -> Any:
        found = self._values.get(key)
        return None if found is None else json.loads(found)

    def _put(self, key: tuple[str, ...], value: Any) -> None:
        self._values[key] = json.dumps(value)

    def _keys(self, kind: str) -> list[tuple[str, ...]]:
        with self._lock:
            return [key for key in self._values if key[0] == kind]

    def read_member(self, room_id: str, user_id: str) -> MemberItem | None:
        found = self._get("member", room_id, user_id)
        if found is None:
            return None
        membership, ts, source, *rest = found
        return MemberItem(Membership(membership), ts, Source(source), *rest)

    def read_members(
        self, room_id: str, memberships: Iterable[Membership]
    ) -> dict[UserID, MemberItem]:
        wanted, found = set(memberships), {}
        for _, room, user in self._keys("member"):
            item = self.read_member(room, user) if room == room_id else None
            if item is not None and item.membership in wanted:
                found[UserID.read(user)] = item
        return found

    def write_members(
        self, room_id: str, members: Mapping[str, MemberItem], *,
        gone: Iterable[Membership] = (), ts: int | None = None, full: bool = False,
    ) -> None:  # fmt: skip
        left = MemberItem(Membership.LEAVE, now() if ts is None else ts, Source.FETCHED)
        with self._lock:
            self._put(("room", room_id), full or self.has_full_member_list(room_id))
            for user, known in self.read_members(room_id, gone).items():
                if user not in members and known.ts <= left.ts:
                    self._put(("member", room_id, user), left)
            for user_id, item in members.items():
                before = self.read_member(room_id, user_id)
                if before is None or supersedes(item, before):
                    new = item
                    if before is not None and not item.knows_profile:
                        names = before.displayname, before.avatar_url
                        new = item._replace(displayname=names[0], avatar_url=names[1])
                    self._put(("member", room_id, user_id), new._replace(knows_profile=True))

    def rooms_of(
        self, user_id: str, memberships: Iterable[Membership | str] = (Membership.JOIN,)
    ) -> list[RoomID]:
        wanted, found = memberships_of(memberships), []
        for _, room, user in self._keys("member"):
            item = self.read_member(room, user) if user == user_id else None
            if item is not None and item.membership in wanted:
                found.append(RoomID.read(room))
        return found

    def rooms(self) -> list[RoomID]:
        return [RoomID.read(room) for _, room in self._keys("room")]

    def has_full_member_list(self, room_id: str) -> bool:
        return bool(self._get("room", room_id))

    def read_state(self, room_id: str, event_type: str) -> StateItem | None:
        found = self._get("state", room_id, event_type)
        if found is None:
            return None
        content, ts, source, *rest = found
        return StateItem(content, ts, Source(source), *rest)

    def write_state(self, room_id: str, event_type: str, item: StateItem) -> None:
        with self._lock:
            self._put(("room", room_id), self.has_full_member_list(room_id))
            before = self.read_state(room_id, event_type)
            if before is None or supersedes(item, before):
                self._put(("state", room_id, event_type), item)

    def is_registered(self, user_id: str) -> bool:
        return bool(self._get("user", user_id))

    def registered(self, user_id: str) -> None:
        with self._lock:
            self._put(("user", user_id), True)


class KeyValueDeliveries(Deliveries):
    """Deliveries in dictionaries."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: dict[ClaimKey, float] = {}
        self._done: set[ClaimKey] = set()
        self._notes: dict[str | NoteKey, str | None] = {}
        self._checkpoints: dict[str, str] = {}
        self._caught_up: int | None = None
        self._parked: dict[int, ParkedEvent] = {}
        self._number = 0

    def claim(self, key: ClaimKey, lease: float) -> Claim:
        with self._lock:
            if key in self._done:
                return Claim.DONE
            if self._ends.get(key, 0.0) > time.monotonic():
                return Claim.BUSY
            self._ends[key] = time.monotonic() + lease
            return Claim.MINE

    def renew(self, key: ClaimKey, lease: float) -> None:
        with self._lock:
            if key in self._ends:
                self._ends[key] = time.monotonic() + lease

    def finish(self, key: ClaimKey) -> None:
        with self._lock:
            self._ends.pop(key, None)
            self._done.add(key)

    def give_up(self, key: ClaimKey) -> None:
        with self._lock:
            self._ends.pop(key, None)

    def in_flight(self, kind: ClaimKind) -> set[ClaimKey]:
        with self._lock:
            present = time.monotonic()
            return {key for key, end in self._ends.items() if key.kind is kind and end > present}

    def handled(self, keys: Iterable[str | NoteKey]) -> set[str | NoteKey]:
        return {key for key in keys if key in self._notes}

    def note_handled(
        self, key: str | NoteKey, room_id: str | None = None, ts: int | None = None
    ) -> None:
        self._notes.setdefault(key, room_id)

    def _of_room(self, room_id: str) -> list[str]:
        return [str(key) for key, room in self._notes.items() if room == room_id]

    def last_handled(self, room_id: str) -> str | None:
        return next(reversed(self._of_room(room_id)), None)

    def first_handled(self, room_id: str) -> str | None:
        return next(iter(self._of_room(room_id)), None)

    def set_checkpoint(self, room_id: str, event_id: str) -> None:
        self._checkpoints[room_id] = event_id

    def checkpoint(self, room_id: str) -> str | None:
        return self._checkpoints.get(room_id)

    def set_caught_up(self, ts: int) -> None:
        self._caught_up = ts

    def caught_up(self) -> int | None:
        return self._caught_up

    def park(
        self, event: Mapping[str, Any], error: str, *, key: str | None = None,
        done: Iterable[str] = (), note: Note | None = None, instead_of: int | None = None,
    ) -> int:  # fmt: skip
        with self._lock:
            self._number += 1
            parked = ParkedEvent(self._number, copied(event), error, now(), key, tuple(done))
            self._parked[parked.id] = parked
            self._parked.pop(instead_of or 0, None)
            if note is not None:
                self.note_handled(*note)
            return parked.id

    def set_done(self, number: int, done: Iterable[str]) -> None:
        self._parked[number] = self._parked[number]._replace(done=tuple(done))

    def parked(self) -> list[ParkedEvent]:
        return list(self._parked.values())

    def parked_event(self, number: int) -> ParkedEvent | None:
        return self._parked.get(number)

    def unpark(self, number: int) -> ParkedEvent | None:
        return self._parked.pop(number, None)


class TestStore(StateStoreContract):
    @pytest.fixture
    def store(self) -> ASStateStore:
        return KeyValueStore()


class TestDeliveries(DeliveriesContract):
    @pytest.fixture
    def deliveries(self) -> Deliveries:
        return KeyValueStore().deliveries


def test_it_imports_what_is_public() -> None:
    tree = ast.parse(Path(__file__).read_text(encoding="utf-8"))
    found = {one.module for one in ast.walk(tree) if isinstance(one, ast.ImportFrom)}
    assert {name for name in found if name and name.startswith("appservice_api")} == {
        "appservice_api", "appservice_api.state_store", "appservice_api.testing.contract",
    }  # fmt: skip
