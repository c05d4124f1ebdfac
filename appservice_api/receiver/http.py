"""HTTP: requests and responses, whatever server carries them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

__all__ = ["Request", "Response", "refusal", "try_again"]


class Request:
    """An HTTP request, as any server has it.

    Args:
        method: The HTTP method.
        path: The path below where the receiver is mounted, still percent-encoded.
        query: The query string, or its parameters.
        headers: The headers; the case of their names doesn't matter.
        body: The body; or a function that reads it, which is called at most once, and only if
            the token is right.

    Attributes:
        authenticated: Whether it has the homeserver's token, once that was checked.
    """

    def __init__(
        self,
        method: str,
        path: str,
        query: str | Mapping[str, str] = "",
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        body: bytes | Callable[[], bytes] = b"",
    ) -> None:
        self.method = method.upper()
        self.path = path
        self._query = query
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        self.headers = {name.lower(): value for name, value in pairs}
        self._body = body
        self.authenticated = False

    @property
    def body(self) -> bytes:
        """The body."""
        if callable(self._body):
            self._body = self._body()
        return self._body

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters; the first value of each."""
        if isinstance(self._query, str):
            pairs = parse_qsl(self._query, keep_blank_values=True, errors="replace")
            self._query = dict(reversed(pairs))
        return dict(self._query)

    @property
    def length(self) -> int:
        """The ``Content-Length``; 0 if there is none."""
        said = self.headers.get("content-length", "").strip()
        # A number of any length would take long to read.
        return int(said) if said.isascii() and said.isdigit() and len(said) < 20 else 0

    def __repr__(self) -> str:
        # The query may hold a token.
        return f"<Request {self.method} {self.path}>"


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
