"""``parked``: events whose handlers failed repeatedly."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import click

from ..operations import parking
from ..state_store.deliveries import Deliveries
from .options import app_of, retry_options, verbose_option

__all__ = ["parked"]

F = TypeVar("F", bound=Callable[..., Any])

_err = partial(click.echo, err=True)


@click.group()
def parked() -> None:
    """Manage events whose handlers failed.

    An event whose handler fails repeatedly is parked with the traceback, so that other events
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


def _numbers(verb: str) -> Callable[[F], F]:
    """The arguments that select events."""

    def add(command: F) -> F:
        text = f"{verb} all that are parked now."
        command = click.option("--all", "everything", is_flag=True, help=text)(command)
        return click.argument("numbers", metavar="NUMBER...", type=int, nargs=-1)(command)

    return add


def _chosen(numbers: tuple[int, ...], everything: bool) -> tuple[int, ...] | None:
    if bool(numbers) == everything:
        raise click.UsageError("give either the numbers of events or --all")
    return parking.ALL if everything else numbers


@parked.command("list")
@_store_option
def list_parked(url: str | None) -> None:
    """List them, the oldest first: number, time (UTC), type, sender, room, and what went wrong."""
    with _deliveries(url) as deliveries:
        parking.list_all(deliveries, click.echo, _err)


@parked.command("show")
@click.argument("number", type=int)
@_store_option
def show_parked(number: int, url: str | None) -> None:
    """Print an event as JSON, and the traceback."""
    with _deliveries(url) as deliveries:
        parking.show(deliveries, number, click.echo)


@parked.command("drop")
@_numbers("Drop")
@_store_option
def drop_parked(numbers: tuple[int, ...], everything: bool, url: str | None) -> None:
    """Drop events for good; they are never handled."""
    chosen = _chosen(numbers, everything)
    with _deliveries(url) as deliveries:
        parking.drop(deliveries, chosen, click.echo)


@parked.command("retry")
@click.argument("target", metavar="MODULE:APP")
@_numbers("Retry")
@retry_options("each call of the homeserver")
@verbose_option
@click.pass_context
def retry_parked(
    ctx: click.Context, target: str, numbers: tuple[int, ...], everything: bool
) -> int:
    """Hand events to their handlers again.

    MODULE:APP names an AppService, for example mybridge.matrix:app; the events are in its state
    store. It may be running meanwhile. An event that fails again is parked again, with a new
    number; then the exit code is 1.
    """
    chosen = _chosen(numbers, everything)
    with app_of(ctx, target) as app:
        return parking.retry(app, chosen, click.echo, _err)


@contextmanager
def _deliveries(url: str | None) -> Iterator[Deliveries]:
    """The deliveries in a database. A missing SQLite file is an error: none is created."""
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
