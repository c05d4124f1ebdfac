"""What all bindings of frameworks have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from .receiver import Receiver
from .request import Answer, Request

__all__ = ["PAGES", "TREES", "UNAUTHENTICATED_BODY", "take"]

#: What a binding serves below where it is mounted: all paths under these, ...
TREES = ("/_matrix/app", "/transactions", "/users", "/rooms")
#: ... and these.
PAGES = ("/healthz", "/readyz")
#: How many bytes are read of a body whose sender didn't show the homeserver's token.
UNAUTHENTICATED_BODY = 64 * 1024
_CHUNK = 64 * 1024


def take(
    receiver: Receiver,
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str] | Iterable[tuple[str, str]],
    read: Callable[[int], bytes],
) -> Answer:
    """Answer a request whose body is still to be read.

    Args:
        receiver: Who answers.
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
    answer = receiver.handle(request)
    if answer.status >= 400:
        # Whoever still sends doesn't read the answer: take a body, within bounds, to the end.
        if request.authenticated:
            left += receiver.max_body
        else:
            left = UNAUTHENTICATED_BODY if request.length <= UNAUTHENTICATED_BODY else 0
        while left > 0 and (chunk := read(min(left, _CHUNK))):
            left -= len(chunk)
    return answer
