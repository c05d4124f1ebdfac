"""Whether a request is one that the specification knows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from appservice_api.testing import Recorded

from .operation import Operation, Parameter, Specification

__all__ = ["check", "mistakes"]

# Without stubs; importing it so needs no settings of mypy.
_jsonschema: Any = pytest.importorskip("jsonschema", reason="jsonschema isn't installed")

# Application Service API, "Identity assertion" and "Timestamp massaging".
_IDENTITY = {"user_id": re.compile(r"@[^:]*:.+"), "device_id": re.compile(r".+")}
_TIMESTAMP = re.compile(r"\d+")
_HONOURS_TIMESTAMP = ("sendMessage", "setRoomStateWithKey")
_MAY_BE_EMPTY = ("stateKey",)
_NO_BODY = ("GET", "HEAD", "DELETE")


def check(request: Recorded, specification: Specification) -> list[str]:
    """Compare a request with the specification.

    Args:
        request: The request as it arrived.
        specification: What it is compared with.

    Returns:
        What is wrong, a line each; none if all is well.
    """
    found = specification.match(request.method, request.path)
    if found is None:
        return [f"{request.method} {request.path} isn't in the specification"]
    operation, values = found
    alternatives = [list(_body(each, request)) for each in specification.alternatives(operation)]
    problems = [
        *_path(operation, values),
        *_query(operation, request),
        *min(alternatives, key=len),
    ]
    return [f"{operation}: {problem}" for problem in problems]


def _path(operation: Operation, values: Mapping[str, str]) -> Iterator[str]:
    schemas = {one.name: one.schema for one in operation.parameters if one.place == "path"}
    for name, value in values.items():
        if not value:
            if name not in _MAY_BE_EMPTY:
                yield f"{name} in the path is empty"
        else:
            yield from mistakes(value, schemas.get(name, {}), f"{name} in the path")


def _query(operation: Operation, request: Recorded) -> Iterator[str]:
    known = {one.name: one for one in operation.parameters if one.place == "query"}
    # An object stands for parameters of any name.
    open_end = any(one.schema.get("type") == "object" for one in known.values())
    for name, values in request.query.items():
        if name in known:
            yield from _parameter(known[name], values)
        elif name in _IDENTITY:
            if len(values) != 1 or _IDENTITY[name].fullmatch(values[0]) is None:
                yield f"{name} in the query is {values}"
        elif name == "ts" and operation.operation_id in _HONOURS_TIMESTAMP:
            if len(values) != 1 or _TIMESTAMP.fullmatch(values[0]) is None:
                yield f"ts in the query is {values}"
        elif name == "server_name" and "via" in known:
            if values != request.query.get("via"):
                yield f"server_name in the query is {values}, via {request.query.get('via')}"
        elif not open_end:
            yield f"{name} in the query isn't in the specification"
    for name, one in known.items():
        if one.required and name not in request.query:
            yield f"{name} is missing in the query"


def _parameter(parameter: Parameter, values: list[str]) -> Iterator[str]:
    where = f"{parameter.name} in the query"
    kind = parameter.schema.get("type")
    if kind == "array":
        item = parameter.schema.get("items", {})
        converted: Any = [_converted(value, item.get("type")) for value in values]
    elif len(values) != 1:
        yield f"{where} is given {len(values)} times"
        return
    else:
        converted = _converted(values[0], kind)
    yield from mistakes(converted, parameter.schema, where)


def _converted(value: str, kind: object) -> Any:
    """A value of the query as the type that is documented, or as it is: then it's a mistake."""
    if kind == "boolean" and value in ("true", "false"):
        return value == "true"
    if kind == "integer" and re.fullmatch(r"-?\d+", value):
        return int(value)
    if kind == "number" and re.fullmatch(r"-?\d+(\.\d+)?", value):
        return float(value)
    return value


def _body(operation: Operation, request: Recorded) -> Iterator[str]:
    if not request.body:
        if operation.body_required:
            yield "the body is missing"
        return
    media_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if not operation.bodies:
        # Where none is documented an empty object does no harm, but GET and the like have none.
        if request.method in _NO_BODY or request.body != b"{}":
            yield f"a body isn't in the specification: {request.body[:80]!r}"
        return
    if "application/octet-stream" in operation.bodies:
        return  # bytes, of any type
    if media_type not in operation.bodies:
        yield f"Content-Type is {media_type!r}, not {' or '.join(operation.bodies)}"
        return
    try:
        content = json.loads(request.body)
    except ValueError as error:
        yield f"the body isn't JSON: {error}"
        return
    yield from mistakes(content, operation.bodies[media_type], "the body")


def mistakes(value: Any, schema: Mapping[str, Any], where: str) -> Iterator[str]:
    """Compare a value with a JSON schema.

    Args:
        value: The value.
        schema: The schema.
        where: What the value is, for the lines.

    Yields:
        What is wrong, a line each.
    """
    validator = _jsonschema.Draft202012Validator(schema)
    for error in validator.iter_errors(value):
        place = "".join(f"[{step!r}]" for step in error.absolute_path)
        yield f"{where}{place}: {error.message}"
