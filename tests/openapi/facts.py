"""The table of facts: what the specification's files say of requests and events, without prose.

It is kept in ``operations.json``, ``events.json`` and ``definitions.json``, an operation or a
schema a line, so that requests are compared where the files aren't. Where they are, a test
compares the table with them. To make it anew from those in the folder that ``MATRIX_SPEC`` names::

    MATRIX_SPEC=matrix-spec python -m tests.openapi.facts

Schemas are short, see :mod:`tests.openapi.abbreviation`. A ``!`` says that a parameter or a body is
required.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from .abbreviation import Abbreviations
from .event_schema import EventSchema
from .operation import Operation, Parameter, Response, Specification

__all__ = ["FILES", "event_schemas", "made_of", "made_of_files", "shared", "specification"]

FILES = {
    name: Path(__file__).with_name(f"{name}.json")
    for name in ("definitions", "operations", "events")
}

# Those of the specification's definitions that many operations share, each after its parts.
_SHARED = ("client_event_without_room_id", "client_event", "push_condition", "push_rule",
           "event_filter", "room_event_filter")  # fmt: skip


@cache
def specification() -> Specification:
    """The operations of the table."""
    names = _abbreviations(shared())
    return Specification(_operation(row, names) for row in _rows("operations"))


@cache
def event_schemas() -> dict[str, EventSchema]:
    """The schemas of events of the table, by name."""
    names = _abbreviations(shared())
    return {
        row["name"]: EventSchema(
            row["name"], tuple(row["types"]), names.all_long(row["envelope"]),
            names.long(row["content"]),
        )
        for row in _rows("events")
    }  # fmt: skip


@cache
def shared() -> dict[str, Any]:
    """The definitions of the table, short, by name."""
    return {row["name"]: row["schema"] for row in _rows("definitions")}


def made_of(
    specification: Specification, events: Iterable[EventSchema], shared: Mapping[str, Any]
) -> dict[str, str]:
    """The table that says what the specification's files say.

    Args:
        specification: Its operations.
        events: Its schemas of events.
        shared: Its definitions that many operations share, by name.

    Returns:
        The texts of the files of the table, by name.
    """
    names = Abbreviations()
    definitions = [{"name": name, "schema": names.define(name, shared[name])} for name in shared]
    return {
        "definitions": _lines(definitions),
        "operations": _lines(_row(one, names) for one in specification.operations),
        "events": _lines(
            {
                "name": one.name,
                "types": list(one.types),
                "envelope": names.all_short(one.envelope),
                "content": names.short(one.content),
            }
            for one in events
        ),
    }


def made_of_files() -> dict[str, str]:
    """The table that is made of the specification's files."""
    from . import files

    definitions = {name: files.definition(name) for name in _SHARED}
    return made_of(files.specification(), files.event_schemas().values(), definitions)


def _abbreviations(definitions: Mapping[str, Any]) -> Abbreviations:
    names = Abbreviations()
    for name, schema in definitions.items():
        names.define(name, schema)
    return names


def _rows(name: str) -> Any:
    return json.loads(FILES[name].read_text(encoding="utf-8"))


def _lines(rows: Iterable[Mapping[str, Any]]) -> str:
    lines = (json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
    return "[\n" + ",\n".join(lines) + "\n]\n"


def _row(operation: Operation, names: Abbreviations) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": operation.operation_id, "method": operation.method, "path": operation.path,
    }  # fmt: skip
    if operation.deprecated:
        row["deprecated"] = True
    parameters = [
        [one.name, f"{one.place}{'!' * one.required}", names.short(one.schema)]
        for one in operation.parameters
    ]
    # A part of a path is a string; saying no more than this says nothing.
    parameters = [each for each in parameters if each[1:] != ["path!", "string"]]
    if parameters:
        row["parameters"] = parameters
    if operation.bodies:
        row[f"body{'!' * operation.body_required}"] = names.all_short(operation.bodies)
    row["responses"] = {one.status: names.all_short(one.bodies) for one in operation.responses}
    return row


def _operation(row: Mapping[str, Any], names: Abbreviations) -> Operation:
    return Operation(
        row["id"], row["method"], row["path"], row.get("deprecated", False),
        tuple(
            Parameter(name, place.rstrip("!"), place.endswith("!"), names.long(schema))
            for name, place, schema in row.get("parameters", ())
        ),
        "body!" in row, names.all_long(row.get("body!") or row.get("body") or {}),
        tuple(
            Response(status, names.all_long(bodies)) for status, bodies in row["responses"].items()
        ),
    )  # fmt: skip


if __name__ == "__main__":
    for _name, _text in made_of_files().items():
        FILES[_name].write_text(_text, encoding="utf-8")
        print(f"{FILES[_name].name}: {len(_text)} characters")
