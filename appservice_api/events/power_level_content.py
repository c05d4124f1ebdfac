"""The content of ``m.room.power_levels`` as a view.

Spec: Client-Server API, ``m.room.power_levels``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, overload

from ..compat import Self
from .event_content import StateEventContent
from .event_type import EventType
from .power_levels import DEFAULTS, RoomPowers, read_level
from .view import Field, View

__all__ = ["PowerLevelStateEventContent"]


class _Level(Field[int]):
    """A level; the specification's default if it is missing or malformed."""

    def __init__(self) -> None:
        super().__init__(None, lambda found: found)

    @overload
    def __get__(self, view: None, owner: type) -> Self: ...
    @overload
    def __get__(self, view: View, owner: type) -> int: ...
    def __get__(self, view: View | None, owner: type) -> Self | int:
        return self if view is None else read_level(view.get(self.key), DEFAULTS[self.key])


class _Table(Field[dict[str, Any]]):
    """Levels by name. If they are missing, a new dict is set in the view."""

    def __init__(self) -> None:
        super().__init__(None, lambda found: found)

    @overload
    def __get__(self, view: None, owner: type) -> Self: ...
    @overload
    def __get__(self, view: View, owner: type) -> dict[str, Any]: ...
    def __get__(self, view: View | None, owner: type) -> Self | dict[str, Any]:
        if view is None:
            return self
        found = view.setdefault(self.key, {})
        return found if isinstance(found, dict) else {}


class PowerLevelStateEventContent(StateEventContent):
    """The content of ``m.room.power_levels``: the levels of users, and those that actions need.

    A level that is missing reads as the specification's default.
    """

    __slots__ = ()

    #: The levels of users, by user ID.
    users = _Table()
    #: The level of users who aren't listed.
    users_default = _Level()
    #: The levels that events need, by type.
    events = _Table()
    #: The level that events need whose type isn't listed.
    events_default = _Level()
    #: The level that state events need whose type isn't listed.
    state_default = _Level()
    #: The levels that notifications for all need; ``room`` is for ``@room``.
    notifications = _Table()
    ban = _Level()
    kick = _Level()
    redact = _Level()
    invite = _Level()

    def get_user_level(self, user_id: str, create: Mapping[str, Any] | None = None) -> int:
        """The level of a user.

        Args:
            user_id: The user.
            create: The whole ``m.room.create`` event, for the creators of a room of version 12
                or newer.
        """
        return RoomPowers(create, self).level(user_id)

    def set_user_level(self, user_id: str, level: int) -> None:
        """Set the level of a user. It is listed even if it is the default."""
        self["users"] = {**self.users, user_id: level}

    def ensure_user_level(self, user_id: str, level: int) -> bool:
        """Set the level of a user, unless the user has it.

        Returns:
            Whether anything was changed.
        """
        if self.get_user_level(user_id) == level:
            return False
        self.set_user_level(user_id, level)
        return True

    def get_event_level(self, event_type: str, state: bool | None = None) -> int:
        """The level that sending an event needs.

        Args:
            event_type: The type of the event.
            state: Whether it is a state event; if None, the specification decides.
        """
        kind = EventType(event_type).is_state if state is None else state
        return RoomPowers(None, self).needed(event_type, state=kind)

    def set_event_level(self, event_type: str, level: int) -> None:
        """Set the level that events of a type need. It is listed even if it is the default."""
        self["events"] = {**self.events, event_type: level}

    def ensure_event_level(self, event_type: str, level: int, state: bool | None = None) -> bool:
        """Set the level that events of a type need, unless they need it.

        Args:
            event_type: The type of the events.
            level: The level.
            state: As for :meth:`get_event_level`.

        Returns:
            Whether anything was changed.
        """
        if self.get_event_level(event_type, state) == level:
            return False
        self.set_event_level(event_type, level)
        return True
