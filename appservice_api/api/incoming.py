"""The body of a response, read as it arrives."""

from __future__ import annotations

import http.client
import socket
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import requests
import urllib3

from .body import BLOCK
from .wire import length_of

__all__ = ["TRANSPORT_FAILURES", "Incoming"]

#: The errors of the transport; all others have another source.
TRANSPORT_FAILURES = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    OverflowError,
)
_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32


class Incoming:
    """The body of a response as it arrives. Its methods raise errors of the transport as
    :class:`MatrixConnectionError`; so the reader can distinguish them from those of a disk.

    Args:
        response: The response, of which nothing has been read.
        failure: Converts an error of the transport to one of ours.
        end: The deadline for the whole body, by ``time.monotonic()``; None for none.
        wait: Seconds to wait for each block; None to keep the connection's timeout.
    """

    __slots__ = ("_blocks", "_end", "_failure", "_response", "_rest", "_wait", "arrived")

    def __init__(
        self,
        response: requests.Response,
        failure: Callable[[Exception], Exception],
        end: float | None = None,
        wait: float | None = None,
    ) -> None:
        if wait is not None and end is None:
            _set_timeout(response, wait)
        self._wait = wait
        self._response = response
        self._failure = failure
        self._end = end
        self._blocks = self._receive()
        self._rest = b""
        #: When the last block came, or the head, by ``time.monotonic()``.
        self.arrived = time.monotonic()

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the response."""
        return self._response.headers

    @property
    def size(self) -> int | None:
        """How many bytes there are in all; None if the response doesn't say."""
        try:
            return None if self._encoding else length_of(self.headers)
        except http.client.HTTPException:
            return None

    @property
    def _encoding(self) -> str:
        named = self.headers.get("Content-Encoding", "").strip().lower()
        return "" if named == "identity" else named

    @property
    def unpacks(self) -> bool:
        """Whether the encoding of the body is one that is decoded here."""
        return self._encoding in ("", "gzip", "x-gzip", "deflate")

    def _receive(self) -> Iterator[bytes]:
        blocks = self._decoded()
        while True:
            try:
                self._keep_time()
                block = next(blocks, None)
            except TRANSPORT_FAILURES as error:
                self.close()
                failure = self._failure(error)
                raise failure from failure.__cause__
            if block is None:
                return
            self.arrived = time.monotonic()
            yield block

    def _keep_time(self) -> None:
        """Limit the wait for the next data to the time that is left.

        Raises:
            TimeoutError: No time is left.
        """
        if self._end is None:
            return
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long in all")
        _set_timeout(self._response, min(left, self._wait or left))

    def _decoded(self) -> Iterator[bytes]:
        """The body, decoded: it was requested without an encoding, but some proxies encode it."""
        raw: Any = self._response.raw
        # A hook of the session has read it; or a tool has put something else there.
        if self._response._content_consumed or not isinstance(raw, urllib3.HTTPResponse):
            yield from self._response.iter_content(BLOCK)
        elif not self._encoding:
            yield from self._pieces(raw)
        elif self.unpacks:
            yield from _inflated(self._pieces(raw))
        else:
            raise http.client.HTTPException(f"an answer encoded as {self._encoding} can't be read")

    def _pieces(self, raw: urllib3.HTTPResponse) -> Iterator[bytes]:
        """The encoded body, each piece as soon as it arrives."""
        unbounded = (
            "Transfer-Encoding" in self.headers
            or self._response.status_code in (204, 304)
            or getattr(self._response.request, "method", None) == "HEAD"
        )
        left = None if unbounded else length_of(self.headers)
        while piece := raw.read1(BLOCK, decode_content=False):
            if left is not None:
                left -= len(piece)
            yield piece
            # Many pieces may decode to nothing.
            self._keep_time()
        if left:
            raise http.client.IncompleteRead(b"", left)
        self._response._content_consumed = True

    def __iter__(self) -> Iterator[bytes]:
        """What hasn't been read yet, in blocks."""
        while block := self.read1():
            yield block

    def read1(self, size: int = -1) -> bytes:
        """Read what is there, ``size`` bytes at most; wait only if there is nothing.

        Raises:
            MatrixConnectionError: The connection broke, or nothing came in time.
        """
        if size == 0:
            return b""
        block, self._rest = self._rest or next(self._blocks, b""), b""
        if 0 < size < len(block):
            block, self._rest = block[:size], block[size:]
        return block

    def read(self, size: int = -1) -> bytes:
        """Read ``size`` bytes, or fewer where the body ends; all of it by default.

        Raises:
            MatrixConnectionError: The connection broke, or nothing came in time.
        """
        parts = []
        while size and (block := self.read1(size)):
            parts.append(block)
            size -= len(block) if size > 0 else 0
        return b"".join(parts)

    def close(self) -> None:
        """Release the connection; it is used again only if everything has been read."""
        self._response.close()


def _set_timeout(response: requests.Response, seconds: float) -> None:
    """Set the timeout of a response's connection, if its socket can be found."""
    connection = getattr(response.raw, "connection", None)
    sock = getattr(connection, "sock", None)
    if isinstance(sock, socket.socket):
        sock.settimeout(seconds)


def _inflated(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Decompressed gzip or zlib data, in blocks, however large a piece becomes.

    Raises:
        http.client.HTTPException: It is neither gzip nor zlib, or ends too early.
    """
    inflater, begun = zlib.decompressobj(_GZIP_OR_ZLIB), False
    for piece in pieces:
        while piece:
            if inflater.eof:  # gzip may consist of several parts
                inflater = zlib.decompressobj(_GZIP_OR_ZLIB)
            begun = True
            try:
                block = inflater.decompress(piece, BLOCK)
            except zlib.error as error:
                raise http.client.HTTPException(f"the answer can't be unpacked: {error}") from None
            piece = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
            if block:
                yield block
            elif not inflater.eof and not piece:
                break
    if begun and not inflater.eof:
        raise http.client.IncompleteRead(b"")
