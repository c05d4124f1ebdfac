"""The Matrix specification's own files, read where they lie, if they are there.

That is the folder that the environment variable ``MATRIX_SPEC`` names, or one beside the checkout.
The files use ``$ref`` for schemas as well as for parts of examples, relative to the file that has
it; keys beside a ``$ref`` are added to what it refers to.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml

from .event_schema import EventSchema
from .operation import Operation, Parameter, Response, Specification

__all__ = ["FOLDER", "definition", "event_examples", "event_schemas", "is_there", "specification"]

FOLDER = Path(
    os.environ.get("MATRIX_SPEC") or Path(__file__).resolve().parents[3] / "shared" / "matrix-spec"
)

_METHODS = ("get", "put", "post", "delete", "patch", "head", "options")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# Schemas of parts of contents, and of what is told before one is in a room.
_PARTS = {"m.key.verification.m.relates_to"}
_NOT_EVENTS = {"invite_room_state", "knock_room_state"}


def is_there() -> bool:
    """Whether the files are there."""
    return (FOLDER / "client-server").is_dir() and (FOLDER / "event-schemas").is_dir()


@cache
def specification() -> Specification:
    """All operations of the Client-Server API."""
    return Specification(
        operation
        for file in sorted((FOLDER / "client-server").glob("*.yaml"))
        for operation in _operations_in(file)
    )


@cache
def event_schemas() -> dict[str, EventSchema]:
    """The schemas of events by name: a type, and what follows a ``$`` for some."""
    return {
        file.stem: EventSchema.of(file.stem, _document(file))
        for file in sorted((FOLDER / "event-schemas" / "schema").glob("m.*.yaml"))
        if file.stem not in _PARTS
    }


@cache
def event_examples() -> dict[str, Any]:
    """The specification's own examples of events, by name of the schema."""
    return {
        file.stem: _document(file)
        for file in sorted((FOLDER / "event-schemas" / "examples").iterdir())
        if file.is_file() and file.stem not in _NOT_EVENTS
    }


@cache
def definition(name: str) -> Any:
    """A schema of the Client-Server API that operations share."""
    return _document(FOLDER / "client-server" / "definitions" / f"{name}.yaml")


def _document(file: Path) -> Any:
    """A file with all that it refers to."""
    return _resolved(_load(file), file)


def _operations_in(file: Path) -> Iterator[Operation]:
    document = _load(file)
    server = document["servers"][0]
    variables = {name: each["default"] for name, each in server["variables"].items()}
    base = variables["basePath"].rstrip("/")
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                yield _operation(method, base + path.strip(), item, file)


def _operation(method: str, path: str, item: Mapping[str, Any], file: Path) -> Operation:
    node = item[method]
    parameters: dict[tuple[str, str], Parameter] = {}
    # The parameters of the whole path come first.
    for given in _resolved([*item.get("parameters", ()), *node.get("parameters", ())], file):
        name, place = given["name"], given["in"]
        required = bool(given.get("required"))
        parameters[name, place] = Parameter(name, place, required, _schema_of(given))
    body = _resolved(node.get("requestBody", {}), file)
    return Operation(
        node["operationId"], method.upper(), path, bool(node.get("deprecated")),
        tuple(parameters.values()), bool(body.get("required")), _bodies(body),
        tuple(
            _response(str(status), _resolved(response, file))
            for status, response in node["responses"].items()
            if str(status).startswith("2")
        ),
    )  # fmt: skip


def _bodies(node: Mapping[str, Any]) -> dict[str, Any]:
    return {kind: dict(media.get("schema", {})) for kind, media in node.get("content", {}).items()}


def _response(status: str, node: Mapping[str, Any]) -> Response:
    media = node.get("content", {}).get("application/json", {})
    return Response(status, _bodies(node), tuple(_examples(media)))


def _schema_of(parameter: Mapping[str, Any]) -> Mapping[str, Any]:
    for media in parameter.get("content", {}).values():
        return dict(media.get("schema", {}))
    return dict(parameter.get("schema", {}))


def _examples(media: Mapping[str, Any]) -> Iterator[Any]:
    for example in media.get("examples", {}).values():
        yield example["value"]
    if "example" in media:
        yield media["example"]
    if not media.get("examples") and "example" not in media and "schema" in media:
        yield _sample(media["schema"])


def _sample(schema: Mapping[str, Any]) -> Any:
    """An example made of those in a schema, where the answer as a whole has none."""
    if "example" in schema:
        return schema["example"]
    parts = [_sample(part) for part in schema.get("allOf", ())]
    if schema.get("type") == "array":
        return [_sample(schema["items"])] if "items" in schema else []
    found = {key: _sample(part) for key, part in schema.get("properties", {}).items()}
    for part in parts:
        if isinstance(part, dict):
            found = {**part, **found}
    if found or schema.get("type") in ("object", None):
        return {key: value for key, value in found.items() if value is not None}
    return None


@cache
def _load(file: Path) -> Any:
    text = file.read_text(encoding="utf-8")
    return json.loads(text) if file.suffix == ".json" else yaml.load(text, _LOADER)


def _resolved(node: Any, file: Path, within: tuple[str, ...] = ()) -> Any:
    """A copy of a part of a file with all that it refers to.

    Args:
        node: The part.
        file: Its file.
        within: The references that led here; one that leads back to itself is cut off.
    """
    if isinstance(node, list):
        return [_resolved(item, file, within) for item in node]
    if not isinstance(node, dict):
        return node
    own = {key: _resolved(value, file, within) for key, value in node.items() if key != "$ref"}
    reference = node.get("$ref")
    if not isinstance(reference, str):
        return own
    name, _, pointer = reference.partition("#")
    target = (file.parent / name).resolve() if name else file
    place = f"{target}#{pointer}"
    # Files of the other APIs aren't all there: what they ask for isn't checked.
    if place in within or not target.is_file():
        return own
    found = _load(target)
    for step in pointer.strip("/").split("/") if pointer.strip("/") else ():
        found = found[unquote(step).replace("~1", "/").replace("~0", "~")]
    found = _resolved(found, target, (*within, place))
    return {**found, **own} if isinstance(found, dict) else found
