"""Catching up, and what is said of it; for all command lines."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from .outcome import DONE, REFUSED, TEMPORARY, USAGE, one_line

if TYPE_CHECKING:
    from ..application import AppService

__all__ = ["catch_up_app"]

_LINE_EVERY = 5.0


def catch_up_app(
    app: AppService,
    rooms: Iterable[str] | None,
    say: Callable[[str], object],
    remark: Callable[[str], object],
) -> int:
    """Have handled what was never pushed.

    Args:
        app: The application service.
        rooms: The rooms; None for all.
        say: Is told each room in which events were missed, and how many.
        remark: Is told how it goes, and what went wrong.

    Returns:
        The exit code.
    """
    from ..state_store.memory import MemoryStateStore

    looked, line_at = 0, time.monotonic() + _LINE_EVERY

    def progress(number: int, total: int) -> None:
        nonlocal looked, line_at
        looked = number
        if time.monotonic() >= line_at:
            line_at = time.monotonic() + _LINE_EVERY
            remark(f"{number} of {total} rooms")

    done = app.catch_up(rooms, progress)
    for room_id, missed in done.events.items():
        say(f"{room_id}  {missed}")
    for room_id, error in done.failed.items():
        remark(f"{room_id}: {one_line(error)}")
    total = sum(done.events.values())
    remark(f"Rooms looked after: {looked}; events that were missed and are handled now: {total}")
    if not (total or done.failed) and isinstance(app.state_store, MemoryStateStore):
        remark(
            "The state store is in memory, which can't tell here what was missed: give the "
            "AppService a database, as in state_store='sqlite:///state.db'"
        )
        return USAGE
    if not done.failed:
        return DONE
    return TEMPORARY if any(error.temporary for error in done.failed.values()) else REFUSED
