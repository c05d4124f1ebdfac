"""A small HTTP server of the standard library's parts: a thread for each connection, which stays
open as long as the client likes.

Spec: RFC 9112.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from email.utils import formatdate
from http.client import responses
from socketserver import BaseRequestHandler, TCPServer, ThreadingMixIn
from typing import Any

from .receiver.binding import take
from .receiver.receiver import Receiver
from .receiver.request import Answer, refusal

__all__ = ["IDLE", "Server"]

_LONGEST_HEAD = 64 * 1024
_PART = 64 * 1024
#: Seconds for which a connection that isn't used stays open. Synapse closes them after 120 s, and
#: should be the first: a server that closes one loses the request that is on its way.
IDLE = 180.0
# How long is waited for what a client still sends that was refused, and how much of it is taken.
_LINGER, _LEFT = 1.0, 64 * 1024 * 1024
# How long is waited at the end for answers to go out.
_FLUSH = 1.0
_LINE = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([!-~]+) HTTP/1\.([01])\r\n")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*)\r\n")
_CLOSE = "Connection: close\r\n"
# What a request to a proxy begins with.
_ORIGIN = re.compile(r"^[^/]+//[^/]*")


class _Bad(Exception):
    """A request that can't be understood; where the next one begins isn't known."""

    def __init__(self, status: int, problem: str) -> None:
        super().__init__(problem)
        self.status = status


class Server(ThreadingMixIn, TCPServer):
    """Serves a receiver.

    Args:
        receiver: Who answers.
        host: The address to listen at.
        port: The port; 0 takes a free one.

    Attributes:
        port: The port.

    Raises:
        OSError: The port is taken.
    """

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, receiver: Receiver, host: str, port: int) -> None:
        self.receiver = receiver
        self._lock = threading.Lock()
        self._open: dict[socket.socket, threading.Thread] = {}
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), _Connection)
        self.port: int = self.server_address[1]

    def opened(self, connection: socket.socket) -> None:
        """Remember a connection, and the thread that serves it."""
        with self._lock:
            self._open[connection] = threading.current_thread()

    def shutdown_request(self, request: Any) -> None:
        """Close once the client has sent all: what isn't read would cut off its answer."""
        with self._lock:
            self._open.pop(request, None)
        with contextlib.suppress(OSError):
            request.shutdown(socket.SHUT_WR)
            request.settimeout(_LINGER)
            left = _LEFT
            while left > 0 and (part := request.recv(_PART)):
                left -= len(part)
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: the client has gone away, and the receiver raises nothing."""

    def server_close(self) -> None:
        """End all connections; answers that are going out are finished."""
        super().server_close()
        with self._lock:
            left = dict(self._open)
        for connection in left:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RD)
        end = time.monotonic() + _FLUSH
        for thread in left.values():
            thread.join(max(0.0, end - time.monotonic()))


class _Connection(BaseRequestHandler):
    """A connection: one request after the other."""

    server: Server
    request: socket.socket

    def setup(self) -> None:
        self.server.opened(self.request)
        self.request.settimeout(IDLE)
        with contextlib.suppress(OSError):
            self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        self._got = b""

    def handle(self) -> None:
        try:
            while self._answer_one():
                pass
        except _Bad as bad:
            self._send(refusal(bad.status, "M_UNRECOGNIZED", str(bad)), stays=False)

    def _answer_one(self) -> bool:
        """Answer a request; whether there may be another one."""
        head = self._head()
        if head is None:
            return False
        found = _LINE.match(head)
        if found is None:
            raise _Bad(400, "The request line can't be understood")
        method, target, minor = found.groups()
        headers = _headers(head, found.end())
        body = _Body(self, headers, minor == "1")
        path, _, query = (target if target[0] == "/" else _ORIGIN.sub("", target)).partition("?")
        answer = take(self.server.receiver, method, path, query, headers, body.read)
        stays = minor == "1" and "close" not in headers.get("connection", "").lower()
        stays = stays and not body.left
        self._send(answer, stays=stays, bare=method == "HEAD")
        return stays

    def _head(self) -> str | None:
        """The head of the next request, without its last line; None if there is none."""
        while True:
            if self._got.startswith(b"\r\n"):
                self._got = self._got[2:]
            end = self._got.find(b"\r\n\r\n") + 2
            if end > 1:
                head, self._got = self._got[:end], self._got[end + 2 :]
                return head.decode("latin-1")
            if len(self._got) > _LONGEST_HEAD:
                raise _Bad(431, "The head is too long")
            part = self.request.recv(_PART)
            if not part:
                return None
            self._got += part

    def read(self, size: int) -> bytes:
        """Read what follows the head."""
        if self._got:
            part, self._got = self._got[:size], self._got[size:]
            return part
        return self.request.recv(min(size, _PART))

    def go_on(self) -> None:
        """Ask for the body of a client that waits to be asked."""
        if not self._got:
            self.request.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _send(self, answer: Answer, *, stays: bool, bare: bool = False) -> None:
        more = "".join([f"{name}: {value}\r\n" for name, value in answer.headers.items()])
        text = (
            f"HTTP/1.1 {answer.status} {responses.get(answer.status, 'Unknown')}\r\n{more}"
            f"Content-Length: {len(answer.data)}\r\nDate: {_date(int(time.time()))}\r\n"
            f"{'' if stays else _CLOSE}\r\n"
        )
        head = text.encode("latin-1", "replace")
        self.request.sendall(head if bare else head + answer.data)


class _Body:
    """The body of a request, which is as long as its head says.

    Attributes:
        left: How many bytes aren't read yet.
    """

    def __init__(self, connection: _Connection, headers: dict[str, str], asks: bool) -> None:
        said = headers.get("content-length", "0")
        if "transfer-encoding" in headers:
            raise _Bad(411, "The length of the body is missing")
        if not said.isascii() or not said.isdigit() or len(said) > 18:
            raise _Bad(400, "The length of the body can't be understood")
        self.left = int(said)
        self._connection = connection
        self._waits = asks and headers.get("expect", "").lower() == "100-continue"

    def read(self, size: int) -> bytes:
        """Read at most so many bytes; nothing at the end, or if the client has gone."""
        if not self.left:
            return b""
        try:
            if self._waits:
                self._waits = False
                self._connection.go_on()
            part = self._connection.read(min(size, self.left))
        except OSError:
            return b""
        self.left -= len(part)
        return part


def _headers(head: str, place: int) -> dict[str, str]:
    """The headers from a place of the head on; what comes several times is joined."""
    headers: dict[str, str] = {}
    for found in _HEADER.finditer(head, place):
        if found.start() != place:
            break
        place = found.end()
        name, value = found.groups()
        name, value = name.lower(), value.rstrip(" \t")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if place != len(head):
        raise _Bad(400, "A header can't be understood")
    return headers


_last_date = (0, "")


def _date(present: int) -> str:
    """The date for headers."""
    global _last_date
    found = _last_date
    if found[0] != present:
        found = _last_date = present, formatdate(present, usegmt=True)
    return found[1]
