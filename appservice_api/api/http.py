"""HTTPAPI: JSON over HTTP to one homeserver, with a token, retries and typed errors."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeAlias
from urllib.parse import quote, urlsplit

import requests

from ..fork import renew_after_fork
from ..log import TraceLogger, trace_logger
from .exchange import Exchange, Limits
from .path import Method, PathBuilder, as_path
from .retry import Clock, RateLimits, RetryPolicy, SystemClock, may_repeat, retrying
from .transport import copy_headers, new_session
from .txn_id import TransactionIDs

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["HTTPAPI", "JSON", "Access", "Shared", "Timeout"]

JSON = dict[str, Any]
#: Seconds to connect and seconds to wait for data; one number stands for the second.
Timeout: TypeAlias = float | tuple[float, float]

_BAD_TOKEN = re.compile(r"[^\x21-\x7e]")
_BAD_HEADER = re.compile(r"[\x00\r\n]")
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def check_token(token: str | None) -> str | None:
    """Return a token if a header can carry it.

    Raises:
        ValueError: It is empty or holds white space or control characters. It isn't shown.
    """
    if token is not None and (not isinstance(token, str) or not token or _BAD_TOKEN.search(token)):
        raise ValueError(
            "the token is empty, or holds white space, control or non-ASCII characters "
            "(a line end left from reading a file?)"
        )
    return token


def check_base_url(base_url: object) -> str:
    """Return the text of a homeserver's URL, without a slash at its end.

    Raises:
        ValueError: It isn't an http or https URL, or holds a password, a query or a fragment.
    """
    text = str(base_url).rstrip("/")
    try:
        parts = urlsplit(text)
        port_ok = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_ok = urlsplit(""), False
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_ok:
        raise ValueError(
            f"base_url {text!r} is not the URL of a homeserver; "
            "it must look like 'https://matrix.example.org'"
        )
    if parts.username is not None or parts.password is not None:
        raise ValueError("base_url must not hold a user name or password")
    if parts.query or parts.fragment or re.search(r"[\s\x00-\x1f\\]", text):
        raise ValueError(f"base_url {text!r} must have no query, fragment or white space")
    return text


def encode_json(content: Any) -> bytes:
    """Encode what a request sends.

    Raises:
        ValueError: It holds NaN, an infinity, a lone surrogate, or refers to itself.
        TypeError: It holds an object that JSON doesn't know.
    """
    try:
        return _encode(content).encode()
    except UnicodeEncodeError:
        raise ValueError("the content holds a lone surrogate, which can't be sent") from None
    except RecursionError:
        raise ValueError("the content is nested too deeply") from None


def encode_query(params: Mapping[str, Any]) -> str:
    """Encode query parameters: None is left out, a list repeats its key, True is ``true``.

    Raises:
        ValueError: A key would carry a token in the URL.
    """
    pairs = []
    for key, value in params.items():
        if key == "access_token":
            raise ValueError("an access token must not be in the URL; give it as token=")
        for item in value if isinstance(value, (list, tuple, set, frozenset)) else (value,):
            if item is None:
                continue
            text = ("false", "true")[item] if isinstance(item, bool) else str(item)
            pairs.append(f"{quote(key, safe='')}={quote(text, safe='')}")
    return "&".join(pairs)


class Body(NamedTuple):
    """What a request sends: bytes or a file, how many bytes, and their media type."""

    data: bytes | IO[bytes] | None
    length: int
    type: str | None


_NO_BODY = Body(None, 0, None)
_EMPTY_OBJECT = Body(b"{}", 2, "application/json")


def json_body(content: Any) -> Body:
    """The body that sends content as JSON.

    Raises:
        ValueError, TypeError: As :func:`encode_json` says.
    """
    data = encode_json(content)
    return Body(data, len(data), "application/json")


def as_body(method: str, content: Any) -> Body:
    """The body of what a caller gave; a POST or PUT without content sends ``{}``.

    Raises:
        ValueError: It is neither JSON, bytes, text nor a binary file that can be sent again.
    """
    if content is None:
        return _EMPTY_OBJECT if method in ("POST", "PUT") else _NO_BODY
    if isinstance(content, (dict, list)):
        return json_body(content)
    if isinstance(content, str):
        content = content.encode()
    elif isinstance(content, (bytearray, memoryview)):
        content = bytes(content)
    if isinstance(content, bytes):
        return Body(content, len(content), "application/octet-stream")
    if hasattr(content, "read") and hasattr(content, "seek"):
        start = content.tell()
        length = content.seek(0, os.SEEK_END) - start
        content.seek(start)
        return Body(content, length, "application/octet-stream")
    raise ValueError(
        "content must be a dict, bytes, str or a seekable binary file, "
        f"not {type(content).__name__}"
    )


class Access:
    """Where requests go and which token they carry. Its repr has no token."""

    __slots__ = ("_settings", "authorization", "base_url", "key")

    def __init__(self, base_url: object, token: str | None) -> None:
        self.base_url = check_base_url(base_url)
        self.authorization = f"Bearer {token}" if check_token(token) else None
        self.key = hash(self.authorization)
        self._settings: tuple[tuple[Any, ...], dict[str, Any]] | None = None

    @property
    def token(self) -> str | None:
        return self.authorization[7:] if self.authorization else None

    def settings(self, session: requests.Session) -> dict[str, Any]:
        """The session's proxies, verify and cert for this URL; the environment is read once."""
        now = (
            session.verify, session.cert, session.trust_env, id(session),
            tuple(session.proxies.items()) if session.proxies else (),
        )  # fmt: skip
        if self._settings is None or self._settings[0] != now:
            merged = session.merge_environment_settings(self.base_url, {}, False, None, None)
            merged["stream"] = False
            merged["allow_redirects"] = False
            merged["proxies"] = dict(merged["proxies"])
            self._settings = now, merged
        return self._settings[1]

    def __repr__(self) -> str:
        return f"Access({self.base_url!r})"


class Shared:
    """What all objects that speak for one application service have in common."""

    def __init__(
        self,
        *,
        session: requests.Session | None,
        log: Any,
        retry: RetryPolicy,
        timeout: Timeout,
        clock: Clock,
    ) -> None:
        self.session = session if session is not None else new_session()
        self.owns_session = session is None
        self.log = log
        self.policy = retry
        self.timeout = split_timeout(timeout, (5.0, 60.0))
        self.clock = clock
        self.txn_ids = TransactionIDs()
        self.lock = threading.Lock()
        self.limits = RateLimits()
        self.closed = threading.Event()
        self.run = retrying(self.sleep)
        renew_after_fork(self)

    def sleep(self, seconds: float) -> None:
        """Wait, but no longer than until :meth:`close`; the next attempt then says so."""
        if seconds > 0:
            self.clock.wait(self.closed, seconds)

    def close(self) -> None:
        """End all waiting and, where the session is ours, its connections."""
        self.closed.set()
        if self.owns_session:
            self.session.close()

    def _after_fork(self) -> None:
        closed = self.closed.is_set()
        self.lock = threading.Lock()
        self.limits = RateLimits()
        self.closed = threading.Event()
        if closed:
            self.closed.set()
        self.txn_ids.renew()
        for adapter in self.session.adapters.values():
            if isinstance(adapter, requests.adapters.HTTPAdapter):
                # A new pool; the old one's sockets belong to the parent.
                adapter.__setstate__(adapter.__getstate__())


def split_timeout(timeout: Timeout | None, default: tuple[float, float]) -> tuple[float, float]:
    """A (connect, read) pair in seconds of what a caller gave.

    Raises:
        ValueError: A timeout isn't a positive number.
    """
    if timeout is None:
        return default
    pair = timeout if isinstance(timeout, tuple) else (default[0], timeout)
    if len(pair) != 2 or not all(isinstance(t, (int, float)) and t > 0 for t in pair):
        raise ValueError(f"timeout must be seconds, or (connect, read) in seconds, not {timeout!r}")
    return pair


class HTTPAPI:
    """Requests to one homeserver. Thread-safe; usable by itself.

    Args:
        base_url: The URL of the homeserver: a str, or anything whose ``str()`` is one.
        token: The access token, None to send without one.
        client_session: A requests session to use as it is; one of our own if None.
        log: The logger for requests.
        default_retry_count: How often a request is repeated when the homeserver isn't
            reachable; the ``repeats`` of ``retry`` if None.
        retry: Waits and deadline of repeats.
        timeout: Seconds to wait for data, or (to connect, to wait for data).
        clock: What waits and tells the time; for tests.

    Raises:
        ValueError: ``base_url`` or ``token`` can't be used.
    """

    __slots__ = ("__weakref__", "_access", "_shared")
    _access: Access
    _shared: Shared

    def __init__(
        self,
        base_url: object,
        token: str | None = None,
        *,
        client_session: requests.Session | None = None,
        log: Any = None,
        default_retry_count: int | None = None,
        retry: RetryPolicy | None = None,
        timeout: Timeout = (5.0, 60.0),
        clock: Clock | None = None,
    ) -> None:
        self._access = Access(base_url, token)
        self._shared = Shared(
            session=client_session,
            log=log if log is not None else trace_logger("appservice_api"),
            retry=retry_policy(retry, default_retry_count),
            timeout=timeout,
            clock=clock or SystemClock(),
        )

    @property
    def base_url(self) -> str:
        """The URL of the homeserver."""
        return self._access.base_url

    @property
    def token(self) -> str | None:
        """The access token."""
        return self._access.token

    @property
    def session(self) -> requests.Session:
        """The requests session that all requests pass."""
        return self._shared.session

    @property
    def log(self) -> TraceLogger:
        """The logger for requests."""
        log: TraceLogger = self._shared.log
        return log

    @property
    def default_retry_count(self) -> int:
        """How often a request is repeated when the homeserver isn't reachable."""
        return self._shared.policy.repeats

    @property
    def txn_id(self) -> int:
        """A counter used for generating transaction IDs: how many were made."""
        return self._shared.txn_ids.count

    @txn_id.setter
    def txn_id(self, value: int) -> None:
        self._shared.txn_ids.advance_to(value)

    def next_txn_id(self) -> str:
        """A transaction ID that no thread, process or restart makes again."""
        return self._shared.txn_ids.next()

    def request(
        self,
        method: str | Method,
        path: str | PathBuilder,
        content: Any = None,
        headers: Mapping[str, str] | None = None,
        query_params: Mapping[str, Any] | None = None,
        retry_count: int | None = None,
        metrics_method: str = "",
        *,
        timeout: Timeout | None = None,
        deadline: float | None = None,
    ) -> Any:
        """Make a request and return the JSON of its answer.

        Args:
            method: The HTTP method.
            path: A path of :data:`Path`, or a text; one that doesn't start with ``/_matrix`` or
                ``/_synapse`` is taken below ``/_matrix/client/v3``.
            content: A dict is sent as JSON; bytes, text or a binary file as they are.
            headers: More headers.
            query_params: Query parameters; a list repeats its key, None is left out.
            retry_count: How often to repeat if the homeserver isn't reachable; 0 turns all
                repeating off, rate limits included. None takes the default.
            metrics_method: A name for logs and metrics instead of the path's template.
            timeout: Seconds to wait for data, or (to connect, to wait for data).
            deadline: Seconds after which nothing is waited for or sent again.

        Returns:
            The answer, a dict (for a few endpoints a list).

        Raises:
            ValueError: An argument can't be sent.
            MatrixRequestError: The homeserver refused; a subclass for each errcode.
            MatrixConnectionError: The homeserver couldn't be reached.
            MatrixResponseError: The answer wasn't JSON.
        """
        wire_path, template = as_path(path)
        return self._send(
            str(method), wire_path, template, as_body(method, content),
            query=encode_query(query_params) if query_params else "",
            headers=headers, retry_count=retry_count, name=metrics_method,
            timeout=timeout, deadline=deadline,
        )  # fmt: skip

    def _send(
        self,
        method: str,
        path: str,
        template: str,
        body: Body,
        *,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        retry_count: int | None = None,
        name: str = "",
        timeout: Timeout | None = None,
        deadline: float | None = None,
        user: str | None = None,
    ) -> Any:
        """Prepare the exchange once, and run it. ``query`` is encoded already."""
        shared, access = self._shared, self._access
        session = shared.session
        url = f"{access.base_url}{path}?{query}" if query else access.base_url + path
        request = _prepare(session, method, url, access.authorization, body, headers)
        policy = shared.policy
        if retry_count is not None or deadline is not None:
            policy = retry_policy(policy, retry_count, deadline)
        exchange = Exchange(
            shared, request, access.settings(session),
            Limits(
                policy,
                shared.timeout if timeout is None else split_timeout(timeout, shared.timeout),
                may_repeat(method, template),
                (access.base_url, access.key, user),
            ),
            name or template, user,
        )  # fmt: skip
        return shared.run(Exchange.attempt, exchange)

    def close(self) -> None:
        """End all waiting, and close the connections of a session that is ours. Calls that are
        repeating themselves raise :class:`MatrixConnectionError`."""
        self._shared.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.base_url}>"

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError(
            f"{type(self).__name__} can't be pickled: it holds a token and open connections. "
            "Make one in each process, for example with AppServiceAPI.from_env()."
        )


def retry_policy(
    policy: RetryPolicy | None, count: int | None = None, deadline: float | None = None
) -> RetryPolicy:
    """A policy with another count or deadline.

    Raises:
        ValueError: A number is negative.
    """
    policy = policy or RetryPolicy()
    if count is not None:
        policy = policy._replace(repeats=count)
    if deadline is not None:
        policy = policy._replace(deadline=deadline)
    if policy.repeats < 0 or min(policy[1:]) < 0:
        raise ValueError(f"a retry policy can't have negative numbers: {policy}")
    return policy


def _prepare(
    session: requests.Session,
    method: str,
    url: str,
    authorization: str | None,
    body: Body,
    more_headers: Mapping[str, str] | None,
) -> requests.PreparedRequest:
    """The request, once for all attempts: its URL and body never change between them."""
    headers = copy_headers(session.headers)
    if body.type is not None:
        headers["Content-Type"] = body.type
        headers["Content-Length"] = str(body.length)
    if authorization is not None:
        headers["Authorization"] = authorization
    if more_headers:
        for name, value in more_headers.items():
            if not isinstance(value, str) or _BAD_HEADER.search(name + value):
                raise ValueError(f"the header {name!r} can't be sent: its value must be one line")
            headers[name] = value
    request = requests.PreparedRequest()
    request.method = method
    request.url = url
    request.headers = headers  # type: ignore[assignment]
    request.body = body.data
    request.hooks = session.hooks
    if session.params or session.cookies or session.auth:
        _apply_session(request, session)
    return request


def _apply_session(request: requests.PreparedRequest, session: requests.Session) -> None:
    """What requests merges from a session; ours has none of it."""
    if session.params:
        request.prepare_url(request.url or "", session.params)
    request._cookies = session.cookies
    if session.cookies:
        request.prepare_cookies(session.cookies)
    if session.auth:
        request.prepare_auth(session.auth)
