"""Redirects of downloads: media may lie elsewhere, where nobody needs to know who asks."""

from __future__ import annotations

from urllib.parse import urldefrag, urljoin, urlsplit

import requests
from requests.structures import CaseInsensitiveDict

__all__ = ["MAX_REDIRECTS", "redirected", "target_of"]

#: How many redirects in a row are followed.
MAX_REDIRECTS = 5
_STATUSES = frozenset({301, 302, 303, 307, 308})
# What the request for media needs; the token, cookies and headers of the session aren't among it.
_KEPT = ("User-Agent", "Accept", "Accept-Encoding")


def target_of(response: requests.Response) -> str | None:
    """Where an answer redirects to; None if it doesn't."""
    return response.headers.get("Location") if response.status_code in _STATUSES else None


def redirected(request: requests.PreparedRequest, location: str) -> requests.PreparedRequest:
    """The request for what a GET was redirected to.

    Args:
        request: The request that was redirected.
        location: Where to, relative to the request's URL or not.

    Raises:
        ValueError: That is no http or https URL.
    """
    url = urldefrag(urljoin(request.url or "", location)).url
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ValueError(f"{parts.scheme or 'it'} isn't an http or https URL without a password")
    following = requests.PreparedRequest()
    following.method = "GET"
    following.headers = CaseInsensitiveDict(
        {name: request.headers[name] for name in _KEPT if name in request.headers}
    )
    following.hooks = request.hooks
    following._cookies = request._cookies
    following.prepare_url(url, None)
    return following
