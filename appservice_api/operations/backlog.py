"""Catching up on events that were never pushed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..application import AppService
from ..clock import monotonic
from .outcome import DONE, REFUSED, TEMPORARY, USAGE, one_line

__all__ = ["catch_up"]

# Seconds between two lines of progress.
_LINE_EVERY = 5.0


def catch_up(
    app: AppService,
    rooms: Iterable[str] | None,
    out: Callable[[str], object],
    err: Callable[[str], object],
) -> int:
    """Handle the events that the homeserver never pushed.

    Args:
        app: The application service.
        rooms: The rooms; None for all.
        out: Prints a line for each room in which events were missed, with their number.
        err: Prints a line of progress, or an error.

    Returns:
        The exit code.
    """
    from ..state_store.memory import MemoryStateStore

    looked, line_at = 0, monotonic() + _LINE_EVERY

    def progress(number: int, total: int) -> None:
        nonlocal looked, line_at
        looked = number
        if monotonic() >= line_at:
            line_at = monotonic() + _LINE_EVERY
            err(f"{number} of {total} rooms")

    done = app.catch_up(rooms, progress)
    for room_id, missed in done.events.items():
        out(f"{room_id}  {missed}")
    for room_id, error in done.failed.items():
        err(f"{room_id}: {one_line(error)}")
    total = sum(done.events.values())
    err(f"Rooms looked after: {looked}; events that were missed and are handled now: {total}")
    if not (total or done.failed) and isinstance(app.state_store, MemoryStateStore):
        err(
            "The state store is in memory, which can't tell here what was missed: give the "
            "AppService a database, as in state_store='sqlite:///state.db'"
        )
        return USAGE
    if not done.failed:
        return DONE
    return TEMPORARY if any(error.temporary for error in done.failed.values()) else REFUSED
