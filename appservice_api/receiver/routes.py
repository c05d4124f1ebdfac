"""Routes: the paths that the homeserver requests.

Spec: Application Service API, "Homeserver -> Application Service API" and "Legacy routes"; the
routes of keys are those of MSC3983 and MSC3984.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote

__all__ = ["Found", "find"]

_STABLE, _UNSTABLE = "/_matrix/app/v1/", "/_matrix/app/unstable/"
_METHODS = {
    "transaction": "PUT", "ping": "POST", "keys_claim": "POST", "keys_query": "POST",
}  # fmt: skip
# Homeservers don't encode / in user IDs and aliases: the last part may hold it.
_WITH_NAME = {"transactions/": "transaction", "users/": "user_query", "rooms/": "alias_query"}
_THIRD_PARTY = {f"thirdparty/{one}/": one for one in ("protocol", "user", "location")}
_THIRD_PARTY_PLAIN = {f"thirdparty/{one}": one for one in ("user", "location")}
_PLAIN = {
    f"{_STABLE}ping": "ping",
    f"{_UNSTABLE}fi.mau.msc2659/ping": "ping",
    f"{_UNSTABLE}org.matrix.msc3983/keys/claim": "keys_claim",
    f"{_UNSTABLE}org.matrix.msc3984/keys/query": "keys_query",
    **{base + path: to for base in (_STABLE, _UNSTABLE) for path, to in _THIRD_PARTY_PLAIN.items()},
}
_NAMED = {
    **{base + path: to for base in (_STABLE, "/") for path, to in _WITH_NAME.items()},
    **{base + path: to for base in (_STABLE, _UNSTABLE) for path, to in _THIRD_PARTY.items()},
}


class Found(NamedTuple):
    """Where a path leads.

    Attributes:
        route: The name of the route.
        method: Its method.
        name: What the path names, decoded; None where it names nothing.
    """

    route: str
    method: str
    name: str | None


def find(path: str) -> Found | None:
    """Where a path leads, None if nowhere.

    Args:
        path: The path, percent-encoded.
    """
    route = _PLAIN.get(path)
    if route is not None:
        return Found(route, _METHODS.get(route, "GET"), None)
    for start, route in _NAMED.items():
        if path.startswith(start) and len(path) > len(start):
            name = unquote(path[len(start) :], errors="replace")
            return Found(route, _METHODS.get(route, "GET"), name)
    return None
