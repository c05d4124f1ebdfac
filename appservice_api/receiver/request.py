"""A request as the receiver gets it, whatever server carries it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from urllib.parse import parse_qsl

__all__ = ["Request"]


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
