"""The standard library's HTTP server, a thread for each connection, which stays open."""

from __future__ import annotations

import contextlib
import math
import re
import socket
import threading
import time
from http.client import LineTooLong
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from typing import Any

from .receiver.binding import UNAUTHENTICATED_BODY, serve
from .receiver.http import Request, Response, refusal
from .receiver.receiver import Receiver

__all__ = ["IDLE", "UNAUTHENTICATED_IDLE", "Server"]

#: Seconds for which idle connections are kept: longer than homeservers keep them (Synapse: 2
#: minutes). A request fails that is being sent while this side closes.
IDLE = 180.0
#: Seconds for which a connection that never showed the homeserver's token is kept after it was
#: opened, or its last response was sent.
UNAUTHENTICATED_IDLE = 10.0
# How many of those are open at once: each has a thread.
_MAX_UNAUTHENTICATED = 128
_MAX_HEAD = 64 * 1024
_PART = 64 * 1024
# Seconds to wait for what a refused client still sends, and how many bytes of it are read.
_LINGER, _LEFT = 1.0, 64 * 1024 * 1024
_SHORTEST = 0.001
# Seconds to finish sending responses at the end.
_FLUSH = 1.0
# How the target of a request to a proxy begins.
_ORIGIN = re.compile(r"^[^/]+//[^/]*")


class Server(ThreadingHTTPServer):
    """Serves a receiver.

    Args:
        receiver: The receiver.
        host: The address to listen at.
        port: The port; 0 takes a free one.
        listener: A socket that listens already, instead of host and port; closed at the end.

    Raises:
        OSError: The port is in use.
    """

    block_on_close = False
    request_queue_size = 128

    def __init__(
        self, receiver: Receiver, host: str, port: int, listener: socket.socket | None = None
    ) -> None:
        self.receiver = receiver
        self._lock = threading.Lock()
        self._open: dict[Any, _Held] = {}
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), _Connection, bind_and_activate=listener is None)
        if listener is not None:
            self.socket.close()
            self.socket = listener
            self.server_address = listener.getsockname()

    def server_bind(self) -> None:
        """Bind without a DNS query, which may be slow."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = str(self.server_address[0]), self.server_address[1]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Accept a connection; if there are too many, close the oldest that never authenticated."""
        with self._lock:
            self._open[request] = _Held(time.monotonic())
            others = [pair for pair in self._open.items() if not pair[1].authenticated]
            if len(others) > _MAX_UNAUTHENTICATED:
                _break_off(*min(others, key=lambda pair: pair[1].since))
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection, in its thread."""
        self._open[request].thread = threading.current_thread()
        super().process_request_thread(request, client_address)

    def service_actions(self) -> None:
        """Close connections that never authenticated, and are silent or slow."""
        end = time.monotonic() - UNAUTHENTICATED_IDLE
        with self._lock:
            for request, held in self._open.items():
                if not held.authenticated and held.since < end:
                    _break_off(request, held)

    def shutdown_request(self, request: Any) -> None:
        """Close once the client has sent all: unread data would cut off its response."""
        held = self._open[request]
        left = _LEFT if held.authenticated else UNAUTHENTICATED_BODY
        end = time.monotonic() + _LINGER
        with contextlib.suppress(OSError):
            request.shutdown(socket.SHUT_WR)
            request.settimeout(_LINGER)
            while left > 0 and (part := request.recv(_PART)):
                left -= len(part)
                if not held.authenticated:
                    request.settimeout(max(_SHORTEST, end - time.monotonic()))
        with self._lock:
            del self._open[request]
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Do nothing: the client has disconnected, and the receiver raises nothing."""

    def server_close(self) -> None:
        """End all connections; responses that are being sent are finished."""
        super().server_close()
        with self._lock:
            left = dict(self._open)
        for connection in left:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RD)
        end = time.monotonic() + _FLUSH
        for held in left.values():
            if held.thread is not None:
                held.thread.join(max(0.0, end - time.monotonic()))


class _Held:
    """What is known of an open connection.

    Attributes:
        since: When it was opened, or its last response was sent.
        authenticated: Whether a request of it showed the homeserver's token.
        thread: The thread that serves it.
    """

    __slots__ = ("authenticated", "since", "thread")

    def __init__(self, since: float) -> None:
        self.since = since
        self.authenticated = False
        self.thread: threading.Thread | None = None


def _break_off(request: Any, held: _Held) -> None:
    """End the thread of a connection, which closes it."""
    with contextlib.suppress(OSError):
        request.shutdown(socket.SHUT_RDWR)
    held.since = math.inf


class _Head:
    """Reads the head of a request, up to a limit."""

    def __init__(self, file: BufferedIOBase) -> None:
        self._file = file
        self._left = _MAX_HEAD

    def readline(self, size: int) -> bytes:
        """The next line, as a file has it."""
        line = self._file.readline(size)
        self._left -= len(line)
        if self._left < 0:
            raise LineTooLong("head")
        return line


class _Connection(BaseHTTPRequestHandler):
    """A connection: one request after the other."""

    server: Server
    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.0"
    timeout = IDLE
    disable_nagle_algorithm = True
    # Head and body of a response go out together.
    wbufsize = -1

    def setup(self) -> None:
        """Find the state of this connection."""
        super().setup()
        self._held = self.server._open[self.request]

    def handle_one_request(self) -> None:
        """Respond to a request."""
        super().handle_one_request()
        if not self._held.authenticated:
            self._held.since = max(self._held.since, time.monotonic())

    def parse_request(self) -> bool:
        """Read the head of a request, not more than a little of it from who is unknown."""
        file, self._unasked = self.rfile, False
        if self._held.authenticated:
            return super().parse_request()
        self.rfile = _Head(file)  # type: ignore[assignment]
        try:
            return super().parse_request()
        finally:
            self.rfile = file

    def _admitted(self) -> bool:
        """Whether this connection is the homeserver's: a request of it showed the token."""
        if not self._held.authenticated:
            path, _, query = self.path.partition("?")
            asked = Request(self.command, path, query, self.headers.items())
            self._held.authenticated = self.server.receiver.admits(asked)
        return self._held.authenticated

    def _receive(self) -> None:
        said, *more = self.headers.get_all("Content-Length", ["0"])
        if "Transfer-Encoding" in self.headers:
            self.send_error(411, "The length of the body is missing")
            return
        if more or not (said.isascii() and said.isdigit() and len(said) < 19):
            self.send_error(400, "The length of the body can't be understood")
            return
        left = int(said)

        def read(size: int) -> bytes:
            nonlocal left
            wanted = 0 if self._unasked else min(size, left)
            part = b""
            with contextlib.suppress(OSError):
                part = self.rfile.read(wanted) if wanted else b""
            left -= len(part)
            return part

        path, _, query = _ORIGIN.sub("", self.path).partition("?")
        self._admitted()
        response = serve(
            self.server.receiver, self.command, path, query, self.headers.items(), read
        )
        # An unread body must not be read as the next request.
        self.close_connection = self.close_connection or left > 0
        self._send(response)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = do_OPTIONS = _receive

    def _send(self, response: Response) -> None:
        self.send_response_only(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.data)))
        self.send_header("Date", self.date_time_string())
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.data)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what can't be parsed, and close: where the next request begins isn't known."""
        self.close_connection = True
        self._send(refusal(code, "M_UNRECOGNIZED", message or "This can't be understood"))

    def handle_expect_100(self) -> bool:
        """Ask for the body of a client that waits to be asked, unless it will be refused."""
        self._unasked = not self._admitted()
        if self._unasked:
            return True
        going_on = super().handle_expect_100()
        self.wfile.flush()
        return going_on

    def log_message(self, format: str, *args: Any) -> None:
        """Do nothing: the receiver's log is sufficient."""
