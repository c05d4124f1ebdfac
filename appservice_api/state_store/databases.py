"""What all databases have in common: how many values a query holds, and what their errors mean."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeVar

__all__ = ["CHUNK", "CONFLICTS", "chunks", "first_line", "sqlstate"]

T = TypeVar("T")

#: How many values one query holds.
CHUNK: Final = 500

#: SQLSTATEs of transactions that PostgreSQL ended so that others can go on.
CONFLICTS: Final = frozenset({"40001", "40P01"})


def chunks(items: list[T]) -> Iterator[list[T]]:
    """Pieces of a list that fit into one query."""
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]


def sqlstate(error: BaseException | None) -> str | None:
    """The SQLSTATE of an error of PostgreSQL's driver, None if it has none."""
    return getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)


def first_line(error: BaseException) -> str:
    """The first line of an error's text."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
