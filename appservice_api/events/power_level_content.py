"""The content of ``m.room.power_levels``. Spec: Client-Server API, ``m.room.power_levels``."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

from .event_content import StateEventContent
from .view import Field, View, number

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["PowerLevelStateEventContent"]


class _Levels(Field[dict[str, int]]):
    """Levels by name; where there are none, an empty table is put there."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(None, lambda found: found if isinstance(found, dict) else None)

    @overload
    def __get__(self, view: None, owner: type) -> Self: ...
    @overload
    def __get__(self, view: View, owner: type) -> dict[str, int]: ...
    def __get__(self, view: View | None, owner: type) -> Self | dict[str, int]:
        if view is None:
            return self
        found = view.setdefault(self.key, {})
        return found if isinstance(found, dict) else {}


class PowerLevelStateEventContent(StateEventContent):
    """The content of ``m.room.power_levels``.

    Attributes:
        users: The levels of users.
        events: The levels that events need, by type.
        notifications: The levels that notifications need; ``room`` is for ``@room``.
        users_default: The level of all other users.
        events_default: The level that all other messages need.
        state_default: The level that all other state events need.
        ban: The level that bans need.
        kick: The level that kicks need.
        redact: The level that redactions of others' events need.
        invite: The level that invites need.
    """

    __slots__ = ()

    users = _Levels()
    events = _Levels()
    notifications = _Levels()
    users_default = number()
    events_default = number()
    state_default = number()
    ban = number()
    kick = number()
    redact = number()
    invite = number()
