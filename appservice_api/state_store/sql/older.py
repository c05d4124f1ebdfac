"""Databases of versions 1 to 4, in which names that begin with ``$`` meant kinds."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, MetaData, inspect, text

__all__ = ["WITH_KINDS", "to_kinds"]

#: The first version whose tables have kinds.
WITH_KINDS: Final = 5

_CLAIMS = """
INSERT INTO as_claim (kind, name, digest, owner, claimed_until, finished_at, takeovers)
SELECT CASE id WHEN '$room' THEN 'room' WHEN '$parked' THEN 'parked' WHEN '$sending' THEN 'sending'
               ELSE 'transaction' END,
       CASE WHEN id IN ('$room', '$parked') THEN digest
            WHEN id = '$sending' THEN substr(digest, 1, 32) ELSE id END,
       CASE WHEN id IN ('$room', '$parked') THEN ''
            WHEN id = '$sending' THEN substr(digest, 34) ELSE digest END,
       owner, claimed_until, finished_at, takeovers
FROM as_transaction
"""
# By old table: the statements that move its rows to the new tables.
_MOVES = {
    "as_transaction": (_CLAIMS, "DROP TABLE as_transaction"),
    "as_settled": (
        "INSERT INTO as_caught_up (id, ts) SELECT 1, CAST(event_id AS BIGINT) FROM as_settled "
        "WHERE room = '$started'",
        "INSERT INTO as_checkpoint (room, event_id) SELECT room, event_id FROM as_settled "
        "WHERE room <> '$started'",
        "DROP TABLE as_settled",
    ),
}
# By the beginning of a key, the kind that it meant.
_KINDS = {"$done:": "handler", "$upgrade:": "upgrade", "$sent:": "sent", "$profile:": "profile"}
_THESE = "FROM as_handled WHERE room IS NULL AND substr(key, 1, :length) = :start"
_NOTES = (
    "INSERT INTO as_noted (kind, name) "
    f"SELECT CAST(:kind AS VARCHAR(16)), substr(key, :length + 1) {_THESE} ORDER BY number"
)
_PARKED = "$parked:"


def to_kinds(connection: Connection, metadata: MetaData) -> None:
    """Make the tables of version 5 of those of any older one, and keep what is in them.

    Args:
        connection: The connection.
        metadata: The tables of version 5.
    """
    before = set(inspect(connection).get_table_names())
    begun = []
    if "as_begun" in before:
        begun = [*connection.execute(text("SELECT key, times, begun_at FROM as_begun"))]
        connection.execute(text("DROP TABLE as_begun"))
    metadata.create_all(connection)
    if "as_parked" in before:
        _add(connection, "as_parked", "key", "VARCHAR(255)")
        _add(connection, "as_parked", "done", "TEXT")
    if "as_transaction" in before:
        _add(connection, "as_transaction", "takeovers", "INTEGER DEFAULT 0 NOT NULL")
    for table, statements in _MOVES.items():
        for statement in statements if table in before else ():
            connection.execute(text(statement))
    for start, kind in _KINDS.items() if "as_handled" in before else ():
        values = {"start": start, "length": len(start)}
        connection.execute(text(_NOTES), {**values, "kind": kind})
        connection.execute(text(f"DELETE {_THESE}"), values)
    rows = [
        {
            "kind": "parked" if key.startswith(_PARKED) else "event",
            "name": key.removeprefix(_PARKED), "times": times, "begun_at": begun_at,
        }
        for key, times, begun_at in begun
    ]  # fmt: skip
    if rows:
        connection.execute(metadata.tables["as_begun"].insert(), rows)


def _add(connection: Connection, table: str, column: str, kind: str) -> None:
    """Add a column that the table of an older version lacks."""
    if column not in {one["name"] for one in inspect(connection).get_columns(table)}:
        connection.execute(text(f"ALTER TABLE {table} ADD COLUMN {column} {kind}"))
