"""What one thread remembers while a handler's transaction is open.

A write in that transaction would be rolled back with it, and one in another would wait for it. So
what is remembered is kept back until the transaction has ended, by a commit or not: what the
homeserver has answered is true in any case. Meanwhile this thread reads it as if it were written.
"""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from ..clock import now
from ..errors import StateStoreError
from ..events.membership import Membership
from ..ids import RoomID, UserID
from .abstract import ASStateStore
from .items import MemberItem, RoomItems, StateItem, memberships_of
from .memory import MemoryStateStore

__all__ = ["KeepsBack", "kept_back"]

F = TypeVar("F", bound=Callable[..., Any])

_log = logging.getLogger(__name__)
_ALL = tuple(Membership)


def kept_back(method: F) -> F:
    """Decorate a method of a store: while a thread keeps back its writes, these are used."""
    name = method.__name__

    @functools.wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        kept = getattr(self._thread, "kept", None)
        if kept is None:
            return method(self, *args, **kwargs)
        return getattr(kept, name)(*args, **kwargs)

    return cast(F, call)


class KeepsBack:
    """A store that can keep back what a thread writes; its methods are decorated by
    :func:`kept_back`."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.local()

    @contextmanager
    def keeping_back(self) -> Iterator[None]:
        """Keep back what this thread writes, until the end of the block."""
        if getattr(self._thread, "kept", None) is not None:
            yield
            return
        kept = self._thread.kept = _KeptBack(self)
        try:
            yield
        finally:
            self._thread.kept = None
            kept.write()


class _KeptBack(ASStateStore):
    """What is kept back, read before what the store has.

    Args:
        store: The store.
    """

    def __init__(self, store: Any) -> None:
        self._store = store
        self._over = MemoryStateStore()
        self._registered: set[str] = set()
        self._left: list[Callable[[], object]] = []

    def write(self) -> None:
        """Write all of it."""
        for one in self._left:
            try:
                one()
            except StateStoreError as error:
                _log.warning("%s; what the homeserver has answered isn't remembered", error)

    def _below(self, name: str, *args: Any) -> Any:
        """The result of the store itself."""
        return getattr(type(self._store), name).__wrapped__(self._store, *args)

    # Members.

    def read_member(self, room_id: str, user_id: str) -> MemberItem | None:
        found = self._over.read_member(room_id, user_id)
        if found is None:
            below: MemberItem | None = self._below("read_member", room_id, user_id)
            return below
        return found

    def read_members(
        self, room_id: str, memberships: Iterable[Membership]
    ) -> dict[UserID, MemberItem]:
        wanted = set(memberships)
        found: dict[UserID, MemberItem] = self._below("read_members", room_id, wanted)
        for user_id, item in self._over.read_members(room_id, _ALL).items():
            if item.membership in wanted:
                found[user_id] = item
            else:
                found.pop(user_id, None)
        return found

    def write_members(
        self,
        room_id: str,
        members: Mapping[str, MemberItem],
        *,
        gone: Iterable[Membership] = (),
        ts: int | None = None,
        full: bool = False,
    ) -> None:
        given, leaving = dict(members), tuple(gone)
        how: Any = {"gone": leaving, "ts": now() if ts is None else ts, "full": full}
        self._put_members(room_id, given, **how)
        self._left.append(lambda: self._store.write_members(room_id, given, **how))

    def _put_members(self, room_id: str, members: Mapping[str, MemberItem], **how: Any) -> None:
        known = self._over.read_members(room_id, _ALL)
        if how.get("gone"):
            before = self._below("read_members", room_id, _ALL)
        else:
            new = [user_id for user_id in members if user_id not in known]
            before = {user_id: self._below("read_member", room_id, user_id) for user_id in new}
        here = {
            user_id: item
            for user_id, item in before.items()
            if item is not None and user_id not in known
        }
        if here:
            self._over.write_members(room_id, here)
        self._over.write_members(room_id, members, **how)

    def write_rooms(self, rooms: Mapping[str, RoomItems]) -> None:
        given = dict(rooms)
        for room_id, room in given.items():
            if room.members or room.full:
                self._put_members(room_id, room.members, full=room.full)
            for event_type, item in room.states.items():
                self._put_state(room_id, event_type, item)
        self._left.append(lambda: self._store.write_rooms(given))

    def rooms_of(
        self, user_id: str, memberships: Iterable[Membership | str] = (Membership.JOIN,)
    ) -> list[RoomID]:
        wanted = memberships_of(memberships)
        found: list[RoomID] = self._below("rooms_of", user_id, wanted)
        over = {room_id: self._over.read_member(room_id, user_id) for room_id in self._over.rooms()}
        known = {room_id: item.membership for room_id, item in over.items() if item is not None}
        kept = [room_id for room_id in found if known.get(room_id) in (None, *wanted)]
        return [*kept, *(one for one in known if known[one] in wanted and one not in found)]

    def rooms(self) -> list[RoomID]:
        found: list[RoomID] = self._below("rooms")
        return [*found, *(room_id for room_id in self._over.rooms() if room_id not in found)]

    def has_full_member_list(self, room_id: str) -> bool:
        full = self._over.has_full_member_list(room_id)
        return full or bool(self._below("has_full_member_list", room_id))

    # The state of rooms.

    def read_state(self, room_id: str, event_type: str) -> StateItem | None:
        found = self._over.read_state(room_id, event_type)
        if found is None:
            below: StateItem | None = self._below("read_state", room_id, event_type)
            return below
        return found

    def write_state(self, room_id: str, event_type: str, item: StateItem) -> None:
        self.write_rooms({room_id: RoomItems({}, {event_type: item})})

    def _put_state(self, room_id: str, event_type: str, item: StateItem) -> None:
        before = self.read_state(room_id, event_type)
        if before is not None:
            self._over.write_state(room_id, event_type, before)
        self._over.write_state(room_id, event_type, item)

    # Users.

    def is_registered(self, user_id: str) -> bool:
        return user_id in self._registered or bool(self._below("is_registered", user_id))

    def registered_among(self, user_ids: Iterable[str]) -> set[str]:
        given = set(user_ids)
        found: set[str] = self._below("registered_among", given - self._registered)
        return found | (given & self._registered)

    def registered(self, user_id: str) -> None:
        self.write_registered((user_id,))

    def write_registered(self, user_ids: Iterable[str]) -> None:
        given = [user_id for user_id in user_ids if not self.is_registered(user_id)]
        if given:
            self._registered.update(given)
            self._left.append(lambda: self._store.write_registered(given))
