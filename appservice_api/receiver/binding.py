"""What all servers and frameworks have in common: the paths, and how a body is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from .http import Request, Response
from .receiver import Receiver

__all__ = ["PAGES", "TREES", "UNAUTHENTICATED_BODY", "serve"]

#: What a binding serves below where it is mounted: all paths under these, ...
TREES = ("/_matrix/app", "/transactions", "/users", "/rooms")
#: ... and these.
PAGES = ("/healthz", "/readyz")
#: How many bytes are read of a body whose sender didn't show the homeserver's token.
UNAUTHENTICATED_BODY = 64 * 1024
_CHUNK = 64 * 1024


def serve(
    receiver: Receiver,
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str] | Iterable[tuple[str, str]],
    read: Callable[[int], bytes],
) -> Response:
    """Respond to a request whose body is still to be read.

    Args:
        receiver: The receiver.
        method: The HTTP method.
        path: The path below where the binding is mounted, percent-encoded. What was %2F may be a
            slash: a name that may hold one is always the last part.
        query: The query string.
        headers: The headers.
        read: Reads at most so many bytes of the body; nothing at its end, or if it breaks off.
    """
    left = receiver.max_body + 1

    def body() -> bytes:
        nonlocal left
        chunks = []
        while left > 0 and (chunk := read(min(left, _CHUNK))):
            chunks.append(chunk)
            left -= len(chunk)
        return b"".join(chunks)

    request = Request(method, path, query, headers, body)
    response = receiver.handle(request)
    if response.status >= 400:
        # A client that still sends doesn't read the response: its body is read, within bounds.
        if request.authenticated:
            left += receiver.max_body
        else:
            left = UNAUTHENTICATED_BODY if request.length <= UNAUTHENTICATED_BODY else 0
        while left > 0 and (chunk := read(min(left, _CHUNK))):
            left -= len(chunk)
    return response
