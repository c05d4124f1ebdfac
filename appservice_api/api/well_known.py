"""Where the homeserver of a domain is: one request to an unknown server, without a token."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import requests

from ..base_url import check_base_url
from ..errors import MatrixConnectionError, MatrixResponseError
from ..ids import ServerName
from .failure import connection_error
from .incoming import TRANSPORT_FAILURES, Incoming
from .redirect import MAX_REDIRECTS, give_back_location, next_url, target_of
from .transport import USER_AGENT, hooks_for, new_session
from .wire import Timeouts

__all__ = ["discover"]

_PATH = "/.well-known/matrix/client"
_TIMEOUT = (5.0, 10.0)
_DEADLINE = 30.0
_MAX_BYTES = 64 * 1024


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
    """Follow redirects here, so that nothing from the session or .netrc is added to them.

    Returns:
        The status and body of the last answer, and the URL that gave it.
    """
    timeouts = Timeouts(_TIMEOUT)
    timeouts.end = time.monotonic() + _DEADLINE
    for _ in range(MAX_REDIRECTS + 1):
        response = _send(session, url, timeouts)
        with response:
            location = target_of(response)
            if location is None:
                return response.status_code, _read(response, url, timeouts.end), url
        try:
            url = next_url(url, location, secure=True)
        except ValueError as error:
            raise _unusable(url, f"redirected to what can't be followed: {error}") from None
    raise _unusable(url, f"more than {MAX_REDIRECTS} redirects")


def _send(session: requests.Session, url: str, timeouts: Timeouts) -> requests.Response:
    if time.monotonic() >= timeouts.end:
        raise _unusable(url, "the redirects took too long")
    headers = {"Accept": "application/json", "User-Agent": USER_AGENT}
    try:
        request = requests.Request("GET", url, headers=headers, hooks=hooks_for(session)).prepare()
        settings = session.merge_environment_settings(url, {}, True, None, None)
        response = session.send(request, timeout=timeouts, allow_redirects=False, **settings)
    except ValueError as error:
        raise _unusable(url, f"no plain HTTPS URL ({error})") from None
    except TRANSPORT_FAILURES as error:
        raise _failure(error, url) from error
    give_back_location(response)
    return response


def _read(response: requests.Response, url: str, end: float) -> bytes:
    incoming = Incoming(response, lambda error: _failure(error, url), end, _TIMEOUT[1])
    content = incoming.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise _unusable(url, f"the answer is larger than {_MAX_BYTES} bytes")
    return content


def _failure(error: Exception, url: str) -> MatrixConnectionError:
    failure = connection_error(error, **_facts(url))
    failure.__cause__ = error
    return failure


def _facts(url: str) -> dict[str, Any]:
    return {"method": "GET", "path": _PATH, "target": url}


def _unusable(url: str, reason: str, status: int = 200) -> MatrixResponseError:
    return MatrixResponseError(reason, http_status=status, **_facts(url))
