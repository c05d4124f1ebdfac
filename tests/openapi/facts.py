"""The table of facts: what the specification's files say of requests and events, without prose.

It is kept in ``operations.json`` and ``events.json``, an operation or a schema a line, so that
requests are compared where the files aren't. Where they are, a test compares the table with them.
To make it anew from the files in the folder that ``MATRIX_SPEC`` names::

    MATRIX_SPEC=matrix-spec python -m tests.openapi.facts

What stays of a JSON schema is what a value can violate. Two abbreviations keep it short: the name
of a kind in `KINDS` is a schema, and a list of one schema is an array of such items. A ``!`` says
that a parameter or a body is required.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from .event_schema import EventSchema
from .operation import Operation, Parameter, Response, Specification

__all__ = ["EVENTS", "OPERATIONS", "event_schemas", "made_of", "specification"]

OPERATIONS = Path(__file__).with_name("operations.json")
EVENTS = Path(__file__).with_name("events.json")

_PREFIXES = {
    "mx-user-id": "^@", "mx-room-id": "^!", "mx-event-id": "^\\$", "mx-room-alias": "^#",
    "mx-mxc-uri": "^mxc:\\/\\/",
}  # fmt: skip
KINDS: dict[str, Mapping[str, Any]] = {
    **{kind: {"type": kind} for kind in ("string", "integer", "number", "boolean", "object")},
    **{
        kind: {"type": "string", "format": kind, "pattern": prefix}
        for kind, prefix in _PREFIXES.items()
    },
}

# The keywords of JSON schemas whose values are schemas, and those that stay as they are.
_BY_NAME = ("properties", "patternProperties")
_SEVERAL = ("allOf", "oneOf", "anyOf")
_ONE = ("items", "additionalProperties", "propertyNames")
_AS_THEY_ARE = ("type", "required", "enum", "const", "pattern", "minimum", "maximum", "maxLength",
                "minLength", "minItems", "maxItems", "minProperties", "maxProperties")  # fmt: skip


@cache
def specification() -> Specification:
    """The operations of the table."""
    return Specification(map(_operation, json.loads(OPERATIONS.read_text(encoding="utf-8"))))


@cache
def event_schemas() -> dict[str, EventSchema]:
    """The schemas of events of the table, by name."""
    rows = json.loads(EVENTS.read_text(encoding="utf-8"))
    return {
        row["name"]: EventSchema(
            row["name"], tuple(row["types"]), _all_long(row["envelope"]), _long(row["content"])
        )
        for row in rows
    }


def made_of(specification: Specification, events: Iterable[EventSchema]) -> dict[Path, str]:
    """The table, by file, that says what the specification's files say."""
    return {
        OPERATIONS: _lines(map(_row, specification.operations)),
        EVENTS: _lines(
            {
                "name": one.name,
                "types": list(one.types),
                "envelope": _all_short(one.envelope),
                "content": _short(one.content),
            }
            for one in events
        ),
    }


def _lines(rows: Iterable[Mapping[str, Any]]) -> str:
    lines = (json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
    return "[\n" + ",\n".join(lines) + "\n]\n"


def _row(operation: Operation) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": operation.operation_id, "method": operation.method, "path": operation.path,
    }  # fmt: skip
    if operation.deprecated:
        row["deprecated"] = True
    parameters = [
        [one.name, f"{one.place}{'!' * one.required}", _short(one.schema)]
        for one in operation.parameters
    ]
    # A part of a path is a string; saying no more than this says nothing.
    parameters = [each for each in parameters if each[1:] != ["path!", "string"]]
    if parameters:
        row["parameters"] = parameters
    if operation.bodies:
        row[f"body{'!' * operation.body_required}"] = _all_short(operation.bodies)
    row["responses"] = {one.status: _all_short(one.bodies) for one in operation.responses}
    return row


def _operation(row: Mapping[str, Any]) -> Operation:
    return Operation(
        row["id"], row["method"], row["path"], row.get("deprecated", False),
        tuple(
            Parameter(name, place.rstrip("!"), place.endswith("!"), _long(schema))
            for name, place, schema in row.get("parameters", ())
        ),
        "body!" in row, _all_long(row.get("body!") or row.get("body") or {}),
        tuple(Response(status, _all_long(found)) for status, found in row["responses"].items()),
    )  # fmt: skip


def _short(schema: Any) -> Any:
    """A schema without prose, abbreviated."""
    if not isinstance(schema, Mapping):
        return schema
    made: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _BY_NAME:
            made[key] = _all_short(value)
        elif key in _SEVERAL:
            made[key] = [_short(one) for one in value]
        elif key in _ONE:
            made[key] = _short(value)
        elif key in _AS_THEY_ARE or (key == "format" and value in KINDS):
            made[key] = value
    kind = next((name for name, one in KINDS.items() if one == made), None)
    if kind is not None:
        return kind
    return [made["items"]] if made.keys() == {"type", "items"} else made


def _long(schema: Any) -> Any:
    """The schema that an abbreviation stands for."""
    if isinstance(schema, str):
        return KINDS[schema]
    if isinstance(schema, list):
        return {"type": "array", "items": _long(schema[0])}
    if not isinstance(schema, Mapping):
        return schema
    made = dict(schema)
    for key, value in schema.items():
        if key in _BY_NAME:
            made[key] = _all_long(value)
        elif key in _SEVERAL:
            made[key] = [_long(one) for one in value]
        elif key in _ONE:
            made[key] = _long(value)
    return made


def _all_short(schemas: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _short(schema) for name, schema in schemas.items()}


def _all_long(schemas: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _long(schema) for name, schema in schemas.items()}


if __name__ == "__main__":
    from . import files

    for _file, _text in made_of(files.specification(), files.event_schemas().values()).items():
        _file.write_text(_text, encoding="utf-8")
        print(f"{_file.name}: {len(_text)} characters")
