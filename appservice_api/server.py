"""Serving without a framework: waitress for production, the standard library's in a thread."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from collections.abc import Iterator
from typing import Any, Protocol

from .errors import MatrixError, MissingExtraError
from .http_server import Server
from .receiver.arguments import check_count, check_seconds
from .receiver.receiver import Receiver
from .registration import Registration

__all__ = ["Served", "run", "serve_in_thread"]

_FLUSH = 0.2
_HIGHEST_PORT = 65_535


class Served(Protocol):
    """What a server needs of an application service."""

    registration: Registration
    receiver: Receiver
    log: Any

    def ping(self) -> int:
        """Ask the homeserver to ping. Returns how many milliseconds the ping took."""


def run(app: Served, host: str, port: int, *, threads: int, ping: bool, grace: float) -> None:
    """Serve by waitress, until SIGINT or SIGTERM comes; see :meth:`AppService.run`."""
    _check(app, host, port, grace)
    check_count("threads", threads)
    try:
        from .waitress_server import create
    except ImportError as error:
        raise MissingExtraError("app.run()", "server") from error
    with _named(host, port):
        server = create(app.receiver, host, port, threads)
    app.receiver.limit_waiting(threads)
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
def _named(host: str, port: int) -> Iterator[None]:
    """Add the address to errors of the system."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        text = f"can't listen at {host}, port {port}: {reason}; choose another host or port"
        raise type(error)(error.errno, text) from error


@contextlib.contextmanager
def _stopping(app: Served, grace: float) -> Iterator[None]:
    """During the block, SIGINT and SIGTERM end the main thread once no request is being handled; a
    second signal ends it at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked = False

    def finish() -> None:
        if not app.receiver.stop(grace):
            app.log.warning("requests are still being handled after %g s", grace)
        # The last response has to go out.
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
    """Wake the main thread by a signal; one to another thread may not wake it."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
    else:
        signal.raise_signal(signal.SIGTERM)


@contextlib.contextmanager
def serve_in_thread(
    app: Served, host: str, port: int, *, ping: bool, grace: float,
    listener: socket.socket | None = None,
) -> Iterator[str]:  # fmt: skip
    """Serve in a thread; see :meth:`AppService.serve_in_thread`.

    Args:
        listener: A socket that listens already, instead of host and port; closed at the end.
        app, host, port, ping, grace: As there.
    """
    _check(app, host, port, grace)
    with _named(host, port):
        server = Server(app.receiver, host, port, listener)
    app.receiver.start()
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="server", daemon=True
    )
    thread.start()
    if ping:
        _ping_in_thread(app)
    try:
        yield server.url
    finally:
        if not app.receiver.stop(grace):
            app.log.warning("requests are still being handled after %g s", grace)
        server.shutdown()
        thread.join()
        server.server_close()


def _check(app: Served, host: object, port: object, grace: object) -> None:
    """Check what to serve, and the address; the system's own errors don't name it."""
    app.receiver.check_open()
    if not isinstance(host, str):
        raise ValueError(f"host must be a str, not {host!r}")
    check_count("port", port, 0, _HIGHEST_PORT)
    check_seconds("grace", grace)


def _ping_in_thread(app: Served) -> None:
    threading.Thread(target=_ping, args=(app,), name="ping", daemon=True).start()


def _ping(app: Served) -> None:
    """Ask the homeserver to ping; it then sends what it has held back."""
    url = app.registration.url
    try:
        milliseconds = app.ping()
    except MatrixError as error:
        app.log.warning(
            "the homeserver doesn't reach this application service at %s: %s", url, error
        )
    else:
        app.log.info("the homeserver reaches this application service in %d ms", milliseconds)
