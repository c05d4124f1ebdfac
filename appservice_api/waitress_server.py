"""waitress, for :meth:`AppService.run`: separate threads for what may hang; connections that never
showed the homeserver's token are closed soon."""

from __future__ import annotations

import time
from typing import Any

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import MultiSocketServer, TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from .http_server import IDLE, UNAUTHENTICATED_IDLE
from .receiver.binding import UNAUTHENTICATED_BODY
from .receiver.http import Request
from .receiver.receiver import Receiver
from .wsgi import WSGI

try:
    from resource import RLIM_INFINITY, RLIMIT_NOFILE, getrlimit
except ImportError:  # Windows
    getrlimit = None  # type: ignore[assignment]

__all__ = ["Server", "create"]

# Bodies that waitress accepts may be larger than the receiver's limit, so that the receiver refuses
# them.
_MORE = 2
_MAX_HEAD = 64 * 1024
#: How many connections are open at most; and how many files a process needs for other things.
MAX_CONNECTIONS = 1000
_OTHER_FILES = 128
_LEAST = 16
# Windows can't wait for more than 512 sockets.
_WITHOUT_POLL = 400
# waitress accepts this many more: connections that are being closed count, too.
_MARGIN = 16
# Seconds that threads are given to end.
_END, _LEAST_END = 5.0, 0.2


def create(receiver: Receiver, host: str, port: int, threads: int) -> Any:
    """Make a server that listens; ``run()`` serves.

    Args:
        receiver: The receiver.
        host: The address to listen at.
        port: The port.
        threads: How many transactions are handled at once.

    Raises:
        OSError: The port is in use.
    """
    most = max_connections()
    settings = Adjustments(
        host=host, port=port, threads=threads, ident=None,
        max_request_body_size=_MORE * receiver.max_body, max_request_header_size=_MAX_HEAD,
        clear_untrusted_proxy_headers=True, channel_timeout=int(IDLE), cleanup_interval=1,
        connection_limit=most + _MARGIN, asyncore_use_poll=True,
    )  # fmt: skip
    dispatchers = _Dispatchers(threads)
    sockets: dict[int, Any] = {}
    made = [
        Server(receiver, most, sockets, dispatchers, settings, address)
        for address in settings.listen
    ]
    if len(made) == 1:
        return made[0]
    listening = [(one.effective_host, one.effective_port) for one in made]
    return MultiSocketServer(sockets, settings, listening, dispatchers, made[0].log_info)


def max_connections() -> int:
    """How many connections may be open, by the limit of open files."""
    if getrlimit is None:
        return _WITHOUT_POLL
    files = getrlimit(RLIMIT_NOFILE)[0]
    if files == RLIM_INFINITY:
        return MAX_CONNECTIONS
    return max(_LEAST, min(MAX_CONNECTIONS, files - _OTHER_FILES))


class _Dispatchers:
    """Separate threads for transactions, for the homeserver's queries, and for quick requests: none
    of these delays the others.

    Args:
        threads: How many transactions are handled at once.
    """

    def __init__(self, threads: int) -> None:
        self._others, self._queries, self._transactions = (
            _started(2), _started(max(1, threads // 2)), _started(threads),
        )  # fmt: skip

    def add_task(self, channel: _Channel) -> None:
        """Queue the next request of a connection."""
        route = channel.requests[0].route
        if route is None or route == "ping":
            self._others.add_task(channel)
        elif route == "transaction":
            self._transactions.add_task(channel)
        else:
            self._queries.add_task(channel)

    def shutdown(self) -> None:
        """End all threads that don't hang, within seconds."""
        end = time.monotonic() + _END
        for one in (self._others, self._queries, self._transactions):
            one.shutdown(timeout=max(_LEAST_END, end - time.monotonic()))


def _started(threads: int) -> Any:
    made = ThreadedTaskDispatcher()
    made.set_thread_count(threads)
    return made


class _Parser(HTTPRequestParser):  # type: ignore[misc]
    """Reads a request; without the homeserver's token, no large body."""

    #: The route of the homeserver's request; None for all else.
    route: str | None = None
    chunked: bool
    content_length: int
    headers: dict[str, str]

    def __init__(self, settings: Any, channel: _Channel) -> None:
        super().__init__(settings)
        self._channel = channel

    def parse_header(self, header_plus: bytes) -> None:
        """Read the head, and check who sends it."""
        super().parse_header(header_plus)
        allowed = {"authorization": self.headers.get("AUTHORIZATION", "")}
        asked = Request(self.command, self.path, self.query, allowed)
        receiver: Receiver = self._channel.server.receiver
        if receiver.admits(asked):
            self._channel.authenticated = True
            self.route = receiver.route_of(asked)
        elif self.chunked or self.content_length > UNAUTHENTICATED_BODY:
            # The response comes without its body being read, and the connection is closed.
            self.close()
            self.body_rcv, self.content_length, self.chunked = None, 0, False
            self.expect_continue, self.connection_close = False, True
            self.headers["CONNECTION"] = "close"


class _Channel(HTTPChannel):  # type: ignore[misc]
    """A connection."""

    #: Whether a request showed the homeserver's token.
    authenticated = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        #: When it was opened, or its last response was made.
        self.since = self.creation_time

    def parser_class(self, settings: Any) -> _Parser:
        """What reads the next request."""
        return _Parser(settings, self)

    def service(self) -> None:
        """Respond to a request, in a thread."""
        super().service()
        self.since = time.time()

    @property
    def is_dispensable(self) -> bool:
        """Whether it never authenticated, and no request of it is being handled."""
        return not (self.authenticated or self.requests or self.will_close)


class Server(TcpWSGIServer):  # type: ignore[misc]
    """Listens at an address.

    Args:
        receiver: The receiver.
        most: How many connections may be open.
        sockets: All open sockets.
        dispatchers: The threads that handle requests.
        settings: The settings.
        address: Where to listen.
    """

    channel_class = _Channel

    def __init__(
        self, receiver: Receiver, most: int, sockets: dict[int, Any], dispatchers: _Dispatchers,
        settings: Any, address: Any,
    ) -> None:  # fmt: skip
        self.receiver = receiver
        self._most = most
        super().__init__(
            WSGI(receiver), sockets, dispatcher=dispatchers, adj=settings, sockinfo=address
        )

    def maintenance(self, now: float) -> None:
        """Close connections that are silent for too long."""
        super().maintenance(now)
        for channel in list(self.active_channels.values()):
            if channel.is_dispensable and channel.since < now - UNAUTHENTICATED_IDLE:
                channel.will_close = True

    def handle_accept(self) -> None:
        """Accept a connection; if there are too many, close one that never authenticated."""
        super().handle_accept()
        if len(self._map) > self._most:
            channels = (one for one in self._map.values() if isinstance(one, _Channel))
            idle = (one for one in channels if one.is_dispensable)
            oldest = min(idle, key=lambda one: one.since, default=None)
            if oldest is not None:
                # It is closed later: its descriptor must not be reused in this pass of the loop.
                oldest.will_close = True
