"""``parked``: events whose handlers failed again and again."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from ..state_store.deliveries import Deliveries, ParkedEvent
from .options import verbose_option
from .outcome import one_line

__all__ = ["parked"]

F = TypeVar("F", bound=Callable[..., Any])

_LONGEST = 100


@click.group()
def parked() -> None:
    """Look after events whose handlers failed.

    An event whose handler fails again and again is put aside with the traceback, so that others
    don't wait for it.
    """


def _store_option(command: F) -> F:
    return click.option(
        "--state-store",
        "url",
        metavar="URL",
        envvar="APPSERVICE_STATE_STORE",
        help="The database of the state store: sqlite:///state.db, or "
        "postgresql+psycopg://user@host/name [env: APPSERVICE_STATE_STORE].",
    )(verbose_option(command))


@parked.command("list")
@_store_option
def list_parked(url: str | None) -> None:
    """List them, the oldest first: number, time (UTC), type, sender, room, and what went wrong."""
    with _deliveries(url) as deliveries:
        events = deliveries.parked()
    for event in events:
        click.echo(_line(event))
    if not events:
        click.echo("Nothing is parked.", err=True)


@parked.command("show")
@click.argument("number", type=int)
@_store_option
def show_parked(number: int, url: str | None) -> None:
    """Print an event as JSON, and the traceback."""
    with _deliveries(url) as deliveries:
        found = [event for event in deliveries.parked() if event.id == number]
    if not found:
        raise ValueError(f"no event of the number {number} is parked")
    [event] = found
    click.echo(_shown(json.dumps(event.event, indent=2, ensure_ascii=False)))
    click.echo()
    click.echo(_shown(event.error.rstrip()))


@parked.command("drop")
@click.argument("numbers", metavar="NUMBER...", type=int, nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Drop all that are parked now.")
@_store_option
def drop_parked(numbers: tuple[int, ...], everything: bool, url: str | None) -> None:
    """Forget events for good; they are never handled."""
    if bool(numbers) == everything:
        raise click.UsageError("give the numbers of events, or --all")
    with _deliveries(url) as deliveries:
        wanted = [event.id for event in deliveries.parked()] if everything else numbers
        unknown = [number for number in wanted if deliveries.unpark(number) is None]
    click.echo(f"Dropped: {len(wanted) - len(unknown)}")
    if unknown and not everything:
        raise ValueError(f"no event is parked of the number {', '.join(map(str, unknown))}")


@contextmanager
def _deliveries(url: str | None) -> Iterator[Deliveries]:
    """What is known of deliveries in a database, which isn't made if it isn't there."""
    from ..state_store.sql import SQLStateStore
    from ..state_store.sql.source import sqlite_path

    if not url:
        raise click.UsageError(
            "give the database of the state store: --state-store, or APPSERVICE_STATE_STORE"
        )
    path = sqlite_path(url)
    if path and not os.path.exists(path):
        raise FileNotFoundError(2, "No such file", path)
    store = SQLStateStore(url)
    try:
        yield store.deliveries
    finally:
        store.close()


def _line(parked: ParkedEvent) -> str:
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(parked.parked_at / 1000))
    event = parked.event
    fields = [
        one_line(value) if isinstance(value := event.get(key), str) else "-"
        for key in ("type", "sender", "room_id")
    ]
    problem = one_line((parked.error.strip().splitlines() or ["-"])[-1])
    if len(problem) > _LONGEST:
        problem = problem[: _LONGEST - 1] + "…"
    return _shown("  ".join([f"{parked.id:>6}", when, *fields, problem]))


def _shown(text: str) -> str:
    """A text in which what could steer a terminal, or can't be printed there, is escaped as in
    JSON."""
    ascii_only = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"

    def escaped(char: str) -> str:
        if char == "\n" or (char.isprintable() and (char.isascii() or not ascii_only)):
            return char
        return json.dumps(char)[1:-1]

    return "".join(map(escaped, text)) if not text.isprintable() or ascii_only else text
