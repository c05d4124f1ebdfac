"""What the state stores in databases have in common: a bounded cache of what was read."""

from __future__ import annotations

import abc
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, TypeVar

from ..clock import now
from ..events.membership import Membership
from ..ids import UserID
from .databases import CHUNK
from .items import ACTIVE, KINDS, MemberItem, RoomItems, Source, StateItem, memberships_of
from .kept_back import KeepsBack, kept_back
from .lookalikes import looks, skeleton
from .storable import is_storable, storable_text

__all__ = ["CACHED", "Cached", "Key", "ReadThroughCache", "keys_of"]

T = TypeVar("T")

#: A user; a room and a user; a room, an event type and a state key.
Key: TypeAlias = "str | tuple[str, str] | tuple[str, str, str]"

#: How many items are cached by default.
CACHED = 65_536

_MISSING: Any = object()
_PROFILE = ("displayname", "avatar_url")


class _Reading:
    """A read that is under way."""

    __slots__ = ("key", "stale")

    def __init__(self, key: Key) -> None:
        self.key = key
        self.stale = False


class ReadThroughCache:
    """Items that were read, until they are written or invalidated. Missing items aren't cached:
    another process may add them at any time.

    Args:
        size: How many items are kept; the oldest are dropped.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self.clear()

    def get(self, key: Key, read: Callable[[], T | None]) -> T | None:
        """The item of a key, read if it isn't cached.

        Args:
            key: The key.
            read: Reads it; None if there is none.
        """
        found: T | None = self._items.get(key, _MISSING)
        if found is not _MISSING:
            return found
        reading = _Reading(key)
        with self._lock:
            self._readings.add(reading)
        item: T | None = None
        try:
            item = read()
        finally:
            with self._lock:
                # After a fork it is no longer there.
                self._readings.discard(reading)
                # A write since then has made what was read outdated.
                if item is not None and not reading.stale:
                    self._keep(key, item)
        return item

    def _keep(self, key: Key, item: Any) -> None:
        self._items[key] = item
        if isinstance(key, tuple):
            self._rooms.setdefault(key[0], set()).add(key)
        while len(self._items) > self._size:
            self._forget(next(iter(self._items)))

    def _forget(self, key: Key) -> None:
        if self._items.pop(key, _MISSING) is not _MISSING and isinstance(key, tuple):
            keys = self._rooms[key[0]]
            keys.discard(key)
            if not keys:
                del self._rooms[key[0]]

    def drop(self, *keys: Key) -> None:
        """Forget items."""
        with self._lock:
            self._mark_stale(set(keys).__contains__)
            for key in keys:
                self._forget(key)

    def drop_rooms(self, *room_ids: str) -> None:
        """Forget all items of rooms."""
        rooms = set(room_ids)
        with self._lock:
            self._mark_stale(lambda key: isinstance(key, tuple) and key[0] in rooms)
            for room_id in rooms:
                for key in self._rooms.pop(room_id, ()):
                    del self._items[key]

    def drop_member(self, user_id: str) -> None:
        """Forget what a user is in all rooms."""
        with self._lock:
            self._mark_stale(lambda key: len(key) == 2 and key[1] == user_id)
            for room_id in list(self._rooms):
                self._forget((room_id, user_id))

    def _mark_stale(self, matches: Callable[[Key], bool]) -> None:
        """Keep reads that are under way from being cached."""
        for reading in self._readings:
            if not reading.stale and matches(reading.key):
                reading.stale = True

    def clear(self) -> None:
        """Forget everything; makes a new lock, too, for a forked child."""
        self._lock = threading.Lock()
        self._items: OrderedDict[Key, Any] = OrderedDict()
        self._rooms: dict[str, set[Key]] = {}
        for reading in getattr(self, "_readings", ()):
            reading.stale = True
        self._readings: set[_Reading] = set()


def keys_of(rooms: Mapping[str, RoomItems]) -> list[Key]:
    """The keys of items."""
    return [
        *((room_id, user_id) for room_id, room in rooms.items() for user_id in room.members),
        *((room_id, kind, "") for room_id, room in rooms.items() for kind in room.states),
    ]


class Cached(KeepsBack, abc.ABC):
    """Caches what was read, and finds names by what they look like.

    Args:
        cache: The cache.
    """

    def __init__(self, cache: ReadThroughCache) -> None:
        super().__init__()
        self._cache = cache

    def invalidate(self, room_id: str | None, user_id: str) -> None:
        """What is cached of a user, and of a room, is read again from the database."""
        if room_id is None:
            self._cache.drop(user_id)
        else:
            kinds = ((room_id, event_type, "") for event_type in KINDS)
            self._cache.drop(user_id, (room_id, user_id), *kinds)

    def _drop_members(
        self, room_id: str, members: Mapping[str, MemberItem], *, others: bool
    ) -> None:
        """Drop members that were written from the cache.

        Args:
            room_id: The room.
            members: The members.
            others: Whether other members of the room have changed, too.
        """
        if others or len(members) > CHUNK:
            self._cache.drop_rooms(room_id)
        else:
            self._cache.drop(*((room_id, user_id) for user_id in members))

    # Members.

    @kept_back
    def read_member(self, room_id: str, user_id: str) -> MemberItem | None:
        return self._cache.get((room_id, user_id), lambda: self._read_member(room_id, user_id))

    @abc.abstractmethod
    def _read_member(self, room_id: str, user_id: str) -> MemberItem | None:
        """What the database has of a member; None if it can't store the names."""

    @kept_back
    def find_lookalikes(
        self, room_id: str, displayname: str, memberships: Iterable[Membership | str] = ACTIVE
    ) -> list[UserID]:
        """The known members of a room whose display name is easily confused with another."""
        if not is_storable(room_id):
            return []
        wanted = skeleton(displayname)
        found = self._read_looks(room_id, looks(displayname), memberships_of(memberships))
        return [UserID.read(user) for user, name in found if skeleton(name) == wanted]

    @abc.abstractmethod
    def _read_looks(
        self, room_id: str, number: int, memberships: Iterable[Membership]
    ) -> list[tuple[str, str]]:
        """The members of a room whose names have this :func:`looks`, and the names."""

    @kept_back
    def set_profile(self, user_id: str, key: str, value: str | None) -> None:
        if key not in _PROFILE:
            raise ValueError(f"key must be {' or '.join(_PROFILE)}, not {key!r}")
        if not is_storable(user_id):
            return
        text, when = storable_text(value), now()
        new: dict[str, Any] = {key: text, "ts": when, "source": Source.SENT.value, "event_id": None}
        if key == "displayname":
            new["looks"] = looks(text) if text else None
        self._write_profile(user_id, new, when)

    @abc.abstractmethod
    def _write_profile(self, user_id: str, new: dict[str, Any], when: int) -> None:
        """Change columns of a user in all rooms that the user has joined.

        Args:
            user_id: The user.
            new: The columns.
            when: The time of the change; what is newer stays.
        """

    # The state of rooms.

    @kept_back
    def read_state(self, room_id: str, event_type: str) -> StateItem | None:
        key = (room_id, event_type, "")
        return self._cache.get(key, lambda: self._read_state(room_id, event_type))

    @abc.abstractmethod
    def _read_state(self, room_id: str, event_type: str) -> StateItem | None:
        """What the database has of a state event; None if it can't store the names."""

    def write_state(self, room_id: str, event_type: str, item: StateItem) -> None:
        self.write_rooms({room_id: RoomItems({}, {event_type: item})})

    @abc.abstractmethod
    def write_rooms(self, rooms: Mapping[str, RoomItems]) -> None: ...

    # Users.

    @kept_back
    def is_registered(self, user_id: str) -> bool:
        return self._cache.get(user_id, lambda: self._is_registered(user_id)) or False

    @abc.abstractmethod
    def _is_registered(self, user_id: str) -> bool | None:
        """True if the database has a user as registered; otherwise None."""

    def registered(self, user_id: str) -> None:
        if not self.is_registered(user_id):
            self.write_registered((user_id,))

    @abc.abstractmethod
    def write_registered(self, user_ids: Iterable[str]) -> None: ...
