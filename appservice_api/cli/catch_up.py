"""``catch-up``: handle what is in rooms and was never pushed."""

from __future__ import annotations

import sys
import time

import click

from .options import verbose_option
from .outcome import DONE, REFUSED, TEMPORARY, one_line
from .target import load

__all__ = ["catch_up"]

_LINE_EVERY = 5.0


@click.command("catch-up")
@click.argument("target", metavar="MODULE:APP")
@click.argument("rooms", metavar="[ROOM_ID]...", nargs=-1)
@verbose_option
def catch_up(target: str, rooms: tuple[str, ...]) -> int:
    """Handle what is in rooms and was never pushed.

    A homeserver that is restarted may forget what it has yet to push. MODULE:APP names an
    AppService, as in mybridge.matrix:app, whose handlers get it. It may be running meanwhile, if
    its state store is in a database. Without ROOM_IDs, all rooms of the bot and its ghosts are
    looked after.
    """
    progress = _Progress()
    with load(target) as app:
        done = app.catch_up(rooms or None, progress)
    for room_id, number in done.events.items():
        click.echo(f"{room_id}  {number}")
    for room_id, error in done.failed.items():
        click.echo(f"{room_id}: {one_line(error)}", err=True)
    total = sum(done.events.values())
    click.echo(f"{progress.rooms} rooms, {total} events were missed and are handled now", err=True)
    if not done.failed:
        return DONE
    return TEMPORARY if any(one.temporary for one in done.failed.values()) else REFUSED


class _Progress:
    """A line on stderr now and then."""

    def __init__(self) -> None:
        self.rooms = 0
        self._next = time.monotonic() + _LINE_EVERY

    def __call__(self, done: int, total: int) -> None:
        self.rooms = done
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _LINE_EVERY
            print(f"{done} of {total} rooms", file=sys.stderr, flush=True)
