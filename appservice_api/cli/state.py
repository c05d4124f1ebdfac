"""``state``: the state store, and importing into it."""

from __future__ import annotations

import os
from contextlib import closing

import click
from rich.console import Console

from ..clock import monotonic
from ..state_store.importing import Imported, import_json, import_sql
from .options import verbose_option
from .progress import Progress

__all__ = ["state"]

_SQLITE = b"SQLite format 3\0"


@click.group()
def state() -> None:
    """Manage the state store."""


@state.command("import")
@click.argument("source")
@click.option(
    "--into",
    metavar="URL",
    required=True,
    help="The database of the state store: sqlite:///state.db, or "
    "postgresql+psycopg://user@host/name.",
)
@verbose_option
def import_state(source: str, into: str) -> None:
    """Import a state store of mautrix-python.

    SOURCE is the JSON file of its file store, the SQLite file of a bridge, or the URL of a
    bridge's PostgreSQL database; stop the bridge first. SOURCE is only read. What the state store
    has already isn't changed, and importing twice is harmless.
    """
    from ..state_store.sql import SQLStateStore

    is_sql = _is_sql(source)
    if is_sql:
        if "://" not in source and not source.startswith("sqlite:"):
            source = f"sqlite:///{source}"
        _check(source, into)
    # It is opened by the first write: no database is made if the source can't be read.
    with closing(SQLStateStore(into)) as store:
        since = monotonic()
        with Progress(Console(stderr=True), "Importing") as progress:
            imported = (import_sql if is_sql else import_json)(
                source, store, lambda _: progress.waited(monotonic() - since)
            )
    _report(imported)


def _is_sql(source: str) -> bool:
    """Whether a source is a database.

    Raises:
        OSError: It is a file that can't be read.
    """
    if "://" in source or source.startswith("sqlite:"):
        return True
    with open(source, "rb") as file:
        return file.read(len(_SQLITE)) == _SQLITE


def _check(source: str, into: str) -> None:
    """Refuse a target that is the source."""
    from ..state_store.sql.source import sqlite_path

    read, written = sqlite_path(source), sqlite_path(into)
    if read and written and os.path.exists(written) and os.path.samefile(read, written):
        raise click.UsageError("SOURCE and --into are the same file")


def _report(imported: Imported) -> None:
    for number, what in (
        (imported.rooms, "rooms"),
        (imported.members, "members"),
        (imported.states, "state events"),
        (imported.registered, "registered users"),
    ):
        click.echo(f"{number:>9,} {what}")
    if imported.unread:
        kinds = ", ".join(f"{what}: {number:,}" for what, number in imported.unread.items())
        click.echo(f"Left out, since they couldn't be read: {kinds}")
