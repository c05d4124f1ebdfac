"""Parked events, and what is said of them; for all command lines."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING

from ..state_store.deliveries import Deliveries, ParkedEvent
from .outcome import DONE, REFUSED, one_line

if TYPE_CHECKING:
    from ..application import AppService

__all__ = ["ALL", "drop", "retry", "show", "show_all"]

#: Stands for all that are parked now.
ALL = None

_LONGEST = 100


def show_all(
    deliveries: Deliveries, say: Callable[[str], object], remark: Callable[[str], object]
) -> None:
    """Tell of all, the oldest first.

    Args:
        deliveries: Where they are parked.
        say: Is told a line for each.
        remark: Is told that there is none.
    """
    events = deliveries.parked()
    for event in events:
        say(_line(event))
    if not events:
        remark("Nothing is parked.")


def show(deliveries: Deliveries, number: int, say: Callable[[str], object]) -> None:
    """Tell an event as JSON, and the traceback.

    Raises:
        ValueError: There is none of this number.
    """
    event = deliveries.parked_event(number)
    if event is None:
        raise ValueError(f"no event of the number {number} is parked")
    say(_shown(json.dumps(event.event, indent=2, ensure_ascii=False)))
    say("")
    say(_shown(event.error.rstrip()))


def drop(
    deliveries: Deliveries, numbers: Collection[int] | None, say: Callable[[str], object]
) -> None:
    """Forget events for good.

    Args:
        deliveries: Where they are parked.
        numbers: Their numbers, or :data:`ALL`.
        say: Is told how many were dropped.

    Raises:
        ValueError: There is none of a number; the others are dropped.
    """
    wanted = _wanted(deliveries, numbers)
    unknown = [number for number in wanted if deliveries.unpark(number) is None]
    say(f"Dropped: {len(wanted) - len(unknown)}")
    if numbers is not ALL:
        _complain(unknown)


def retry(
    app: AppService,
    numbers: Collection[int] | None,
    say: Callable[[str], object],
    remark: Callable[[str], object],
) -> int:
    """Hand events to their handlers again.

    Args:
        app: The application service, with its handlers.
        numbers: The events' numbers, or :data:`ALL`.
        say: Is told of each what came of it; at the end of those that failed again.
        remark: Is told how many there were.

    Returns:
        The exit code.

    Raises:
        ValueError: There is none of a number; the others are retried.
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
            # Or somebody else has taken it meanwhile.
            unknown.append(number)
            continue
        if done:
            handled += 1
            say(f"{number}  handled")
        else:
            failed.append(event)
    _tell_again(failed, [one for one in deliveries.parked() if one.id not in before], say)
    remark(f"Handled: {handled}; parked again: {len(failed)}")
    if numbers is not ALL:
        _complain(unknown)
    return REFUSED if failed else DONE


def _tell_again(
    failed: Iterable[ParkedEvent], new: list[ParkedEvent], say: Callable[[str], object]
) -> None:
    """Tell the new numbers of events that failed again, and why they did."""
    for event in failed:
        again = next((one for one in new if one.event == event.event), None)
        if again is None:
            # Somebody else has retried or dropped it meanwhile.
            say(f"{event.id}  parked again")
            continue
        new.remove(again)
        say(_shown(f"{event.id}  parked again as {again.id}: {_problem(again)}"))


def _wanted(deliveries: Deliveries, numbers: Collection[int] | None) -> list[int]:
    if numbers is not ALL:
        return list(dict.fromkeys(numbers))
    return [event.id for event in deliveries.parked()]


def _complain(unknown: list[int]) -> None:
    if unknown:
        raise ValueError(f"no event is parked of the number {', '.join(map(str, unknown))}")


def _line(parked: ParkedEvent) -> str:
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(parked.parked_at / 1000))
    event = parked.event
    fields = [
        one_line(value) if isinstance(value := event.get(key), str) else "-"
        for key in ("type", "sender", "room_id")
    ]
    return _shown("  ".join([f"{parked.id:>6}", when, *fields, _problem(parked)]))


def _problem(parked: ParkedEvent) -> str:
    """What went wrong, in one line."""
    problem = one_line((parked.error.strip().splitlines() or ["-"])[-1])
    return problem if len(problem) <= _LONGEST else problem[: _LONGEST - 1] + "…"


def _shown(text: str) -> str:
    """A text in which what could steer a terminal, or can't be printed there, is escaped as in
    JSON."""
    ascii_only = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"

    def escaped(char: str) -> str:
        if char == "\n" or (char.isprintable() and (char.isascii() or not ascii_only)):
            return char
        return json.dumps(char)[1:-1]

    return "".join(map(escaped, text)) if not text.isprintable() or ascii_only else text
