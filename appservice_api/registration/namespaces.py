"""Namespaces: the users, aliases and rooms that an application service claims."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ..errors import RegistrationError
from ..ids import UserID, check_localpart, is_server_name

__all__ = [
    "KINDS", "Namespace", "Namespaces", "example_user", "prefix_of_regex", "prefix_regex",
    "server_of_regex",
]  # fmt: skip

KINDS = {"users": "@", "aliases": "#", "rooms": "!"}
# A server name at the end of a regex, escaped (`hs\.test`) or, as is common, not (`hs.test`).
_SERVER = re.compile(
    r":((?:\\\[[0-9A-Fa-f:.]+\\\]|[A-Za-z0-9](?:(?:\\?[.-])*[A-Za-z0-9])*)(?::[0-9]{1,5})?)"
    r"(?:\$|\\Z)?\Z"
)
# Plain text with which a regex of users begins.
_LITERAL = r"(?:\\[._=/+-]|[a-z0-9_=/-])(?![*+?{])"
_LITERAL_START = r"\^?@((?:[a-z0-9_=/-]|\\[^A-Za-z0-9])*)([?*+{|]?)"
_PREFIX = re.compile(rf"\^?@((?:{_LITERAL})+)(?!{_LITERAL}|\\?:)")


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace that an application service claims.

    Args:
        exclusive: Whether only the application service may create these names.
        regex: A regular expression; as in Synapse, only the beginning is anchored.
        extra: Keys that the specification doesn't know, kept as they are.
    """

    exclusive: bool
    regex: str
    extra: dict[str, Any] = field(default_factory=dict, hash=False)

    def matches(self, name: str) -> bool:
        """Whether the regex matches the beginning of a user ID, alias or room ID."""
        return re.match(self.regex, name) is not None


@dataclass(frozen=True, slots=True)
class Namespaces:
    """The namespaces of a registration: of users, room aliases and room IDs."""

    users: list[Namespace] = field(default_factory=list)
    aliases: list[Namespace] = field(default_factory=list)
    rooms: list[Namespace] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)


def prefix_regex(prefix: str, server_name: str | None) -> str:
    """The regex, without the sigil, for all names on a server that begin with a prefix.

    Raises:
        RegistrationError: The server name or the prefix isn't valid.
    """
    if server_name is None or not is_server_name(server_name):
        raise RegistrationError(
            f"ghost_prefix needs server_name, the homeserver's name; {server_name!r} is none"
        )
    try:
        check_localpart(prefix)
    except ValueError as error:
        raise RegistrationError(f"ghost_prefix {error}") from None
    # Outside of a set, a hyphen needs no escape, and some regex dialects forbid it.
    return f"{re.escape(prefix)}.*:{re.escape(server_name)}".replace(r"\-", "-")


@lru_cache(maxsize=1024)
def server_of_regex(regex: str) -> str | None:
    """The server name at the end of a regex of users; None if there isn't exactly one."""
    match = _SERVER.search(regex)
    if match is None or _has_alternatives(regex):
        return None
    server = match[1].replace("\\", "")
    return server if is_server_name(server) else None


@lru_cache(maxsize=1024)
def prefix_of_regex(regex: str) -> str | None:
    """The prefix of the localparts that a regex of users matches; None if it isn't plain text,
    or if it is the whole localpart (as when only the bot is claimed)."""
    match = _PREFIX.match(regex)
    return None if match is None or _has_alternatives(regex) else match[1].replace("\\", "")


def example_user(space: Namespace, server_name: str) -> str | None:
    """A user ID that a namespace of users matches; None if its regex doesn't begin with plain text.

    Args:
        space: The namespace.
        server_name: The server name of the user ID.
    """
    match = re.match(_LITERAL_START, space.regex)
    if match is None:
        return None
    start = match[1].replace("\\", "")
    if match[2]:  # the last character is optional
        start = start[:-1]
    for end in ("check", "1", ""):
        user = f"@{start}{end}:{server_name}"
        try:
            check_localpart(start + end)
            UserID(user)
        except ValueError:
            continue
        if space.matches(user):
            return user
    return None


def _has_alternatives(regex: str) -> bool:
    # If the text before a `|` is a valid regex, no group or set is open: then the alternatives
    # may have different prefixes and server names.
    return any(_is_regex(regex[: bar.start()]) for bar in re.finditer(r"\|", regex))


def _is_regex(start: str) -> bool:
    try:
        re.compile(start)
    except re.error:
        return False
    return True
