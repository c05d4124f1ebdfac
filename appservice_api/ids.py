"""Matrix identifiers, and the rules that they must keep before they are sent.

Spec: Appendices, "Identifier grammar".
"""

from __future__ import annotations

import re
from typing import NewType

__all__ = ["ContentURI", "DeviceID", "EventID", "RoomAlias", "RoomID", "UserID"]

UserID = NewType("UserID", str)
RoomID = NewType("RoomID", str)
RoomAlias = NewType("RoomAlias", str)
EventID = NewType("EventID", str)
DeviceID = NewType("DeviceID", str)
ContentURI = NewType("ContentURI", str)

_MAX_BYTES = 255
_LOCALPART = re.compile(r"[a-z0-9._=/+-]+\Z")
_SERVER_NAME = re.compile(
    r"(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9][A-Za-z0-9.-]{0,254})(?::[0-9]{1,5})?\Z"
)
# Historical user IDs hold nearly anything; what can't be meant is white space and control
# characters.
_USER_ID = re.compile(r"@[^:\x00-\x20\x7f]+:(.+)\Z")
_ALIAS = re.compile(r"#[^:\x00]+:(.+)\Z")
_MXC = re.compile(r"mxc://([^/]+)/([A-Za-z0-9_-]+)\Z")


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


def check_user_id(value: object) -> UserID:
    """Return a user ID if it is one, read leniently (old user IDs hold any character).

    Raises:
        ValueError: It isn't ``@localpart:server``, or longer than 255 bytes.
    """
    text = _text(value, "user ID")
    match = _USER_ID.match(text)
    if match is None or not _SERVER_NAME.match(match[1]):
        raise ValueError(f"{text!r} is not a user ID: it must look like '@localpart:server'")
    return UserID(text)


def check_localpart(value: str) -> str:
    """Return the localpart of a user ID that is to be registered, by the strict grammar.

    Raises:
        ValueError: It holds a character that new user IDs may not have.
    """
    if not _LOCALPART.match(value):
        raise ValueError(
            f"{value!r} can't be registered: a localpart may hold only a-z, 0-9 and . _ = - / +"
        )
    return value


def check_room_id(value: object) -> RoomID:
    """Return a room ID if it is one (since room version 12 without a server).

    Raises:
        ValueError: It doesn't start with ``!``, or is longer than 255 bytes.
    """
    text = _text(value, "room ID")
    if len(text) < 2 or text[0] != "!":
        hint = "; resolve the alias first" if text[:1] == "#" else ""
        raise ValueError(f"{text!r} is not a room ID: it must start with '!'{hint}")
    return RoomID(text)


def check_room_alias(value: object) -> RoomAlias:
    """Return a room alias if it is one.

    Raises:
        ValueError: It isn't ``#localpart:server``, or longer than 255 bytes.
    """
    text = _text(value, "room alias")
    match = _ALIAS.match(text)
    if match is None or not _SERVER_NAME.match(match[1]):
        raise ValueError(f"{text!r} is not a room alias: it must look like '#localpart:server'")
    return RoomAlias(text)


def check_room_id_or_alias(value: object) -> str:
    """Return a room ID or a room alias.

    Raises:
        ValueError: It is neither.
    """
    if isinstance(value, str) and value[:1] == "#":
        return check_room_alias(value)
    if isinstance(value, str) and value[:1] != "!":
        raise ValueError(
            f"{value!r} is neither a room ID, which begins with '!', nor a room alias, which "
            "begins with '#'"
        )
    return check_room_id(value)


def check_event_id(value: object) -> EventID:
    """Return an event ID if it is one.

    Raises:
        ValueError: It doesn't start with ``$``, or is longer than 255 bytes.
    """
    text = _text(value, "event ID")
    if len(text) < 2 or text[0] != "$":
        raise ValueError(f"{text!r} is not an event ID: it must start with '$'")
    return EventID(text)


def check_mxc(value: object) -> ContentURI:
    """Return a content URI if it is one.

    Raises:
        ValueError: It isn't ``mxc://server/media_id``.
    """
    match = _MXC.match(value) if isinstance(value, str) else None
    if match is None or not _SERVER_NAME.match(match[1]):
        raise ValueError(
            f"{value!r} is not a content URI: it must look like 'mxc://server/media_id'"
        )
    return ContentURI(match[0])


def is_server_name(value: str) -> bool:
    """Tell whether a text is a server name (host, IPv4, or IPv6 in brackets; a port or none)."""
    return bool(_SERVER_NAME.match(value))


def localpart_of(user_id: str) -> str:
    """The part of a user ID between ``@`` and the first colon."""
    return user_id[1:].partition(":")[0]


def server_of(user_id: str) -> str:
    """The server name of a user ID."""
    return user_id.partition(":")[2]
