"""The Matrix specification's own OpenAPI files, read where they lie: beside the checkout.

The specification's files use ``$ref`` for schemas as well as for parts of examples, relative to
the file that has it; keys beside a ``$ref`` are added to what it refers to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml

__all__ = ["FOLDER", "Operation", "Parameter", "Response", "document", "match", "operations"]

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "matrix-spec"

_METHODS = ("get", "put", "post", "delete", "patch", "head", "options")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Parameter:
    """A parameter of an operation; `place` is "path", "query" or "header"."""

    name: str
    place: str
    required: bool
    schema: Mapping[str, Any]


@dataclass(frozen=True)
class Response:
    """A documented answer. `examples` are for JSON, the specification's own."""

    status: str
    media_types: tuple[str, ...]
    examples: tuple[Any, ...]


@dataclass(frozen=True)
class Operation:
    """One operation. What refers to other files is looked up when it is asked for."""

    operation_id: str
    method: str
    path: str
    deprecated: bool
    _node: Mapping[str, Any]
    _shared: tuple[Any, ...]
    _file: Path

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters, those of the whole path first."""
        found: dict[tuple[str, str], Parameter] = {}
        for node in (*self._shared, *self._node.get("parameters", ())):
            given = _resolved(node, self._file)
            name, place = given["name"], given["in"]
            required = bool(given.get("required"))
            found[name, place] = Parameter(name, place, required, _schema_of(given))
        return tuple(found.values())

    @cached_property
    def body_required(self) -> bool:
        """Whether a request without a body is none."""
        return bool(self._body.get("required"))

    @cached_property
    def bodies(self) -> Mapping[str, Mapping[str, Any]]:
        """The schemas of the body by media type; none where no body is documented."""
        content = self._body.get("content", {})
        return {kind: dict(media.get("schema", {})) for kind, media in content.items()}

    @cached_property
    def _body(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = _resolved(self._node.get("requestBody", {}), self._file)
        return found

    @cached_property
    def responses(self) -> Mapping[str, Response]:
        """The documented answers by status."""
        found = {}
        for status, node in self._node["responses"].items():
            content = _resolved(node, self._file).get("content", {})
            media = content.get("application/json", {})
            found[str(status)] = Response(str(status), tuple(content), tuple(_examples(media)))
        return found

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What the raw path of a request looks like."""
        pieces = _PLACEHOLDER.split(self.path)
        names = pieces[1::2]
        pattern = re.escape(pieces[0])
        for name, literal in zip(names, pieces[2::2], strict=True):
            pattern += f"(?P<{name}>[^/]*){re.escape(literal)}"
        # "When an empty string, the trailing slash on this endpoint is optional."
        if self.path.endswith("/{stateKey}"):
            pattern = pattern.replace("/(?P<stateKey>[^/]*)", "(?:/(?P<stateKey>[^/]*))?")
        return re.compile(pattern)

    def alternatives(self) -> tuple[Operation, ...]:
        """All operations with this method and path: invites by user ID and by e-mail are two."""
        return tuple(one for one in operations() if str(one) == str(self))

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@cache
def operations() -> tuple[Operation, ...]:
    """All operations of the Client-Server API."""
    return tuple(
        operation
        for file in sorted((FOLDER / "client-server").glob("*.yaml"))
        for operation in _operations_in(file)
    )


def document(file: Path) -> Any:
    """A file with all that it refers to."""
    return _resolved(_load(file), file)


def match(method: str, raw_path: str) -> tuple[Operation, dict[str, str]] | None:
    """The operation that a request is for.

    Args:
        method: The HTTP method.
        raw_path: The path, still percent-encoded, without the query.

    Returns:
        The operation and the decoded values of its path, None if there is no such operation.
    """
    found = [
        (operation, values)
        for operation in operations()
        if operation.method == method
        and (values := operation.pattern.fullmatch(raw_path)) is not None
    ]
    if not found:
        return None
    operation, values = min(found, key=lambda one: len(one[1].groupdict()))
    return operation, {name: unquote(value or "") for name, value in values.groupdict().items()}


def _operations_in(file: Path) -> Iterator[Operation]:
    document = _load(file)
    server = document["servers"][0]
    variables = {name: each["default"] for name, each in server["variables"].items()}
    base = variables["basePath"].rstrip("/")
    for path, item in document["paths"].items():
        for method in _METHODS:
            node = item.get(method)
            if node is not None:
                yield Operation(
                    node["operationId"], method.upper(), base + path.strip(),
                    bool(node.get("deprecated")), node, tuple(item.get("parameters", ())), file,
                )  # fmt: skip


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
