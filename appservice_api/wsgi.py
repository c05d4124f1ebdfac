"""The receiver as a WSGI application.

Spec: PEP 3333.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from http.client import responses
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from .receiver.binding import serve
from .receiver.receiver import Receiver

__all__ = ["WSGI"]

# What isn't encoded in a path.
_SAFE = "/:@!$&'()*+,;=~"
# What a request to a proxy begins with.
_ORIGIN = re.compile(r"^[^/]+//[^/]*")


class WSGI:
    """A WSGI application.

    Args:
        receiver: The receiver.
    """

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Respond to a request."""
        response = serve(
            self._receiver, environ.get("REQUEST_METHOD", "GET"), path_of(environ),
            environ.get("QUERY_STRING", ""), _headers(environ), _reader(environ),
        )  # fmt: skip
        headers = [*response.headers.items(), ("Content-Length", str(len(response.data)))]
        start_response(f"{response.status} {responses.get(response.status, 'Unknown')}", headers)
        return [] if environ.get("REQUEST_METHOD") == "HEAD" else [response.data]


def _headers(environ: dict[str, Any]) -> dict[str, str]:
    """The headers that a receiver reads."""
    return {
        "authorization": environ.get("HTTP_AUTHORIZATION") or "",
        "content-length": _length(environ),
    }


def _length(environ: dict[str, Any]) -> str:
    """The length of the body; bjoern hands a number over."""
    return str(environ.get("CONTENT_LENGTH") or "")


def path_of(environ: dict[str, Any]) -> str:
    """The path below where the application is mounted, percent-encoded.

    Servers decode it, so that ``%2F`` and ``/`` are the same; many have it undecoded, too, under a
    name of their own.
    """
    decoded: bytes = environ.get("PATH_INFO", "").encode("latin-1", "replace")
    script = environ.get("SCRIPT_NAME", "").encode("latin-1", "replace")
    raw = environ.get("RAW_URI") or environ.get("REQUEST_URI") or ""
    if isinstance(raw, str) and raw.isascii():
        rest = _after(_ORIGIN.sub("", raw.partition("?")[0]), len(script))
        if unquote_to_bytes(rest) == decoded:
            return rest
    return quote(decoded, safe=_SAFE)


def _after(raw: str, length: int) -> str:
    """The rest of a percent-encoded path after so many decoded bytes."""
    place = 0
    for _ in range(length):
        place += 3 if raw[place : place + 1] == "%" else 1
    return raw[place:]


def _reader(environ: dict[str, Any]) -> Callable[[int], bytes]:
    """Reads the body: as many bytes as its length, or to its end where the server knows that."""
    said = _length(environ)
    left = int(said) if said.isascii() and said.isdigit() and len(said) < 20 else 0
    endless = not left and bool(environ.get("wsgi.input_terminated"))
    stream = environ["wsgi.input"]

    def read(size: int) -> bytes:
        nonlocal left
        wanted = size if endless else min(size, left)
        if wanted <= 0:
            return b""
        try:
            chunk: bytes = stream.read(wanted)
        except OSError:  # the homeserver has gone
            return b""
        left -= len(chunk)
        return chunk

    return read
