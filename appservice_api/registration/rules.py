"""The rules of a registration: what a homeserver refuses, and what is seldom meant."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from ..errors import RegistrationError
from .namespaces import KINDS, compiled, outline_of

if TYPE_CHECKING:
    from .registration import Registration

REQUIRED = ("id", "url", "as_token", "hs_token", "sender_localpart", "namespaces")
_TOKEN = re.compile(r"[!-~]+\Z")


def refuse(problems: list[str], name: str) -> None:
    if problems:
        raise RegistrationError(f"{name} isn't valid: {'; '.join(problems)}")


def problems_of(data: Mapping[str, Any]) -> list[str]:
    """Everything that a homeserver or the wire would refuse; never with a token's value."""
    found = [f"{key} is missing" for key in REQUIRED if key not in data and key != "url"]
    if "url" not in data:
        found.append("url is missing (null if the homeserver shall send nothing)")
    texts = ("id", "as_token", "hs_token", "sender_localpart")
    for key in (key for key in texts if key in data):
        if not isinstance(data[key], str):
            found.append(f"{key} must be a string, in quotes if need be")
        elif not data[key]:
            found.append(f"{key} is empty")
        else:
            found += _text_problems(key, data[key])
    if data.get("as_token") and data["as_token"] == data.get("hs_token"):
        found.append("as_token and hs_token must not be equal")
    if data.get("url") is not None and not _is_url(data["url"]):
        found.append("url must be null or begin with http:// or https:// and a host")
    if "namespaces" in data:
        found += _namespace_problems(data["namespaces"])
    for key in ("rate_limited", "receive_ephemeral"):
        if not isinstance(data.get(key), (bool, type(None))):
            found.append(f"{key} must be true or false")
    protocols = data.get("protocols") or []
    if not isinstance(protocols, list) or not all(isinstance(p, str) for p in protocols):
        found.append("protocols must be a list of strings")
    return found


def _text_problems(key: str, text: str) -> Iterator[str]:
    if key.endswith("_token"):
        if not _TOKEN.match(text):
            yield f"{key} holds white space, control or non-ASCII characters, which no header takes"
    elif key == "id":
        if "|" in text:
            yield f"id {text!r} must not contain '|'"
    elif quote(text) != text:
        yield f"sender_localpart {text!r} must need no percent-encoding in a URL (Synapse's rule)"


def _is_url(url: object) -> bool:
    if not isinstance(url, str) or re.search(r"[\x00-\x20\x7f]", url):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _namespace_problems(spaces: object) -> Iterator[str]:
    if not isinstance(spaces, Mapping):
        yield "namespaces must be a mapping of users, aliases and rooms"
        return
    for kind in KINDS:
        entries = spaces.get(kind, [])
        if not isinstance(entries, list):
            yield f"namespaces.{kind} must be a list"
            continue
        for number, entry in enumerate(entries):
            where = f"namespaces.{kind}[{number}]"
            if not isinstance(entry, Mapping):
                yield f"{where} must be a mapping of exclusive and regex"
                continue
            if not isinstance(entry.get("exclusive"), bool):
                yield f"{where}.exclusive must be true or false"
            yield from _regex_problems(f"{where}.regex", entry.get("regex"))


def _regex_problems(where: str, regex: object) -> Iterator[str]:
    if not isinstance(regex, str):
        yield f"{where} must be a string"
        return
    try:
        compiled(regex)
    except (re.error, OverflowError, RecursionError) as error:
        yield f"{where} {regex!r} isn't a regular expression ({error})"


def doubts(kind: str, registration: Registration) -> Iterator[str]:
    sigil = KINDS[kind]
    own = f"@{registration.sender_localpart}:"
    for space in getattr(registration.namespaces, kind):
        where, has_server = f"namespaces.{kind} '{space.regex}'", ":" in outline_of(space.regex)
        if kind == "users" and not has_server:
            yield (
                f"{where} has no server part and matches users of other homeservers too: "
                "end it in ':' and the server name"
            )
        if kind == "rooms" and has_server:
            yield f"{where} has a server part and never matches rooms of version 12 and later"
        reserved = re.match(rf"\^?{sigil}(?:\((?:\?:)?)*\\?_", space.regex)
        bot = space.regex.lstrip("^").replace("\\", "").startswith(own)
        if kind != "rooms" and space.exclusive and not reserved and not bot:
            yield f"{where} is exclusive; its names should begin with '_' so that people's don't"
