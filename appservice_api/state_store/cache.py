"""A bounded cache of what was read from a database."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

__all__ = ["Key", "ReadThroughCache"]

T = TypeVar("T")

#: A user; a room and a user; a room, an event type and a state key.
Key: TypeAlias = "str | tuple[str, str] | tuple[str, str, str]"

_MISSING: Any = object()


class _Reading:
    """A read that isn't done yet."""

    __slots__ = ("key", "stale")

    def __init__(self, key: Key) -> None:
        self.key = key
        self.stale = False


class ReadThroughCache:
    """What was read, until it is written or doubted. Items that aren't there aren't kept: another
    process may add them at any time.

    Args:
        size: How many items are kept; the oldest make room.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self.clear()

    def get(self, key: Key, read: Callable[[], T | None]) -> T | None:
        """The item of a key, read if it isn't kept.

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
                # After a fork it isn't there any more.
                self._readings.discard(reading)
                # What was read may have been written since, and then isn't true any more.
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
        """Read these anew when they are asked for."""
        with self._lock:
            self._spoil(set(keys).__contains__)
            for key in keys:
                self._forget(key)

    def drop_rooms(self, *room_ids: str) -> None:
        """Read all of these rooms anew when it is asked for."""
        rooms = set(room_ids)
        with self._lock:
            self._spoil(lambda key: isinstance(key, tuple) and key[0] in rooms)
            for room_id in rooms:
                for key in self._rooms.pop(room_id, ()):
                    del self._items[key]

    def drop_member(self, user_id: str) -> None:
        """Read what a user is in any room anew when it is asked for."""
        with self._lock:
            self._spoil(lambda key: len(key) == 2 and key[1] == user_id)
            for room_id in list(self._rooms):
                self._forget((room_id, user_id))

    def _spoil(self, matches: Callable[[Key], bool]) -> None:
        """Don't keep what is being read at this moment."""
        for reading in self._readings:
            if not reading.stale and matches(reading.key):
                reading.stale = True

    def clear(self) -> None:
        """Read everything anew; also makes the lock new, in a forked child."""
        self._lock = threading.Lock()
        self._items: OrderedDict[Key, Any] = OrderedDict()
        self._rooms: dict[str, set[Key]] = {}
        for reading in getattr(self, "_readings", ()):
            reading.stale = True
        self._readings: set[_Reading] = set()
