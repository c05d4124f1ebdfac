"""One exchange: a request that never changes, and what becomes of its attempts."""

from __future__ import annotations

import http.client
import json
import time
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

import requests
import urllib3

from ..errors import (
    MatrixConnectionError,
    MatrixError,
    MatrixInteractiveAuthError,
    MatrixRequestError,
    MatrixResponseError,
    MLimitExceeded,
    excerpt,
)
from ..log import TRACE
from .failure import connection_error
from .request import FileBody, UnreadableBody
from .retry import RetryPolicy, retry_after
from .wire import Timeouts

if TYPE_CHECKING:
    from .shared import Shared

__all__ = ["Exchange", "Limits"]

_DEBUG = 10
_MASK = "[token]"
# What a session says of a request that it can't even try to send.
_UNSENDABLE = (
    requests.exceptions.InvalidHeader,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
)
_TRANSPORT_FAILURES = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    OverflowError,
)
_decode = json.JSONDecoder().decode


class Limits(NamedTuple):
    """How far an exchange may go.

    Attributes:
        policy: How it is repeated.
        timeout: Seconds to connect, seconds to wait for data.
        repeatable: Whether it may be sent again though it may have arrived.
        speaker: Who shares its rate limit.
    """

    policy: RetryPolicy
    timeout: tuple[float, float]
    repeatable: bool
    speaker: tuple[Any, ...]


class Exchange:
    """A prepared request and the story of its attempts."""

    __slots__ = (
        "attempts", "failures", "limits", "lost", "name", "request", "secrets", "settings",
        "shared", "started", "user",
    )  # fmt: skip

    def __init__(
        self,
        shared: Shared,
        request: requests.PreparedRequest,
        settings: dict[str, Any],
        limits: Limits,
        name: str,
        user: str | None,
        secrets: tuple[str, ...] | None = None,
    ) -> None:
        self.shared = shared
        self.request = request
        self.settings = settings
        self.limits = limits
        self.name = name
        self.user = user
        #: What the request says that no error may show; None where nothing in it is secret.
        self.secrets = secrets
        self.attempts = 0
        self.failures = 0
        #: Whether an attempt may have reached the homeserver though no answer of its came.
        self.lost = False
        self.started = shared.clock.monotonic()

    def seconds_left(self) -> float:
        """Seconds until the deadline."""
        return self.started + self.limits.policy.deadline - self.shared.clock.monotonic()

    def facts(self) -> dict[str, Any]:
        """What an error tells of the exchange."""
        return {
            "method": self.request.method,
            "path": self.name,
            "target": unquote(urlsplit(self.request.url or "").path),
            "user": self.user,
            "attempts": self.attempts,
            "repeated": self.lost,
        }

    def attempt(self) -> Any:
        """Send the request once and return the JSON of its answer.

        Raises:
            MatrixError: As :meth:`HTTPAPI.request` says.
        """
        shared = self.shared
        self._check_open()
        if self.limits.policy.repeats:
            self._wait_for_turn()
        self.attempts += 1
        if isinstance(self.request.body, FileBody):
            self.request.body.rewind()
        try:
            response = shared.session.send(self.request, timeout=self._timeout(), **self.settings)
        except requests.HTTPError as error:
            # A hook of the user's session that calls raise_for_status().
            if error.response is None:
                raise self._failure(error) from error
            response = error.response
        except _UNSENDABLE as error:
            raise ValueError(f"the request can't be sent: {error}") from None
        except UnreadableBody as error:
            raise MatrixError(f"{error}; the request was broken off") from error.__cause__
        except _TRANSPORT_FAILURES as error:
            raise self._failure(error) from _without(self._token, error)
        if shared.log.isEnabledFor(_DEBUG):
            self._log(response)
        return self._read(response)

    def _check_open(self) -> None:
        if self.shared.closed.is_set():
            closed = MatrixConnectionError("the API was closed", sent=False, **self.facts())
            closed.temporary = False
            raise closed

    def _timeout(self) -> Timeouts:
        """Seconds to connect and to wait for data. The first attempt gets them in full, and at
        least until the deadline for the whole answer; a repeat gets no more than what is left."""
        connect, read = self.limits.timeout
        left = max(self.seconds_left(), 0.001)
        if self.attempts > 1:
            connect, read = min(connect, left), min(read, left)
        timeouts = Timeouts((connect, read))
        timeouts.end = time.monotonic() + max(left, read)
        return timeouts

    def _wait_for_turn(self) -> None:
        """Wait out a rate limit that the homeserver told any thread of the same user."""
        shared = self.shared
        while wait := shared.limits.remaining(self.limits.speaker, shared.clock.monotonic()):
            if wait >= self.seconds_left():
                raise MLimitExceeded(
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

    @property
    def _token(self) -> str:
        """The token, which a confused server may echo; it never shows up in an error."""
        authorization = str(self.request.headers.get("Authorization") or "")
        return authorization.partition(" ")[2]

    def _masked(self, content: bytes) -> bytes:
        token = self._token.encode()
        return content.replace(token, _MASK.encode()) if token else content

    def _excerpt(self, content: bytes) -> str:
        if self.secrets is not None:
            return ""
        return excerpt(self._masked(content).decode(errors="replace"))

    def _echoes(self, content: Any) -> bool:
        """Whether an answer holds a secret of the request."""
        text = json.dumps(content)
        return any(json.dumps(secret)[1:-1] in text for secret in self.secrets or () if secret)

    def _failure(self, error: Exception) -> MatrixConnectionError:
        failure = connection_error(error, **self.facts())
        if self._token:
            failure.reason = failure.reason.replace(self._token, _MASK)
            failure.args = (failure.reason,)
        return failure

    def _log(self, response: requests.Response) -> None:
        who = f" as {self.user}" if self.user else ""
        level = _DEBUG if self.attempts == 1 else TRACE
        self.shared.log.log(
            level, "%s %s%s: %d, %d bytes in %.0f ms", self.request.method, self.name, who,
            response.status_code, len(response.content), response.elapsed.total_seconds() * 1000,
        )  # fmt: skip

    def _read(self, response: requests.Response) -> Any:
        status = response.status_code
        body = response.content
        if status < 200:
            # The real answer may still come, and must not reach whoever sends next.
            response.close()
            self.shared.session.close()
            raise MatrixConnectionError(f"{status} and no answer after it", **self.facts())
        if not 200 <= status < 300:
            raise self._refusal(response)
        try:
            answer = _decode(body.decode())
        except (ValueError, RecursionError):
            if status == 204 and not body:
                return {}
            raise MatrixResponseError(
                f"{status} with a body that isn't JSON ({_kind(response)}): is base_url the "
                "homeserver's?",
                http_status=status, text=self._excerpt(body), temporary=True, **self.facts(),
            ) from None  # fmt: skip
        if isinstance(answer, (dict, list)):
            return answer
        raise MatrixResponseError(
            f"{status} with JSON that is neither an object nor a list",
            http_status=status, text=self._excerpt(body), **self.facts(),
        )  # fmt: skip

    def _refusal(self, response: requests.Response) -> MatrixRequestError:
        status = response.status_code
        content = self._masked(response.content)
        try:
            body = _decode(content.decode())
        except (ValueError, RecursionError):
            body = None
        text = "" if isinstance(body, dict) else self._excerpt(content)
        body = body if isinstance(body, dict) else {}
        errcode = body.get("errcode")
        errcode = errcode if isinstance(errcode, str) and errcode else None
        if self.secrets and self._echoes(body):
            body = {"error": "(the answer repeats a secret of the request, and isn't shown)"}
        message = body.get("error")
        interactive = status == 401 and isinstance(body.get("flows"), list)
        if not isinstance(message, str) or not message:
            explained = self._masked(_explain(response).encode()).decode()
            message = explained if errcode is None else "(no reason given)"
            if interactive:
                message = "the user must authenticate, with a password for example (auth=)"
        asked = None
        if status == 429:
            asked = retry_after(response.headers, body, self.shared.clock.time())
        facts = {
            "message": message, "http_status": status, "body": body, "text": text,
            "retry_after": asked, **self.facts(),
        }  # fmt: skip
        if interactive:
            return MatrixInteractiveAuthError(errcode=errcode, **facts)
        cls = MLimitExceeded if status == 429 else MatrixRequestError
        return cls.of(errcode, **facts)


def _without(token: str, error: Exception) -> Exception | None:
    """The cause of an error, unless it shows the token."""
    return None if token and token in f"{error!r} {error.__cause__!r}" else error


def _kind(response: requests.Response) -> str:
    return response.headers.get("Content-Type", "").partition(";")[0] or "no content type"


def _explain(response: requests.Response) -> str:
    """What to say of an answer without a word from the homeserver."""
    location = response.headers.get("Location")
    if location and 300 <= response.status_code < 400:
        return f"redirected to {location!r}: if that is the homeserver, give it as base_url"
    return f"not a Matrix answer ({response.reason or _kind(response)}): is base_url right?"
