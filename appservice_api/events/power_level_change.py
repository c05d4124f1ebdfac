"""A change of power levels, and why a user may not make it.

Spec: the authorization rules of room versions 1 to 12 for ``m.room.power_levels``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .power_levels import DEFAULTS, RoomPowers, level, read_level, table

__all__ = ["PowerLevelChange"]

_POWER_LEVELS = "m.room.power_levels"
# In these versions, anybody who may change the power levels may change "notifications".
_FREE_NOTIFICATIONS = frozenset(str(version) for version in range(1, 6))


class PowerLevelChange:
    """The replacement of a room's power levels by a user.

    Args:
        powers: The present power levels.
        user_id: The user.
        content: The new content of ``m.room.power_levels``.
    """

    def __init__(self, powers: RoomPowers, user_id: str, content: Mapping[str, Any]) -> None:
        self._powers = powers
        self._user = user_id
        self._new = content
        self._level = powers.level(user_id)
        self._text = powers.text_levels
        free = powers.room_version in _FREE_NOTIFICATIONS
        # The tables whose entries are compared with the user's level.
        self._guarded = ("events",) if free else ("events", "notifications")

    def objections(self) -> list[str]:
        """The reasons, a sentence each; none if the user may."""
        if not isinstance(self._new, Mapping):
            return [f"the content must be an object, not {self._new!r}"]
        found, needed = [], self._powers.needed(_POWER_LEVELS, state=True)
        if self._level < needed:
            found.append(
                f"{self._user} has level {self._level}, and {_POWER_LEVELS} needs {needed}"
            )
        found += self._malformed()
        if self._powers.content is not None and self._user not in self._powers.creators:
            found += self._beyond(self._powers.content)
        return found

    def _malformed(self) -> Iterator[str]:
        new = self._new
        for name in DEFAULTS:
            if name in new and level(new[name], self._text) is None:
                yield f"{name} is {new[name]!r}, which is no level"
        for key in ("users", *self._guarded):
            entries = new.get(key, {})
            if not isinstance(entries, Mapping):
                yield f"{key} must be an object, not {entries!r}"
                continue
            for name, value in entries.items():
                if level(value, self._text) is None:
                    yield f"{key}[{name!r}] is {value!r}, which is no level"
                if key == "users" and not _is_user(name):
                    yield f"users has {name!r}, which is no user ID"
        for user in sorted(self._powers.creators & set(map(str, table(new, "users")))):
            yield f"{user} is a creator of the room, and can't be listed"

    def _beyond(self, old: Mapping[str, Any]) -> Iterator[str]:
        """What is changed from, or to, a level that the user doesn't have."""
        changes = [(name, *_pair(old, self._new, name)) for name in DEFAULTS]
        for key in self._guarded:
            before, after = table(old, key), table(self._new, key)
            changes += [
                (f"{key}[{name!r}]", *_pair(before, after, name)) for name in {**before, **after}
            ]
        users, wanted = table(old, "users"), table(self._new, "users")
        changes += [(f"users[{name!r}]", None, wanted.get(name)) for name in wanted
                    if self._differs(*_pair(users, wanted, name))]  # fmt: skip
        for what, was, becomes in changes:
            if not self._differs(was, becomes):
                continue
            for word, value in (("is", was), ("would become", becomes)):
                if read_level(value, self._level, text=self._text) > self._level:
                    yield f"{self._user} has level {self._level}, and {what} {word} {value}"
        for name in users:
            was, becomes = _pair(users, wanted, name)
            if name == self._user or not self._differs(was, becomes):
                continue
            if read_level(was, self._level - 1, text=self._text) >= self._level:
                yield (
                    f"{self._user} has level {self._level}, and users[{name!r}] has {was}, not less"
                )

    def _differs(self, was: object, becomes: object) -> bool:
        if was is None or becomes is None:
            return was is not becomes
        return level(was, self._text) != level(becomes, self._text)


def _is_user(name: object) -> bool:
    return isinstance(name, str) and name[:1] == "@" and ":" in name


def _pair(old: Mapping[str, Any], new: Mapping[str, Any], name: str) -> tuple[Any, Any]:
    return old.get(name), new.get(name)
