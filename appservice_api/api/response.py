"""Responses: JSON, refusals, and others that aren't Matrix; and what errors say of them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote, urlsplit

import requests

from .. import errors
from ..clock import Clock
from ..errors import MatrixInteractiveAuthError, MatrixRequestError, MatrixResponseError
from ..errors.base import excerpt
from .retry import retry_after

__all__ = ["MASK", "Report", "decoded", "refusal"]

_decode = json.JSONDecoder().decode
#: What is shown instead of a token.
MASK = "[token]"


class Report:
    """The part of an exchange that errors need.

    Attributes:
        request: The request.
        name: Its name in logs and errors.
        user: The acting user.
        secrets: What in the request no error may show; None if nothing in it is secret.
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
        """What an error says of the exchange."""
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
        """The token, which a faulty server may echo."""
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


def decoded(exchange: Report, response: requests.Response) -> Any:
    """The JSON of a good response, an object or a list.

    Raises:
        MatrixResponseError: It has no JSON.
    """
    status, body = response.status_code, response.content
    try:
        content = _decode(body.decode())
    except (ValueError, RecursionError):
        if status == 204 and not body:
            return {}
        raise MatrixResponseError(
            f"{status} with a body that isn't JSON ({_kind(response)}): is base_url the "
            "homeserver's?",
            http_status=status, text=exchange.excerpt(body), temporary=True, **exchange.facts(),
        ) from None  # fmt: skip
    if isinstance(content, (dict, list)):
        return content
    raise MatrixResponseError(
        f"{status} with JSON that is neither an object nor a list",
        http_status=status, text=exchange.excerpt(body), **exchange.facts(),
    )  # fmt: skip


def refusal(
    exchange: Report, response: requests.Response, content: bytes, clock: Clock
) -> MatrixRequestError:
    """The error of a response that isn't good.

    Args:
        exchange: The exchange.
        response: The response.
        content: Its body, or the beginning of it.
        clock: The clock.
    """
    status = response.status_code
    content = exchange.masked(content)
    try:
        body = _decode(content.decode())
    except (ValueError, RecursionError):
        body = None
    text = "" if isinstance(body, dict) else exchange.excerpt(content)
    body = body if isinstance(body, dict) else {}
    errcode = body.get("errcode")
    errcode = errcode if isinstance(errcode, str) and errcode else None
    if exchange.secrets and exchange.echoes(body):
        body = {"error": "(the answer repeats a secret of the request, and isn't shown)"}
    message = body.get("error")
    interactive = status == 401 and isinstance(body.get("flows"), list)
    if not isinstance(message, str) or not message:
        explained = exchange.masked(_explain(response).encode()).decode()
        message = explained if errcode is None else "(no reason given)"
        if interactive:
            message = "the user must authenticate, with a password for example (auth=)"
    asked = None
    if status == 429:
        asked = retry_after(response.headers, body, clock.time())
    facts = {
        "message": message, "http_status": status, "body": body, "text": text,
        "retry_after": asked, **exchange.facts(),
    }  # fmt: skip
    if interactive:
        return MatrixInteractiveAuthError(errcode=errcode, **facts)
    cls = errors.MLimitExceeded if status == 429 else MatrixRequestError
    return cls.of(errcode, **facts)


def _kind(response: requests.Response) -> str:
    return response.headers.get("Content-Type", "").partition(";")[0] or "no content type"


def _explain(response: requests.Response) -> str:
    """An explanation of a response that gives no reason."""
    location = response.headers.get("Location")
    if location and 300 <= response.status_code < 400:
        # A query often holds a signature.
        location = location.partition("?")[0]
        return f"redirected to {location!r}: if that is the homeserver, give it as base_url"
    return f"not a Matrix answer ({response.reason or _kind(response)}): is base_url right?"
