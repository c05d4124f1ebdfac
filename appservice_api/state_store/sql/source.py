"""A database that is read and never written."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, create_engine, inspect, select, table, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from ...errors import MissingExtraError, StateStoreError
from ..databases import first_line
from .url import read_url, shown

__all__ = ["SourceDatabase", "reading", "sqlite_path"]

_ROWS = 1000
_HEADER = 20
_WAL = b"\2\2"


class SourceDatabase:
    """A database that is read and never written."""

    def __init__(self, name: str, connection: Connection) -> None:
        self.name = name
        self._connection = connection

    def tables(self) -> set[str]:
        """The names of its tables."""
        return set(inspect(self._connection).get_table_names())

    def rows(self, name: str) -> Iterator[dict[str, Any]]:
        """All rows of a table, with the columns that it has."""
        query = select(text("*")).select_from(table(name))
        result = self._connection.execute(query, execution_options={"yield_per": _ROWS})
        columns = list(result.keys())
        for row in result:
            yield dict(zip(columns, row, strict=True))


def sqlite_path(url: str) -> str | None:
    """The file of an SQLite URL, with three slashes or with none; None if it is of another
    kind."""
    if not url.startswith("sqlite"):
        return None
    return url.partition(":")[2].removeprefix("///")


@contextmanager
def reading(url: str) -> Iterator[SourceDatabase]:
    """Open a database to read it.

    Args:
        url: An SQLite or PostgreSQL database.

    Raises:
        ValueError: The URL can't be used.
        OSError: There is no such SQLite file, or it can't be opened.
        StateStoreError: The database can't be read.
    """
    path = sqlite_path(url)
    options: dict[str, Any] = {"poolclass": NullPool}
    reader: dict[str, Any] = {}
    if path is not None:
        name = repr(path)
        with open(path, "rb") as file:
            header = file.read(_HEADER)
        uri = _read_only(path, header)
        options["creator"] = lambda: _connect_sqlite(uri)
        target: Any = "sqlite://"
    else:
        target = read_url(url.replace("postgres://", "postgresql://", 1))
        name = shown(target)
        reader = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    try:
        engine = create_engine(target, **options)
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"reading {name}", "sql") from error
    try:
        with engine.connect().execution_options(**reader) as connection:
            yield SourceDatabase(name, connection)
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        raise StateStoreError(f"can't read {name}: {first_line(cause)}") from error


def _read_only(path: str, header: bytes) -> str:
    """The URI to read an SQLite file without changing it or making files beside it."""
    uri = f"file:{quote(os.path.abspath(path))}?mode=ro"
    log = path + "-wal"
    # In WAL mode even a reader makes files, unless the URI says that nobody writes. Without a log,
    # nobody does.
    if header.endswith(_WAL) and not os.path.exists(log):
        uri += "&immutable=1"
    return uri


def _connect_sqlite(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
    connection.text_factory = lambda data: data.decode(errors="replace")
    return connection
