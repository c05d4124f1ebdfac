"""The tables, and how an older database is brought up to date.

Rooms and users are numbers in the other tables: a million memberships fit in 200 MB.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    inspect,
    select,
    text,
)

from ...errors import StateStoreError
from .older import WITH_KINDS, to_kinds

__all__ = [
    "CAUGHT_UP",
    "CHECKPOINT",
    "CLAIM",
    "EVENT_BEGUN",
    "EVENT_HANDLED",
    "EVENT_PARKED",
    "MEMBER",
    "METADATA",
    "NOTED",
    "ROOM",
    "STATE",
    "USER",
    "VERSION",
    "bring_up_to_date",
    "is_up_to_date",
]

METADATA = MetaData()

_SCHEMA = Table("as_schema", METADATA, Column("version", Integer, nullable=False))
ROOM = Table(
    "as_room", METADATA,
    Column("id", Integer, primary_key=True),
    Column("room_id", String(255), nullable=False, unique=True),
    Column("full_members", Boolean, nullable=False, default=False, server_default=text("false")),
)  # fmt: skip
USER = Table(
    "as_user", METADATA,
    Column("id", Integer, primary_key=True),
    Column("user_id", String(255), nullable=False, unique=True),
    Column("registered", Boolean, nullable=False, default=False, server_default=text("false")),
)  # fmt: skip
MEMBER = Table(
    "as_member", METADATA,
    Column("room", ForeignKey(ROOM.c.id), primary_key=True),
    Column("user", ForeignKey(USER.c.id), primary_key=True),
    Column("membership", String(6), nullable=False),
    Column("ts", BigInteger, nullable=False),
    Column("source", String(8), nullable=False),
    Column("event_id", String(255)),
    Column("displayname", Text),
    Column("avatar_url", Text),
    # A number derived from the name's skeleton, to find names that look alike.
    Column("looks", Integer),
    Index("as_member_of_user", "user", "membership"),
    Index("as_member_looks", "room", "looks"),
    sqlite_with_rowid=False,
)  # fmt: skip
STATE = Table(
    "as_state", METADATA,
    Column("room", ForeignKey(ROOM.c.id), primary_key=True),
    Column("type", String(255), primary_key=True),
    Column("content", JSON(none_as_null=True)),
    Column("ts", BigInteger, nullable=False),
    Column("source", String(8), nullable=False),
    Column("event_id", String(255)),
    Column("sender", String(255)),
    sqlite_with_rowid=False,
)  # fmt: skip

# Kinds are those of ClaimKind and NoteKind, or "event"; times are in milliseconds since 1970.
CLAIM = Table(
    "as_claim", METADATA,
    Column("kind", String(16), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("digest", String(255), primary_key=True),
    Column("owner", String(16), nullable=False),
    Column("claimed_until", BigInteger, nullable=False),
    # NULL: not handled yet.
    Column("finished_at", BigInteger),
    # How often it was taken over from a process that had died.
    Column("takeovers", Integer, nullable=False, default=0, server_default=text("0")),
    sqlite_with_rowid=False,
)  # fmt: skip
_UNFINISHED = CLAIM.c.finished_at.is_(None)
Index(
    "as_claim_in_flight", CLAIM.c.kind, CLAIM.c.claimed_until, sqlite_where=_UNFINISHED,
    postgresql_where=_UNFINISHED,
)  # fmt: skip
EVENT_HANDLED = Table(
    "as_handled", METADATA,
    # In the order in which they were handled.
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("key", String(255), nullable=False, unique=True),
    Column("room", String(255)),
    Column("ts", BigInteger),
    Index("as_handled_in_room", "room", "number"),
)  # fmt: skip
# Something else that is done.
NOTED = Table(
    "as_noted", METADATA,
    # In the order in which it was noted.
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("name", String(255), nullable=False),
    UniqueConstraint("kind", "name"),
)  # fmt: skip
EVENT_PARKED = Table(
    "as_parked", METADATA,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    # JSON as text: jsonb refuses characters that an event may hold.
    Column("event", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("parked_at", BigInteger, nullable=False),
    Column("key", String(255)),
    # The names of handlers that have succeeded, as JSON; NULL for none.
    Column("done", Text),
    # The number of a removed row is never used again.
    sqlite_autoincrement=True,
)  # fmt: skip
# The event up to which each room is caught up.
CHECKPOINT = Table(
    "as_checkpoint", METADATA,
    Column("room", String(255), primary_key=True),
    Column("event_id", String(255), nullable=False),
    sqlite_with_rowid=False,
)  # fmt: skip
# When all rooms were caught up; one row.
CAUGHT_UP = Table(
    "as_caught_up", METADATA,
    Column("id", Integer, primary_key=True),
    Column("ts", BigInteger, nullable=False),
)  # fmt: skip
# What was begun by processes that took over from others that had died, and not ended.
EVENT_BEGUN = Table(
    "as_begun", METADATA,
    Column("kind", String(16), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("times", Integer, nullable=False),
    Column("begun_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)  # fmt: skip

#: The version of the tables above.
VERSION: Final = 5
# From each version to the next; run in one transaction with the new version's number.
UPGRADES: Mapping[int, Callable[[Connection], None]] = {}
# Any number: all processes that bring one PostgreSQL database up to date wait for each other.
_LOCK = 0x6D617472


def is_up_to_date(connection: Connection, name: str) -> bool:
    """Whether the tables are there, and of this version; see :func:`bring_up_to_date`."""
    return _found(connection, name) == VERSION


class _Unusable(StateStoreError):
    """A database that is unusable until somebody changes it."""

    temporary = False


def bring_up_to_date(connection: Connection, name: str) -> None:
    """Make the tables, or change those of an older version; within the caller's transaction.

    Args:
        connection: The connection.
        name: The database, for errors.

    Raises:
        StateStoreError: The database was made by a newer version of this package, or isn't one
            of its own.
    """
    if connection.dialect.name == "postgresql":
        # Changing big tables takes longer than the usual limit of a statement.
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SET LOCAL lock_timeout = '10min'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    found = _found(connection, name)
    if found is None:
        METADATA.create_all(connection)
        connection.execute(_SCHEMA.insert(), {"version": VERSION})
        return
    if found < WITH_KINDS:
        to_kinds(connection, METADATA)
    for version in range(max(found, WITH_KINDS), VERSION):
        UPGRADES[version](connection)
    if found < VERSION:
        connection.execute(_SCHEMA.update().values(version=VERSION))


def _found(connection: Connection, name: str) -> int | None:
    """The version of the tables that are there, None if there are none."""
    if not inspect(connection).has_table(_SCHEMA.name):
        return None
    versions = list(connection.scalars(select(_SCHEMA.c.version)))
    if len(versions) != 1 or versions[0] < 1:
        raise _Unusable(
            f"the table {_SCHEMA.name!r} of the state store at {name} must have one row, with a "
            f"version from 1 to {VERSION}, and has {versions}: it isn't of this package, or "
            "damaged; use another database"
        )
    if versions[0] > VERSION:
        raise _Unusable(
            f"the state store at {name} has the tables of version {versions[0]}, and this package "
            f"knows those up to {VERSION}: install a newer appservice_api, or use another database"
        )
    return int(versions[0])
