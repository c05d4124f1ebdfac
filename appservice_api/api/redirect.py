"""Redirects of downloads to other hosts, which don't get the token."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit

import requests
from requests.structures import CaseInsensitiveDict

__all__ = [
    "MAX_REDIRECTS",
    "give_back_location",
    "guarded_hooks",
    "next_url",
    "redirected",
    "target_of",
]

#: How many redirects in a row are followed.
MAX_REDIRECTS = 5
_STATUSES = frozenset({301, 302, 303, 307, 308})
# The headers that a redirected request keeps: no token, no cookies, none of the session's own.
_KEPT = ("User-Agent", "Accept", "Accept-Encoding")
_HELD = "_appservice_api_location"

Hook = Callable[..., Any]


def guarded_hooks(hooks: Mapping[str, Any]) -> dict[str, list[Hook]]:
    """The hooks of a given session, and another that prevents two faults of requests.

    Even if it follows no redirect, requests reads its whole body, of any size, and fails if its
    target isn't a URL; so the hook hides the target. After an interim response, requests would
    reuse the connection, and the next request would get the response to this one.

    Args:
        hooks: The hooks of the session; they aren't changed.
    """
    given = hooks.get("response") or []
    theirs = [given] if callable(given) else list(given)
    return {**hooks, "response": [_close_interim, *theirs, _hold_location]}


def _close_interim(response: requests.Response, **_: object) -> None:
    if response.status_code < 200:
        response.close()


def _hold_location(response: requests.Response, **_: object) -> None:
    if response.status_code in _STATUSES and "Location" in response.headers:
        setattr(response, _HELD, response.headers.pop("Location"))


def give_back_location(response: requests.Response) -> None:
    """Restore the header that the hook has hidden."""
    location = response.__dict__.pop(_HELD, None)
    if location is not None:
        response.headers["Location"] = location


def target_of(response: requests.Response) -> str | None:
    """The target of a redirect, decoded; None if a response isn't one."""
    if response.status_code not in _STATUSES:
        return None
    location = response.headers.get("Location") or None
    try:
        # Headers are read as Latin-1, but this one holds ASCII or UTF-8.
        return location and location.encode("latin-1").decode()
    except UnicodeError:
        return location


def next_url(url: str, location: str, *, secure: bool = False) -> str:
    """The URL that another one redirects to.

    Args:
        url: The URL that redirects.
        location: The target, absolute or relative.
        secure: Whether only https is allowed, as it is after an https URL.

    Raises:
        ValueError: The target can't be used. The error doesn't show it: it may hold a signature.
    """
    schemes = {"https": "HTTPS"}
    if not secure and urlsplit(url).scheme != "https":
        schemes["http"] = "HTTP"
    try:
        joined = urldefrag(urljoin(url, location)).url
        parts = urlsplit(joined)
        fine = parts.scheme in schemes and bool(parts.hostname) and parts.username is None
        # The port is checked only when it is read.
        fine = fine and (parts.port is None or parts.port > 0)
        made = requests.PreparedRequest()
        made.prepare_url(joined, None)
    except (ValueError, requests.RequestException):
        fine = False
    if not fine:
        raise ValueError(f"it isn't a plain {' or '.join(schemes.values())} URL")
    return made.url or ""


def redirected(request: requests.PreparedRequest, location: str) -> requests.PreparedRequest:
    """The request for the target of a redirected GET.

    Args:
        request: The request that was redirected.
        location: The target, absolute or relative to the request's URL.

    Raises:
        ValueError: As :func:`next_url` says.
    """
    following = requests.PreparedRequest()
    following.method = "GET"
    following.url = next_url(request.url or "", location)
    following.headers = CaseInsensitiveDict(
        {name: request.headers[name] for name in _KEPT if name in request.headers}
    )
    following.hooks = request.hooks
    following._cookies = request._cookies
    return following
