"""One request and its response on a connection: the bytes, and how long they may take."""

from __future__ import annotations

import http.client
import io
import re
import socket
import ssl
import sys
import time
from collections.abc import Callable
from typing import Any

import requests
import urllib3

from .body import Stream

__all__ = ["MAX_RESPONSE_BYTES", "Response", "Timeouts", "exchange", "length_of"]

#: How many bytes of a response are kept in memory; a larger one is refused.
MAX_RESPONSE_BYTES = 256 * 2**20
_MAX_DIGITS = 18
# One line of an ordinary head: a name, a colon, a value that isn't continued.
_FIELD = r"(?m)^([!-9;-~]+):[ \t]*((?:[^ \t\r\n][^\r\n]*)?)\r\n"
_MOST_FIELDS = 99


class Timeouts(tuple[float, float]):
    """Seconds to connect and to wait for data, as requests takes them.

    Attributes:
        end: The moment of ``time.monotonic()`` at which the whole response must be there; the time
            to send a stream is added.
        data: Seconds to wait for each block of a good response, which may then end after ``end``;
            None if it may not.
    """

    end: float
    data: float | None = None


def exchange(
    connection: Any,
    host: str,
    request: requests.PreparedRequest,
    target: str,
    timeout: tuple[float | None, float | None],
    stream: bool = False,
    connected: Callable[[], None] | None = None,
) -> tuple[Response, bytes]:
    """Send one request over a connection and read its response; close it if that fails.

    Args:
        connection: A connection of urllib3, open or not.
        host: The line of the head that names the host.
        request: The request; its body is bytes, a stream, or None.
        target: The path and query of its URL.
        timeout: Seconds to connect and to wait for data; see :class:`Timeouts`.
        stream: Read no more than the head.
        connected: Called when a new connection is open.

    Returns:
        The head of the response, and its body.

    Raises:
        OSError, http.client.HTTPException, urllib3's HTTPError: It failed.
    """
    wait, end = timeout[1], getattr(timeout, "end", None)
    try:
        if connection.sock is None:
            _connect(connection, timeout[0], end)
            if connected is not None:
                connected()
            if end is not None:
                wait = min(wait or _rest(end), _rest(end))
        sock = connection.sock
        if sock.gettimeout() != wait:
            sock.settimeout(wait)
        broken, body = False, request.body
        try:
            if body is None or type(body) is bytes:
                _send(sock, _head(request, target, host), body, end)
            else:
                _send_stream(sock, _head(request, target, host), body)
        except (BrokenPipeError, ConnectionResetError):
            # The homeserver may have answered and closed without reading all of a large body.
            broken = True
        if isinstance(body, Stream) and end is not None:
            # The time to send a file doesn't count for the response.
            end += body.sending or 0.0
        source = _DeadlineReader(sock, wait, end)
        made: Any = source
        response = Response(made, method=request.method)
        try:
            response.begin()
            _check_length(response)
            content = b"" if stream else _content(response)
        except BaseException:
            response.close()
            raise
        if not stream:
            response.close()
        response.will_close |= broken or response.status < 200
        if stream and 200 <= response.status < 300 and getattr(timeout, "data", None) is not None:
            source.end, source.wait = None, timeout.data  # type: ignore[attr-defined]
        return response, content
    except BaseException:
        connection.close()
        raise


def _connect(connection: Any, timeout: float | None, end: float | None) -> None:
    """Connect; whatever fails here, the request can't have reached the homeserver.

    Args:
        connection: The connection.
        timeout: Seconds to connect, and seconds for TLS.
        end: The moment at which both must have ended.
    """
    # TLS uses the socket that this returns.
    connection._new_conn = lambda: _reach(connection, timeout, end)
    try:
        connection.connect()
    except TimeoutError as error:
        raise urllib3.exceptions.ConnectTimeoutError("timed out while connecting") from error
    except (ssl.SSLError, urllib3.exceptions.HTTPError):
        raise
    except OSError as error:
        raise urllib3.exceptions.NewConnectionError(connection, str(error)) from error
    finally:
        del connection._new_conn


def _reach(connection: Any, timeout: float | None, end: float | None) -> socket.socket:
    """A socket to the first address of a host that answers. The addresses share the time, so that a
    dead one doesn't use it all. The time to resolve the name is up to the resolver."""
    try:
        found = socket.getaddrinfo(
            connection._dns_host.strip("[]"), connection.port,
            urllib3.util.connection.allowed_gai_family(), socket.SOCK_STREAM,
        )  # fmt: skip
    except (socket.gaierror, UnicodeError) as error:
        raise _unresolved(connection, error) from error
    by = None if timeout is None else time.monotonic() + timeout
    by = min((moment for moment in (by, end) if moment is not None), default=None)
    failure = OSError("the name has no address")
    for number, (family, kind, protocol, _, address) in enumerate(found):
        sock = socket.socket(family, kind, protocol)
        try:
            for option in connection.socket_options or ():
                sock.setsockopt(*option)
            if connection.source_address:
                sock.bind(connection.source_address)
            sock.settimeout(None if by is None else _rest(by) / (len(found) - number))
            sock.connect(address)
            sock.settimeout(timeout if end is None else min(timeout or _rest(end), _rest(end)))
        except OSError as error:
            failure = error
            sock.close()
        except BaseException:
            sock.close()
            raise
        else:
            sys.audit("http.client.connect", connection, connection.host, connection.port)
            return sock
    raise failure


def _rest(end: float) -> float:
    """Seconds until a moment, as the timeout of a socket.

    Raises:
        TimeoutError: It has passed.
    """
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time is over")
    return left


def _unresolved(connection: Any, error: Exception) -> Exception:
    if isinstance(error, socket.gaierror):
        return urllib3.exceptions.NameResolutionError(connection.host, connection, error)
    return urllib3.exceptions.LocationParseError(f"{connection.host!r}, label empty or too long")


def _head(request: requests.PreparedRequest, target: str, host: str) -> bytes:
    headers: Any = request.headers
    fields = [f"{name}: {value}\r\n" for name, value in headers._store.values()]
    text = f"{request.method} {target} HTTP/1.1\r\n{host}{''.join(fields)}\r\n"
    lines = len(fields) + 3
    if text.count("\n") != lines or text.count("\r") != lines:
        raise requests.exceptions.InvalidHeader("a header or the URL holds a line end")
    return text.encode("latin-1")


def _send(sock: Any, head: bytes, body: Any, end: float | None) -> None:
    """Send head and body in one piece, so that they travel in one packet."""
    data = head + body if body else head
    sent = sock.send(data)
    while sent < len(data):
        if end is not None:
            sock.settimeout(min(_rest(end), sock.gettimeout()))
        sent += sock.send(memoryview(data)[sent:])


def _send_stream(sock: Any, head: bytes, body: Any) -> None:
    """Send a file in blocks, each within the time that was left at the beginning: it may continue
    while the homeserver reads it."""
    sock.sendall(head)
    for block in body:
        sock.sendall(block)


class Response(http.client.HTTPResponse):
    """http.client's response, which reads on after all interim responses, not just after 100, and
    whose head costs less to read.

    Attributes:
        names: The names of its headers, in lower case.
    """

    names: list[str]

    def begin(self) -> None:
        """Read the head, and set the attributes that http.client sets."""
        version, status, reason = self._read_status()
        self.code = self.status = status
        self.reason = reason.strip()
        if version in ("HTTP/1.0", "HTTP/0.9"):
            self.version = 10
        elif version.startswith("HTTP/1."):
            self.version = 11
        else:
            raise http.client.UnknownProtocol(version)
        self.headers = self.msg = _read_headers(self.fp)
        self.names = [name.lower() for name, _ in self.msg._headers]  # type: ignore[attr-defined]
        self.chunked = self._header("transfer-encoding").lower() == "chunked"
        self.chunk_left = None
        closes = self.version == 10 or "connection" in self.names
        self.will_close = closes and self._check_close()  # type: ignore[attr-defined]
        self.length = self._length()
        if not self.chunked and self.length is None:
            self.will_close = True

    def _header(self, name: str) -> str:
        """The first header of a name, empty if there is none."""
        return str(self.headers.get(name, "")) if name in self.names else ""

    def _length(self) -> int | None:
        """How many bytes the body has; None if it doesn't say."""
        if self.status in (204, 304) or self.status < 200 or self._method == "HEAD":  # type: ignore[attr-defined]
            return 0
        given = self._header("content-length")
        try:
            length = int(given) if given and not self.chunked else -1
        except ValueError:
            return None
        return length if length >= 0 else None

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if status == 101 or status >= 200:
                return version, status, reason
            http.client.parse_headers(self.fp)


def _read_headers(file: Any) -> http.client.HTTPMessage:
    """The headers of a response, and the empty line after them.

    http.client uses the email package, which costs more than all else in an ordinary response. So a
    head that has arrived, and is unambiguous, is parsed here, with the same result.

    Args:
        file: The file of the response; the status line has been read.
    """
    head, end, _ = file.peek().partition(b"\r\n\r\n")
    text = head.decode("latin-1") + "\r\n"
    fields = re.findall(_FIELD, text)
    if not end or len(fields) != text.count("\n") or len(fields) > _MOST_FIELDS:
        return http.client.parse_headers(file)
    file.read(len(head) + len(end))
    message = http.client.HTTPMessage()
    message._headers = fields  # type: ignore[attr-defined]
    return message


class _DeadlineReader(io.RawIOBase):
    """Reads a socket until a deadline: a homeserver that sends a byte now and then would never
    exceed the timeout of the socket."""

    def __init__(self, sock: Any, wait: float | None, end: float | None) -> None:
        self._sock = sock
        self._set = sock.gettimeout()
        #: Seconds to wait for data.
        self.wait = wait
        #: The deadline; None if only ``wait`` applies.
        self.end = end

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        wait = self.wait
        if self.end is not None:
            left = self.end - time.monotonic()
            if left <= 0:
                raise TimeoutError("the answer took too long in all")
            wait = left if wait is None else min(left, wait)
        if wait != self._set:
            self._sock.settimeout(wait)
            self._set = wait
        received: int = self._sock.recv_into(buffer)
        return received


def length_of(headers: Any) -> int | None:
    """How many bytes the ``Content-Length`` of a response promises; None if there is none.

    Args:
        headers: The headers, of which two of the same name may be joined by a comma.

    Raises:
        http.client.HTTPException: It isn't a number, or there are several.
    """
    given = headers.get("Content-Length")
    if given is None:
        return None
    lengths = {one.strip() for one in given.split(",")}
    length = lengths.pop()
    if lengths or len(length) > _MAX_DIGITS or not (length.isascii() and length.isdigit()):
        raise http.client.HTTPException("the answer's Content-Length is not a number")
    return int(length)


def _check_length(response: Response) -> None:
    """Refuse a response whose end is ambiguous.

    Raises:
        http.client.HTTPException: It is ambiguous.
    """
    given = response.names.count("content-length")
    # http.client sets the length if the header is a number.
    if (given > 1 or (given and response.length is None)) and not response.chunked:
        length_of({"Content-Length": ",".join(response.headers.get_all("Content-Length", []))})


def _content(response: http.client.HTTPResponse) -> bytes:
    """The whole body of a response, if its size is within the limit."""
    if response.length is not None:
        if response.length > MAX_RESPONSE_BYTES:
            raise http.client.HTTPException(f"an answer of {response.length} bytes is too large")
        return response.read()
    parts, size = [], 0
    while part := response.read(65_536):
        parts.append(part)
        size += len(part)
        if size > MAX_RESPONSE_BYTES:
            raise http.client.HTTPException("the answer is too large")
    return b"".join(parts)
