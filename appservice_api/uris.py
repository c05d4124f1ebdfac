"""Links to users, rooms and events: ``https://matrix.to/#/...`` and ``matrix:...``.

Spec: Appendices, "URIs".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote, unquote_to_bytes

from .compat import Self
from .ids import EventID, RoomAlias, RoomID, ServerName, UserID

__all__ = ["MatrixURI"]

_MATRIX_TO: Final = re.compile(r"https?://(?:www\.)?matrix\.to/?#/?", re.IGNORECASE)
# The authority is reserved for later versions, and ignored.
_MATRIX: Final = re.compile(r"matrix:(?://[^/?#]*/)?", re.IGNORECASE)
# Links without percent-encoding are common: a part is an event ID only if it begins like one, or
# follows the type of events.
_FRAGMENT_PATH: Final = re.compile(r"(.+?)(?:/((?:\$|%24).*)|/)?\Z", re.DOTALL)
_TYPED_PATH: Final = re.compile(r"([a-z]+)/(.+?)(?:/(?:e|event)/(.+)|/)?\Z", re.DOTALL)
_KINDS: Final[dict[str, type[UserID | RoomID | RoomAlias]]] = {
    "@": UserID,
    "!": RoomID,
    "#": RoomAlias,
}
# The types, and their longer names in a draft of the specification.
_SIGILS: Final = {"u": "@", "user": "@", "r": "#", "room": "#", "roomid": "!"}
_TYPES: Final = {"@": "u", "#": "r", "!": "roomid"}
_ACTIONS: Final = {"join": "!#", "chat": "@"}


@dataclass(frozen=True, slots=True)
class MatrixURI:
    """An immutable link to a user, a room or an event. ``str()`` gives its matrix.to form.

    >>> str(MatrixURI.of("@alice:example.org"))
    'https://matrix.to/#/%40alice%3Aexample.org'
    >>> MatrixURI.parse("matrix:r/tea:example.org?via=example.com").target
    '#tea:example.org'

    Args:
        target: The user, room ID or room alias.
        event_id: The event in the room, None if the link is to the room.
        via: Servers to join the room through.
        action: The suggested action: ``join``, ``chat``, or None.

    Raises:
        ValueError: The target can't be linked, or has no events.
    """

    target: UserID | RoomID | RoomAlias
    event_id: EventID | None = None
    via: tuple[ServerName, ...] = ()
    action: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.target, (UserID, RoomID, RoomAlias)):
            raise ValueError(
                f"{self.target!r} is neither a UserID, a RoomID nor a RoomAlias: of() makes them"
            )
        if self.event_id is not None and isinstance(self.target, UserID):
            raise ValueError(f"{self.event_id!r} is an event of {self.target!r}, which is no room")

    @classmethod
    def of(
        cls,
        identifier: str,
        event_id: str | None = None,
        via: Iterable[str] = (),
        action: str | None = None,
    ) -> Self:
        """Make a link.

        Args:
            identifier: The user ID, room ID or room alias.
            event_id: An event in the room, None for the room.
            via: Servers to join the room through. A link to a room ID needs some.
            action: ``join`` for rooms, ``chat`` for users, None for neither.

        Raises:
            ValueError: An argument isn't valid.
        """
        servers = (via,) if isinstance(via, str) else via
        target = _identifier(identifier)
        if action is not None and target[0] not in _ACTIONS.get(action, ""):
            raise ValueError(f"action {action!r} isn't 'join' for a room or 'chat' for a user")
        return cls(
            target,
            None if event_id is None else EventID(event_id),
            tuple(ServerName(server) for server in servers),
            action,
        )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a link, with or without the percent-encoding that it should have.

        Args:
            text: The link. ``&amp;`` of HTML must be replaced by ``&`` first.

        Raises:
            ValueError: It isn't a link to a user, a room or an event. Unknown parts of the query
                are ignored.
        """
        if not isinstance(text, str):
            raise ValueError(f"a link must be a str, not {text!r}")
        link = text.strip()
        try:
            return cls._parsed(link)
        except ValueError as error:
            raise ValueError(
                f"{text!r} is no link to a user, a room or an event: {error}"
            ) from None

    @classmethod
    def _parsed(cls, link: str) -> Self:
        if start := _MATRIX_TO.match(link):
            path, _, query = link[start.end() :].partition("?")
            match = _FRAGMENT_PATH.match(path)
            if match is None:
                raise ValueError("nothing follows matrix.to")
            raw, event = match[1], match[2] and _decoded(match[2])
            identifier = _decoded(raw)
        elif start := _MATRIX.match(link):
            path, _, query = link[start.end() :].partition("#")[0].partition("?")
            match = _TYPED_PATH.match(path)
            if match is None or match[1] not in _SIGILS:
                raise ValueError(f"{path!r} must begin with u/, r/ or roomid/")
            raw, event = match[2], match[3] and f"${_decoded(match[3])}"
            identifier = _SIGILS[match[1]] + _decoded(raw)
        else:
            raise ValueError("it must begin with 'https://matrix.to/#/' or 'matrix:'")
        target = _identifier(identifier)
        if isinstance(target, RoomID) and "/" in raw:
            # Room IDs are opaque, so RoomID() accepts this.
            raise ValueError(f"{raw!r} must be a room ID, or one with '/' and an event ID")
        asked = parse_qsl(query.partition("#")[0])
        return cls(
            target,
            EventID(event) if event else None,
            tuple(ServerName(value) for key, value in asked if key == "via"),
            next((value for key, value in asked if key == "action"), None),
        )

    @property
    def matrix_to(self) -> str:
        """The link for browsers: ``https://matrix.to/#/...``."""
        event = f"/{quote(self.event_id, '')}" if self.event_id else ""
        return f"https://matrix.to/#/{quote(self.target, '!')}{event}{self._query}"

    @property
    def matrix_uri(self) -> str:
        """The link for Matrix clients: ``matrix:...``."""
        event = f"/e/{quote(self.event_id[1:], ':')}" if self.event_id else ""
        kind = _TYPES[self.target[0]]
        return f"matrix:{kind}/{quote(self.target[1:], ':')}{event}{self._query}"

    @property
    def _query(self) -> str:
        parts = [f"via={quote(server, ':')}" for server in self.via]
        if self.action is not None:
            parts.insert(0, f"action={quote(self.action, '')}")
        return f"?{'&'.join(parts)}" if parts else ""

    def __str__(self) -> str:
        return self.matrix_to


def _identifier(text: str) -> UserID | RoomID | RoomAlias:
    kind = _KINDS.get(text[:1]) if isinstance(text, str) else None
    if kind is None:
        raise ValueError(
            f"{text!r} is no user ID, room ID or room alias: these begin with '@', '!' or '#'"
        )
    return kind(text)


def _decoded(text: str) -> str:
    """Decode percent-encoded text.

    Raises:
        ValueError: It isn't UTF-8.
    """
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeError:
        raise ValueError(f"{text!r} isn't percent-encoded UTF-8") from None
