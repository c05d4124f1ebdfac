"""MemoryStateStore: remembered as long as the process lives."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ..events.membership import Membership
from ..fork import renew_after_fork
from ..ids import UserID
from .abstract import _ACTIVE, ASStateStore, Source

__all__ = ["MemoryStateStore"]


class _Member(NamedTuple):
    membership: Membership
    ts: int
    source: Source
    profile: dict[str, Any] | None


class _Room:
    __slots__ = ("create", "encryption", "full", "members", "power_levels", "read")

    def __init__(self) -> None:
        self.members: dict[str, _Member] = {}
        self.full = False
        self.create: dict[str, Any] | None = None
        self.power_levels: tuple[int, dict[str, Any]] | None = None
        self.encryption: tuple[int, dict[str, Any] | None] | None = None
        self.read: dict[str, str] = {}


def _now() -> int:
    return time.time_ns() // 1_000_000


class MemoryStateStore(ASStateStore):
    """A thread-safe state store in memory, the default."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rooms: dict[str, _Room] = {}
        self._registered: set[str] = set()
        self._presence: dict[str, str] = {}
        renew_after_fork(self)

    def _after_fork(self) -> None:
        self._lock = threading.Lock()

    def _room(self, room_id: str) -> _Room:
        room = self._rooms.get(room_id)
        if room is None:
            room = self._rooms[room_id] = _Room()
        return room

    def get_member(self, room_id: str, user_id: str) -> dict[str, Any] | None:
        room = self._rooms.get(room_id)
        member = room.members.get(user_id) if room else None
        if member is None:
            return None
        return {**(member.profile or {}), "membership": member.membership.value}

    def set_member(
        self,
        room_id: str,
        user_id: str,
        member: Mapping[str, Any],
        *,
        source: Source = Source.FETCHED,
        ts: int | None = None,
    ) -> None:
        profile = {key: value for key, value in member.items() if key != "membership"}
        self._set(room_id, user_id, member.get("membership", "join"), source, ts, profile)

    def set_membership(
        self,
        room_id: str,
        user_id: str,
        membership: Membership | str,
        *,
        source: Source = Source.SENT,
        ts: int | None = None,
    ) -> None:
        self._set(room_id, user_id, Membership.known(membership), source, ts, None)

    def _set(
        self,
        room_id: str,
        user_id: str,
        membership: Membership | str,
        source: Source,
        ts: int | None,
        profile: dict[str, Any] | None,
    ) -> None:
        new = Membership(membership)
        when = _now() if ts is None else ts
        with self._lock:
            members = self._room(room_id).members
            known = members.get(user_id)
            if known is not None:
                if known.ts > when:
                    return
                profile = known.profile if profile is None else profile
            members[user_id] = _Member(new, when, source, profile or None)

    def get_member_profiles(
        self, room_id: str, memberships: Iterable[Membership | str] = _ACTIVE
    ) -> dict[UserID, dict[str, Any]]:
        wanted = {Membership(membership) for membership in memberships}
        with self._lock:
            room = self._rooms.get(room_id)
            members = list(room.members.items()) if room else []
        return {
            UserID.read(user): {**(member.profile or {}), "membership": member.membership.value}
            for user, member in members
            if member.membership in wanted
        }

    def set_members(
        self,
        room_id: str,
        members: Mapping[str, Mapping[str, Any]],
        only_membership: Membership | str | None = None,
    ) -> None:
        only = None if only_membership is None else Membership(only_membership)
        when = _now()
        with self._lock:
            room = self._room(room_id)
            for user, member in room.members.items():
                if user not in members and only in (None, member.membership) and member.ts < when:
                    room.members[user] = _Member(Membership.LEAVE, when, Source.FETCHED, None)
            room.full = only in (None, Membership.JOIN)
        for user, content in members.items():
            self.set_member(room_id, user, {"membership": only or "join", **content}, ts=when)

    def has_full_member_list(self, room_id: str) -> bool:
        room = self._rooms.get(room_id)
        return room is not None and room.full

    def get_membership(self, room_id: str, user_id: str) -> Membership | None:
        room = self._rooms.get(room_id)
        member = room.members.get(user_id) if room is not None else None
        return member.membership if member is not None else None

    def get_power_levels(self, room_id: str) -> dict[str, Any] | None:
        room = self._rooms.get(room_id)
        return dict(room.power_levels[1]) if room and room.power_levels else None

    def set_power_levels(
        self, room_id: str, content: Mapping[str, Any], *, ts: int | None = None
    ) -> None:
        when = _now() if ts is None else ts
        with self._lock:
            room = self._room(room_id)
            if room.power_levels is None or room.power_levels[0] <= when:
                room.power_levels = when, copy.deepcopy(dict(content))

    def get_create(self, room_id: str) -> dict[str, Any] | None:
        room = self._rooms.get(room_id)
        return dict(room.create) if room and room.create else None

    def set_create(self, event: Mapping[str, Any]) -> None:
        with self._lock:
            self._room(event["room_id"]).create = copy.deepcopy(dict(event))

    def get_encryption_info(self, room_id: str) -> dict[str, Any] | None:
        room = self._rooms.get(room_id)
        content = room.encryption[1] if room and room.encryption else None
        return dict(content) if content is not None else None

    def set_encryption_info(
        self, room_id: str, content: Mapping[str, Any] | None, *, ts: int | None = None
    ) -> None:
        when = _now() if ts is None else ts
        with self._lock:
            room = self._room(room_id)
            if room.encryption is None or room.encryption[0] <= when:
                room.encryption = when, dict(content) if content is not None else None

    def has_encryption_info_cached(self, room_id: str) -> bool:
        room = self._rooms.get(room_id)
        return room is not None and room.encryption is not None

    def is_registered(self, user_id: str) -> bool:
        return user_id in self._registered

    def registered(self, user_id: str) -> None:
        with self._lock:
            self._registered.add(user_id)

    def set_presence(self, user_id: str, presence: str) -> None:
        with self._lock:
            self._presence[user_id] = presence

    def has_presence(self, user_id: str, presence: str) -> bool:
        return self._presence.get(user_id) == presence

    def set_read(self, room_id: str, user_id: str, event_id: str) -> None:
        with self._lock:
            self._room(room_id).read[user_id] = event_id

    def get_read(self, room_id: str, user_id: str) -> str | None:
        room = self._rooms.get(room_id)
        return room.read.get(user_id) if room else None
