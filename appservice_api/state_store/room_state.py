"""Methods for the state of rooms, which call those that a store implements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import events
from ..clock import now
from .base import StoreBase
from .items import CREATE, Source, StateItem, copied

__all__ = ["RoomStateMethods"]


class RoomStateMethods(StoreBase):
    """State events with an empty state key."""

    def _content(self, room_id: str, event_type: str) -> dict[str, Any] | None:
        item = self.read_state(room_id, event_type)
        return copied(item.content) if item is not None else None

    def _remember(
        self,
        room_id: str,
        event_type: str,
        content: Mapping[str, Any] | None,
        ts: int | None,
        source: Source,
    ) -> None:
        kept = copied(content)
        self.write_state(room_id, event_type, StateItem(kept, now() if ts is None else ts, source))

    def get_power_levels(self, room_id: str) -> dict[str, Any] | None:
        """The content of ``m.room.power_levels``; ``{}`` if the room is known to have none."""
        return self._content(room_id, "m.room.power_levels")

    def set_power_levels(
        self,
        room_id: str,
        content: Mapping[str, Any],
        *,
        source: Source = Source.SENT,
        ts: int | None = None,
    ) -> None:
        """Remember the content of ``m.room.power_levels``."""
        self._remember(room_id, "m.room.power_levels", content, ts, source)

    def has_power_levels_cached(self, room_id: str) -> bool:
        """Whether the power levels of a room are known."""
        return self.read_state(room_id, "m.room.power_levels") is not None

    def get_create(self, room_id: str) -> dict[str, Any] | None:
        """The ``m.room.create`` event, None if it isn't known."""
        item = self.read_state(room_id, CREATE)
        if item is None:
            return None
        event = {
            "type": CREATE, "state_key": "", "room_id": room_id, "sender": item.sender,
            "event_id": item.event_id, "origin_server_ts": item.ts,
            "content": copied(item.content) or {},
        }  # fmt: skip
        return {key: value for key, value in event.items() if value is not None}

    def has_create_cached(self, room_id: str) -> bool:
        """Whether the create event of a room is known."""
        return self.read_state(room_id, CREATE) is not None

    def get_encryption_info(self, room_id: str) -> dict[str, Any] | None:
        """The content of ``m.room.encryption``; None if unknown, or known not to be there."""
        return self._content(room_id, "m.room.encryption")

    def set_encryption_info(
        self,
        room_id: str,
        content: Mapping[str, Any] | None,
        *,
        source: Source = Source.FETCHED,
        ts: int | None = None,
    ) -> None:
        """Remember the content of ``m.room.encryption``, None for "not encrypted"."""
        self._remember(room_id, "m.room.encryption", content, ts, source)

    def has_encryption_info_cached(self, room_id: str) -> bool:
        """Whether it is known if a room is encrypted."""
        return self.read_state(room_id, "m.room.encryption") is not None

    def is_encrypted(self, room_id: str) -> bool | None:
        """Whether a room is encrypted; None if it isn't known."""
        item = self.read_state(room_id, "m.room.encryption")
        return None if item is None else item.content is not None

    def get_join_rules(self, room_id: str) -> dict[str, Any] | None:
        """The content of ``m.room.join_rules``, None if it isn't known."""
        return self._content(room_id, "m.room.join_rules")

    def get_tombstone(self, room_id: str) -> dict[str, Any] | None:
        """The content of ``m.room.tombstone``; None if unknown, or known not to be there."""
        return self._content(room_id, "m.room.tombstone")

    def has_power_level(
        self, room_id: str, user_id: str, event_type: str, *, state: bool = False
    ) -> bool | None:
        """Whether a user may send events of a type; None if it isn't known."""
        levels = self.read_state(room_id, "m.room.power_levels")
        if levels is None:
            return None
        powers = events.RoomPowers(self.get_create(room_id), levels.content or None)
        return powers.level(user_id) >= powers.needed(event_type, state=state)
