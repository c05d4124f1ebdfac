"""ASStateStore: the contract of state stores.

A store only saves requests: the homeserver decides. What isn't known is None, never a guess.
Each item keeps where and when it came from, and what is older never overwrites what is newer.

How to write a store: see the package, ``appservice_api.state_store``; the methods to implement are
in ``base.py``, an example is ``tests/state_store/test_outsider.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..clock import now
from ..events.membership import Membership
from .items import (
    CREATE,
    KINDS,
    MEMBERSHIPS,
    RoomItems,
    Source,
    StateItem,
    copied,
    member_item,
)
from .members import MemberMethods
from .room_state import RoomStateMethods

__all__ = ["ASStateStore"]


class ASStateStore(MemberMethods, RoomStateMethods):
    """The contract of a state store. All methods are thread-safe.

    A store of your own implements the abstract methods, those of ``StoreBase`` in
    ``state_store/base.py``; all others call these. ``ts`` is the time of an item in milliseconds
    since 1970: the ``origin_server_ts`` of an event that was received, the present time (None) of
    what was sent or fetched.

    Methods of a store that keeps its items elsewhere raise :class:`StateStoreError` where that
    can't be reached.
    """

    # From events.

    def update_state(
        self,
        evt: Mapping[str, Any],
        *,
        source: Source = Source.RECEIVED,
        ts: int | None = None,
    ) -> None:
        """Remember a state event, if it is newer than what is known.

        Args:
            evt: A state event as the homeserver sends it; any other event is ignored, and so is
                a malformed one.
            source: Where it came from. What was sent or fetched counts as current, however old the
                event is.
            ts: The time of that in milliseconds since 1970; None for now.
        """
        self.update_states((evt,), source=source, ts=ts)

    def update_states(
        self,
        evts: Iterable[Mapping[str, Any]],
        *,
        source: Source = Source.RECEIVED,
        ts: int | None = None,
    ) -> None:
        """Remember state events; as :meth:`update_state`, all at once."""
        rooms: dict[str, RoomItems] = {}
        for evt in evts:
            room_id = evt.get("room_id") if isinstance(evt, Mapping) else None
            if isinstance(room_id, str):
                _collect(evt, source, ts, rooms.setdefault(room_id, RoomItems({}, {})))
        if rooms:
            self.write_rooms(rooms)

    def set_state(
        self, room_id: str, evts: Iterable[Mapping[str, Any]], *, ts: int | None = None
    ) -> None:
        """Remember the whole state of a room, fetched; what isn't in it is removed.

        Args:
            room_id: The room.
            evts: All state events of it.
            ts: When it was asked for, in milliseconds since 1970, if not now.
        """
        when = now() if ts is None else ts
        found = RoomItems({}, {})
        for evt in evts:
            _collect(evt, Source.FETCHED, when, found)
        self.write_members(
            room_id, found.members, gone=MEMBERSHIPS - {Membership.LEAVE}, ts=when, full=True
        )
        for kind in KINDS - found.states.keys() - {CREATE}:
            none: dict[str, Any] | None = {} if kind == "m.room.power_levels" else None
            found.states[kind] = StateItem(none, when, Source.FETCHED)
        self.write_rooms({room_id: RoomItems({}, found.states)})

    def set_create(self, event: Mapping[str, Any]) -> None:
        """Remember an ``m.room.create`` event."""
        self.update_state({**event, "type": CREATE, "state_key": ""})


def _collect(evt: Mapping[str, Any], source: Source, ts: int | None, room: RoomItems) -> None:
    """Add an event to the items of its room."""
    content, key, kind = evt.get("content"), evt.get("state_key"), evt.get("type")
    if not isinstance(content, Mapping) or key is None or not isinstance(kind, str):
        return
    if kind == CREATE or (ts is None and source is Source.RECEIVED):
        said = evt.get("origin_server_ts")
        # Otherwise an event with an invented time in the future would never be replaced.
        ts = min(max(said, 0), now()) if isinstance(said, int) else ts
    ts = now() if ts is None else ts
    event_id, sender = evt.get("event_id"), evt.get("sender")
    event_id = event_id if isinstance(event_id, str) else None
    if kind == "m.room.member" and isinstance(key, str):
        membership = content.get("membership")
        if isinstance(membership, str) and membership in MEMBERSHIPS:
            room.members[key] = member_item(content, source, ts, event_id)
    elif key == "" and kind in KINDS:
        room.states[kind] = StateItem(
            copied(content), ts, source, event_id, sender if isinstance(sender, str) else None
        )
