"""Access: where requests go, and which token they carry."""

from __future__ import annotations

import re
from typing import Any

import requests

from ..base_url import check_base_url

__all__ = ["Access", "check_token", "send_settings"]

_BAD_TOKEN = r"[^\x21-\x7e]"


def check_token(token: str | None) -> str | None:
    """Return a token if a header can carry it.

    Raises:
        ValueError: It is empty or holds white space or control characters. It isn't shown.
    """
    if token is None:
        return None
    if not isinstance(token, str) or not token or re.search(_BAD_TOKEN, token):
        raise ValueError(
            "the token is empty, or holds white space, control or non-ASCII characters "
            "(a line end left from reading a file?)"
        )
    return token


def send_settings(session: requests.Session, url: str) -> dict[str, Any]:
    """The arguments of ``Session.send`` for a URL, from the session and the environment."""
    merged = session.merge_environment_settings(url, {}, False, None, None)
    merged["stream"] = False
    merged["allow_redirects"] = False
    merged["proxies"] = dict(merged["proxies"])
    return dict(merged)


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
            self._settings = now, send_settings(session, self.base_url)
        return self._settings[1]

    def __repr__(self) -> str:
        return f"Access({self.base_url!r})"
