"""The body of an answer that isn't read at once, as it arrives."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator, Mapping

import requests
import urllib3

from .body import BLOCK

__all__ = ["TRANSPORT_FAILURES", "Incoming"]

#: What the transport raises; anything else is somebody else's error.
TRANSPORT_FAILURES = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    OverflowError,
)


class Incoming:
    """The body of an answer as it arrives. Only its own methods raise errors of the transport, as
    :class:`MatrixConnectionError`; so whoever reads it can tell them from those of a disk.

    Args:
        response: The response, of which nothing has been read.
        failure: Makes an error of ours of one of the transport's.
    """

    __slots__ = ("_blocks", "_failure", "_response", "_rest")

    def __init__(
        self, response: requests.Response, failure: Callable[[Exception], Exception]
    ) -> None:
        self._response = response
        self._failure = failure
        self._blocks = self._receive()
        self._rest = b""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the answer."""
        return self._response.headers

    @property
    def size(self) -> int | None:
        """How many bytes there are in all; None if the answer doesn't say."""
        length = self.headers.get("Content-Length", "")
        encoded = self.headers.get("Content-Encoding", "identity").lower() != "identity"
        return int(length) if length.isascii() and length.isdigit() and not encoded else None

    def _receive(self) -> Iterator[bytes]:
        blocks = self._response.iter_content(BLOCK)
        size, received = self.size, 0
        while True:
            try:
                block: bytes | None = next(blocks, None)
                if block is None and size is not None and received < size:
                    raise http.client.IncompleteRead(b"", size - received)
            except TRANSPORT_FAILURES as error:
                self.close()
                failure = self._failure(error)
                raise failure from failure.__cause__
            if block is None:
                return
            received += len(block)
            yield block

    def __iter__(self) -> Iterator[bytes]:
        """What hasn't been read yet, in blocks."""
        while block := self._next():
            yield block

    def _next(self) -> bytes:
        block, self._rest = self._rest or next(self._blocks, b""), b""
        return block

    def read(self, size: int = -1) -> bytes:
        """Read ``size`` bytes, or fewer where the body ends; all of it by default.

        Raises:
            MatrixConnectionError: The connection broke, or nothing came in time.
        """
        parts = []
        while size and (block := self._next()):
            if 0 <= size < len(block):
                block, self._rest = block[:size], block[size:]
            parts.append(block)
            size -= len(block) if size > 0 else 0
        return b"".join(parts)

    def close(self) -> None:
        """Let go of the connection; it is used again only if everything has been read."""
        self._response.close()
