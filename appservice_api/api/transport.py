"""Sending: a requests session with an adapter that uses urllib3 directly.

requests' own adapter and ``urlopen`` serve redirects, proxies, decoding and retries that one
homeserver's JSON doesn't need. :class:`MatrixAdapter` takes a pooled connection, sends, and reads
the response at once, or its head where it is streamed; whatever isn't that simple (a proxy, a body
of an unknown kind) goes to requests' adapter.
"""

from __future__ import annotations

import collections
import contextlib
import http.client
import io
import socket
import sys
import weakref
from collections.abc import Mapping
from typing import Any

import requests
import urllib3
import urllib3.connection
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar, extract_cookies_to_jar
from requests.structures import CaseInsensitiveDict
from urllib3.util.connection import is_connection_dropped

from .._version import __version__
from . import wire
from .body import BLOCK, Stream
from .redirect import guarded_hooks
from .wire import exchange

__all__ = ["MatrixAdapter", "copy_headers", "hooks_for", "new_session"]

USER_AGENT = f"appservice_api/{__version__} python/{sys.version_info[0]}.{sys.version_info[1]}"
_IDLE = 128
_FAILURES = (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, OverflowError)
_HTTP_ADAPTER_SEND = HTTPAdapter.send
_ORDINARY = (urllib3.connection.HTTPConnection, urllib3.connection.HTTPSConnection)


class _Response(requests.Response):
    """A response whose rarely used parts are made when they are read."""

    def __init__(
        self, request: Any, raw: _RawResponse, content: bytes, adapter: HTTPAdapter
    ) -> None:
        self._content = content
        self._content_consumed = True
        self._next = None
        self.status_code = raw.status
        self.reason = raw.reason
        self.raw = raw
        self.url = request.url
        self.encoding = None
        self.history = []
        self.request = request
        self.connection = adapter

    @property
    def headers(self) -> CaseInsensitiveDict[str]:  # type: ignore[override]
        headers: CaseInsensitiveDict[str] = self.raw.headers
        return headers

    @property
    def cookies(self) -> RequestsCookieJar:  # type: ignore[override]
        jar = self.__dict__.get("_jar")
        if jar is None:
            jar = self.__dict__["_jar"] = RequestsCookieJar()
            extract_cookies_to_jar(jar, self.request, self.raw)
        return jar


def copy_headers(headers: Any) -> CaseInsensitiveDict[str]:
    """A copy of headers, without those whose value is None: so requests marks omitted ones. Its own
    copy would hash and compare each of them again."""
    if type(headers) is not CaseInsensitiveDict:
        headers = CaseInsensitiveDict(headers)
    copied: CaseInsensitiveDict[str] = CaseInsensitiveDict.__new__(CaseInsensitiveDict)
    copied._store = headers._store.copy()
    for key, named in headers._store.items():
        if named[1] is None:
            del copied._store[key]
    return copied


class _RawResponse:
    """The parts of ``Response.raw`` that requests uses once a response has been read."""

    __slots__ = ("_headers", "_original_response", "_response", "encoded", "reason", "status")

    def __init__(self, response: wire.Response) -> None:
        self.status = response.status
        self.reason = response.reason
        self._response = response
        self._headers: CaseInsensitiveDict[str] | None = None
        self.encoded = "content-encoding" in response.names
        # requests looks for cookies only where there is an original response.
        self._original_response = response if "set-cookie" in response.names else None

    @property
    def headers(self) -> CaseInsensitiveDict[str]:
        if self._headers is None:
            self._headers = CaseInsensitiveDict()
            for name, value in self._response.msg.items():
                before = self._headers.get(name)
                self._headers[name] = value if before is None else f"{before}, {value}"
        return self._headers

    def read(self, *args: Any, **kwargs: Any) -> bytes:
        return b""

    def close(self) -> None:
        """Do nothing: no connection is held any more."""

    release_conn = close


class MatrixAdapter(HTTPAdapter):
    """requests' adapter with a shortcut for ordinary exchanges with one homeserver.

    Args:
        idle: How many idle connections are kept for each homeserver.
    """

    def __init__(self, idle: int = _IDLE) -> None:
        self._idle = idle
        self._connections: dict[tuple[Any, ...], _Connections] = {}
        super().__init__(pool_connections=32, pool_maxsize=idle)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._idle = _IDLE
        self._connections = {}
        super().__setstate__(state)

    def break_off(self) -> None:
        """End all waits for data, in all threads."""
        for connections in list(self._connections.values()):
            connections.break_off()

    def close(self) -> None:
        """Close all idle connections."""
        for connections in list(self._connections.values()):
            connections.close()
        self._connections.clear()
        super().close()

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """Send a prepared request; the arguments are those of requests' adapter."""
        body = request.body
        simple = not proxies and (body is None or type(body) is bytes or isinstance(body, Stream))
        # Tools that record or fake HTTP replace requests' method; then that method must be used.
        if not simple or HTTPAdapter.send is not _HTTP_ADAPTER_SEND:
            return self._send_plainly(request, stream, timeout, verify, cert, proxies)
        url = request.url or ""
        slash = url.find("/", 8)
        pool = self._connections_to(url[:slash], request, verify, cert)
        connection = pool.take()
        if type(connection) not in _ORDINARY:
            return self._send_plainly(request, stream, timeout, verify, cert, proxies)
        if not isinstance(timeout, tuple):
            timeout = (timeout, timeout)
        try:
            pool.busy.add(connection)
            if pool.broken_off:
                pool.check_open()
            response, content = exchange(
                connection, pool.host, request, url[slash:], timeout, stream, pool.check_open
            )
            if stream:
                pool.streams[id(connection)] = connection
                return self.build_response(request, _streamed(response, connection, pool))
        except requests.exceptions.InvalidHeader:
            # A header of the request is invalid; the request hasn't been sent.
            raise
        except _FAILURES as error:
            connection.close()
            raise _as_requests_error(error) from error
        finally:
            pool.busy.discard(connection)
        if response.will_close:
            connection.close()
        else:
            pool.give_back(connection)
        raw = _RawResponse(response)
        if raw.encoded:
            content = _decoded(content, raw.headers)
        return _Response(request, raw, content, self)

    def _send_plainly(self, request: requests.PreparedRequest, *how: Any) -> requests.Response:
        """As requests' adapter does; after an interim response the connection isn't used again."""
        response = super().send(request, *how)
        if response.status_code < 200:
            response.close()
        return response

    def _connections_to(
        self, origin: str, request: requests.PreparedRequest, verify: Any, cert: Any
    ) -> _Connections:
        key = (origin, verify, cert)
        connections = self._connections.get(key)
        if connections is None:
            pool = self.get_connection_with_tls_context(request, verify, proxies=None, cert=cert)
            self.cert_verify(pool, request.url or "", verify, cert)
            connections = self._connections.setdefault(key, _Connections(pool, origin, self._idle))
        return connections


class _Connections:
    """The connections to one homeserver.

    Args:
        pool: Makes them.
        origin: The scheme, host and port of the homeserver.
        idle: How many unused ones are kept.

    Attributes:
        broken_off: Whether :meth:`break_off` was called.
        busy: Those that are in use.
        streams: Those that carry a streamed response.
    """

    __slots__ = ("__weakref__", "_free", "_idle", "_pool", "broken_off", "busy", "host", "streams")

    def __init__(self, pool: urllib3.HTTPConnectionPool, origin: str, idle: int) -> None:
        self._pool = pool
        self._idle = idle
        self.broken_off = False
        # The one used last is reused first; both ends of a deque are atomic.
        self._free: collections.deque[Any] = collections.deque()
        self.busy: set[Any] = set()
        self.streams: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()
        self.host = f"Host: {origin.partition('//')[2]}\r\n"
        # An API that is dropped without close() leaves no socket open.
        weakref.finalize(self, _close_all, self._free)

    def check_open(self) -> None:
        """Refuse to wait for data after :meth:`break_off`.

        Raises:
            ConnectionAbortedError: It was called.
        """
        if self.broken_off:
            raise ConnectionAbortedError("the connection was closed")

    def break_off(self) -> None:
        """End all waits for data, in all threads, and allow no new ones."""
        self.broken_off = True
        arriving = [reference() for reference in self.streams.valuerefs()]
        for connection in [*self.busy, *arriving]:
            sock = connection.sock if connection is not None else None
            with contextlib.suppress(OSError):
                if isinstance(sock, socket.socket):
                    # No TLS message is sent: the TLS state belongs to the waiting thread.
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)
                elif sock is not None:
                    sock.shutdown(socket.SHUT_RDWR)

    def take(self) -> Any:
        """A connection: the one used last if it is still open, or else a new one."""
        while True:
            try:
                connection = self._free.pop()
            except IndexError:
                return self._pool._new_conn()
            if not is_connection_dropped(connection):
                return connection
            connection.close()

    def give_back(self, connection: Any) -> None:
        if len(self._free) < self._idle and not self.broken_off:
            self._free.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        _close_all(self._free)


def _close_all(connections: collections.deque[Any]) -> None:
    while connections:
        connections.pop().close()


class _ReleasePool:
    """Replaces urllib3's pool: gets back a connection whose response was read, or given up."""

    __slots__ = ("_connections", "_response")

    def __init__(self, response: http.client.HTTPResponse, connections: _Connections) -> None:
        self._response = response
        self._connections = connections

    def _put_conn(self, connection: Any) -> None:
        if self._response.will_close or connection.sock is None:
            connection.close()
        else:
            self._connections.give_back(connection)


def _streamed(
    response: http.client.HTTPResponse, connection: Any, connections: _Connections
) -> urllib3.HTTPResponse:
    """urllib3's response, whose body hasn't been read yet."""
    where: Any = _ReleasePool(response, connections)
    return urllib3.HTTPResponse(
        response, urllib3.HTTPHeaderDict(response.msg.items()), response.status, response.version,
        reason=response.reason, preload_content=False, decode_content=False,
        original_response=response, pool=where, connection=connection,
    )  # fmt: skip


def _decoded(content: bytes, headers: Mapping[str, str]) -> bytes:
    """A decoded body, if its size is within the limit."""
    raw = urllib3.HTTPResponse(io.BytesIO(content), headers=headers, preload_content=False)
    parts, size = [], 0
    try:
        while part := raw.read(BLOCK, decode_content=True):
            parts.append(part)
            size += len(part)
            if size > wire.MAX_RESPONSE_BYTES:
                raise requests.exceptions.ContentDecodingError("the answer is too large")
    except urllib3.exceptions.DecodeError as error:
        raise requests.exceptions.ContentDecodingError(str(error)) from error
    return b"".join(parts)


def _as_requests_error(error: Exception) -> requests.exceptions.RequestException:
    """The exception that requests' adapter would raise in the same case."""
    exceptions = requests.exceptions
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return exceptions.ConnectionError(error)
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError):
        return exceptions.ConnectTimeout(error)
    if isinstance(error, TimeoutError):
        return exceptions.ReadTimeout(error)
    if isinstance(error, http.client.IncompleteRead):
        return exceptions.ChunkedEncodingError(error)
    if type(error).__name__.startswith("SSL"):
        return exceptions.SSLError(error)
    return exceptions.ConnectionError(error)


def hooks_for(session: requests.Session) -> Any:
    """The hooks of a request that is sent through a session."""
    # A session of ours skips interim responses and ignores redirects.
    return session.hooks if type(session) is _Session else guarded_hooks(session.hooks)


class _Session(requests.Session):
    """A session of ours; the response to a redirect is an error, so none is followed."""

    def resolve_redirects(self, resp: Any, req: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("yield_requests"):
            return iter(())
        return super().resolve_redirects(resp, req, *args, **kwargs)


def new_session() -> requests.Session:
    """A session with the adapter above, and only the headers that are needed."""
    session = _Session()
    session.headers = CaseInsensitiveDict({"User-Agent": USER_AGENT, "Accept": "*/*"})
    adapter = MatrixAdapter()
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session
