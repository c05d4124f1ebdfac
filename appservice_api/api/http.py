"""HTTPAPI: JSON over HTTP to one homeserver, with a token, retries and typed errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

import requests

from ..clock import Clock, SystemClock
from ..compat import Self
from ..log import TraceLogger, trace_logger
from .access import Access
from .body import Body
from .call import DEFAULT_TIMEOUT, Timeout, split_timeout
from .exchange import Exchange
from .incoming import Incoming
from .path import Method, PathBuilder, as_method, as_path
from .request import as_body, encode_query, prepare
from .retry import Limits, RetryPolicy, may_repeat, retry_policy, run
from .shared import Shared

__all__ = ["HTTPAPI"]


class HTTPAPI:
    """Requests to one homeserver. Thread-safe; usable by itself.

    Args:
        base_url: The URL of the homeserver: a str, or anything whose ``str()`` is one.
        token: The access token, None to send without one.
        client_session: A requests session to use as it is; None to make one. With a given session,
            and through a proxy, requests connects and reads the head of a response: the timeout
            applies to each address of a host, and the deadline doesn't end a head, or a chunk of a
            body, that arrives byte by byte.
        log: The logger for requests.
        default_retry_count: How often a request is repeated when the homeserver isn't
            reachable; the ``repeats`` of ``retry`` if None.
        retry: Waits between repeats, and the deadline of each call.
        timeout: Seconds to wait for data, or (to connect, to wait for data). No wait goes beyond
            the deadline: to wait longer, give both.
        clock: The clock, which also waits; for tests.

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
        timeout: Timeout = DEFAULT_TIMEOUT,
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
        """The requests session that sends all requests."""
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
            path: A path of :data:`Path`, or a text; ``/_matrix/client/v3`` is put before a text
                that doesn't start with ``/_matrix`` or ``/_synapse``.
            content: A dict is sent as JSON; bytes, text or a binary file as they are.
            headers: More headers.
            query_params: Query parameters; a list repeats its key, None is left out.
            retry_count: How often to repeat if the homeserver isn't reachable; 0 turns all
                repeating off, rate limits included. None for the default.
            metrics_method: A name for logs and metrics instead of the path's template.
            timeout: Seconds to wait for data, or (to connect, to wait for data).
            deadline: Seconds after which the call ends, with all repeats and waits; None for the
                deadline of ``retry``, even if ``timeout`` is longer.

        Returns:
            The answer, a dict (for a few endpoints a list).

        Raises:
            ValueError: An argument can't be sent.
            MatrixRequestError: The homeserver refused; a subclass for each errcode.
            MatrixConnectionError: The homeserver couldn't be reached.
            MatrixResponseError: The answer wasn't JSON.
        """
        wire_path, template = as_path(path)
        verb = as_method(method)
        return self._send(
            verb, wire_path, template, as_body(verb, content),
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
        anonymous: bool = False,
        repeatable: bool = True,
        secrets: tuple[str, ...] | None = None,
        reader: Callable[[Incoming], Any] | None = None,
    ) -> Any:
        """Prepare the exchange once, and run it. ``query`` is encoded already.

        With a ``reader`` the response is a download: the reader's result is returned, and redirects
        are followed, without the token and the query. The request is repeated if the connection
        breaks while the reader reads, but not if the reader itself raises. The timeout applies to
        each block, and the deadline to the head of the response.

        Args:
            anonymous: Send no token.
            repeatable: False if it must not be repeated, though its path may be.
            secrets: What in request and answer no error may show; None for nothing.
            reader: Makes the result of a good answer; None for JSON.
        """
        shared, access = self._shared, self._access
        session = shared.session
        url = f"{access.base_url}{path}?{query}" if query else access.base_url + path
        authorization = None if anonymous else access.authorization
        request = prepare(session, method, url, authorization, body, headers)
        policy = shared.policy
        if retry_count is not None or deadline is not None:
            policy = retry_policy(policy, retry_count, deadline)
        exchange = Exchange(
            shared, request, access.settings(session),
            Limits(
                policy,
                deadline,
                shared.timeout if timeout is None else split_timeout(timeout, shared.timeout),
                repeatable and may_repeat(method, template),
                (access.base_url, None if anonymous else access.key, user),
            ),
            name or template, user, secrets, reader,
        )  # fmt: skip
        return run(exchange, shared.sleep)

    def close(self) -> None:
        """End all calls: those that wait for a repeat and, unless the session was given, those that
        wait for data raise :class:`MatrixConnectionError`. (Through a proxy, and with a given
        session, a wait for data ends with its timeout.)"""
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
