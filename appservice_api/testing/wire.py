"""A small threaded HTTP/1.1 server on the loopback interface, for tests.

The standard library's handler parses headers with the email package and sends head and body
apart; this one is several times faster, shows a request exactly as it arrived, and can misbehave.
"""

from __future__ import annotations

import contextlib
import enum
import json
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http.client import HTTPConnection, HTTPException, responses
from typing import Any, BinaryIO
from urllib.parse import parse_qs, unquote, urlsplit

from requests.structures import CaseInsensitiveDict

BACKLOG = 512


class Broken(enum.Enum):
    """Ways to end a connection without answering."""

    DROP = "drop"
    RESET = "reset"


DROP = Broken.DROP
RESET = Broken.RESET


@dataclass(frozen=True)
class Answer:
    """What goes back over the wire.

    `content_length` overrides the true length of `body`; the connection is then closed.
    """

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    content_length: int | None = None


def answer(status: int, content: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
    """Build an answer.

    Args:
        status: The HTTP status.
        content: bytes or str are sent as they are, anything else as JSON; None is `{}`.
        headers: More headers, or another Content-Type.

    Returns:
        The answer.
    """
    given = dict(headers or {})
    if isinstance(content, bytes):
        return Answer(status, content, given)
    if isinstance(content, str):
        return Answer(status, content.encode(), given)
    body = json.dumps({} if content is None else content, separators=(",", ":")).encode()
    if not any(name.lower() == "content-type" for name in given):
        given["Content-Type"] = "application/json"
    return Answer(status, body, given)


def refusal(status: int, errcode: str, error: str, **more: Any) -> Answer:
    """Build a Matrix error.

    Args:
        status: The HTTP status.
        errcode: For example "M_FORBIDDEN".
        error: The text for people.
        more: Further keys of the body.

    Returns:
        The answer.
    """
    return answer(status, {"errcode": errcode, "error": error, **more})


def truncated(content: bytes, content_length: int) -> Answer:
    """Build a 200 that promises more than it delivers and then closes the connection.

    Args:
        content: The bytes that are sent.
        content_length: The length that is promised, in bytes.

    Returns:
        The answer.
    """
    return Answer(200, content, {"Content-Type": "application/json"}, content_length)


@dataclass(repr=False)
class Recorded:
    """One request as it arrived."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @cached_property
    def path(self) -> str:
        """The raw path: still percent-encoded, without the query."""
        return self.target.partition("?")[0]

    @cached_property
    def decoded_path(self) -> str:
        """The path, percent-decoded."""
        return unquote(self.path)

    @cached_property
    def query(self) -> dict[str, list[str]]:
        """The query's values by name."""
        return parse_qs(self.target.partition("?")[2], keep_blank_values=True)

    @property
    def user_id(self) -> str | None:
        """The asserted identity: the query's `user_id`."""
        values = self.query.get("user_id")
        return values[0] if values else None

    @property
    def token(self) -> str | None:
        """The bearer token of the Authorization header."""
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        return token if scheme.lower() == "bearer" and token else None

    @cached_property
    def json(self) -> Any:
        """The body as JSON, or None if it isn't."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def __repr__(self) -> str:
        return f"<Recorded {self}>"

    def __str__(self) -> str:
        path = self.decoded_path.removeprefix("/_matrix/client/v3")
        return f"{self.method} {path}" + (f" as {self.user_id}" if self.user_id else "")


def handed_on(request: Recorded, url: str, rest: str) -> Answer | Broken:
    """Have another server answer a request.

    Args:
        request: The request.
        url: What the server's paths begin with.
        rest: What follows in the path, and the query.

    Returns:
        Its answer; RESET if it can't be reached.
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
        return Answer(found.status, found.read(), given)
    except (OSError, HTTPException):
        return RESET
    finally:
        connection.close()


Handler = Callable[[Recorded], "Answer | Broken"]


class LoopbackServer:
    """Serves a handler on 127.0.0.1, one thread a connection, keep-alive.

    Args:
        handler: Called in the connection's thread for each request.
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
        """Listen. A second start takes the port of the first again.

        Raises:
            OSError: The port is taken by now.
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
        # A listener that somebody still waits at takes connections, closed or not.
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
            return  # the client went away, or doesn't speak HTTP: nobody to tell
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


def _encode(method: str, reply: Answer, stays: bool) -> bytes:
    length = len(reply.body) if reply.content_length is None else reply.content_length
    lines = [f"HTTP/1.1 {reply.status} {responses.get(reply.status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    lines += [f"Content-Length: {length}", f"Connection: {'keep-alive' if stays else 'close'}"]
    head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
    # One send: a head that travels alone would wait for the peer's delayed ACK.
    return head if method == "HEAD" else head + reply.body
