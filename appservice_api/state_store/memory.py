"""MemoryStateStore: a state store for as long as the process lives."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

from ..clock import now
from ..events.membership import Membership
from ..fork import renew_after_fork
from ..ids import RoomID, UserID
from .abstract import ASStateStore
from .items import MemberItem, Source, StateItem, memberships_of, supersedes

__all__ = ["MemoryStateStore"]


# How many of each kind are kept of what was last sent; a forgotten one costs a needless request.
_LAST_SENT = 100_000


class _Room:
    __slots__ = ("full", "members", "state")

    def __init__(self) -> None:
        self.members: dict[str, MemberItem] = {}
        self.state: dict[str, StateItem] = {}
        self.full = False


class MemoryStateStore(ASStateStore):
    """A thread-safe state store in memory, the default."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._rooms: dict[str, _Room] = {}
        self._registered: set[str] = set()
        self._last_presence: dict[str, str] = {}
        self._last_read: dict[tuple[str, str], str] = {}
        renew_after_fork(self)

    def _after_fork(self) -> None:
        self._lock = threading.Lock()

    def _room(self, room_id: str) -> _Room:
        room = self._rooms.get(room_id)
        if room is None:
            room = self._rooms[room_id] = _Room()
        return room

    def read_member(self, room_id: str, user_id: str) -> MemberItem | None:
        room = self._rooms.get(room_id)
        return room.members.get(user_id) if room is not None else None

    def read_members(
        self, room_id: str, memberships: Iterable[Membership]
    ) -> dict[UserID, MemberItem]:
        wanted = set(memberships)
        with self._lock:
            room = self._rooms.get(room_id)
            members = list(room.members.items()) if room else []
        return {UserID.read(user): item for user, item in members if item.membership in wanted}

    def write_members(
        self,
        room_id: str,
        members: Mapping[str, MemberItem],
        *,
        gone: Iterable[Membership] = (),
        ts: int | None = None,
        full: bool = False,
    ) -> None:
        leaving, when = set(gone), now() if ts is None else ts
        with self._lock:
            room = self._room(room_id)
            known = room.members
            if leaving:
                left = MemberItem(Membership.LEAVE, when, Source.FETCHED)
                for user, item in known.items():
                    if user not in members and item.membership in leaving and item.ts <= when:
                        known[user] = left
            for user, item in members.items():
                before = known.get(user)
                if before is None:
                    known[user] = item._replace(knows_profile=True)
                elif supersedes(item, before):
                    known[user] = item if item.knows_profile else item._replace(
                        displayname=before.displayname, avatar_url=before.avatar_url,
                        knows_profile=True,
                    )  # fmt: skip
            room.full |= full

    def rooms_of(
        self, user_id: str, memberships: Iterable[Membership | str] = (Membership.JOIN,)
    ) -> list[RoomID]:
        wanted = memberships_of(memberships)
        with self._lock:
            return [
                RoomID.read(room_id)
                for room_id, room in self._rooms.items()
                if user_id in room.members and room.members[user_id].membership in wanted
            ]

    def rooms(self) -> list[RoomID]:
        with self._lock:
            return [RoomID.read(room_id) for room_id in self._rooms]

    def has_full_member_list(self, room_id: str) -> bool:
        room = self._rooms.get(room_id)
        return room is not None and room.full

    def read_state(self, room_id: str, event_type: str) -> StateItem | None:
        room = self._rooms.get(room_id)
        return room.state.get(event_type) if room is not None else None

    def write_state(self, room_id: str, event_type: str, item: StateItem) -> None:
        with self._lock:
            state = self._room(room_id).state
            before = state.get(event_type)
            if before is None or supersedes(item, before):
                state[event_type] = item

    def is_registered(self, user_id: str) -> bool:
        return user_id in self._registered

    def registered(self, user_id: str) -> None:
        with self._lock:
            self._registered.add(user_id)

    # What was last sent.

    def set_presence(self, user_id: str, presence: str) -> None:
        if len(self._last_presence) >= _LAST_SENT:
            self._last_presence.clear()
        self._last_presence[user_id] = presence

    def has_presence(self, user_id: str, presence: str) -> bool:
        return self._last_presence.get(user_id) == presence

    def set_read(self, room_id: str, user_id: str, event_id: str) -> None:
        if len(self._last_read) >= _LAST_SENT:
            self._last_read.clear()
        self._last_read[room_id, user_id] = event_id

    def get_read(self, room_id: str, user_id: str) -> str | None:
        return self._last_read.get((room_id, user_id))
