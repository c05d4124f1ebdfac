"""A small threaded HTTP/1.1 server on the loopback interface, for tests.

It is several times faster than that of the standard library, which parses headers with the email
package and sends head and body apart; it records a request exactly as it was received, and can
misbehave.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException, responses
from typing import BinaryIO
from urllib.parse import urlsplit

from requests.structures import CaseInsensitiveDict

from .http import RESET, Broken, Recorded, Response

BACKLOG = 512


def forward(request: Recorded, url: str, rest: str) -> Response | Broken:
    """Forward a request to another server.

    Args:
        request: The request.
        url: The URL with which its paths begin.
        rest: The rest of the path, and the query.

    Returns:
        Its response; RESET if it can't be reached.
    """
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=90)
    headers = {
        name: value for name, value in request.headers.items()
        if name.lower() not in ("host", "connection", "content-length", "transfer-encoding")
    }  # fmt: skip
    try:
        connection.request(request.method, parts.path.rstrip("/") + rest, request.body, headers)
        found = connection.getresponse()
        given = {"Content-Type": found.headers.get("Content-Type", "application/json")}
        return Response(found.status, found.read(), given)
    except (OSError, HTTPException):
        return RESET
    finally:
        connection.close()


Handler = Callable[[Recorded], "Response | Broken"]


class LoopbackServer:
    """An HTTP server on 127.0.0.1, with keep-alive and one thread for each connection.

    Args:
        handler: Returns the response to a request; called in the connection's thread.
    """

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._port = 0
        self._listener: socket.socket | None = None
        self._acceptor: threading.Thread | None = None
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """The base URL, without a trailing slash; known once started, kept over restarts."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def running(self) -> bool:
        """Whether it listens."""
        return self._listener is not None

    def start(self) -> None:
        """Listen; after a stop, on the same port as before.

        Raises:
            OSError: The port is in use.
        """
        if self._listener is not None:
            return
        self._listener = socket.create_server(("127.0.0.1", self._port), backlog=BACKLOG)
        self._port = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(
            target=self._accept, args=(self._listener,), name="loopback", daemon=True
        )
        self._acceptor.start()

    def stop(self) -> None:
        """Stop listening and cut every connection. Harmless when already stopped."""
        with self._lock:
            listener, self._listener = self._listener, None
            connections = list(self._open)
        if listener is None:
            return
        # Closing a listener doesn't wake the thread in accept() everywhere; a connection does.
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
        # A listener with a thread in accept() still accepts connections after close().
        if self._acceptor is not None:
            self._acceptor.join(5)
        listener.close()
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                if self._listener is not listener:
                    connection.close()
                    return
                self._open.add(connection)
            threading.Thread(
                target=self._serve, args=(connection,), name="loopback-peer", daemon=True
            ).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = connection.makefile("rb")
        try:
            while self._exchange(connection, stream):
                pass
        except (OSError, ValueError):
            return  # the client went away, or doesn't speak HTTP
        finally:
            with self._lock:
                self._open.discard(connection)
            with contextlib.suppress(OSError):
                stream.close()
                connection.close()

    def _exchange(self, connection: socket.socket, stream: BinaryIO) -> bool:
        """Serve one request; returns whether the connection stays."""
        recorded = _read(connection, stream)
        if recorded is None:
            return False
        reply = self._handler(recorded)
        if reply is RESET:
            # Lingering for zero seconds makes close() send RST.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if isinstance(reply, Broken):
            return False
        stays = reply.content_length is None and (
            recorded.headers.get("Connection", "").lower() != "close"
        )
        connection.sendall(_encode(recorded.method, reply, stays))
        return stays


def _read(connection: socket.socket, stream: BinaryIO) -> Recorded | None:
    line = stream.readline(65537)
    if not line:
        return None
    method, target, _ = line.decode("latin-1").split(" ", 2)
    headers: CaseInsensitiveDict[str] = CaseInsensitiveDict()
    while (line := stream.readline(65537)) not in (b"\r\n", b"\n"):
        if not line:
            return None
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip()] = value.strip()
    if headers.get("Expect", "").lower() == "100-continue":
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    if headers.get("Transfer-Encoding", "").lower() == "chunked":
        body = _read_chunks(stream)
    else:
        length = int(headers.get("Content-Length", 0))
        body = stream.read(length)
        if len(body) < length:
            return None
    return Recorded(method, target, headers, body)


def _read_chunks(stream: BinaryIO) -> bytes:
    parts = []
    while size := int(stream.readline().split(b";")[0], 16):
        parts.append(stream.read(size))
        stream.readline()
    while stream.readline().strip():
        pass
    return b"".join(parts)


def _encode(method: str, reply: Response, stays: bool) -> bytes:
    length = len(reply.body) if reply.content_length is None else reply.content_length
    lines = [f"HTTP/1.1 {reply.status} {responses.get(reply.status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    lines += [f"Content-Length: {length}", f"Connection: {'keep-alive' if stays else 'close'}"]
    head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
    # In one send: a head of its own would wait for the peer's delayed ACK.
    return head if method == "HEAD" else head + reply.body
