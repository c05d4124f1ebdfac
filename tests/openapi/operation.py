"""What the specification says of a request, wherever it was read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import unquote

__all__ = ["Operation", "Parameter", "Response", "Specification"]

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Parameter:
    """A parameter of an operation; `place` is "path", "query" or "header"."""

    name: str
    place: str
    required: bool
    schema: Mapping[str, Any]


@dataclass(frozen=True)
class Response:
    """A documented response of success, with the schemas of its body by media type.

    `examples` are for JSON, the specification's own; there are none in the table of facts.
    """

    status: str
    bodies: Mapping[str, Any]
    examples: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Operation:
    """One operation: a method and a path. `bodies` are the schemas by media type."""

    operation_id: str
    method: str
    path: str
    deprecated: bool
    parameters: tuple[Parameter, ...]
    body_required: bool
    bodies: Mapping[str, Any]
    responses: tuple[Response, ...]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What the raw path of a request looks like."""
        pieces = _PLACEHOLDER.split(self.path)
        names = pieces[1::2]
        pattern = re.escape(pieces[0])
        for name, literal in zip(names, pieces[2::2], strict=True):
            pattern += f"(?P<{name}>[^/]*){re.escape(literal)}"
        # The slash in front of an empty state key may be left out.
        if self.path.endswith("/{stateKey}"):
            pattern = pattern.replace("/(?P<stateKey>[^/]*)", "(?:/(?P<stateKey>[^/]*))?")
        return re.compile(pattern)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Specification:
    """The operations of the Client-Server API.

    Args:
        operations: All of them.
    """

    def __init__(self, operations: Iterable[Operation]) -> None:
        self.operations = tuple(operations)

    def alternatives(self, operation: Operation) -> list[Operation]:
        """All operations with a method and path: invites by user ID and by e-mail are two."""
        return [one for one in self.operations if str(one) == str(operation)]

    def match(self, method: str, raw_path: str) -> tuple[Operation, dict[str, str]] | None:
        """The operation that a request is for.

        Args:
            method: The HTTP method.
            raw_path: The path, still percent-encoded, without the query.

        Returns:
            The operation and the decoded values of its path, None if there is no such operation.
        """
        found = [
            (operation, values)
            for operation in self.operations
            if operation.method == method
            and (values := operation.pattern.fullmatch(raw_path)) is not None
        ]
        if not found:
            return None
        operation, values = min(found, key=lambda one: len(one[1].groupdict()))
        decoded = {name: unquote(value or "") for name, value in values.groupdict().items()}
        return operation, decoded
