"""One request and its answer on a connection: the bytes, and how long they may take."""

from __future__ import annotations

import http.client
import io
import ssl
import time
from typing import Any

import requests
import urllib3

from .body import Stream

__all__ = ["MAX_ANSWER_BYTES", "Timeouts", "exchange"]

#: What an answer may have; a larger one isn't kept in memory.
MAX_ANSWER_BYTES = 256 * 2**20


class Timeouts(tuple[float, float]):
    """Seconds to connect and to wait for data, as requests takes them, and the moment of
    ``time.monotonic()`` at which the whole answer must be there."""

    end: float


def exchange(
    connection: Any,
    host: str,
    request: requests.PreparedRequest,
    target: str,
    timeout: tuple[float | None, float | None],
) -> tuple[http.client.HTTPResponse, bytes]:
    """Send one request over a connection and read its whole answer; close it if that fails.

    Args:
        connection: A connection of urllib3, open or not.
        host: The line of the head that names the host.
        request: The request; its body is bytes, a stream, or None.
        target: The path and query of its URL.
        timeout: Seconds to connect and to wait for data; see :class:`Timeouts`.

    Returns:
        The head of the answer, and its body.

    Raises:
        OSError, http.client.HTTPException, urllib3's HTTPError: It failed.
    """
    try:
        if connection.sock is None:
            _connect(connection, timeout[0])
        sock = connection.sock
        sock.settimeout(timeout[1])
        broken = False
        started = time.monotonic()
        try:
            _send(sock, request, target, host)
        except (BrokenPipeError, ConnectionResetError):
            # The homeserver may have answered and closed without reading all of a large body.
            broken = True
        # What it took to send a large body isn't the answer's time.
        source: Any = _Ending(sock, timeout, time.monotonic() - started)
        answer = _HTTPResponse(source, method=request.method)
        try:
            answer.begin()
            content = _content(answer)
        finally:
            answer.close()
        answer.will_close |= broken or answer.status < 200
        return answer, content
    except BaseException:
        connection.close()
        raise


def _connect(connection: Any, timeout: float | None) -> None:
    """Connect; whatever fails here, the request can't have reached the homeserver."""
    connection.timeout = timeout
    try:
        connection.connect()
    except TimeoutError as error:
        raise urllib3.exceptions.ConnectTimeoutError("timed out while connecting") from error
    except ssl.SSLError:
        raise
    except OSError as error:
        raise urllib3.exceptions.NewConnectionError(connection, str(error)) from error


def _send(sock: Any, request: requests.PreparedRequest, target: str, host: str) -> None:
    """Send head and body: in one piece, so that they travel in one packet, or a stream in
    blocks, each of which has the timeout to itself."""
    headers: Any = request.headers
    fields = [f"{name}: {value}\r\n" for name, value in headers._store.values()]
    text = f"{request.method} {target} HTTP/1.1\r\n{host}{''.join(fields)}\r\n"
    lines = len(fields) + 3
    if text.count("\n") != lines or text.count("\r") != lines:
        raise requests.exceptions.InvalidHeader("a header or the URL holds a line end")
    head = text.encode("latin-1")
    body: Any = request.body
    if not isinstance(body, Stream):
        sock.sendall(head + body if body else head)
        return
    sock.sendall(head)
    for block in body:
        sock.sendall(block)


class _HTTPResponse(http.client.HTTPResponse):
    """http.client's answer, which reads on after all interim answers, not just after 100."""

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not 101 < status < 200:
                return version, status, reason
            http.client.parse_headers(self.fp)


class _Ending(io.RawIOBase):
    """What is read of a socket, in all until a moment: a homeserver that sends a byte now and
    then would never run into the timeout of the socket."""

    def __init__(self, sock: Any, timeout: tuple[float | None, float | None], spent: float) -> None:
        self._sock = sock
        self._wait = timeout[1]
        end: float | None = getattr(timeout, "end", None)
        self._end = None if end is None else end + spent

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._end is not None:
            left = self._end - time.monotonic()
            if left <= 0:
                raise TimeoutError("the answer took too long in all")
            if self._wait is None or left < self._wait:
                self._sock.settimeout(left)
        received: int = self._sock.recv_into(buffer)
        return received


def _content(answer: http.client.HTTPResponse) -> bytes:
    """The whole body of an answer, if it has a sensible size."""
    if answer.length is not None:
        if answer.length > MAX_ANSWER_BYTES:
            raise http.client.HTTPException(f"an answer of {answer.length} bytes is too large")
        return answer.read()
    if not answer.chunked and "Content-Length" in answer.headers:
        # http.client would read until the homeserver closes the connection.
        raise http.client.HTTPException("the answer's Content-Length is not a number")
    parts, size = [], 0
    while part := answer.read(65_536):
        parts.append(part)
        size += len(part)
        if size > MAX_ANSWER_BYTES:
            raise http.client.HTTPException("the answer is too large")
    return b"".join(parts)
