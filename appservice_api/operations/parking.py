"""Parked events: listed, shown, dropped, and handled again."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Collection, Iterable

from ..application import AppService
from ..state_store.deliveries import Deliveries, ParkedEvent
from .outcome import DONE, REFUSED, one_line

__all__ = ["ALL", "drop", "list_all", "retry", "show"]

#: Stands for all events that are parked now.
ALL = None

_LONGEST = 100


def list_all(
    deliveries: Deliveries, out: Callable[[str], object], err: Callable[[str], object]
) -> None:
    """List the parked events, the oldest first.

    Args:
        deliveries: Where they are parked.
        out: Prints a line for each event.
        err: Prints that there is none.
    """
    events = deliveries.parked()
    for event in events:
        out(_line(event))
    if not events:
        err("Nothing is parked.")


def show(deliveries: Deliveries, number: int, out: Callable[[str], object]) -> None:
    """Show an event as JSON, and the traceback.

    Raises:
        ValueError: No event with this number is parked.
    """
    event = deliveries.parked_event(number)
    if event is None:
        raise ValueError(f"no event of the number {number} is parked")
    out(_escaped(json.dumps(event.event, indent=2, ensure_ascii=False)))
    out("")
    out(_escaped(event.error.rstrip()))


def drop(
    deliveries: Deliveries, numbers: Collection[int] | None, out: Callable[[str], object]
) -> None:
    """Drop events for good.

    Args:
        deliveries: Where they are parked.
        numbers: Their numbers, or :data:`ALL`.
        out: Prints how many were dropped.

    Raises:
        ValueError: No event with one of the numbers is parked; the others are dropped.
    """
    if numbers is ALL:
        wanted = [event.id for event in deliveries.parked()]
    else:
        wanted = list(dict.fromkeys(numbers))
    unknown = [number for number in wanted if deliveries.unpark(number) is None]
    out(f"Dropped: {len(wanted) - len(unknown)}")
    if numbers is not ALL:
        _check_known(unknown)


def retry(
    app: AppService,
    numbers: Collection[int] | None,
    out: Callable[[str], object],
    err: Callable[[str], object],
) -> int:
    """Hand events to their handlers again.

    Args:
        app: The application service, with its handlers.
        numbers: The events' numbers, or :data:`ALL`.
        out: Prints the result for each event; last come those that failed again.
        err: Prints how many there were.

    Returns:
        The exit code.

    Raises:
        ValueError: No event with one of the numbers is parked; the others are retried.
    """
    deliveries = app.state_store.deliveries
    before = {event.id: event for event in deliveries.parked()}
    failed: list[ParkedEvent] = []
    unknown: list[int] = []
    handled = 0
    for number in list(before) if numbers is ALL else dict.fromkeys(numbers):
        try:
            event = before[number]
            done = app.retry_parked(number)
        except KeyError:
            # Or another process has retried or dropped it meanwhile.
            unknown.append(number)
            continue
        if done:
            handled += 1
            out(f"{number}  handled")
        else:
            failed.append(event)
    new = [event for event in deliveries.parked() if event.id not in before]
    _report_failed(failed, new, out)
    err(f"Handled: {handled}; parked again: {len(failed)}")
    if numbers is not ALL:
        _check_known(unknown)
    return REFUSED if failed else DONE


def _report_failed(
    failed: Iterable[ParkedEvent], new: list[ParkedEvent], out: Callable[[str], object]
) -> None:
    """Print the new numbers of events that failed again, and why they failed."""
    for event in failed:
        again = next((one for one in new if one.event == event.event), None)
        if again is None:
            # Another process has retried or dropped it meanwhile.
            out(f"{event.id}  parked again")
            continue
        new.remove(again)
        out(_escaped(f"{event.id}  parked again as {again.id}: {_problem(again)}"))


def _check_known(unknown: list[int]) -> None:
    if unknown:
        raise ValueError(f"no event is parked of the number {', '.join(map(str, unknown))}")


def _line(parked: ParkedEvent) -> str:
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(parked.parked_at / 1000))
    fields = [
        one_line(value) if isinstance(value := parked.event.get(key), str) else "-"
        for key in ("type", "sender", "room_id")
    ]
    return _escaped("  ".join([f"{parked.id:>6}", when, *fields, _problem(parked)]))


def _problem(parked: ParkedEvent) -> str:
    """The last line of the traceback, shortened."""
    problem = one_line((parked.error.strip().splitlines() or ["-"])[-1])
    return problem if len(problem) <= _LONGEST else problem[: _LONGEST - 1] + "…"


def _escaped(text: str) -> str:
    """Text with JSON escapes for what controls a terminal or can't be printed there."""
    ascii_only = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"

    def escape(char: str) -> str:
        if char == "\n" or (char.isprintable() and (char.isascii() or not ascii_only)):
            return char
        return json.dumps(char)[1:-1]

    return "".join(map(escape, text)) if not text.isprintable() or ascii_only else text
