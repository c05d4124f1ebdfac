"""Failures of the transport: errors of requests and urllib3 as errors of this package."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Any

import requests
import urllib3

from ..errors import MatrixConnectionError, MatrixTimeoutError
from ..errors.base import excerpt

__all__ = ["connection_error"]

_NEVER_SENT = (
    requests.exceptions.ConnectTimeout,
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.NameResolutionError,
    ssl.SSLCertVerificationError,
)
# OpenSSL's errors for a file that holds no certificates, no key, or a key of another certificate.
_UNUSABLE_FILE = ("[X509: ", "[PEM: ", "PEM lib")


def connection_error(error: Exception, **facts: Any) -> MatrixConnectionError:
    """Our error for one of requests or urllib3, without the request that it holds.

    Args:
        error: What ``Session.send`` raised.
        facts: The facts of the exchange, as :class:`MatrixConnectionError` takes them.
    """
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, requests.exceptions.RequestException):
            cause.request = None
    misconfigured = _names_unusable_file(causes)
    sent = not misconfigured and not any(isinstance(cause, _NEVER_SENT) for cause in causes)
    timed_out = any(
        isinstance(cause, (requests.exceptions.Timeout, TimeoutError)) for cause in causes
    )
    kind = MatrixTimeoutError if timed_out else MatrixConnectionError
    if not sent:
        what = "the homeserver can't be reached"
    elif timed_out:
        what = "the homeserver didn't answer in time"
    else:
        what = "the connection to the homeserver broke"
    if any(isinstance(cause, urllib3.exceptions.ProxyError) for cause in causes):
        what = "the proxy that the session or the environment names can't be reached"
    wrong_version = any("WRONG_VERSION_NUMBER" in str(cause) for cause in causes)
    if wrong_version:
        what = "the homeserver doesn't speak TLS there; is the URL meant to begin with http://?"
    if misconfigured:
        what = "a TLS file that the session or the environment names can't be used"
    result = kind(f"{what} ({_words(causes)})", sent=sent, **facts)
    if (
        misconfigured
        or wrong_version
        or any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes)
    ):
        result.temporary = False
    return result


def _names_unusable_file(causes: list[BaseException]) -> bool:
    """Whether the bundle, certificate or key to use is missing or invalid."""
    # requests raises a plain OSError without a number for a missing file.
    if type(causes[0]) is OSError and causes[0].errno is None:
        return True
    said = [str(cause) for cause in causes if isinstance(cause, ssl.SSLError)]
    return any(words in one for one in said for words in _UNUSABLE_FILE)


def _words(causes: list[BaseException]) -> str:
    """The innermost reason as a text of the operating system."""
    for cause in reversed(causes):
        if isinstance(cause, OSError) and cause.strerror:
            return str(cause.strerror)
    # urllib3 puts the repr of its connection before the message.
    return excerpt(str(causes[-1]).rpartition(">: ")[2]) or type(causes[-1]).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and the errors behind it: causes, urllib3's reasons, nested arguments."""
    pending: list[object] = [error]
    seen: set[int] = set()
    while pending:
        item = pending.pop()
        if not isinstance(item, BaseException) or id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        pending += [item.__cause__, item.__context__, getattr(item, "reason", None), *item.args]
