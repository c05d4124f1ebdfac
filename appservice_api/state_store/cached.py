"""What the state stores in databases have in common: a cache of what was read."""

from __future__ import annotations

import abc
from collections.abc import Iterable

from ..events.membership import Membership
from ..ids import UserID
from .abstract import _ACTIVE, memberships_of
from .cache import ReadThroughCache
from .items import KINDS
from .kept_back import KeepsBack, kept_back
from .names import looks, skeleton

__all__ = ["CACHED", "Cached"]

#: How many items are cached if nothing is said.
CACHED = 65_536


class Cached(KeepsBack, abc.ABC):
    """Caches what was read, and finds names by what they look like.

    Args:
        cache_size: How many items are cached.
    """

    def __init__(self, cache_size: int) -> None:
        super().__init__()
        self._cache = ReadThroughCache(cache_size)

    def doubt(self, room_id: str | None, user_id: str) -> None:
        """What is cached of a user, and of a room, is read again from the database."""
        if room_id is None:
            self._cache.drop(user_id)
        else:
            kinds = ((room_id, event_type, "") for event_type in KINDS)
            self._cache.drop(user_id, (room_id, user_id), *kinds)

    @kept_back
    def find_lookalikes(
        self, room_id: str, displayname: str, memberships: Iterable[Membership | str] = _ACTIVE
    ) -> list[UserID]:
        """The known members of a room whose display name is easily taken for another."""
        wanted = skeleton(displayname)
        found = self._read_looks(room_id, looks(displayname), memberships_of(memberships))
        return [UserID.read(user) for user, name in found if skeleton(name) == wanted]

    @abc.abstractmethod
    def _read_looks(
        self, room_id: str, number: int, memberships: Iterable[Membership]
    ) -> list[tuple[str, str]]:
        """The members of a room whose names' looks have this number, and the names."""
