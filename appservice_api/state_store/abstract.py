"""ASStateStore: the contract of what is remembered.

A store only saves questions: the homeserver decides. What isn't known is None, never a guess.
Each item keeps where and when it came from, and what is older never overwrites what is newer.
"""

from __future__ import annotations

import abc
import enum
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..events.membership import Membership
from ..events.power_levels import RoomPowers
from ..ids import UserID

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["ASStateStore", "Source"]

_ACTIVE = (Membership.JOIN, Membership.INVITE)


class Source(str, enum.Enum):
    """Where an item came from."""

    SENT = "sent"
    RECEIVED = "received"
    FETCHED = "fetched"


class ASStateStore(abc.ABC):
    """The contract of a state store. All methods are thread-safe.

    ``ts`` is when an item came to be, in milliseconds since 1970: the ``origin_server_ts`` of an
    event that was received, the present time (None) of what was sent or fetched.
    """

    def open(self) -> None:
        """Make the store ready for use."""

    def close(self) -> None:
        """Give back what the store holds."""

    def flush(self) -> None:
        """Write what isn't written yet."""

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @abc.abstractmethod
    def get_member(self, room_id: str, user_id: str) -> dict[str, Any] | None:
        """The content of a user's ``m.room.member`` event, None if it isn't known."""

    @abc.abstractmethod
    def set_member(
        self,
        room_id: str,
        user_id: str,
        member: Mapping[str, Any],
        *,
        source: Source = Source.FETCHED,
        ts: int | None = None,
    ) -> None:
        """Remember the content of a user's ``m.room.member`` event."""

    @abc.abstractmethod
    def set_membership(
        self,
        room_id: str,
        user_id: str,
        membership: Membership | str,
        *,
        source: Source = Source.SENT,
        ts: int | None = None,
    ) -> None:
        """Remember a membership; display name and avatar stay as they are known."""

    @abc.abstractmethod
    def get_member_profiles(
        self, room_id: str, memberships: Iterable[Membership | str] = _ACTIVE
    ) -> dict[UserID, dict[str, Any]]:
        """The known members of a room with their contents."""

    @abc.abstractmethod
    def set_members(
        self,
        room_id: str,
        members: Mapping[str, Mapping[str, Any]],
        only_membership: Membership | str | None = None,
    ) -> None:
        """Remember all members of a room; those who aren't named have left.

        Args:
            room_id: The room.
            members: The contents by user ID.
            only_membership: ``members`` are all of this membership only.
        """

    @abc.abstractmethod
    def has_full_member_list(self, room_id: str) -> bool:
        """Whether all joined members of a room are known."""

    @abc.abstractmethod
    def get_membership(self, room_id: str, user_id: str) -> Membership | None:
        """The membership of a user, None if it isn't known."""

    @abc.abstractmethod
    def get_power_levels(self, room_id: str) -> dict[str, Any] | None:
        """The content of ``m.room.power_levels``; ``{}`` if the room is known to have none."""

    @abc.abstractmethod
    def set_power_levels(
        self, room_id: str, content: Mapping[str, Any], *, ts: int | None = None
    ) -> None:
        """Remember the content of ``m.room.power_levels``."""

    @abc.abstractmethod
    def get_create(self, room_id: str) -> dict[str, Any] | None:
        """The ``m.room.create`` event, None if it isn't known."""

    @abc.abstractmethod
    def set_create(self, event: Mapping[str, Any]) -> None:
        """Remember an ``m.room.create`` event."""

    @abc.abstractmethod
    def get_encryption_info(self, room_id: str) -> dict[str, Any] | None:
        """The content of ``m.room.encryption``; None if unknown, or known not to be there."""

    @abc.abstractmethod
    def set_encryption_info(
        self, room_id: str, content: Mapping[str, Any] | None, *, ts: int | None = None
    ) -> None:
        """Remember the content of ``m.room.encryption``, None for "not encrypted"."""

    @abc.abstractmethod
    def has_encryption_info_cached(self, room_id: str) -> bool:
        """Whether it is known if a room is encrypted."""

    @abc.abstractmethod
    def is_registered(self, user_id: str) -> bool:
        """Whether a ghost is known to be registered."""

    @abc.abstractmethod
    def registered(self, user_id: str) -> None:
        """Remember that a ghost is registered."""

    @abc.abstractmethod
    def set_presence(self, user_id: str, presence: str) -> None:
        """Remember the presence that was sent last for a user."""

    @abc.abstractmethod
    def has_presence(self, user_id: str, presence: str) -> bool:
        """Whether this presence was sent last for a user."""

    @abc.abstractmethod
    def set_read(self, room_id: str, user_id: str, event_id: str) -> None:
        """Remember up to which event a user has read."""

    @abc.abstractmethod
    def get_read(self, room_id: str, user_id: str) -> str | None:
        """The event up to which a user has read, None if it isn't known."""

    # What follows is said with the above, the same for every store.

    def get_members(
        self, room_id: str, memberships: Iterable[Membership | str] = _ACTIVE
    ) -> list[UserID]:
        """The known members of a room."""
        return list(self.get_member_profiles(room_id, memberships))

    def get_members_filtered(
        self,
        room_id: str,
        not_prefix: str,
        not_suffix: str,
        not_id: str,
        memberships: Iterable[Membership | str] = _ACTIVE,
    ) -> list[UserID]:
        """The known members of a room, without ghosts and the bot.

        Args:
            room_id: The room.
            not_prefix: Users who begin with this and end with ``not_suffix`` are left out.
            not_suffix: See ``not_prefix``.
            not_id: A user who is left out.
            memberships: Which members count.
        """
        return [
            user
            for user in self.get_members(room_id, memberships)
            if user != not_id and not (user.startswith(not_prefix) and user.endswith(not_suffix))
        ]

    def is_joined(self, room_id: str, user_id: str) -> bool | None:
        """Whether a user is joined to a room; None if it isn't known."""
        membership = self.get_membership(room_id, user_id)
        return None if membership is None else membership is Membership.JOIN

    def joined(self, room_id: str, user_id: str) -> None:
        """Remember that a user has just joined."""
        self.set_membership(room_id, user_id, Membership.JOIN)

    def invited(self, room_id: str, user_id: str) -> None:
        """Remember that a user has just been invited; one who is in the room stays so."""
        if not self.is_joined(room_id, user_id):
            self.set_membership(room_id, user_id, Membership.INVITE)

    def left(self, room_id: str, user_id: str) -> None:
        """Remember that a user has just left."""
        self.set_membership(room_id, user_id, Membership.LEAVE)

    def has_power_levels_cached(self, room_id: str) -> bool:
        """Whether the power levels of a room are known."""
        return self.get_power_levels(room_id) is not None

    def has_create_cached(self, room_id: str) -> bool:
        """Whether the create event of a room is known."""
        return self.get_create(room_id) is not None

    def is_encrypted(self, room_id: str) -> bool | None:
        """Whether a room is encrypted; None if it isn't known."""
        if not self.has_encryption_info_cached(room_id):
            return None
        return self.get_encryption_info(room_id) is not None

    def has_power_level(
        self, room_id: str, user_id: str, event_type: str, *, state: bool = False
    ) -> bool | None:
        """Whether a user may send events of a type; None if it isn't known."""
        levels = self.get_power_levels(room_id)
        if levels is None:
            return None
        powers = RoomPowers(self.get_create(room_id), levels or None)
        return powers.level(user_id) >= powers.needed(event_type, state=state)

    def update_state(self, evt: Mapping[str, Any]) -> None:
        """Take what a state event tells, if it is newer than what is known.

        Args:
            evt: A state event as the homeserver sends it; any other event is ignored, and so is
                a malformed one.
        """
        room_id, content, key = evt.get("room_id"), evt.get("content"), evt.get("state_key")
        if not isinstance(room_id, str) or not isinstance(content, Mapping) or key is None:
            return
        ts = evt.get("origin_server_ts")
        ts = ts if isinstance(ts, int) else None
        kind = evt.get("type")
        if kind == "m.room.member" and isinstance(key, str):
            if content.get("membership") in set(Membership):
                self.set_member(room_id, key, content, source=Source.RECEIVED, ts=ts)
        elif key != "":
            return
        elif kind == "m.room.power_levels":
            self.set_power_levels(room_id, content, ts=ts)
        elif kind == "m.room.encryption":
            self.set_encryption_info(room_id, content, ts=ts)
        elif kind == "m.room.create":
            self.set_create(evt)
