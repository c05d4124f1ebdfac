"""Access to the database: its connections, and errors that say what to do."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, DisconnectionError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from ...errors import MissingExtraError, StateStoreError
from ..databases import CONFLICTS, first_line, sqlstate
from .fork_lock import ForkLock
from .url import read_url, shown

__all__ = ["Database"]

T = TypeVar("T")

_log = logging.getLogger(__name__)

_CONNECTIONS, _MORE, _POOL_SECONDS = 5, 10, 30.0
# Errors that waiting doesn't end.
_PERMANENT = ("not a database", "malformed", "unable to open", "readonly", "does not exist")
_NONE_FREE = (
    f"all {_CONNECTIONS + _MORE} connections of this process were in use for {_POOL_SECONDS:g} s"
)
# SQLite has no queue of writers: among many on a busy machine, one may wait for long.
_BUSY_SECONDS = 30.0
# While other programs keep SQLite locked, each write waits only for this long: a send remembers
# several things, one after the other.
_LOCKED_SECONDS, _HASTY_SECONDS = 5.0, 0.25
_CONNECT_SECONDS, _STATEMENT_SECONDS = 10, 30
# Longer than a statement waits for a lock.
_FORK_SECONDS = _BUSY_SECONDS + 5.0
_ATTEMPTS = 6
_NO_TABLE = "42P01"
_LIBPQ = ("psycopg", "psycopg2")


class Database:
    """Connections to one database, for reading and for writing.

    SQLite is used in WAL mode: readers and a writer don't wait for each other, and writers wait
    for one another up to 10 s. A transaction that writes says so when it begins. No connection to
    SQLite is open while the process forks: its locks belong to one process, and a child with a copy
    of a connection would write without them.

    PostgreSQL is given 10 s to connect, and 30 s for a statement, unless the URL says otherwise
    (``connect_timeout``, ``options``).

    Args:
        url: A database URL of SQLAlchemy.

    Raises:
        ValueError: It isn't one, or its kind isn't supported.
        MissingExtraError: Its driver isn't installed.
    """

    def __init__(self, url: str) -> None:
        parsed = read_url(url)
        self.name = shown(parsed)
        #: Whether the tables are there.
        self.opened = False
        self._local = threading.local()
        self._file = parsed.database if parsed.get_backend_name() == "sqlite" else None
        self._fork_lock = ForkLock(_FORK_SECONDS)
        self._locked_until = 0.0
        try:
            self.engine: Engine = create_engine(
                parsed, pool_size=_CONNECTIONS, max_overflow=_MORE,
                pool_timeout=_POOL_SECONDS, pool_pre_ping=self._file is None,
                connect_args=_arguments(parsed),
            )  # fmt: skip
        except ModuleNotFoundError as error:
            raise MissingExtraError(f"a state store at {self.name}", "sql") from error
        if self._file is not None:
            event.listen(self.engine, "connect", self._prepare_sqlite)
            event.listen(self.engine, "checkout", self._check_sqlite)
            event.listen(self.engine, "begin", self._begin_sqlite)
        else:
            options = str(parsed.query.get("options", ""))
            event.listen(self.engine, "connect", lambda made, _: _limit(made, options))
        self._writing = self.engine.execution_options(appservice_writes=True)
        # An engine of their own, for only engines have listeners in SQLAlchemy 2.0.
        self._units = self.engine.execution_options(appservice_writes=True)
        event.listen(self._units, "commit", self._refuse_commit)
        # SQLite's connections begin no transaction by themselves: see _prepare_sqlite.
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
        with self._entered("read"), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection in a transaction, committed at the end.

        Raises:
            StateStoreError: The database can't be written to; nothing was changed.
        """
        with self._entered("write"):
            open_one = self._open_unit()
            if open_one is not None:
                with open_one.begin_nested():
                    yield open_one
            else:
                with self._writing.begin() as connection:
                    yield connection

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run a function that writes, all or nothing.

        Args:
            work: The function. It is called again if PostgreSQL ended it so that others go on.

        Raises:
            StateStoreError: The database can't be written to; nothing was changed.
        """

        def once() -> T:
            with self.writing() as connection:
                return work(connection)

        attempts = Retrying(
            retry=retry_if_exception(_is_conflict), stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.05, max=1), reraise=True,
        )  # fmt: skip
        return attempts(once)

    @contextmanager
    def single(self) -> Iterator[Connection]:
        """A connection each of whose statements is a transaction of its own.

        Raises:
            StateStoreError: The database can't be used; the statement changed nothing.
        """
        with self._entered("use"):
            open_one = self._open_unit()
            if open_one is not None:
                yield open_one
            else:
                with self._single.connect() as connection:
                    yield connection

    @contextmanager
    def unit(self) -> Iterator[Connection]:
        """A connection in a transaction that begins with its first statement, and is committed at
        the end, never by its user. On SQLite, what this thread writes meanwhile by :meth:`writing`
        and :meth:`single` is a part of it: it couldn't wait for itself.

        Raises:
            StateStoreError: It can't be committed, or there is no connection.
        """
        open_one = self._open_unit()
        if open_one is not None:
            with open_one.begin_nested():
                yield open_one
            return
        with self._fork_lock.shared():
            with self.explained("use"):
                connection = self._units.connect()
            before = getattr(self._local, "unit", None)
            self._local.unit = connection
            try:
                yield connection
                self._local.unit = before
                with self.explained("write"):
                    connection.commit()
            finally:
                self._local.unit = before
                connection.close()

    def _refuse_commit(self, connection: Connection) -> None:
        """Refuse to commit a unit before its end."""
        if getattr(self._local, "unit", None) is connection:
            # For SQLAlchemy the transaction is over, for the database it isn't.
            connection.invalidate()
            raise RuntimeError(
                "a handler's connection is committed when the handler has ended: leave out "
                "commit(), and use begin_nested() for what may fail"
            )

    def _open_unit(self) -> Connection | None:
        """The connection of this thread's unit, if others would wait for it."""
        connection: Connection | None = getattr(self._local, "unit", None)
        if self._file is None or connection is None or not connection.in_transaction():
            return None
        return connection

    @contextmanager
    def _entered(self, what: str) -> Iterator[None]:
        with self.explained(what), self._fork_lock.shared():
            yield

    @contextmanager
    def explained(self, what: str) -> Iterator[None]:
        """Raise the database's errors as StateStoreErrors that say what to do."""
        try:
            yield
        except SQLAlchemyError as error:
            cause = getattr(error, "orig", None) or error
            said = _NONE_FREE if isinstance(cause, PoolTimeoutError) else first_line(cause)
            failure = StateStoreError(
                f"can't {what} the state store at {self.name}: {said}{self._advice(cause)}"
            )
            failure.temporary = not any(sign in str(cause) for sign in _PERMANENT)
            raise failure from error

    def _advice(self, cause: BaseException) -> str:
        text = str(cause)
        if "no such table: as_" in text or sqlstate(cause) == _NO_TABLE:
            self.opened = False
            return (
                ". Its tables have gone, or another database has taken its place; from the next "
                "call on there are new ones. What was remembered is lost, and the homeserver can "
                "be asked again"
            )
        if self._file is None:
            return ""
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
        if "locked" in text:
            self._locked_until = time.monotonic() + _LOCKED_SECONDS
            return (
                f". Another program has kept {self._file!r} locked for too long; for "
                f"{_LOCKED_SECONDS:g} s, writes hardly wait for it"
            )
        return ""

    # Forks.

    def before_fork(self) -> None:
        """Close all connections to SQLite."""
        if self._file is None:
            return
        if not self._fork_lock.acquire():
            _log.warning(
                "the process forks while another thread uses the state store at %s: the child "
                "must not use it", self.name,
            )  # fmt: skip
        self.engine.dispose()

    def after_fork_in_parent(self) -> None:
        """Go on as before."""
        self._fork_lock.release()

    def after_fork(self) -> None:
        """Forget the parent's connections without closing them."""
        self._fork_lock = ForkLock(_FORK_SECONDS)
        self.engine.dispose(close=False)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    # SQLite.

    def _prepare_sqlite(self, connection: sqlite3.Connection, record: Any) -> None:
        connection.isolation_level = None  # transactions are begun by _begin_sqlite
        mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
        if mode != "wal":
            connection.execute("PRAGMA journal_mode = WAL")
        # A crash of the process loses nothing; one of the machine may lose the last moments.
        connection.execute("PRAGMA synchronous = NORMAL")
        record.info["file"] = self._file_now()

    def _check_sqlite(self, connection: object, record: Any, proxy: object) -> None:
        # A deleted file still exists for a process that has opened it, and for no other.
        if record.info.get("file") != self._file_now():
            raise DisconnectionError

    def _file_now(self) -> tuple[int, int] | None:
        try:
            found = os.stat(str(self._file))
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _begin_sqlite(self, connection: Connection) -> None:
        hasty = time.monotonic() < self._locked_until
        if hasty or connection.info.get("hasty"):
            seconds = _HASTY_SECONDS if hasty else _BUSY_SECONDS
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(seconds * 1000)}")
            connection.info["hasty"] = hasty
        if connection.get_execution_options().get("appservice_writes"):
            connection.exec_driver_sql("BEGIN IMMEDIATE")


def _arguments(url: URL) -> dict[str, Any]:
    """The arguments for a connection, in addition to the URL."""
    if url.get_backend_name() == "sqlite":
        return {"timeout": _BUSY_SECONDS, "check_same_thread": False}
    if url.get_driver_name() not in _LIBPQ:
        return {}
    arguments = {
        "connect_timeout": _CONNECT_SECONDS,
        "tcp_user_timeout": _STATEMENT_SECONDS * 1000,
    }
    return {name: value for name, value in arguments.items() if name not in url.query}


def _limit(connection: Any, options: str) -> None:
    """Limit how long PostgreSQL runs a statement, or waits for a lock."""
    limits = [name for name in ("statement_timeout", "lock_timeout") if name not in options]
    cursor = connection.cursor()
    for name in limits:
        cursor.execute(f"SET {name} = '{_STATEMENT_SECONDS}s'")
    cursor.close()
    connection.commit()


def _is_conflict(error: BaseException) -> bool:
    """Whether the only cause is another transaction at the same time."""
    cause = error.__cause__
    return isinstance(cause, DBAPIError) and sqlstate(cause.orig) in CONFLICTS
