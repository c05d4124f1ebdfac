"""Power levels of users, the levels that actions need, and who may do what.

Spec: Client-Server API, ``m.room.power_levels``; the authorization rules of room versions 1 to 12,
and Room Version 12 for the creators of a room.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

__all__ = [
    "CREATOR_LEVEL",
    "DEFAULTS",
    "RoomPowers",
    "read_level",
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
_FREE_NOTIFICATIONS = frozenset(str(version) for version in range(1, 6))
_NUMERAL = r"\s*[+-]?[0-9]{1,4000}\s*\Z"
_POWER_LEVELS, _MEMBER = "m.room.power_levels", "m.room.member"


class RoomPowers:
    """Who may do what in a room. It is immutable, and malformed JSON doesn't make it raise.

    For actions that depend on memberships, they can be given. One that isn't known (None) doesn't
    count against the user.

    Args:
        create: The whole ``m.room.create`` event. If it isn't known (None), nobody counts as a
            creator.
        power_levels: The content of ``m.room.power_levels``, None if the room has none.
    """

    __slots__ = ("_content", "_text", "creators", "founder", "room_version")

    def __init__(
        self, create: Mapping[str, Any] | None, power_levels: Mapping[str, Any] | None
    ) -> None:
        event: Mapping[str, Any] = create if isinstance(create, Mapping) else {}
        content, sender = _table(event, "content"), event.get("sender")
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
        self._text = self.room_version is None or self.room_version in _WITH_TEXT
        self._content = power_levels if isinstance(power_levels, Mapping) else None

    def __repr__(self) -> str:
        return f"<RoomPowers of a room of version {self.room_version or 'unknown'}>"

    def level(self, user_id: str) -> int:
        """The power level of a user; :data:`CREATOR_LEVEL` for a creator of a room of version 12
        or newer."""
        if user_id in self.creators:
            return CREATOR_LEVEL
        if self._content is None:
            return _ALONE if user_id == self.founder else 0
        default = self._named("users_default")
        return read_level(_table(self._content, "users").get(user_id), default, text=self._text)

    def _named(self, name: str) -> int:
        return read_level((self._content or {}).get(name), DEFAULTS[name], text=self._text)

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
        events = _table(self._content or {}, "events")
        return read_level(events.get(event_type), default, text=self._text)

    def needed_to_notify(self, kind: str = "room") -> int:
        """The power level that notifying the whole room (``@room``) needs."""
        notifications = _table(self._content or {}, "notifications")
        return read_level(notifications.get(kind), _ROOM_NOTIFICATION, text=self._text)

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
        if not isinstance(content, Mapping):
            return [f"the content must be an object, not {content!r}"]
        level, needed = self.level(user_id), self.needed(_POWER_LEVELS, state=True)
        found = [] if _in_room(membership) else [f"{user_id} isn't in the room"]
        if level < needed:
            found.append(f"{user_id} has level {level}, and {_POWER_LEVELS} needs {needed}")
        found += self._malformed(content)
        if self._content is not None and user_id not in self.creators:
            found += self._beyond(user_id, level, self._content, content)
        return found

    def _malformed(self, new: Mapping[str, Any]) -> Iterator[str]:
        for name in DEFAULTS:
            if name in new and _level(new[name], self._text) is None:
                yield f"{name} is {new[name]!r}, which is no level"
        for key in ("users", *self._guarded()):
            entries = new.get(key, {})
            if not isinstance(entries, Mapping):
                yield f"{key} must be an object, not {entries!r}"
                continue
            for name, value in entries.items():
                if _level(value, self._text) is None:
                    yield f"{key}[{name!r}] is {value!r}, which is no level"
                if key == "users" and not _is_user(name):
                    yield f"users has {name!r}, which is no user ID"
        for user in sorted(self.creators & set(map(str, _table(new, "users")))):
            yield f"{user} is a creator of the room, and can't be listed"

    def _guarded(self) -> tuple[str, ...]:
        """The tables whose entries are compared with the level of the user who changes them."""
        return ("events",) if self.room_version in _FREE_NOTIFICATIONS else (
            "events", "notifications",
        )  # fmt: skip

    def _beyond(
        self, user_id: str, level: int, old: Mapping[str, Any], new: Mapping[str, Any]
    ) -> Iterator[str]:
        """What is changed from, or to, a level that the user doesn't have."""
        changes = [(name, *_pair(old, new, name)) for name in DEFAULTS]
        for key in self._guarded():
            before, after = _table(old, key), _table(new, key)
            changes += [
                (f"{key}[{name!r}]", *_pair(before, after, name)) for name in {**before, **after}
            ]
        users, wanted = _table(old, "users"), _table(new, "users")
        changes += [(f"users[{name!r}]", None, wanted.get(name)) for name in wanted
                    if self._differs(*_pair(users, wanted, name))]  # fmt: skip
        for what, was, becomes in changes:
            if not self._differs(was, becomes):
                continue
            for word, value in (("is", was), ("would become", becomes)):
                if read_level(value, level, text=self._text) > level:
                    yield f"{user_id} has level {level}, and {what} {word} {value}"
        for name in users:
            was, becomes = _pair(users, wanted, name)
            if name == user_id or not self._differs(was, becomes):
                continue
            if read_level(was, level - 1, text=self._text) >= level:
                yield f"{user_id} has level {level}, and users[{name!r}] has {was}, not less"

    def _differs(self, was: object, becomes: object) -> bool:
        if was is None or becomes is None:
            return was is not becomes
        return _level(was, self._text) != _level(becomes, self._text)


def _in_room(membership: str | None) -> bool:
    return membership is None or membership == "join"


def read_level(value: object, default: int, *, text: bool = True) -> int:
    """A level, or the default if there is none or it is malformed.

    Args:
        value: The value in the JSON.
        default: The default.
        text: Whether it may be a text (``"50"``), as room versions 1 to 9 allow.
    """
    found = _level(value, text)
    return default if found is None else found


def _level(value: object, text: bool) -> int | None:
    if text and isinstance(value, str) and re.match(_NUMERAL, value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return max(-_HIGHEST, min(value, _HIGHEST))


def _table(content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = content.get(key)
    return found if isinstance(found, Mapping) else {}


def _is_user(name: object) -> bool:
    return isinstance(name, str) and name[:1] == "@" and ":" in name


def _pair(old: Mapping[str, Any], new: Mapping[str, Any], name: str) -> tuple[Any, Any]:
    return old.get(name), new.get(name)
