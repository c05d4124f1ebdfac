"""One exchange: a request that never changes, and its attempts."""

from __future__ import annotations

import contextlib
import http.client
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3

from .. import errors
from ..errors import MatrixConnectionError, MatrixError, MatrixResponseError, MatrixTimeoutError
from ..log import TRACE
from .access import send_settings
from .body import Stream, UnreadableBody
from .incoming import TRANSPORT_FAILURES, Incoming
from .redirect import MAX_REDIRECTS, give_back_location, redirected, target_of
from .response import MASK, Report, decoded, refusal
from .retry import Limits
from .shared import Shared
from .wire import MAX_RESPONSE_BYTES, Timeouts

__all__ = ["Exchange"]

_DEBUG = 10
# With fewer seconds left, no attempt is made.
_NOTHING = 0.001
# A session's errors for a request that it can't send at all.
_UNSENDABLE = (
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
)
# How many bytes are read of a refused download.
_MAX_REFUSAL = 65_536


class Exchange(Report):
    """A prepared request and the state of its attempts.

    Args:
        shared: The session, the clock and the rate limits.
        request: The request.
        settings: The arguments of ``Session.send``.
        limits: Its retry policy, deadline and timeouts.
        name: Its name in logs and errors.
        user: The acting user.
        secrets: What in the request no error may show; None if nothing in it is secret.
        reader: Makes the result of a good response while it arrives; None for JSON. With a reader
            the response isn't kept in memory, and redirects are followed.
    """

    __slots__ = (
        "call", "end", "expired", "failures", "limits", "reader", "settings", "shared", "streams",
        "timeouts", "travels",
    )  # fmt: skip

    #: How long the attempt may take, redirects included.
    timeouts: Timeouts

    def __init__(
        self,
        shared: Shared,
        request: requests.PreparedRequest,
        settings: dict[str, Any],
        limits: Limits,
        name: str,
        user: str | None,
        secrets: tuple[str, ...] | None = None,
        reader: Callable[[Incoming], Any] | None = None,
    ) -> None:
        self.shared = shared
        self.request = request
        #: Whether the response is read here, within the deadline, and not by our adapter.
        self.streams = reader is not None or not shared.owns_session or bool(settings["proxies"])
        self.settings = {**settings, "stream": True} if self.streams else settings
        self.reader = reader
        #: Where the attempt was redirected to, for errors.
        self.context = ""
        self.limits = limits
        self.name = name
        self.user = user
        self.secrets = secrets
        self.attempts = 0
        self.failures = 0
        #: Whether an attempt may have reached the homeserver though no response came.
        self.lost = False
        #: How often the transfer of a file has begun, up or down.
        self.travels = 0
        self.expired = False
        #: The call that it belongs to, None if the call needs no other request.
        self.call = call = shared.calls.now
        #: Its deadline, by the clock of the API.
        if call is None or limits.deadline is not None:
            self.end = shared.clock.monotonic() + limits.policy.deadline
        if call is not None:
            self.end = call.end if limits.deadline is None else min(self.end, call.end)

    def seconds_left(self) -> float:
        """Seconds until the deadline."""
        return self.end - self.shared.clock.monotonic()

    def extend(self, seconds: float) -> None:
        """Add the time that the transfer of a file took."""
        self.travels += 1
        self.end += seconds
        if self.call is not None:
            self.call.extend(seconds)

    def expire(self) -> None:
        """Note that it is given up because no time is left."""
        if self.call is not None:
            self.call.expired = True
        if not self.expired:
            self.expired = True
            self.shared.log.warning(
                "%s %s%s is given up: no time is left before its deadline", self.request.method,
                self.name, f" as {self.user}" if self.user else "",
            )  # fmt: skip

    @property
    def spent(self) -> bool:
        """Whether its body was an iterable, which has been used up."""
        body: Any = self.request.body
        return isinstance(body, Stream) and body.spent

    def attempt(self) -> Any:
        """Send the request once and return the JSON of its response.

        Raises:
            MatrixError: As :meth:`HTTPAPI.request` says.
        """
        self._check_open()
        if self.limits.policy.repeats:
            self._wait_for_turn()
        self.attempts += 1
        self.context = ""
        self.timeouts = self._timeout()
        body: Any = self.request.body
        if isinstance(body, Stream):
            response = self._upload(body)
        else:
            response = self._send_once(self.request, self.settings)
        if self.reader is not None:
            response = self._follow(response)
        elif self.streams:
            self._read_body(response)
        return self._read(response)

    def _upload(self, body: Stream) -> requests.Response:
        """Send a request with a file."""
        body.sending = None
        try:
            return self._send_once(self.request, self.settings)
        finally:
            if body.sending is not None:
                self.timeouts.end += body.sending
                self.extend(body.sending)

    def _send_once(
        self, request: requests.PreparedRequest, settings: dict[str, Any]
    ) -> requests.Response:
        """Send a request and return its response."""
        shared = self.shared
        try:
            response = shared.session.send(request, timeout=self.timeouts, **settings)
        except requests.HTTPError as error:
            # A hook of the user's session that calls raise_for_status().
            if error.response is None:
                raise self._failure(error) from error
            response = error.response
        except _UNSENDABLE as error:
            raise ValueError(f"the request can't be sent: {error}") from None
        except requests.exceptions.InvalidHeader as error:
            # urllib3 also raises it for a response; then the request has been sent.
            if not any(isinstance(cause, urllib3.exceptions.HTTPError) for cause in error.args):
                raise ValueError(f"the request can't be sent: {error}") from None
            raise self._failure(error) from None
        except UnreadableBody as error:
            if error.source_failed and error.__cause__ is not None:
                raise error.__cause__ from None
            raise MatrixError(f"{error}; the request was broken off") from error.__cause__
        except TRANSPORT_FAILURES as error:
            failure = self._failure(error)
            raise failure from failure.__cause__
        give_back_location(response)
        if shared.log.isEnabledFor(_DEBUG):
            self._log(response)
        return response

    def _read_body(self, response: requests.Response) -> None:
        """Read a response of requests' adapter within the deadline."""
        incoming = Incoming(response, self._failure, self.timeouts.end, self.timeouts[1])
        if response._content_consumed or response.status_code < 200:
            return
        if not incoming.unpacks:
            response.content  # noqa: B018 - requests decodes more, without a deadline
            return
        with contextlib.closing(incoming):
            content = incoming.read(MAX_RESPONSE_BYTES + 1)
            if len(content) > MAX_RESPONSE_BYTES:
                raise self._failure(http.client.HTTPException("the answer is too large"))
        response._content, response._content_consumed = content, True

    def _follow(self, response: requests.Response) -> requests.Response:
        """The response to a download, at the end of its redirects."""
        request, redirects = self.request, 0
        while (location := target_of(response)) is not None:
            incoming = Incoming(response, self._failure, self.timeouts.end, self.timeouts[1])
            incoming.read(_MAX_REFUSAL)
            incoming.close()
            redirects += 1
            reason = f"redirected more than {MAX_REDIRECTS} times"
            if redirects <= MAX_REDIRECTS:
                try:
                    request = redirected(request, location)
                    reason = ""
                except ValueError as error:
                    reason = f"redirected to what can't be followed: {error}"
            if reason:
                raise MatrixResponseError(reason, http_status=response.status_code, **self.facts())
            url = request.url or ""
            self.context = f"redirected to {urlsplit(url).netloc}"
            settings = {**send_settings(self.shared.session, url), "stream": True}
            response = self._send_once(request, settings)
        return response

    def _check_open(self) -> None:
        if self.shared.closed.is_set():
            raise self._closed(sent=False)

    def _closed(self, *, sent: bool) -> MatrixConnectionError:
        closed = MatrixConnectionError("the API was closed", sent=sent, **self.facts())
        closed.temporary = False
        return closed

    def _timeout(self) -> Timeouts:
        """Seconds to connect and to wait for data, at most the time that is left.

        Raises:
            MatrixTimeoutError: No time is left.
        """
        connect, read = self.limits.timeout
        left = self.seconds_left()
        if left <= _NOTHING:
            self.expire()
            raise MatrixTimeoutError(
                "there was no time left to send it before the deadline", sent=False, **self.facts()
            )
        timeouts = Timeouts((connect if connect < left else left, read if read < left else left))
        timeouts.end = time.monotonic() + left
        if self.reader is not None:
            timeouts.data = read
        return timeouts

    def _wait_for_turn(self) -> None:
        """Wait until the user's rate limit is over, whichever thread was refused."""
        shared = self.shared
        while wait := shared.limits.remaining(self.limits.speaker, shared.clock.monotonic()):
            if wait >= self.seconds_left():
                self.expire()
                raise errors.MLimitExceeded(
                    f"still rate limited for {wait:.1f} s, longer than this call may wait",
                    http_status=429,
                    errcode="M_LIMIT_EXCEEDED",
                    retry_after=wait,
                    **self.facts(),
                )
            shared.sleep(wait)
            self._check_open()

    def about_to_wait(self, seconds: float, error: BaseException, *, shared: bool) -> None:
        """Called before the wait for a repeat; a rate limit's wait holds for all threads."""
        if shared:
            now = self.shared.clock.monotonic()
            self.shared.limits.hold(self.limits.speaker, now + seconds, now)
        self.shared.log.log(_DEBUG, "repeating in %.2f s: %s", seconds, error)

    def _failure(self, error: Exception) -> MatrixConnectionError:
        """Our error for an error of the transport, which becomes its cause unless it shows a
        secret: the token, or the URL of a redirect, which is usually secret."""
        if self.shared.closed.is_set():
            return self._closed(sent=True)
        if self.seconds_left() <= _NOTHING:
            self.expire()
        from .failure import connection_error

        failure = connection_error(error, **self.facts())
        if self.token:
            failure.reason = failure.reason.replace(self.token, MASK)
            failure.args = (failure.reason,)
        failure.__cause__ = None if self.context or self.shows_token(error) else error
        return failure

    def _log(self, response: requests.Response) -> None:
        who = f" as {self.user}" if self.user else ""
        level = _DEBUG if self.attempts == 1 else TRACE
        size: Any = response.headers.get("Content-Length", "some")
        if response._content_consumed:
            size = len(response.content)
        self.shared.log.log(
            level, "%s %s%s: %d, %s bytes in %.0f ms", self.request.method, self.name, who,
            response.status_code, size, response.elapsed.total_seconds() * 1000,
        )  # fmt: skip

    def _read(self, response: requests.Response) -> Any:
        status = response.status_code
        if status < 200:
            response.close()
            raise MatrixConnectionError(f"{status} and no answer after it", **self.facts())
        if self.reader is not None:
            return self._read_with(response, self.reader)
        if not 200 <= status < 300:
            raise refusal(self, response, response.content, self.shared.clock)
        return decoded(self, response)

    def _read_with(self, response: requests.Response, reader: Callable[[Incoming], Any]) -> Any:
        """Pass a good response to the reader; of a refusal, only the beginning is read. A reader
        that doesn't raise closes the response."""
        status = response.status_code
        good = 200 <= status < 300
        end, wait = (None, self.timeouts.data) if good else (self.timeouts.end, self.timeouts[1])
        incoming = Incoming(response, self._failure, end, wait)
        begun, arrived = time.monotonic(), None
        try:
            if status == 206:
                raise MatrixResponseError(
                    "a part instead of the whole", http_status=status, **self.facts()
                )
            if not good:
                raise refusal(self, response, incoming.read(_MAX_REFUSAL), self.shared.clock)
            result = reader(incoming)
            arrived = time.monotonic()
            return result
        except BaseException:
            incoming.close()
            raise
        finally:
            if good:
                # Time in which no data arrived doesn't count as transfer.
                self.extend((arrived or incoming.arrived) - begun)
