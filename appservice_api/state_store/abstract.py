"""ASStateStore: the contract of what is remembered.

A store only saves questions: the homeserver decides. What isn't known is None, never a guess.
Each item keeps where and when it came from, and what is older never overwrites what is newer.
"""

from __future__ import annotations

import abc
import threading
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import appservice_api

from ..compat import Self
from ..events.membership import Membership
from ..events.power_levels import RoomPowers
from ..ids import RoomID, UserID
from .items import KINDS, MemberItem, RoomItems, Source, StateItem, copied, now

__all__ = ["ASStateStore"]

_making_deliveries = threading.Lock()

_ACTIVE = (Membership.JOIN, Membership.INVITE)
_CREATE = "m.room.create"
_MEMBERSHIPS = frozenset(Membership)


class ASStateStore(abc.ABC):
    """The contract of a state store. All methods are thread-safe.

    A store of your own implements the abstract methods; all others are said with these. ``ts`` is
    when an item came to be, in milliseconds since 1970: the ``origin_server_ts`` of an event that
    was received, the present time (None) of what was sent or fetched.

    Methods of a store that keeps its items elsewhere raise :class:`StateStoreError` where that
    can't be reached.
    """

    def open(self) -> None:
        """Make the store ready for use."""

    def close(self) -> None:
        """Give back what the store holds."""

    def flush(self) -> None:
        """Write what isn't written yet."""

    def keeping_back(self) -> AbstractContextManager[None]:
        """Keep back what this thread writes until the end of the block, and let it read that
        meanwhile; for handlers whose transaction is in the same database."""
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

    # Presence and read markers change too often to be kept anywhere but in memory, and there only
    # one process's are known. So a store that is shared knows none.

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

    def doubt(self, room_id: str | None, user_id: str) -> None:
        """The homeserver contradicted what is known: what this process has cached of a user, and
        of the room, is read again from where it is kept.

        Args:
            room_id: The room, None for none.
            user_id: The user.
        """

    def find_lookalikes(
        self, room_id: str, displayname: str, memberships: Iterable[Membership | str] = _ACTIVE
    ) -> list[UserID]:
        """The known members of a room whose display name is easily taken for another.

        Args:
            room_id: The room.
            displayname: The other name.
            memberships: Which members count.
        """
        from .names import skeleton

        wanted = skeleton(displayname)
        members = self.read_members(room_id, memberships_of(memberships))
        return [
            user
            for user, member in members.items()
            if member.displayname is not None and skeleton(member.displayname) == wanted
        ]

    # Much at once. Stores for which many small writes are slow have ways of their own.

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

    # Members.

    def get_member(self, room_id: str, user_id: str) -> dict[str, Any] | None:
        """What is known of a user in a room: ``membership`` and, where there is one,
        ``displayname`` and ``avatar_url``; None if nothing is."""
        member = self.read_member(room_id, user_id)
        return member.content() if member is not None else None

    def set_member(
        self,
        room_id: str,
        user_id: str,
        member: Mapping[str, Any],
        *,
        source: Source = Source.FETCHED,
        ts: int | None = None,
        event_id: str | None = None,
    ) -> None:
        """Remember the content of a user's ``m.room.member`` event."""
        item = _member_item(member, source, ts, event_id)
        self.write_members(room_id, {user_id: item})

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
        when = now() if ts is None else ts
        item = MemberItem(Membership.known(membership), when, source, knows_profile=False)
        self.write_members(room_id, {user_id: item})

    def set_memberships(
        self,
        rooms: Mapping[str, Mapping[str, Membership]],
        *,
        source: Source = Source.SENT,
        ts: int | None = None,
    ) -> None:
        """Remember memberships by room and user; as :meth:`set_membership`, all at once."""
        when = now() if ts is None else ts
        items = {
            room_id: RoomItems(
                {user: MemberItem(one, when, source, knows_profile=False)
                 for user, one in members.items()},
                {},
            )
            for room_id, members in rooms.items()
        }  # fmt: skip
        self.write_rooms(items)

    def set_rooms_of(self, user_id: str, rooms: Iterable[str], *, ts: int | None = None) -> None:
        """Remember all rooms that a user is joined to; the user has left those that aren't named.

        Args:
            user_id: The user.
            rooms: The rooms.
            ts: When they were asked for, in milliseconds since 1970, if not now.
        """
        found: dict[str, Membership] = dict.fromkeys(self.rooms_of(user_id), Membership.LEAVE)
        found.update(dict.fromkeys(rooms, Membership.JOIN))
        self.set_memberships(
            {room: {user_id: membership} for room, membership in found.items()},
            source=Source.FETCHED,
            ts=ts,
        )

    def set_profile(self, user_id: str, key: str, value: str | None) -> None:
        """Remember that a user has just changed the display name or the avatar, which changes it
        in all rooms that the user is in.

        Args:
            user_id: The user.
            key: ``displayname`` or ``avatar_url``.
            value: The new one, None for none.
        """
        when = now()
        rooms: dict[str, RoomItems] = {}
        for room_id in self.rooms_of(user_id):
            member = self.read_member(room_id, user_id)
            if member is not None:
                new: dict[str, Any] = {key: value, "ts": when, "source": Source.SENT}
                rooms[room_id] = RoomItems({user_id: member._replace(**new, event_id=None)}, {})
        if rooms:
            self.write_rooms(rooms)

    def get_member_profiles(
        self, room_id: str, memberships: Iterable[Membership | str] = _ACTIVE
    ) -> dict[UserID, dict[str, Any]]:
        """The known members of a room, each as :meth:`get_member` gives it."""
        members = self.read_members(room_id, memberships_of(memberships))
        return {user: member.content() for user, member in members.items()}

    def set_members(
        self,
        room_id: str,
        members: Mapping[str, Mapping[str, Any]],
        only_membership: Membership | str | None = None,
        *,
        ts: int | None = None,
    ) -> None:
        """Remember all members of a room; those who aren't named have left.

        Args:
            room_id: The room.
            members: The contents by user ID.
            only_membership: ``members`` are all of this membership only.
            ts: When they were asked for, in milliseconds since 1970, if not now.
        """
        only = None if only_membership is None else Membership.known(only_membership)
        when = now() if ts is None else ts
        items = {
            user: _member_item({"membership": only or "join", **content}, Source.FETCHED, when)
            for user, content in members.items()
        }
        gone = _MEMBERSHIPS - {Membership.LEAVE} if only is None else {only}
        self.write_members(room_id, items, gone=gone, ts=when, full=only in (None, Membership.JOIN))

    def get_membership(self, room_id: str, user_id: str) -> Membership | None:
        """The membership of a user, None if it isn't known."""
        member = self.read_member(room_id, user_id)
        return member.membership if member is not None else None

    def get_members(
        self, room_id: str, memberships: Iterable[Membership | str] = _ACTIVE
    ) -> list[UserID]:
        """The known members of a room."""
        return list(self.read_members(room_id, memberships_of(memberships)))

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

    def find_shared_rooms(self, user_id: str, other_id: str) -> list[RoomID]:
        """The rooms that both users are known to be joined to."""
        others = set(self.rooms_of(other_id))
        return [room for room in self.rooms_of(user_id) if room in others]

    def is_joined(self, room_id: str, user_id: str) -> bool | None:
        """Whether a user is joined to a room; None if it isn't known."""
        member = self.read_member(room_id, user_id)
        return None if member is None else member.membership is Membership.JOIN

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

    # The state of rooms.

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
        item = self.read_state(room_id, _CREATE)
        if item is None:
            return None
        event = {
            "type": _CREATE, "state_key": "", "room_id": room_id, "sender": item.sender,
            "event_id": item.event_id, "origin_server_ts": item.ts,
            "content": copied(item.content) or {},
        }  # fmt: skip
        return {key: value for key, value in event.items() if value is not None}

    def set_create(self, event: Mapping[str, Any]) -> None:
        """Remember an ``m.room.create`` event."""
        self.update_state({**event, "type": _CREATE, "state_key": ""})

    def has_create_cached(self, room_id: str) -> bool:
        """Whether the create event of a room is known."""
        return self.read_state(room_id, _CREATE) is not None

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
        powers = RoomPowers(self.get_create(room_id), levels.content or None)
        return powers.level(user_id) >= powers.needed(event_type, state=state)

    def update_state(
        self,
        evt: Mapping[str, Any],
        *,
        source: Source = Source.RECEIVED,
        ts: int | None = None,
    ) -> None:
        """Take what a state event tells, if it is newer than what is known.

        Args:
            evt: A state event as the homeserver sends it; any other event is ignored, and so is
                a malformed one.
            source: Where it came from. What was sent or fetched is the state of now, however
                old the event is.
            ts: When that was, in milliseconds since 1970, if not now.
        """
        self.update_states((evt,), source=source, ts=ts)

    def update_states(
        self,
        evts: Iterable[Mapping[str, Any]],
        *,
        source: Source = Source.RECEIVED,
        ts: int | None = None,
    ) -> None:
        """Take what state events tell; as :meth:`update_state`, all at once."""
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
        """Remember the whole state of a room, fetched; what isn't in it isn't there any more.

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
            room_id, found.members, gone=_MEMBERSHIPS - {Membership.LEAVE}, ts=when, full=True
        )
        for kind in KINDS - found.states.keys() - {_CREATE}:
            none: dict[str, Any] | None = {} if kind == "m.room.power_levels" else None
            found.states[kind] = StateItem(none, when, Source.FETCHED)
        self.write_rooms({room_id: RoomItems({}, found.states)})


def _collect(evt: Mapping[str, Any], source: Source, ts: int | None, room: RoomItems) -> None:
    """Put what an event tells to what else is to be remembered of its room."""
    content, key, kind = evt.get("content"), evt.get("state_key"), evt.get("type")
    if not isinstance(content, Mapping) or key is None or not isinstance(kind, str):
        return
    if kind == _CREATE or (ts is None and source is Source.RECEIVED):
        said = evt.get("origin_server_ts")
        # An event of the future, whose time anybody may invent, would stay for ever.
        ts = min(max(said, 0), now()) if isinstance(said, int) else ts
    ts = now() if ts is None else ts
    event_id, sender = evt.get("event_id"), evt.get("sender")
    event_id = event_id if isinstance(event_id, str) else None
    if kind == "m.room.member" and isinstance(key, str):
        membership = content.get("membership")
        if isinstance(membership, str) and membership in _MEMBERSHIPS:
            room.members[key] = _member_item(content, source, ts, event_id)
    elif key == "" and kind in KINDS:
        room.states[kind] = StateItem(
            copied(content), ts, source, event_id, sender if isinstance(sender, str) else None
        )


def memberships_of(given: Iterable[Membership | str]) -> set[Membership]:
    """The memberships of an argument: one or several, as text or not."""
    return {Membership(one) for one in ((given,) if isinstance(given, str) else given)}


def _member_item(
    content: Mapping[str, Any], source: Source, ts: int | None, event_id: str | None = None
) -> MemberItem:
    name, avatar = content.get("displayname"), content.get("avatar_url")
    return MemberItem(
        Membership.known(content.get("membership", "join")), now() if ts is None else ts, source,
        event_id, name if isinstance(name, str) else None,
        avatar if isinstance(avatar, str) else None,
    )  # fmt: skip
