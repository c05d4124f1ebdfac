"""Rules for a registration: what a homeserver refuses, and what is valid but rarely intended."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from ..errors import RegistrationError
from .namespaces import KINDS

__all__ = ["KEYS", "UNSTABLE_EPHEMERAL", "check", "warnings_of"]

_REQUIRED = ("id", "url", "as_token", "hs_token", "sender_localpart", "namespaces")
#: The name of ``receive_ephemeral`` before it was stable; Synapse 1.143 reads no other.
UNSTABLE_EPHEMERAL = "de.sorunome.msc2409.push_ephemeral"
_SWITCHES = ("rate_limited", "receive_ephemeral", UNSTABLE_EPHEMERAL)
KEYS = (*_REQUIRED, "rate_limited", "receive_ephemeral", "protocols")
_TOKEN = (r"[!-~]+\Z", "holds white space, control or non-ASCII characters, which no header takes")
_TEXTS = {
    "id": (r"[^|]+\Z", "must not contain '|'"),
    "as_token": _TOKEN,
    "hs_token": _TOKEN,
    # As Synapse: only characters that a URL doesn't quote.
    "sender_localpart": (r"[A-Za-z0-9._~/-]+\Z", "must need no percent-encoding in a URL"),
}


def check(data: Mapping[str, Any], name: str) -> None:
    """Check the content of a registration file.

    Raises:
        RegistrationError: It isn't valid. The error has all problems, but no token.
    """
    problems = list(_problems(data))
    if problems:
        raise RegistrationError(f"{name} isn't valid: {'; '.join(problems)}", problems)


def warnings_of(data: Mapping[str, Any]) -> Iterator[str]:
    """What is valid but rarely intended, one sentence each."""
    bot = data["sender_localpart"]
    if re.search("[A-Z~]", bot):
        yield f"sender_localpart {bot!r} has uppercase letters or '~', as no new user ID may"
    for kind in KINDS:
        for space in data["namespaces"].get(kind, ()):
            yield from _namespace_warnings(kind, space["regex"], space["exclusive"], bot)
    if data.get("rate_limited") is not False:
        yield "rate_limited isn't false: the homeserver may rate limit the ghosts"


def _problems(data: Mapping[str, Any]) -> Iterator[str]:
    for key in _REQUIRED:
        if key not in data:
            hint = " (null if the homeserver shall send nothing)" if key == "url" else ""
            yield f"{key} is missing{hint}"
        elif key in _TEXTS:
            yield from _text_problems(key, data[key])
    if data.get("as_token") and data["as_token"] == data.get("hs_token"):
        yield "as_token and hs_token must not be equal"
    if data.get("url") is not None and not _is_url(data["url"]):
        yield "url must be null or begin with http:// or https:// and a host"
    yield from _namespaces_problems(data.get("namespaces", {}))
    for key in _SWITCHES:
        if not isinstance(data.get(key), (bool, type(None))):
            yield f"{key} must be true or false"
    protocols = data.get("protocols") or []
    if not isinstance(protocols, list) or not all(isinstance(p, str) for p in protocols):
        yield "protocols must be a list of strings"


def _text_problems(key: str, text: object) -> Iterator[str]:
    regex, problem = _TEXTS[key]
    if not isinstance(text, str):
        yield f"{key} must be a string, in quotes if need be"
    elif not text:
        yield f"{key} is empty"
    elif not re.match(regex, text):
        yield f"{key} {problem}" if key.endswith("_token") else f"{key} {text!r} {problem}"


def _is_url(url: object) -> bool:
    if not isinstance(url, str) or re.search(r"[\x00-\x20\x7f]", url):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _namespaces_problems(spaces: object) -> Iterator[str]:
    if not isinstance(spaces, Mapping):
        yield "namespaces must be a mapping of users, aliases and rooms"
        return
    for kind in KINDS:
        entries = spaces.get(kind, [])
        if not isinstance(entries, list):
            yield f"namespaces.{kind} must be a list"
            continue
        for number, entry in enumerate(entries):
            yield from _namespace_problems(f"namespaces.{kind}[{number}]", entry)


def _namespace_problems(where: str, entry: object) -> Iterator[str]:
    if not isinstance(entry, Mapping):
        yield f"{where} must be a mapping of exclusive and regex"
        return
    if not isinstance(entry.get("exclusive"), bool):
        yield f"{where}.exclusive must be true or false"
    regex = entry.get("regex")
    if not isinstance(regex, str):
        yield f"{where}.regex must be a string"
        return
    try:
        re.compile(regex)
    except (re.error, OverflowError, RecursionError) as error:
        yield f"{where}.regex {regex!r} isn't a regular expression ({error})"


def _namespace_warnings(kind: str, regex: str, exclusive: bool, bot: str) -> Iterator[str]:
    where = f"namespaces.{kind} '{regex}'"
    # Colons in sets and in (?...: don't count; an escaped colon does.
    has_server = ":" in re.sub(
        r"\\[^:]|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?[A-Za-z-]*:", "", regex, flags=re.DOTALL
    )
    if kind == "users" and not has_server:
        yield (
            f"{where} has no server part and matches users of other homeservers too: "
            "end it in ':' and the server name"
        )
    if kind == "rooms" and has_server:
        yield f"{where} has a server part and never matches rooms of version 12 and later"
    reserved = re.match(rf"\^?{KINDS[kind]}(?:\((?:\?:)?)*\\?_", regex)
    of_bot = regex.lstrip("^").replace("\\", "").startswith(f"@{bot}:")
    if kind != "rooms" and exclusive and not reserved and not of_bot:
        yield f"{where} is exclusive; its names should begin with '_' so that people's don't"
