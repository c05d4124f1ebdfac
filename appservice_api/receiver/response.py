"""A response as the receiver makes it, whatever server carries it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["Response", "refusal", "try_again"]


class Response:
    """An HTTP response; its body is always JSON.

    Args:
        status: The HTTP status.
        body: An object, or the list of a third-party lookup.
        headers: Headers beside ``Content-Type``.

    Attributes:
        data: The body as bytes.
    """

    __slots__ = ("body", "data", "headers", "status")

    def __init__(
        self,
        status: int,
        body: dict[str, Any] | list[Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status = status
        self.body: dict[str, Any] | list[Any] = {} if body is None else body
        self.data = (
            b"{}" if self.body == {} else json.dumps(self.body, separators=(",", ":")).encode()
        )
        self.headers = {"Content-Type": "application/json", **(headers or {})}

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.body!r}>"


def refusal(
    status: int, errcode: str, error: str, headers: Mapping[str, str] | None = None
) -> Response:
    """A response that is an error in the specification's form."""
    return Response(status, {"errcode": errcode, "error": error}, headers)


def try_again(error: str) -> Response:
    """The response that makes a homeserver push a transaction again."""
    return refusal(503, "M_UNKNOWN", error, {"Retry-After": "2"})
