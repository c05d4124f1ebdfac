"""Methods and paths of requests; each value in a path is checked and encoded.

``Path.v3.rooms[room_id].send[event_type][txn_id]``: attributes and calls are literal parts; a value
in brackets is percent-encoded. One that would change the path (None, an empty text, ``.``, ``..``)
is a ValueError.
"""

from __future__ import annotations

import enum
import re
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote

__all__ = [
    "APIPath",
    "ClientPath",
    "MediaPath",
    "Method",
    "Path",
    "PathBuilder",
    "SynapseAdminPath",
    "as_method",
    "as_path",
]


class Method(str, enum.Enum):
    """The HTTP methods of the Matrix APIs; plain strings are accepted as well."""

    GET = "GET"
    PUT = "PUT"
    DELETE = "DELETE"
    POST = "POST"
    PATCH = "PATCH"
    HEAD = "HEAD"
    OPTIONS = "OPTIONS"

    def __str__(self) -> str:
        return self.value


class APIPath(str, enum.Enum):
    """The prefixes of the APIs that a homeserver offers."""

    CLIENT = "/_matrix/client"
    MEDIA = "/_matrix/media"
    SYNAPSE_ADMIN = "/_synapse/admin"

    def __str__(self) -> str:
        return self.value


# For tab completion only: any other part works as well.
_KNOWN: Final = {
    "": ("v3", "v1", "versions", "unstable"),
    "v3": (
        "account", "capabilities", "createRoom", "devices", "directory", "join", "joined_rooms",
        "keys", "knock", "login", "logout", "presence", "profile", "publicRooms", "pushrules",
        "register", "rooms", "search", "sendToDevice", "sync", "thirdparty", "upload", "user",
        "user_directory",
    ),
    "v1": ("appservice", "create", "media", "mutual_rooms", "room_summary", "rooms", "users"),
    "rooms": (
        "aliases", "ban", "context", "event", "forget", "hierarchy", "invite", "join",
        "joined_members", "kick", "leave", "members", "messages", "read_markers", "receipt",
        "redact", "relations", "report", "send", "state", "threads", "timestamp_to_event",
        "typing", "unban", "upgrade",
    ),
    "media": ("config", "download", "preview_url", "thumbnail"),
    "account": ("deactivate", "whoami"),
    "directory": ("list", "room"),
    "user": ("account_data", "filter", "openid", "rooms"),
}  # fmt: skip


def quote_part(value: object, name: str = "a part of the path", *, empty: bool = False) -> str:
    """Percent-encode one part of a path.

    Args:
        value: The value; numbers and str enumerations are fine.
        name: What the value is, for the error.
        empty: Whether an empty text is allowed, as it is for a state key.

    Raises:
        ValueError: The value is None, empty, ``.`` or ``..``, or isn't text.
    """
    if isinstance(value, enum.Enum):
        value = value.value
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a str, not {value!r}")
    if value in ("", ".", "..") and not (empty and not value):
        raise ValueError(f"{name} must not be {value!r}: it would make another path")
    return _quote(value, name)


@lru_cache(maxsize=4096)
def _quote(value: str, name: str) -> str:
    try:
        return quote(value, safe="")
    except UnicodeEncodeError:
        raise ValueError(f"{name} {value!r} holds a lone surrogate, which can't be sent") from None


class PathBuilder:
    """A path, immutable, built part by part.

    Args:
        path: The beginning of the path, already percent-encoded.
        template: The same with ``{}`` for the values, shown in errors; as ``path`` by default.
    """

    __slots__ = ("_last", "_path", "_template")
    _path: str
    _template: str
    _last: str

    def __init__(
        self, path: str | APIPath = "", template: str | None = None, last: str = ""
    ) -> None:
        set_slot = object.__setattr__
        set_slot(self, "_path", str(path))
        set_slot(self, "_template", str(path) if template is None else template)
        set_slot(self, "_last", last)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("a path is immutable")

    def __getattr__(self, name: str) -> PathBuilder:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._literal(name)

    def _literal(self, part: str) -> PathBuilder:
        quoted = quote_part(part)
        return PathBuilder(f"{self._path}/{quoted}", f"{self._template}/{quoted}", part)

    def __getitem__(self, value: object) -> PathBuilder:
        return PathBuilder(f"{self._path}/{quote_part(value)}", self._template + "/{}", self._last)

    def __call__(self, *parts: str) -> PathBuilder:
        """Append literal parts that aren't Python names: ``Path.v1("mutual_rooms")``."""
        path = self
        for part in parts:
            path = path._literal(part)
        return path

    def __str__(self) -> str:
        return self._path

    def __repr__(self) -> str:
        return f"PathBuilder({self._path!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PathBuilder) and other._path == self._path

    def __hash__(self) -> int:
        return hash(self._path)

    def __reduce__(self) -> tuple[Any, ...]:
        return PathBuilder, (self._path, self._template, self._last)

    def __dir__(self) -> list[str]:
        return list(_KNOWN.get(self._last, ()))


#: The Client-Server API, ``/_matrix/client``.
ClientPath: Final = PathBuilder(APIPath.CLIENT)
#: The Client-Server API, by its short name.
Path: Final = ClientPath
#: The media repository's older endpoints, ``/_matrix/media``.
MediaPath: Final = PathBuilder(APIPath.MEDIA)
#: Synapse's admin API, ``/_synapse/admin``.
SynapseAdminPath: Final = PathBuilder(APIPath.SYNAPSE_ADMIN)

_DEFAULT_PREFIX = "/_matrix/client/v3"
_UNSAFE = r"[?#\x00-\x1f\x7f\\]"
_DOTS = r"(?i)/(?:\.|%2e){1,2}(?=/|\Z)"


def as_method(method: str | Method) -> str:
    """The name of an HTTP method.

    Raises:
        ValueError: It isn't one.
    """
    try:
        return Method(method.upper() if isinstance(method, str) else method).value
    except ValueError:
        raise ValueError(f"{method!r} is not an HTTP method") from None


def as_path(path: str | PathBuilder) -> tuple[str, str]:
    """The path to send, and its template, for a caller's path.

    ``/_matrix/client/v3`` is put before a text that doesn't start with ``/_matrix`` or
    ``/_synapse``.

    Raises:
        ValueError: The text holds a query, a fragment, an empty part, or ``..``.
    """
    if isinstance(path, PathBuilder):
        return path._path, path._template
    if not isinstance(path, str):
        raise ValueError(f"path must be a str or a PathBuilder, not {path!r}")
    text = path if path.startswith("/") else "/" + path
    if not text.startswith(("/_matrix/", "/_synapse/")):
        text = _DEFAULT_PREFIX + text
    if re.search(_UNSAFE, text):
        raise ValueError(
            f"the path {path!r} holds '?', '#' or a control character: give parameters as "
            "query_params, and build paths with values as Path.v3.rooms[room_id]"
        )
    if "//" in text or re.search(_DOTS, text):
        raise ValueError(f"the path {path!r} has an empty part or dots for a part")
    try:
        text = quote(text, safe="%/:@!$&'()*+,;=~")
    except UnicodeEncodeError:
        raise ValueError(f"the path {path!r} holds a lone surrogate") from None
    return text, text
