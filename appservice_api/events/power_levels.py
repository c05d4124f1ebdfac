"""Power levels of users, the levels that actions need, and who may do what.

Spec: Client-Server API, ``m.room.power_levels``; the authorization rules of room versions 1 to 12,
and Room Version 12 for the creators of a room.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

__all__ = [
    "CREATOR_LEVEL",
    "DEFAULTS",
    "RoomPowers",
    "level",
    "read_level",
    "table",
]

#: Above every level that a power levels event can hold.
CREATOR_LEVEL: Final = 2**53
_HIGHEST = CREATOR_LEVEL - 1
#: The levels that apply if they, or the whole ``m.room.power_levels``, are missing.
DEFAULTS: Final[Mapping[str, int]] = {
    "users_default": 0, "events_default": 0, "state_default": 50,
    "invite": 0, "kick": 50, "ban": 50, "redact": 50,
}  # fmt: skip
_ROOM_NOTIFICATION = 50
_ALONE = 100
# Since version 12, the creators are above all levels; unknown versions count as newer.
_OLD_VERSIONS = frozenset(("", *(str(version) for version in range(1, 12))))
_WITH_TEXT = frozenset(str(version) for version in range(1, 10))
_NUMERAL = r"\s*[+-]?[0-9]{1,4000}\s*\Z"
_MEMBER = "m.room.member"


class RoomPowers:
    """Who may do what in a room. It is immutable, and malformed JSON doesn't make it raise.

    For actions that depend on memberships, they can be given. One that isn't known (None) doesn't
    count against the user.

    Args:
        create: The whole ``m.room.create`` event. If it isn't known (None), nobody counts as a
            creator.
        power_levels: The content of ``m.room.power_levels``, None if the room has none.
    """

    __slots__ = ("content", "creators", "founder", "room_version", "text_levels")

    def __init__(
        self, create: Mapping[str, Any] | None, power_levels: Mapping[str, Any] | None
    ) -> None:
        event: Mapping[str, Any] = create if isinstance(create, Mapping) else {}
        content, sender = table(event, "content"), event.get("sender")
        version = content.get("room_version", "1")
        #: The room version, None if the create event isn't known.
        self.room_version = (version if isinstance(version, str) else "1") if event else None
        #: The user who created the room, None if it isn't known.
        self.founder: str | None = sender if isinstance(sender, str) else None
        more = content.get("additional_creators")
        listed = [sender, *(more if isinstance(more, list) else ())]
        has_creators = self.room_version is not None and self.room_version not in _OLD_VERSIONS
        #: The users above all levels; none before room version 12.
        self.creators: frozenset[str] = frozenset(
            user for user in listed if isinstance(user, str) and has_creators
        )
        #: Whether levels may be texts, as in room versions 1 to 9.
        self.text_levels = self.room_version is None or self.room_version in _WITH_TEXT
        #: The content of ``m.room.power_levels``, None if the room has none.
        self.content = power_levels if isinstance(power_levels, Mapping) else None

    def __repr__(self) -> str:
        return f"<RoomPowers of a room of version {self.room_version or 'unknown'}>"

    def level(self, user_id: str) -> int:
        """The power level of a user; :data:`CREATOR_LEVEL` for a creator of a room of version 12
        or newer."""
        if user_id in self.creators:
            return CREATOR_LEVEL
        if self.content is None:
            return _ALONE if user_id == self.founder else 0
        default = self._named("users_default")
        return read_level(table(self.content, "users").get(user_id), default, text=self.text_levels)

    def _named(self, name: str) -> int:
        return read_level((self.content or {}).get(name), DEFAULTS[name], text=self.text_levels)

    def needed(self, event_type: str, *, state: bool = False) -> int:
        """The power level that sending an event needs.

        Membership events need 0; inviting, kicking and banning have levels of their own.

        Args:
            event_type: The type of the event.
            state: Whether it is a state event.
        """
        if event_type == "m.room.third_party_invite":
            return self._named("invite")
        if event_type == _MEMBER:
            return 0
        default = self._named("state_default" if state else "events_default")
        events = table(self.content or {}, "events")
        return read_level(events.get(event_type), default, text=self.text_levels)

    def needed_to_notify(self, kind: str = "room") -> int:
        """The power level that notifying the whole room (``@room``) needs."""
        notifications = table(self.content or {}, "notifications")
        return read_level(notifications.get(kind), _ROOM_NOTIFICATION, text=self.text_levels)

    def may_send(self, user_id: str, event_type: str, *, membership: str | None = None) -> bool:
        """Whether a user may send an event that isn't a state event.

        Args:
            user_id: The user.
            event_type: The type of the event.
            membership: The user's membership, None if it isn't known.
        """
        if event_type == _MEMBER or not _in_room(membership):
            return False
        return self.level(user_id) >= self.needed(event_type)

    def may_send_state(
        self, user_id: str, event_type: str, state_key: str = "", *, membership: str | None = None
    ) -> bool:
        """Whether a user may send a state event. A membership event of another user may be sent
        by those who may invite, kick or ban.

        Args:
            user_id: The user.
            event_type: The type of the state event.
            state_key: The state key.
            membership: The user's membership, None if it isn't known.
        """
        if event_type == _MEMBER:
            return state_key == user_id or (
                self.may_invite(user_id, membership=membership)
                or self.may_kick(user_id, state_key, membership=membership)
                or self.may_ban(user_id, state_key, membership=membership)
            )
        if not _in_room(membership) or self.level(user_id) < self.needed(event_type, state=True):
            return False
        if event_type == "m.room.third_party_invite":
            return True
        return not (isinstance(state_key, str) and state_key[:1] == "@") or state_key == user_id

    def may_redact(self, user_id: str, sender: str, *, membership: str | None = None) -> bool:
        """Whether a user may redact an event.

        Args:
            user_id: The user.
            sender: The sender of the event.
            membership: The user's membership, None if it isn't known.
        """
        return self.may_send(user_id, "m.room.redaction", membership=membership) and (
            user_id == sender or self.level(user_id) >= self._named("redact")
        )

    def may_invite(
        self, user_id: str, *, membership: str | None = None, target_membership: str | None = None
    ) -> bool:
        """Whether a user may invite another.

        Args:
            user_id: The user.
            membership: The user's membership, None if it isn't known.
            target_membership: The other user's membership, None if it isn't known.
        """
        if not _in_room(membership) or target_membership in ("join", "ban"):
            return False
        return self.level(user_id) >= self._named("invite")

    def may_kick(
        self, user_id: str, target: str, *, membership: str | None = None,
        target_membership: str | None = None,
    ) -> bool:  # fmt: skip
        """Whether a user may kick another or revoke an invite; if the other is banned, whether
        the user may unban.

        Args:
            user_id: The user.
            target: The other user.
            membership: The user's membership, None if it isn't known.
            target_membership: The other user's membership, None if it isn't known.
        """
        level = self.level(user_id)
        if not _in_room(membership) or level <= self.level(target):
            return False
        if target_membership == "ban" and level < self._named("ban"):
            return False
        return level >= self._named("kick")

    def may_ban(self, user_id: str, target: str, *, membership: str | None = None) -> bool:
        """Whether a user may ban another; as :meth:`may_kick`."""
        level = self.level(user_id)
        if not _in_room(membership) or level <= self.level(target):
            return False
        return level >= self._named("ban")

    def may_unban(
        self, user_id: str, target: str, *, membership: str | None = None,
        target_membership: str | None = None,
    ) -> bool:  # fmt: skip
        """Whether a user may unban another, which needs the levels for bans and for kicks; as
        :meth:`may_kick`."""
        if target_membership not in (None, "ban"):
            return False
        return self.may_kick(user_id, target, membership=membership, target_membership="ban")

    def may_upgrade(self, user_id: str, *, membership: str | None = None) -> bool:
        """Whether a user may upgrade the room."""
        return self.may_send_state(user_id, "m.room.tombstone", membership=membership)

    def may_notify_room(self, user_id: str, *, membership: str | None = None) -> bool:
        """Whether ``@room`` of a user notifies the room."""
        return _in_room(membership) and self.level(user_id) >= self.needed_to_notify()

    def may_change_power_levels(
        self, user_id: str, content: Mapping[str, Any], *, membership: str | None = None
    ) -> bool:
        """Whether a user may replace the power levels; :meth:`objections` gives the reasons."""
        return not self.objections(user_id, content, membership=membership)

    def objections(
        self, user_id: str, content: Mapping[str, Any], *, membership: str | None = None
    ) -> list[str]:
        """Why a user may not replace the power levels.

        Args:
            user_id: The user.
            content: The whole new content of ``m.room.power_levels``.
            membership: The user's membership, None if it isn't known.

        Returns:
            The reasons, a sentence each; none if the user may.
        """
        from .power_level_change import PowerLevelChange

        absent = [] if _in_room(membership) else [f"{user_id} isn't in the room"]
        return absent + PowerLevelChange(self, user_id, content).objections()


def _in_room(membership: str | None) -> bool:
    return membership is None or membership == "join"


def read_level(value: object, default: int, *, text: bool = True) -> int:
    """A level, or the default if there is none or it is malformed.

    Args:
        value: The value in the JSON.
        default: The default.
        text: Whether it may be a text (``"50"``), as room versions 1 to 9 allow.
    """
    found = level(value, text)
    return default if found is None else found


def level(value: object, text: bool) -> int | None:
    """A level; None if it is missing or malformed. ``text`` is that of :func:`read_level`."""
    if text and isinstance(value, str) and re.match(_NUMERAL, value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return max(-_HIGHEST, min(value, _HIGHEST))


def table(content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """An object in a content; an empty one if it is missing or malformed."""
    found = content.get(key)
    return found if isinstance(found, Mapping) else {}
