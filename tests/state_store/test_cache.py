"""The cache of what was read."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from appservice_api.state_store.cache import Key, ReadThroughCache

ROOM, USER, OTHER = "!r:h", "@u:h", "@o:h"
KEYS: list[Key] = [USER, (ROOM, USER), (ROOM, OTHER), (ROOM, "m.room.create", ""), ("!2:h", USER)]


def kept(cache: ReadThroughCache) -> list[Key]:
    return [key for key in KEYS if key in cache._items]


@pytest.mark.parametrize("drop, left", [
    (lambda cache: cache.drop((ROOM, USER), "@none:h"), [0, 2, 3, 4]),
    (lambda cache: cache.drop_rooms(ROOM, "!none:h"), [0, 4]),
    (lambda cache: cache.drop_member(USER), [0, 2, 3]),
    (lambda cache: cache.clear(), []),
])  # fmt: skip
def test_what_is_dropped(drop: Callable[[ReadThroughCache], None], left: list[int]) -> None:
    cache = ReadThroughCache(10)
    for key in KEYS:
        assert cache.get(key, lambda: 1) == 1
    drop(cache)
    assert kept(cache) == [KEYS[number] for number in left]
    assert set().union(*cache._rooms.values()) == {key for key in cache._items if key != USER}

    # The same for what is being read at that moment.
    cache = ReadThroughCache(10)

    def read() -> int:
        drop(cache)
        return 1

    for number, key in enumerate(KEYS):
        assert cache.get(key, read) == 1
        assert (key in cache._items) is (number in left)
        cache.clear()


def test_the_oldest_makes_room() -> None:
    cache = ReadThroughCache(2)
    for key in KEYS:
        cache.get(key, lambda: 1)
    assert kept(cache) == KEYS[-2:]
    assert sorted(cache._rooms) == ["!2:h", ROOM]


def test_what_fails_or_is_not_there_is_not_kept() -> None:
    cache = ReadThroughCache(2)
    assert cache.get(USER, lambda: None) is None
    with pytest.raises(ZeroDivisionError):
        cache.get(USER, lambda: 1 // 0)
    assert not cache._items
    assert not cache._readings
