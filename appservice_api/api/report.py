"""What errors tell of an exchange; never its token, nor its secrets."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote, urlsplit

import requests

from ..errors import excerpt

__all__ = ["MASK", "Report"]

#: What is shown in the place of a token.
MASK = "[token]"


class Report:
    """The part of an exchange that errors are made of.

    Attributes:
        request: The request.
        name: What it is called in logs and errors.
        user: Who is acting.
        secrets: What the request says that no error may show; None where nothing in it is secret.
        attempts: How often it was sent.
        lost: Whether an attempt may have reached the homeserver though no response came.
        context: Where the attempt was redirected to.
    """

    __slots__ = ("attempts", "context", "lost", "name", "request", "secrets", "user")
    request: requests.PreparedRequest
    name: str
    user: str | None
    secrets: tuple[str, ...] | None
    attempts: int
    lost: bool
    context: str

    def facts(self) -> dict[str, Any]:
        """What an error tells of the exchange."""
        return {
            "method": self.request.method,
            "path": self.name,
            "target": unquote(urlsplit(self.request.url or "").path),
            "user": self.user,
            "attempts": self.attempts,
            "repeated": self.lost,
            "context": self.context,
        }

    @property
    def token(self) -> str:
        """The token, which a confused server may echo."""
        authorization = str(self.request.headers.get("Authorization") or "")
        return authorization.partition(" ")[2]

    def masked(self, content: bytes) -> bytes:
        """A body without the token."""
        token = self.token.encode()
        return content.replace(token, MASK.encode()) if token else content

    def excerpt(self, content: bytes) -> str:
        """The beginning of a body, as an error shows it."""
        if self.secrets is not None:
            return ""
        return excerpt(self.masked(content).decode(errors="replace"))

    def echoes(self, content: Any) -> bool:
        """Whether a body holds a secret of the request."""
        text = json.dumps(content)
        return any(json.dumps(secret)[1:-1] in text for secret in self.secrets or () if secret)

    def shows_token(self, error: Exception) -> bool:
        """Whether an error shows the token."""
        return bool(self.token) and self.token in f"{error!r} {error.__cause__!r}"
