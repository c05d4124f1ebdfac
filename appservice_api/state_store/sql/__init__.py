"""A state store in an SQL database, by SQLAlchemy (extra ``sql``)."""

from __future__ import annotations

from ...errors import MissingExtraError

try:
    import sqlalchemy  # noqa: F401
except ImportError as error:
    raise MissingExtraError("a state store in a database", "sql") from error

from .store import SQLStateStore

__all__ = ["SQLStateStore"]
