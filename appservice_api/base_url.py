"""The base URL of a homeserver, and its check."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

__all__ = ["check_base_url"]


def check_base_url(base_url: object) -> str:
    """Check the base URL of a homeserver, and return it without a trailing slash.

    Raises:
        ValueError: It isn't an http or https URL, or has a password, a query or a fragment.
    """
    text = str(base_url).rstrip("/")
    # A text that isn't a URL may be a token that was passed by mistake; a query may contain one.
    shown = text.partition("?")[0] if "://" in text else f"{text[:4]}…"
    try:
        parts = urlsplit(text)
        port_ok = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_ok = urlsplit(""), False
    if "/_matrix" in parts.path or "/_synapse" in parts.path:
        raise ValueError(f"base_url {shown!r} must end before /_matrix or /_synapse")
    if ".." in (parts.hostname or ""):
        port_ok = False
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_ok:
        raise ValueError(
            f"base_url {shown!r} is not the URL of a homeserver; "
            "it must look like 'https://matrix.example.org'"
        )
    if parts.username is not None or parts.password is not None:
        raise ValueError("base_url must not hold a user name or password")
    if parts.query or parts.fragment or re.search(r"[\s\x00-\x1f\\]", text):
        raise ValueError(f"base_url {shown!r} must have no query, fragment or white space")
    return text
