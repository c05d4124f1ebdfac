"""HTTP requests as they were received, and the responses to them."""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, unquote


class Broken(enum.Enum):
    """Ways to end a connection without a response."""

    DROP = "drop"
    RESET = "reset"


DROP = Broken.DROP
RESET = Broken.RESET


@dataclass(frozen=True)
class Response:
    """An HTTP response.

    `content_length` overrides the true length of `body`; the connection is then closed.
    """

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    content_length: int | None = None


def answer(status: int, content: Any = None, headers: Mapping[str, str] | None = None) -> Response:
    """Build a response.

    Args:
        status: The HTTP status.
        content: bytes or str are sent as they are, anything else as JSON; None is `{}`.
        headers: More headers, or another Content-Type.

    Returns:
        The response.
    """
    given = dict(headers or {})
    if isinstance(content, bytes):
        return Response(status, content, given)
    if isinstance(content, str):
        return Response(status, content.encode(), given)
    body = json.dumps({} if content is None else content, separators=(",", ":")).encode()
    if not any(name.lower() == "content-type" for name in given):
        given["Content-Type"] = "application/json"
    return Response(status, body, given)


def refusal(status: int, errcode: str, error: str, **more: Any) -> Response:
    """Build a Matrix error.

    Args:
        status: The HTTP status.
        errcode: For example "M_FORBIDDEN".
        error: The text for people.
        more: Further keys of the body.

    Returns:
        The response.
    """
    return answer(status, {"errcode": errcode, "error": error, **more})


def truncated(content: bytes, content_length: int) -> Response:
    """Build a 200 whose body is shorter than its Content-Length; then the connection is closed.

    Args:
        content: The bytes that are sent.
        content_length: The Content-Length, in bytes.

    Returns:
        The response.
    """
    return Response(200, content, {"Content-Type": "application/json"}, content_length)


@dataclass(repr=False)
class Recorded:
    """One request as it was received."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @cached_property
    def path(self) -> str:
        """The path, percent-encoded as it was received, without the query."""
        return self.target.partition("?")[0]

    @cached_property
    def decoded_path(self) -> str:
        """The path, percent-decoded."""
        return unquote(self.path)

    @cached_property
    def query(self) -> dict[str, list[str]]:
        """The query's values by name."""
        return parse_qs(self.target.partition("?")[2], keep_blank_values=True)

    @property
    def user_id(self) -> str | None:
        """The asserted user: the query's `user_id`, None if there is none."""
        values = self.query.get("user_id")
        return values[0] if values else None

    @property
    def token(self) -> str | None:
        """The bearer token of the Authorization header, None if there is none."""
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        return token if scheme.lower() == "bearer" and token else None

    @cached_property
    def json(self) -> Any:
        """The body as JSON, or None if it isn't."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def __repr__(self) -> str:
        return f"<Recorded {self}>"

    def __str__(self) -> str:
        path = self.decoded_path.removeprefix("/_matrix/client/v3")
        return f"{self.method} {path}" + (f" as {self.user_id}" if self.user_id else "")


class Refused(Exception):
    """A request that the in-memory homeserver refuses.

    Args:
        status: The HTTP status.
        errcode: The Matrix error code.
        error: The text for people.
    """

    def __init__(self, status: int, errcode: str, error: str) -> None:
        super().__init__(error)
        self.response = refusal(status, errcode, error)


def forbidden(error: str) -> Refused:
    """A refusal with 403 M_FORBIDDEN."""
    return Refused(403, "M_FORBIDDEN", error)
