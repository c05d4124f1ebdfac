"""What the errors of databases tell."""

from __future__ import annotations

from typing import Final

__all__ = ["CONFLICTS", "first_line", "sqlstate"]

#: SQLSTATEs of transactions that PostgreSQL ended for the sake of others.
CONFLICTS: Final = frozenset({"40001", "40P01"})


def sqlstate(error: BaseException | None) -> str | None:
    """The SQLSTATE of an error of PostgreSQL's driver, None if it has none."""
    return getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)


def first_line(error: BaseException) -> str:
    """The first line of an error's text."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
