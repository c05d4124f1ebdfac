"""Authenticator: only the homeserver is responded to, which shows its token.

Spec: Application Service API, "Authorization".
"""

from __future__ import annotations

import hmac

from .http import Request, Response, refusal

__all__ = ["Authenticator"]


class Authenticator:
    """Checks the token of requests.

    Args:
        hs_token: The homeserver's token.
        query_token: Whether the token may be in the query string, as old homeservers send it.
    """

    def __init__(self, hs_token: str, *, query_token: bool = False) -> None:
        self._expected = hs_token.encode()
        self._query_token = query_token

    def refuse(self, request: Request) -> Response | None:
        """The response to whoever isn't the homeserver; None for the homeserver."""
        scheme, _, token = request.headers.get("authorization", "").strip().partition(" ")
        token = token.strip() if scheme.lower() == "bearer" else ""
        given = [token] if token else []
        if self._query_token and request.query.get("access_token"):
            given.append(request.query["access_token"])
        if not given:
            return refusal(401, "M_MISSING_TOKEN", "The homeserver's token is missing")
        # All are compared, whatever the first one is.
        if not all([self._matches(one) for one in given]):  # noqa: C419
            return refusal(403, "M_FORBIDDEN", "This isn't the homeserver's token")
        return None

    def _matches(self, token: str) -> bool:
        return hmac.compare_digest(token.encode("utf-8", "replace"), self._expected)
