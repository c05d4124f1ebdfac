"""Homeservers that don't let a request end, each in another way."""

from __future__ import annotations

import contextlib
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

__all__ = ["WAYS", "Hanging", "hanging"]

Behaviour = Callable[["Hanging", socket.socket], None]

_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
_LIMITED = b'{"errcode":"M_LIMIT_EXCEEDED","error":"slower"}'
_REFUSED = b'{"errcode":"M_FORBIDDEN","error":"slow and no"}'


class Hanging:
    """A homeserver that does something with each connection until it is closed.

    Args:
        behave: What it does, in a thread for each connection; None to accept none, with a full
            backlog.
    """

    def __init__(self, behave: Behaviour | None) -> None:
        self.closed = threading.Event()
        self.connections = 0
        self._behave = behave
        self._held: list[socket.socket] = []
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0 if behave is None else 512)
        self.port = self._listener.getsockname()[1]
        if behave is None:
            self._fill()
        else:
            threading.Thread(target=self._serve, daemon=True).start()

    def _fill(self) -> None:
        for _ in range(8):
            one = socket.socket()
            one.settimeout(0.2)
            self._held.append(one)
            try:
                one.connect(("127.0.0.1", self.port))
            except TimeoutError:
                return

    def _serve(self) -> None:
        while not self.closed.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._held.append(connection)
            threading.Thread(target=self._hold, args=(connection,), daemon=True).start()

    def _hold(self, connection: socket.socket) -> None:
        assert self._behave is not None
        with contextlib.suppress(OSError):
            self._behave(self, connection)

    def drip(self, connection: socket.socket, what: bytes = b"x", pause: float = 0.05) -> None:
        """Send the same again and again."""
        while not self.closed.wait(pause):
            connection.sendall(what)

    def close(self) -> None:
        self.closed.set()
        self._listener.close()
        for one in self._held:
            one.close()


def _head(connection: socket.socket) -> None:
    """Read a request, of which no more than a little is expected."""
    connection.recv(65536)


def _silence(server: Hanging, connection: socket.socket) -> None:
    server.closed.wait()


def _dripped_head(server: Hanging, connection: socket.socket) -> None:
    _head(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    server.drip(connection)


def _continue(server: Hanging, connection: socket.socket) -> None:
    _head(connection)
    server.drip(connection, b"HTTP/1.1 100 Continue\r\n\r\n", 0.001)


def _dripped_body(server: Hanging, connection: socket.socket) -> None:
    _head(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    server.drip(connection)


def _dripped_gzip(server: Hanging, connection: socket.socket) -> None:
    """What unpacks to nothing: one empty block after the other."""
    _head(connection)
    packer = zlib.compressobj(wbits=31)
    connection.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 100000\r\n\r\n"
        + packer.compress(b"") + packer.flush(zlib.Z_SYNC_FLUSH)
    )  # fmt: skip
    server.drip(connection, b"\0\0\0\xff\xff")


def _dripped_chunk(server: Hanging, connection: socket.socket) -> None:
    _head(connection)
    connection.sendall(_CHUNKED + b"fffff\r\n")
    server.drip(connection)


def _dripped_sizes(server: Hanging, connection: socket.socket) -> None:
    _head(connection)
    connection.sendall(_CHUNKED)
    server.drip(connection, b"1\r\n \r\n")


def _limited(server: Hanging, connection: socket.socket) -> None:
    while True:
        _head(connection)
        connection.sendall(
            b"HTTP/1.1 429 X\r\nRetry-After: 0\r\nContent-Length: %d\r\n\r\n%s"
            % (len(_LIMITED), _LIMITED)
        )


def _slow_refusal(server: Hanging, connection: socket.socket) -> None:
    """Refuse each request after a while: repairs are many requests."""
    while True:
        _head(connection)
        server.closed.wait(0.3)
        connection.sendall(
            b"HTTP/1.1 403 X\r\nContent-Length: %d\r\n\r\n%s" % (len(_REFUSED), _REFUSED)
        )


#: The ways to hang, and the scheme of the URL.
WAYS: dict[str, tuple[str, Behaviour | None]] = {
    "silence": ("http", _silence),
    "a dripped head": ("http", _dripped_head),
    "100 Continue without end": ("http", _continue),
    "a dripped body": ("http", _dripped_body),
    "a dripped gzip body": ("http", _dripped_gzip),
    "a dripped chunk": ("http", _dripped_chunk),
    "dripped chunks": ("http", _dripped_sizes),
    "429 without end": ("http", _limited),
    "slow refusals": ("http", _slow_refusal),
    "a stalled TLS handshake": ("https", _silence),
    "a full backlog": ("http", None),
    "six dead addresses": ("http", None),
}


@contextlib.contextmanager
def hanging(way: str) -> Iterator[tuple[str, Hanging]]:
    """A homeserver that hangs in a way: its URL, and itself."""
    scheme, behave = WAYS[way]
    server = Hanging(behave)
    resolve = socket.getaddrinfo

    def six(host: Any, *args: Any, **kwargs: Any) -> Any:
        found = resolve("127.0.0.1", *args, **kwargs)
        return found * 6 if host == "hs.test" else resolve(host, *args, **kwargs)

    with contextlib.closing(server), contextlib.ExitStack() as stack:
        host = "127.0.0.1"
        if way == "six dead addresses":
            stack.enter_context(patch("socket.getaddrinfo", six))
            host = "hs.test"
        yield f"{scheme}://{host}:{server.port}", server
