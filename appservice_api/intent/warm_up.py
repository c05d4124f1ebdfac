"""Filling a state store with few requests, before the first message."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .. import errors
from ..errors import MatrixRequestError
from ..ids import RoomID
from .intent import IntentAPI

__all__ = ["warm_up"]


def warm_up(
    users: Iterable[IntentAPI], progress: Callable[[int, int], object] | None
) -> dict[RoomID, MatrixRequestError | None]:
    """Request the rooms of users, and the state of each room.

    Args:
        users: The users; the first one that is in a room reads its state.
        progress: Called with how many requests are done, and how many are known to be needed.

    Returns:
        The rooms, each with the error that prevented reading its state, or None.
    """
    asked = list(users)
    rooms: dict[RoomID, IntentAPI] = {}

    def done(number: int) -> None:
        if progress is not None:
            progress(number, len(asked) + len(rooms))

    for number, intent in enumerate(asked, 1):
        try:
            found = intent.get_joined_rooms(ensure_joined=False)
        except errors.MForbidden:
            found = []  # not registered, so in no room
        for room_id in found:
            rooms.setdefault(room_id, intent)
        done(number)
    outcome: dict[RoomID, MatrixRequestError | None] = dict.fromkeys(rooms)
    for number, (room_id, intent) in enumerate(rooms.items(), len(asked) + 1):
        try:
            intent.sync_state(room_id)
        except MatrixRequestError as error:
            outcome[room_id] = error
        done(number)
    return outcome
