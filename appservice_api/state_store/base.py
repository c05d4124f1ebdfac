"""The methods that each state store implements, and those that it may override to be faster."""

from __future__ import annotations

import abc
import threading
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext

import appservice_api

from ..compat import Self
from ..events.membership import Membership
from ..ids import RoomID, UserID
from .items import ACTIVE, MemberItem, RoomItems, StateItem, memberships_of

__all__ = ["StoreBase"]

_making_deliveries = threading.Lock()


class StoreBase(abc.ABC):
    """The methods of an :class:`~appservice_api.state_store.ASStateStore` that all others call."""

    def open(self) -> None:
        """Make the store ready for use."""

    def close(self) -> None:
        """Give back what the store holds."""

    def flush(self) -> None:
        """Write what isn't written yet."""

    def keeping_back(self) -> AbstractContextManager[None]:
        """Keep back this thread's writes until the end of the block, while its reads see them; for
        handlers whose transaction is in the same database."""
        return nullcontext()

    def leave_thread(self) -> None:
        """Give back what is held for the calling thread, which may use the store again later."""

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def deliveries(self) -> appservice_api.state_store.Deliveries:
        """What is known of transactions and events that the homeserver pushed; in memory, unless
        a store has a better place."""
        made: appservice_api.state_store.Deliveries | None = self.__dict__.get("_deliveries")
        if made is None:
            from .memory_deliveries import MemoryDeliveries

            with _making_deliveries:
                made = self.__dict__.setdefault("_deliveries", MemoryDeliveries())
        return made

    # What a store implements.

    @abc.abstractmethod
    def read_member(self, room_id: str, user_id: str) -> MemberItem | None:
        """What is known of a user in a room, None if nothing is."""

    @abc.abstractmethod
    def read_members(
        self, room_id: str, memberships: Iterable[Membership]
    ) -> dict[UserID, MemberItem]:
        """The known members of a room that have one of these memberships."""

    @abc.abstractmethod
    def write_members(
        self,
        room_id: str,
        members: Mapping[str, MemberItem],
        *,
        gone: Iterable[Membership] = (),
        ts: int | None = None,
        full: bool = False,
    ) -> None:
        """Remember members, each unless what is known of it is newer.

        Args:
            room_id: The room.
            members: The members by user ID.
            gone: Known members with one of these memberships who aren't named have left, unless
                what is known of them is newer.
            ts: When these were all, in milliseconds since 1970, if not now.
            full: Whether all joined members are known from now on.
        """

    @abc.abstractmethod
    def rooms_of(
        self, user_id: str, memberships: Iterable[Membership | str] = (Membership.JOIN,)
    ) -> list[RoomID]:
        """The rooms in which a user is known to have one of these memberships."""

    @abc.abstractmethod
    def rooms(self) -> list[RoomID]:
        """The rooms of which something is known."""

    @abc.abstractmethod
    def has_full_member_list(self, room_id: str) -> bool:
        """Whether all joined members of a room are known."""

    @abc.abstractmethod
    def read_state(self, room_id: str, event_type: str) -> StateItem | None:
        """What is known of a state event with an empty state key, None if nothing is.

        Args:
            room_id: The room.
            event_type: One of :data:`~appservice_api.state_store.items.KINDS`.
        """

    @abc.abstractmethod
    def write_state(self, room_id: str, event_type: str, item: StateItem) -> None:
        """Remember a state event, unless what is known of it is newer."""

    @abc.abstractmethod
    def is_registered(self, user_id: str) -> bool:
        """Whether a ghost is known to be registered."""

    @abc.abstractmethod
    def registered(self, user_id: str) -> None:
        """Remember that a ghost is registered."""

    # Presence and read markers change so often that they are kept in memory only, which other
    # processes don't see. So a shared store keeps none.

    def set_presence(self, user_id: str, presence: str) -> None:
        """Remember the presence that was sent last for a user."""

    def has_presence(self, user_id: str, presence: str) -> bool:
        """Whether this presence is known to have been sent last for a user."""
        return False

    def set_read(self, room_id: str, user_id: str, event_id: str) -> None:
        """Remember up to which event a user has read."""

    def get_read(self, room_id: str, user_id: str) -> str | None:
        """The event up to which a user has read, None if it isn't known."""
        return None

    def invalidate(self, room_id: str | None, user_id: str) -> None:
        """Read again what this process has cached of a user and of a room, since the homeserver has
        contradicted it.

        Args:
            room_id: The room, None for none.
            user_id: The user.
        """

    def find_lookalikes(
        self, room_id: str, displayname: str, memberships: Iterable[Membership | str] = ACTIVE
    ) -> list[UserID]:
        """The known members of a room whose display name is easily confused with another.

        Args:
            room_id: The room.
            displayname: The other name.
            memberships: Which members count.
        """
        from .lookalikes import skeleton

        wanted = skeleton(displayname)
        members = self.read_members(room_id, memberships_of(memberships))
        return [
            user
            for user, member in members.items()
            if member.displayname is not None and skeleton(member.displayname) == wanted
        ]

    # Many items at once. Stores for which many small writes are slow override these.

    def write_rooms(self, rooms: Mapping[str, RoomItems]) -> None:
        """Remember items of many rooms by room ID, each unless what is known of it is newer."""
        for room_id, room in rooms.items():
            if room.members or room.full:
                self.write_members(room_id, room.members, full=room.full)
            for event_type, item in room.states.items():
                self.write_state(room_id, event_type, item)

    def write_registered(self, user_ids: Iterable[str]) -> None:
        """Remember that ghosts are registered."""
        for user_id in user_ids:
            self.registered(user_id)

    def registered_among(self, user_ids: Iterable[str]) -> set[str]:
        """Which of many users are ghosts that are known to be registered."""
        return {user_id for user_id in user_ids if self.is_registered(user_id)}
