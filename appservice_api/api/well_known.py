"""Where the homeserver of a domain is: one request to a stranger, without a token."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from ..base_url import check_base_url
from ..errors import MatrixResponseError
from ..ids import ServerName
from .failure import connection_error
from .transport import USER_AGENT, new_session

__all__ = ["discover"]

_PATH = "/.well-known/matrix/client"
_TIMEOUT = (5.0, 10.0)
_DEADLINE = 30.0
_MAX_BYTES = 64 * 1024
_MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_FAILURES = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)


def discover(domain: str, session: requests.Session | None = None) -> str | None:
    """Find the homeserver of a domain; as ``DiscoveryMethods.discover`` says.

    Args:
        domain: The server name.
        session: The session to ask with; a new one if None.

    Raises:
        ValueError, MatrixConnectionError, MatrixResponseError: As there.
    """
    host = _without_port(ServerName(domain))
    own = new_session() if session is None else contextlib.nullcontext(session)
    with own as asking:
        status, content, url = _ask(asking, f"https://{host}{_PATH}")
    if status == 404:
        return None
    if status != 200:
        raise _unusable(url, f"{status} instead of the homeserver's URL", status)
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        raise _unusable(url, "the answer isn't JSON") from None
    homeserver = answer.get("m.homeserver") if isinstance(answer, dict) else None
    base_url = homeserver.get("base_url") if isinstance(homeserver, dict) else None
    if not isinstance(base_url, str):
        raise _unusable(url, "the answer has no URL of a homeserver")
    try:
        return check_base_url(base_url)
    except ValueError as error:
        raise _unusable(url, str(error)) from None


def _without_port(name: str) -> str:
    # An IPv6 address ends with a bracket.
    host, colon, port = name.rpartition(":")
    return host if colon and "]" not in port else name


def _ask(session: requests.Session, url: str) -> tuple[int, bytes, str]:
    """Follow redirects by hand: nothing of the session's or of .netrc may be added to them.

    Returns:
        The status and body of the last answer, and the URL that gave it.
    """
    end = time.monotonic() + _DEADLINE
    for _ in range(_MAX_REDIRECTS + 1):
        response = _send(session, url, end)
        with response:
            target = response.headers.get("Location")
            if response.status_code not in _REDIRECTS or not target:
                return response.status_code, _read(response, url, end), url
        url = _redirected(url, target)
    raise _unusable(url, f"more than {_MAX_REDIRECTS} redirects")


def _send(session: requests.Session, url: str, end: float) -> requests.Response:
    if time.monotonic() >= end:
        raise _unusable(url, "the redirects took too long")
    headers = {"Accept": "application/json", "User-Agent": USER_AGENT}
    try:
        request = requests.Request("GET", url, headers=headers, hooks=session.hooks).prepare()
        settings = session.merge_environment_settings(url, {}, True, None, None)
        return session.send(request, timeout=_TIMEOUT, allow_redirects=False, **settings)
    except ValueError as error:
        # It, or where it redirects to, isn't one; requests looks at that first.
        raise _unusable(url, f"no plain HTTPS URL ({error})") from None
    except _FAILURES as error:
        raise connection_error(error, **_facts(url)) from error


def _read(response: requests.Response, url: str, end: float) -> bytes:
    content = b""
    try:
        # Byte by byte: a larger piece would be waited for without a look at the clock.
        for chunk in response.iter_content(1):
            content += chunk
            if len(content) > _MAX_BYTES:
                raise _unusable(url, f"the answer is larger than {_MAX_BYTES} bytes")
            if time.monotonic() >= end:
                raise _unusable(url, "the answer took too long in all")
    except _FAILURES as error:
        raise connection_error(error, **_facts(url)) from error
    return content


def _redirected(url: str, target: str) -> str:
    try:
        joined = urljoin(url, target)
        parts = urlsplit(joined)
        fine = parts.scheme == "https" and parts.hostname and parts.username is None
    except ValueError:
        fine = False
    if not fine:
        raise _unusable(url, f"redirected to {target[:200]!r}, which isn't a plain HTTPS URL")
    return joined


def _facts(url: str) -> dict[str, Any]:
    return {"method": "GET", "path": _PATH, "target": url}


def _unusable(url: str, reason: str, status: int = 200) -> MatrixResponseError:
    return MatrixResponseError(reason, http_status=status, **_facts(url))
