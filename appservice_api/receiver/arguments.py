"""Arguments, checked at once: a number that can't be used would only fail when the first
transaction comes."""

from __future__ import annotations

import math
from collections.abc import Iterable

from ..ids import RoomID
from ..intent import IntentAPI, Room
from .dispatch import HandlerPolicy

__all__ = [
    "check_count",
    "check_flag",
    "check_policy",
    "check_room",
    "check_room_ids",
    "check_seconds",
]

# More seconds than anybody waits, and few enough for every clock and database.
_LONGEST = 365 * 86_400


def check_seconds(name: str, value: object, *, positive: bool = False) -> float:
    """A number of seconds.

    Args:
        name: The argument's name.
        value: The argument.
        positive: Whether 0 is too little.

    Raises:
        ValueError: It isn't one.
    """
    usable = isinstance(value, (int, float)) and not isinstance(value, bool)
    if usable and math.isfinite(value) and 0 <= value <= _LONGEST and (value or not positive):  # type: ignore[arg-type,operator]
        return value  # type: ignore[return-value]
    least = "more than 0" if positive else "from 0 on"
    raise ValueError(f"{name} must be a number of seconds, {least} and finite, not {value!r}")


def check_count(name: str, value: object, least: int = 1, most: int | None = None) -> int:
    """A whole number.

    Args:
        name: The argument's name.
        value: The argument.
        least: The least that can be used.
        most: The most that can be used, None for no limit.

    Raises:
        ValueError: It isn't one.
    """
    if (
        not isinstance(value, int)
        or isinstance(value, bool)
        or value < least
        or (most is not None and value > most)
    ):
        bounds = f"from {least} on" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} must be a whole number {bounds}, not {value!r}")
    return value


def check_flag(name: str, value: object) -> bool:
    """True or False.

    Raises:
        ValueError: It is neither; ``"no"`` would count as a yes.
    """
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be True or False, not {value!r}")
    return value


def check_room(bot: IntentAPI, name: str, value: object) -> Room:
    """A room; where only its ID is given, as the bot sees it.

    Raises:
        ValueError: It is none, or the ID is none.
    """
    from ..intent import Room

    if isinstance(value, str):
        return bot.room(value)
    if not isinstance(value, Room):
        raise ValueError(f"{name} must be a room ID or a Room, not {value!r}")
    return value


def check_room_ids(name: str, value: object) -> list[RoomID]:
    """One room ID, or several.

    Raises:
        ValueError: It is neither, or one is none.
    """
    from ..ids import RoomID

    if not isinstance(value, Iterable):
        raise ValueError(f"{name} must be a room ID, several, or None, not {value!r}")
    return [RoomID(one) for one in ([value] if isinstance(value, str) else value)]


def check_policy(value: object) -> HandlerPolicy:
    """How often a handler is called; None is the usual.

    Raises:
        ValueError: It isn't a policy, or can't be followed.
    """
    if value is None:
        return HandlerPolicy()
    if not isinstance(value, HandlerPolicy):
        raise ValueError(f"handler_policy must be a HandlerPolicy, not {value!r}")
    check_count("handler_policy.attempts", value.attempts)
    check_seconds("handler_policy.first_wait", value.first_wait)
    check_seconds("handler_policy.longest_wait", value.longest_wait)
    return value
