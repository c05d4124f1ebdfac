"""Matrix identifiers, and the checks of their grammar.

An identifier is a ``str``. Its constructor checks it (``UserID("alice")`` raises ValueError);
``read()`` doesn't, for what a homeserver sent: old user IDs contain nearly any character.

Spec: Appendices, "Identifier grammar".
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

from .compat import Self

__all__ = [
    "ContentURI",
    "DeviceID",
    "EventID",
    "Identifier",
    "RoomAlias",
    "RoomID",
    "ServerName",
    "UserID",
]

_MAX_BYTES = 255
# Compiled on first use: most programs need few of them.
_LOCALPART = r"[a-z0-9._=/+-]+\Z"
_SERVER_NAME = r"(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9][A-Za-z0-9.-]{0,254})(?::[0-9]{1,5})?\Z"
# Historical user IDs contain nearly any character; only white space and control characters are
# refused.
_USER_ID = r"@[^:\x00-\x20\x7f]+:(.+)\Z"
_ALIAS = r"#[^:\x00]+:(.+)\Z"
_MXC = r"mxc://([^/]+)/([A-Za-z0-9_-]+)\Z"


class Identifier(str):
    """The base of all identifiers. ``sigil`` is the text with which a kind begins.

    Args:
        value: The text.

    Raises:
        ValueError: It isn't valid.
    """

    __slots__ = ()
    sigil: ClassVar[str] = ""

    def __new__(cls, value: str) -> Self:
        # An identifier that was read isn't checked yet.
        checked = cls._checked(value)
        return checked if type(checked) is cls else cls.read(checked)

    @classmethod
    def read(cls, value: str) -> Self:
        """Make an identifier without a check, from text that a homeserver sent."""
        return value if type(value) is cls else str.__new__(cls, value)

    @classmethod
    def _checked(cls, value: Any) -> str:
        return _text(value, cls.__name__)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self

    def __reduce__(self) -> Any:
        # Not through the constructor, which checks. Not the bound method: if Twisted is loaded,
        # it pickles bound methods in a way that fails for classes.
        return _reread, (type(self), str(self))


class ServerName(Identifier):
    """The name of a homeserver: a host name, an IPv4 address, or an IPv6 address in brackets, with
    an optional port."""

    __slots__ = ()

    @classmethod
    def _checked(cls, value: Any) -> str:
        text = _text(value, "server name")
        if not is_server_name(text):
            raise ValueError(
                f"{text!r} is not a server name: it must look like 'example.org' or "
                "'example.org:8448'"
            )
        return text


class DeviceID(Identifier):
    """The ID of a device."""

    __slots__ = ()

    @classmethod
    def _checked(cls, value: Any) -> str:
        text = _text(value, "device ID")
        if not text:
            raise ValueError("a device ID can't be empty")
        return text


class _OfServer(Identifier):
    """An identifier of a localpart and a server name, separated by the first colon."""

    __slots__ = ()

    @property
    def localpart(self) -> str:
        """The part between the sigil and the first colon."""
        return localpart_of(self)

    @property
    def server_name(self) -> ServerName:
        """The part after the first colon; empty if there is no colon."""
        return ServerName.read(server_of(self))


class UserID(_OfServer):
    """A user ID, ``@localpart:server``. Old user IDs may contain nearly any character; :meth:`of`
    makes new ones."""

    __slots__ = ()
    sigil = "@"

    @classmethod
    def of(cls, localpart: str, server_name: str) -> Self:
        """Make the ID of a new user.

        Args:
            localpart: The localpart, of a-z, 0-9 and ``. _ = - / +``; :func:`encode_localpart`
                makes one from any name.
            server_name: The homeserver's name.

        Raises:
            ValueError: A part isn't valid, or the user ID is longer than 255 bytes.
        """
        return cls(f"@{check_localpart(localpart)}:{ServerName(server_name)}")

    @classmethod
    def _checked(cls, value: Any) -> str:
        text = _text(value, "user ID")
        match = re.match(_USER_ID, text)
        if match is None or not re.match(_SERVER_NAME, match[1]):
            raise ValueError(
                f"{_shown(text, '@')} is not a user ID: it must look like '@localpart:server', "
                "without white space"
            )
        return text


class RoomAlias(_OfServer):
    """A room alias, ``#localpart:server``."""

    __slots__ = ()
    sigil = "#"

    @classmethod
    def _checked(cls, value: Any) -> str:
        text = _text(value, "room alias")
        match = re.match(_ALIAS, text)
        if match is None or not re.match(_SERVER_NAME, match[1]):
            raise ValueError(f"{text!r} is not a room alias: it must look like '#localpart:server'")
        return text


class RoomID(Identifier):
    """A room ID, which begins with ``!``. It is opaque: since room version 12, it has no server
    name."""

    __slots__ = ()
    sigil = "!"

    @classmethod
    def _checked(cls, value: Any) -> str:
        text = _text(value, "room ID")
        if len(text) < 2 or text[0] != "!":
            hint = "; resolve the alias first" if text[:1] == "#" else ""
            raise ValueError(f"{text!r} is not a room ID: it must start with '!'{hint}")
        return text


class EventID(Identifier):
    """An event ID, which begins with ``$``. It is opaque."""

    __slots__ = ()
    sigil = "$"

    @classmethod
    def _checked(cls, value: Any) -> str:
        text = _text(value, "event ID")
        if len(text) < 2 or text[0] != "$":
            raise ValueError(f"{text!r} is not an event ID: it must start with '$'")
        return text


class ContentURI(Identifier):
    """The address of media, ``mxc://server/media_id``."""

    __slots__ = ()
    sigil = "mxc://"

    @property
    def server_name(self) -> ServerName:
        """The homeserver that has the media."""
        return ServerName.read(self[6:].partition("/")[0])

    @property
    def media_id(self) -> str:
        """The ID of the media on its homeserver."""
        return self[6:].partition("/")[2].partition("#")[0]

    @classmethod
    def _checked(cls, value: Any) -> str:
        match = re.match(_MXC, value) if isinstance(value, str) else None
        if match is None or not re.match(_SERVER_NAME, match[1]):
            raise ValueError(
                f"{value!r} is not a content URI: it must look like 'mxc://server/media_id'"
            )
        return value  # type: ignore[no-any-return]


def _reread(kind: type[Identifier], value: str) -> Identifier:
    return kind.read(value)


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{what} must be a str, not {value!r}")
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise ValueError(f"{what} {value!r} holds a lone surrogate, which can't be sent") from None
    if size > _MAX_BYTES:
        raise ValueError(f"{what} {value[:40]!r}… has {size} bytes; {_MAX_BYTES} are allowed")
    return value


def _shown(text: str, sigil: str) -> str:
    """A text for an error. A long text without the sigil is shortened: it may be a token that was
    passed by mistake."""
    return repr(text) if text.startswith(sigil) or len(text) <= 12 else f"{text[:4]!r}…"


def check_localpart(value: str) -> str:
    """Check and return the localpart of a new user ID.

    Raises:
        ValueError: It contains a character that new user IDs may not have.
    """
    if not isinstance(value, str) or not re.match(_LOCALPART, value):
        raise ValueError(
            f"{value!r} can't be registered: a localpart may hold only a-z, 0-9 and . _ = - / +"
        )
    return value


def check_alias_localpart(value: str) -> str:
    """Check and return the localpart of a new room alias.

    Raises:
        ValueError: It is a whole alias, or isn't valid.
    """
    if not isinstance(value, str) or not value or ":" in value or value.startswith("#"):
        raise ValueError(
            f"{value!r} is not the localpart of a room alias: give 'tea' for '#tea:example.org'"
        )
    return value


def check_room_id_or_alias(value: object) -> RoomID | RoomAlias:
    """Check and return a room ID or a room alias.

    Raises:
        ValueError: It is neither.
    """
    if isinstance(value, str) and value[:1] == "#":
        return RoomAlias(value)
    if not isinstance(value, str) or value[:1] != "!":
        raise ValueError(
            f"{value!r} is neither a room ID, which begins with '!', nor a room alias, which "
            "begins with '#'"
        )
    return RoomID(value)


def is_server_name(value: str) -> bool:
    """Whether a text is a server name: host, IPv4, or IPv6 in brackets, with an optional port."""
    return bool(re.match(_SERVER_NAME, value))


def localpart_of(user_id: str) -> str:
    """The part of a user ID between ``@`` and the first colon."""
    return user_id[1:].partition(":")[0]


def server_of(user_id: str) -> str:
    """The server name of a user ID."""
    return user_id.partition(":")[2]
