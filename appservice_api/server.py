"""Servers for those who have none: waitress for production, the standard library's in a thread."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from collections.abc import Iterator
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from .errors import MatrixError, MissingExtraError

if TYPE_CHECKING:
    from .application import AppService

__all__ = ["run", "serve_in_thread"]

# What waitress hands to the receiver: more than that takes, so that it is the receiver who says no.
_MORE = 2
_FLUSH = 0.2
# How long is waited for what a client still sends that was refused, and how much of it is taken.
_LINGER, _LEFT = 1.0, 64 * 1024 * 1024


def run(app: AppService, host: str, port: int, *, threads: int, ping: bool, grace: float) -> None:
    """Serve by waitress, until SIGINT or SIGTERM comes; see :meth:`AppService.run`."""
    try:
        from waitress.server import create_server
    except ImportError as error:
        raise MissingExtraError("app.run()", "server") from error
    server = create_server(
        app.wsgi, host=host, port=port, threads=threads, ident=None,
        max_request_body_size=_MORE * app.receiver.max_body, clear_untrusted_proxy_headers=True,
    )  # fmt: skip
    app.receiver.start()
    app.log.info("listening at http://%s:%s", host, port)
    if ping:
        _ping_in_thread(app)
    try:
        with _stopping(app, grace):
            server.run()
    finally:
        server.close()


@contextlib.contextmanager
def _stopping(app: AppService, grace: float) -> Iterator[None]:
    """Have SIGINT and SIGTERM end what the main thread does, once no request is being answered;
    a second one ends it at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked = False

    def finish() -> None:
        if not app.receiver.stop(grace):
            app.log.warning("requests are still being handled after %g s", grace)
        # The answer of the last one has to go out.
        threading.Event().wait(_FLUSH)
        _interrupt_main()

    def stop(number: int, frame: object) -> None:
        nonlocal asked
        if asked:
            raise SystemExit
        asked = True
        threading.Thread(target=finish, name="stopping", daemon=True).start()

    before = {one: signal.signal(one, stop) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _interrupt_main() -> None:
    """Wake the main thread by a signal; one that comes to another thread it may sleep through."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
    else:
        signal.raise_signal(signal.SIGTERM)


class _Handler(WSGIRequestHandler):
    """Hands over the path as it came, and writes nothing to stderr."""

    def get_environ(self) -> dict[str, Any]:
        return {**super().get_environ(), "RAW_URI": self.path}

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the receiver's log has what matters."""


class _Server(ThreadingMixIn, WSGIServer):
    """A thread for each request."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def server_bind(self) -> None:
        # The standard library's asks the DNS for its own name, which may take long.
        TCPServer.server_bind(self)
        self._name()

    def take(self, listener: socket.socket) -> None:
        """Serve a socket that listens already instead of one of its own."""
        self.socket.close()
        self.socket = listener
        self.server_address = listener.getsockname()
        self._name()

    def _name(self) -> None:
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]
        self.setup_environ()

    def shutdown_request(self, request: Any) -> None:
        """Close once the client has sent all: what isn't read would cut off its answer."""
        with contextlib.suppress(OSError):
            request.shutdown(socket.SHUT_WR)
            request.settimeout(_LINGER)
            left = _LEFT
            while left > 0 and (part := request.recv(65536)):
                left -= len(part)
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: the client has gone away, and the receiver raises nothing."""


@contextlib.contextmanager
def serve_in_thread(
    app: AppService, host: str, port: int, *, ping: bool, grace: float,
    listener: socket.socket | None = None,
) -> Iterator[str]:  # fmt: skip
    """Serve in a thread; see :meth:`AppService.serve_in_thread`.

    Args:
        listener: A socket that listens already; it is closed at the end. Host and port don't
            count then.
        app, host, port, ping, grace: As there.
    """
    server = _Server((host, port), _Handler, bind_and_activate=listener is None)
    if listener is not None:
        server.take(listener)
    server.set_app(app.wsgi)
    app.receiver.start()
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="server", daemon=True
    )
    thread.start()
    if ping:
        _ping_in_thread(app)
    try:
        yield f"http://{host if listener is None else server.server_name}:{server.server_port}"
    finally:
        if not app.receiver.stop(grace):
            app.log.warning("requests are still being handled after %g s", grace)
        server.shutdown()
        thread.join()
        server.server_close()


def _ping_in_thread(app: AppService) -> None:
    threading.Thread(target=_ping, args=(app,), name="ping", daemon=True).start()


def _ping(app: AppService) -> None:
    """Have the homeserver ping; it then sends what it holds back."""
    url = app.registration.url
    try:
        milliseconds = app.ping()
    except MatrixError as error:
        app.log.warning(
            "the homeserver doesn't reach this application service at %s: %s", url, error
        )
    else:
        app.log.info("the homeserver reaches this application service in %d ms", milliseconds)
