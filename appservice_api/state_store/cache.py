"""A bounded cache of what was read from a database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

__all__ = ["ReadThroughCache"]

T = TypeVar("T")

_MISSING: Any = object()


class ReadThroughCache:
    """What was read, until it is written or doubted. Items that aren't there aren't kept: another
    process may add them at any time.

    Args:
        size: How many items are kept; the oldest make room.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._items: dict[Hashable, Any] = {}
        self._lock = threading.Lock()
        self._changes = 0

    def get(self, key: Hashable, read: Callable[[], T | None]) -> T | None:
        """The item of a key, read if it isn't kept.

        Args:
            key: The key.
            read: Reads it; None if there is none.
        """
        found: T | None = self._items.get(key, _MISSING)
        if found is not _MISSING:
            return found
        changes = self._changes
        item = read()
        if item is not None:
            with self._lock:
                # What was read may have been written since, and then isn't true any more.
                if changes == self._changes:
                    self._items[key] = item
                    while len(self._items) > self._size:
                        del self._items[next(iter(self._items))]
        return item

    def drop(self, *keys: Hashable) -> None:
        """Read these anew when they are asked for."""
        with self._lock:
            self._changes += 1
            for key in keys:
                self._items.pop(key, None)

    def drop_if(self, matches: Callable[[Any], bool]) -> None:
        """Read those whose keys match anew when they are asked for."""
        with self._lock:
            self._changes += 1
            for key in [key for key in self._items if matches(key)]:
                del self._items[key]

    def clear(self) -> None:
        """Read everything anew; also makes the lock new, in a forked child."""
        self._lock = threading.Lock()
        self._changes += 1
        self._items = {}
