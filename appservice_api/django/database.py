"""Access to the project's database: transactions, repeats, and errors that say what to do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from django.db import Error, connections, transaction

from ..errors import StateStoreError
from ..state_store.databases import CONFLICTS, first_line, sqlstate
from .models import Room

__all__ = ["Database", "close_broken"]

T = TypeVar("T")

_VENDORS = ("sqlite", "postgresql")
_BUSY_SECONDS = 10.0
_SAVEPOINT = ("SAVEPOINT", "RELEASE", "ROLLBACK")
_LOCK_SQLITE = f'UPDATE "{Room._meta.db_table}" SET "full_members" = "full_members" WHERE 0'  # noqa: S608
# Connections of a forked process's parent. They are neither used nor closed here: closing one would
# end the parent's session.
_INHERITED: list[Any] = []


class Database:
    """One of the databases of Django's settings.

    Args:
        using: Its alias.

    Raises:
        ValueError: Its kind isn't supported.
    """

    def __init__(self, using: str) -> None:
        connection = connections[using]
        if connection.vendor not in _VENDORS:
            raise ValueError(
                f"state stores are kept in {' or '.join(_VENDORS)}, and the database {using!r} "
                f"is {connection.vendor}: name another one with DjangoStateStore(using=...)"
            )
        self.using = using
        self._local = threading.local()
        self._is_sqlite = connection.vendor == "sqlite"
        #: Whether the settings leave all transactions to the project (``AUTOCOMMIT`` is off).
        self.by_hand = not connection.settings_dict.get("AUTOCOMMIT", True)

    def in_transaction(self) -> bool:
        """Whether the caller has begun a transaction in this thread."""
        connection = connections[self.using]
        return (
            connection.in_atomic_block
            or self.by_hand
            or (connection.connection is not None and not connection.autocommit)
        )

    def read(self, work: Callable[[], T]) -> T:
        """Run a function that reads.

        Raises:
            StateStoreError: The database can't be read.
        """
        if not getattr(self._local, "reads_beside", False):
            return self._run("read", work)
        # Within a handler's transaction, a read would block other writers, or the handler itself.
        own = connections[self.using]
        beside = connections[self.using] = connections.create_connection(self.using)
        try:
            return self._run("read", work)
        finally:
            beside.close()
            connections[self.using] = own

    def write(self, work: Callable[[], None]) -> None:
        """Run a function that writes, all or nothing; in the caller's transaction, if there is one.

        Args:
            work: The function. It may be called several times, each time in a new transaction.

        Raises:
            StateStoreError: The database can't be written to; nothing was changed. The caller's
                transaction can go on.
        """
        self._run("write", lambda: self._transaction(work))

    def write_for_good(self, work: Callable[[], T]) -> T:
        """Run a function that writes, in a transaction of its own: nothing rolls it back later.

        Args:
            work: The function. It begins with a write, and may be called several times, each time
                in a new transaction.

        Raises:
            StateStoreError: The database can't be written to, and nothing was changed; or the
                caller has begun a transaction.
        """

        return self._run("write", lambda: self._for_good(work))

    def _for_good(self, work: Callable[[], T]) -> T:
        with ExitStack() as stack:
            try:
                if self.in_unit:
                    # What a handler itself notes is a part of its transaction.
                    stack.enter_context(transaction.atomic(using=self.using))
                    return work()
                if self.in_transaction() and not connections[self.using].in_atomic_block:
                    raise RuntimeError
                # Within a TestCase's own transaction, Django allows it.
                stack.enter_context(transaction.atomic(using=self.using, durable=True))
            except RuntimeError:
                raise StateStoreError(
                    f"a transaction has begun in the database {self.using!r}, and what is noted "
                    "of deliveries must not be rolled back with it: leave atomic() before; where "
                    "ATOMIC_REQUESTS is set, decorate the view with "
                    "django.db.transaction.non_atomic_requests"
                ) from None
            return work()

    @property
    def in_unit(self) -> bool:
        """Whether this thread is in a handler's transaction."""
        return getattr(self._local, "units", 0) > 0

    @contextmanager
    def unit(self) -> Iterator[None]:
        """A transaction for a handler. On SQLite, its first statement waits for other writers:
        after a read it couldn't."""
        close_broken(self.using)
        begun = getattr(self._local, "units", 0)
        connection: Any = connections[self.using]
        in_file = self._is_sqlite and not connection.is_in_memory_db()
        with ExitStack() as stack:
            if in_file and not self.in_transaction():
                self._local.reads_beside = True
                stack.callback(setattr, self._local, "reads_beside", False)
            stack.enter_context(transaction.atomic(using=self.using))
            if self._is_sqlite and not begun:
                stack.enter_context(connections[self.using].execute_wrapper(_FirstLocks()))
            self._local.units = begun + 1
            try:
                yield
            finally:
                self._local.units = begun

    def _transaction(self, work: Callable[[], None]) -> None:
        with transaction.atomic(using=self.using):
            if self._is_sqlite:
                # SQLite waits for another writer only if nothing was read before.
                Room.objects.using(self.using).filter(pk=0).update(full_members=False)
            work()

    def _run(self, what: str, work: Callable[[], T]) -> T:
        until = time.monotonic() + _BUSY_SECONDS
        alone = not self.in_transaction()
        reconnected = False
        while True:
            try:
                return work()
            except Error as error:
                again = alone and time.monotonic() < until
                if again and not _is_conflict(error):
                    again = not reconnected and self._was_lost()
                    reconnected = True
                if not again:
                    failed = StateStoreError(
                        f"can't {what} the state store in the database {self.using!r}: "
                        f"{first_line(error)}{_advice(error)}"
                    )
                    failed.temporary = not _is_missing(error)
                    raise failed from error

    def _was_lost(self) -> bool:
        """Whether this thread's connection doesn't work any more; the next query makes another."""
        connection = connections[self.using]
        connection.close_if_unusable_or_obsolete()
        return connection.connection is None

    def leave_thread(self) -> None:
        """Close this thread's connection, unless the caller has begun a transaction."""
        for connection in connections.all(initialized_only=True):
            if connection.alias == self.using and not self.in_transaction():
                connection.close()

    def before_fork(self) -> None:
        """Close this thread's connection to SQLite: its locks belong to one process, and a child
        with a copy of the connection would write without them."""
        if self._is_sqlite:
            self.leave_thread()

    def after_fork(self) -> None:
        """Leave the parent's connection to the parent."""
        for connection in connections.all(initialized_only=True):
            if connection.alias == self.using and connection.connection is not None:
                _INHERITED.append(connection)
                del connections[self.using]


def close_broken(using: str) -> None:
    """Close this thread's connection if it doesn't work any more; the next query makes another.

    Args:
        using: The alias of the database.
    """
    connection = connections[using]
    if connection.in_atomic_block or not connection.errors_occurred:
        return
    if connection.is_usable():
        connection.errors_occurred = False
    else:
        connection.close()


class _FirstLocks:
    """Makes the first statement of a transaction on SQLite take the lock for writing."""

    def __init__(self) -> None:
        self._locked = False

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        if not self._locked and not sql.startswith(_SAVEPOINT):
            self._lock(execute, context)
            self._locked = True
        return execute(sql, params, many, context)

    def _lock(self, execute: Callable[..., Any], context: Any) -> None:
        until = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                execute(_LOCK_SQLITE, None, False, context)
                return
            except Error as error:
                if not _is_conflict(error) or time.monotonic() >= until:
                    raise


def _is_conflict(error: Error) -> bool:
    """Whether the only cause is another transaction at the same time."""
    return sqlstate(error.__cause__) in CONFLICTS or "database is locked" in str(error)


def _is_missing(error: Error) -> bool:
    """Whether our tables, or columns of them, are missing."""
    text = str(error)
    return Room._meta.app_label in text and ("no such table" in text or "does not exist" in text)


def _advice(error: Error) -> str:
    text = str(error)
    if _is_missing(error):
        return f". Run 'manage.py migrate {Room._meta.app_label}'"
    if "database is locked" in text:
        return (
            ". Another transaction writes for too long, or this one has read before: set "
            "OPTIONS['transaction_mode'] of the database to 'IMMEDIATE' (Django 5.1)"
        )
    return ""
