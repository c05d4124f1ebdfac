"""Methods for members, which call those that a store implements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..events.membership import Membership
from ..ids import RoomID, UserID
from .base import StoreBase
from .items import (
    ACTIVE,
    MEMBERSHIPS,
    MemberItem,
    RoomItems,
    Source,
    member_item,
    memberships_of,
    now,
)

__all__ = ["MemberMethods"]


class MemberMethods(StoreBase):
    """Memberships and profiles of users in rooms."""

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
        item = member_item(member, source, ts, event_id)
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
        self, room_id: str, memberships: Iterable[Membership | str] = ACTIVE
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
            only_membership: ``members`` are all users with this membership, and no others.
            ts: When they were asked for, in milliseconds since 1970, if not now.
        """
        only = None if only_membership is None else Membership.known(only_membership)
        when = now() if ts is None else ts
        items = {
            user: member_item({"membership": only or "join", **content}, Source.FETCHED, when)
            for user, content in members.items()
        }
        gone = MEMBERSHIPS - {Membership.LEAVE} if only is None else {only}
        self.write_members(room_id, items, gone=gone, ts=when, full=only in (None, Membership.JOIN))

    def get_membership(self, room_id: str, user_id: str) -> Membership | None:
        """The membership of a user, None if it isn't known."""
        member = self.read_member(room_id, user_id)
        return member.membership if member is not None else None

    def get_members(
        self, room_id: str, memberships: Iterable[Membership | str] = ACTIVE
    ) -> list[UserID]:
        """The known members of a room."""
        return list(self.read_members(room_id, memberships_of(memberships)))

    def get_members_filtered(
        self,
        room_id: str,
        not_prefix: str,
        not_suffix: str,
        not_id: str,
        memberships: Iterable[Membership | str] = ACTIVE,
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
