"""The way to the database: its URL, its connections, and errors that say what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from ...errors import MissingExtraError, StateStoreError

__all__ = ["Database"]

_BUSY_SECONDS = 30.0
_DIALECTS = ("sqlite", "postgresql")


class Database:
    """Connections to one database, for reading and for writing.

    SQLite is used in WAL mode: readers and a writer don't wait for each other, and writers wait
    for one another up to 30 s. A transaction that writes says so when it begins.

    Args:
        url: A database URL of SQLAlchemy.

    Raises:
        ValueError: It isn't one, or of a kind that isn't served.
        MissingExtraError: Its driver isn't installed.
    """

    def __init__(self, url: str) -> None:
        parsed = _url(url)
        self.name = parsed.render_as_string(hide_password=True)
        self._file = parsed.database if parsed.get_backend_name() == "sqlite" else None
        options: dict[str, Any] = {"pool_pre_ping": self._file is None}
        if self._file is not None:
            options["connect_args"] = {"timeout": _BUSY_SECONDS, "check_same_thread": False}
        try:
            self.engine: Engine = create_engine(parsed, max_overflow=64, **options)
        except ModuleNotFoundError as error:
            raise MissingExtraError(f"a state store at {self.name}", "sql") from error
        if self._file is not None:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        self._writing = self.engine.execution_options(appservice_writes=True)
        # SQLite's connections begin nothing by themselves: see _prepare_sqlite.
        self._single = (
            self.engine
            if self._file is not None
            else self.engine.execution_options(isolation_level="AUTOCOMMIT")
        )

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to read with.

        Raises:
            StateStoreError: The database can't be read.
        """
        with self._explained("read"), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection in a transaction, committed at the end.

        Raises:
            StateStoreError: The database can't be written to; nothing was changed.
        """
        with self._explained("write"), self._writing.begin() as connection:
            yield connection

    @contextmanager
    def single(self) -> Iterator[Connection]:
        """A connection each of whose statements is a transaction of its own.

        Raises:
            StateStoreError: The database can't be used; the statement changed nothing.
        """
        with self._explained("use"), self._single.connect() as connection:
            yield connection

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            cause = getattr(error, "orig", None) or error
            raise StateStoreError(
                f"can't {what} the state store at {self.name}: {_first_line(cause)}"
                f"{self._advice(cause)}"
            ) from error

    def _advice(self, cause: BaseException) -> str:
        if self._file is None:
            return ""
        text = str(cause)
        if "not a database" in text or "malformed" in text:
            return (
                f". The file {self._file!r} is damaged: move it away, and a new one is made. The "
                "homeserver can be asked again for rooms and users; which events were handled, "
                "and those that were parked, are lost with it"
            )
        if "unable to open" in text:
            return f". Do the folder of {self._file!r} and the right to write there exist?"
        if "disk is full" in text:
            return ". Make room on the disk; what was written before is still there"
        return ""

    def after_fork(self) -> None:
        """Forget the parent's connections without closing them."""
        self.engine.dispose(close=False)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _url(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ValueError(
            "the state store's URL can't be read: it must look like 'sqlite:///state.db' or "
            "'postgresql+psycopg://user@host/name'"
        ) from None
    backend = parsed.get_backend_name()
    if backend not in _DIALECTS:
        raise ValueError(f"state stores are kept in {' or '.join(_DIALECTS)}, not in {backend!r}")
    if parsed.drivername == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if backend == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise ValueError("a state store in memory is MemoryStateStore(); give the path of a file")
    return parsed


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun by _begin_sqlite
    mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    if mode != "wal":
        connection.execute("PRAGMA journal_mode = WAL")
    # A crash of the process loses nothing; one of the machine may lose the last moments.
    connection.execute("PRAGMA synchronous = NORMAL")


def _begin_sqlite(connection: Connection) -> None:
    if connection.get_execution_options().get("appservice_writes"):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
