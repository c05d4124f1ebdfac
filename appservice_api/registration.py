"""The registration: the file that introduces an application service to its homeserver.

It holds the two secrets and the namespaces, and both sides read the same file.
Spec: Application Service API, "Registration".
"""

from __future__ import annotations

import copy
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from importlib import import_module
from typing import Any, NoReturn
from urllib.parse import quote, urlsplit

from .errors import MissingExtraError, RegistrationError
from .ids import UserID, check_localpart, check_user_id, is_server_name

__all__ = ["Namespace", "Namespaces", "Registration"]

_KINDS = {"users": "@", "aliases": "#", "rooms": "!"}
_TOKEN = re.compile(r"[!-~]+\Z")
# Where a regex ends in a server name, escaped (`hs\.test`) or, as often written, not (`hs.test`).
_SERVER = re.compile(
    r":((?:\\\[[0-9A-Fa-f:.]+\\\]|[A-Za-z0-9](?:(?:\\?[.-])*[A-Za-z0-9])*)(?::[0-9]{1,5})?)"
    r"(?:\$|\\Z)?\Z"
)


@dataclass(frozen=True, slots=True)
class Namespace:
    """Names that an application service claims.

    Args:
        exclusive: Whether nobody else may create them.
        regex: A regular expression; as in Synapse, only the beginning is anchored.
        extra: Keys that the specification doesn't know, kept as they are.
    """

    exclusive: bool
    regex: str
    extra: dict[str, Any] = field(default_factory=dict, hash=False)

    def matches(self, name: str) -> bool:
        """Tell whether a user ID, alias or room ID belongs to the namespace."""
        return _compiled(self.regex).match(name) is not None


@dataclass(frozen=True, slots=True)
class Namespaces:
    """The namespaces of a registration: of users, room aliases and room IDs."""

    users: list[Namespace] = field(default_factory=list)
    aliases: list[Namespace] = field(default_factory=list)
    rooms: list[Namespace] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Registration:
    """A valid registration; for one with other values, use :func:`dataclasses.replace`.

    Args:
        id: The name of the application service on its homeserver; never changes.
        url: Where the homeserver sends events to; None if it shall send none.
        as_token: The secret that the application service shows to the homeserver.
        hs_token: The secret that the homeserver shows to the application service.
        sender_localpart: The localpart of the bot.
        namespaces: What the application service claims.
        rate_limited: Whether ghosts are rate limited; None leaves it to the homeserver.
        receive_ephemeral: Whether typing, receipts and presence are sent, too.
        protocols: The third-party protocols that are served.
        extra: Keys that the specification doesn't know, kept as they are.

    Raises:
        RegistrationError: Values aren't valid; the message names all problems, and no token.
    """

    id: str
    url: str | None
    as_token: str
    hs_token: str
    sender_localpart: str
    namespaces: Namespaces = field(default_factory=Namespaces)
    rate_limited: bool | None = None
    receive_ephemeral: bool = False
    protocols: list[str] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _refuse(_problems(self.as_dict()), "The registration")

    @classmethod
    def generate(
        cls, id: str, *, url: str | None = None, sender_localpart: str | None = None,
        users: Iterable[str] = (), aliases: Iterable[str] = (), rooms: Iterable[str] = (),
        exclusive: bool = True, rate_limited: bool | None = False,
        receive_ephemeral: bool = False, protocols: Iterable[str] = (),
        server_name: str | None = None, ghost_prefix: str | None = None,
    ) -> Registration:  # fmt: skip
        """Make a registration with new tokens.

        Args:
            sender_localpart: The bot's; by default the ghosts' prefix without what separates it
                (``_demo`` for ``_demo_``, which is no ghost), or else the ID.
            users, aliases, rooms: Regular expressions.
            exclusive: Whether nobody else may create these users and aliases.
            server_name: The homeserver's name, for the namespaces of ``ghost_prefix``.
            ghost_prefix: What the localparts of all ghosts and aliases begin with.
            id, url, rate_limited, receive_ephemeral, protocols: As for the class.

        Raises:
            RegistrationError: Values aren't valid, or ``ghost_prefix`` has no ``server_name``.
        """
        from secrets import token_urlsafe

        regexes = {"users": _texts(users), "aliases": _texts(aliases), "rooms": _texts(rooms)}
        if ghost_prefix is not None:
            names = _prefix_regex(ghost_prefix, server_name)
            regexes["users"].append(f"@{names}")
            regexes["aliases"].append(f"#{names}")
        if sender_localpart is None:
            stem = (ghost_prefix or "").rstrip("_.=-/+")
            sender_localpart = id if stem == (ghost_prefix or "") else stem or id
        spaces: Any = {kind: [Namespace(exclusive, r) for r in regexes[kind]] for kind in _KINDS}
        return cls(
            id=id, url=url, as_token=token_urlsafe(48), hs_token=token_urlsafe(48),
            sender_localpart=sender_localpart, namespaces=Namespaces(**spaces),
            rate_limited=rate_limited, receive_ephemeral=receive_ephemeral,
            protocols=_texts(protocols),
        )  # fmt: skip

    @classmethod
    def load(cls, source: str | os.PathLike[str] | Mapping[str, Any]) -> Registration:
        """Read a registration.

        Args:
            source: The path of a YAML or JSON file, or a mapping.

        Raises:
            RegistrationError: The file can't be read, or isn't valid; the message names all
                problems, and no token.
            MissingExtraError: The file isn't JSON, and PyYAML isn't installed.
        """
        name = "The registration"
        if isinstance(source, Mapping):
            data = source
        else:
            path = os.fsdecode(source)
            # A file's text given for its path must not show up in the error of open().
            if "\n" in path or path.lstrip()[:1] == "{":
                raise RegistrationError(f"{name} must be a path or a mapping, not a file's text")
            name = f"The registration {path!r}"
            data = _read(path, name)
        _refuse(_problems(data), name)
        lists = {
            kind: [_namespace(entry) for entry in data["namespaces"].get(kind, ())]
            for kind in _KINDS
        }
        return cls(
            **{key: data[key] for key in _REQUIRED if key != "namespaces"},
            namespaces=Namespaces(**lists, extra=_rest(data["namespaces"], _KINDS)),
            rate_limited=data.get("rate_limited"),
            receive_ephemeral=bool(data.get("receive_ephemeral")),
            protocols=list(data.get("protocols") or ()),
            extra=_rest(data, _KEYS),
        )

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the file for the homeserver, readable by its owner only.

        It is YAML where PyYAML is installed and the name doesn't end in ``.json``, else JSON,
        which YAML readers take as well.

        Args:
            overwrite: Whether an existing file may be replaced.

        Raises:
            RegistrationError: The file exists already, or can't be written.
        """
        target = os.fsdecode(path)
        data = _dumped(self.as_dict(), None if target.endswith(".json") else _yaml())
        try:
            _write(os.path.realpath(target) if overwrite else target, data, overwrite)
        except FileExistsError:
            raise RegistrationError(
                f"{target!r} exists already, and its tokens may be in use: "
                "pass overwrite=True to replace it"
            ) from None
        except OSError as error:
            raise RegistrationError(
                f"{target!r} can't be written ({error.strerror}): check the folder and its rights"
            ) from error

    def as_dict(self) -> dict[str, Any]:
        """The content of the file, with the tokens, as a dict of the caller's own."""
        data: dict[str, Any] = {key: getattr(self, key) for key in _REQUIRED}
        spaces = data["namespaces"]
        data["namespaces"] = {
            kind: [
                {"exclusive": space.exclusive, "regex": space.regex}
                | _rest(space.extra, ("exclusive", "regex"))
                for space in getattr(spaces, kind)
            ]
            for kind in _KINDS
        } | _rest(spaces.extra, _KINDS)
        if self.rate_limited is not None:
            data["rate_limited"] = self.rate_limited
        if self.receive_ephemeral:
            data["receive_ephemeral"] = self.receive_ephemeral
        if self.protocols:
            data["protocols"] = self.protocols
        return copy.deepcopy(data | _rest(self.extra, _KEYS))

    @property
    def server_name(self) -> str | None:
        """The homeserver's name, if all namespaces of users end in it; else None."""
        names = {_server_of(space.regex) for space in self.namespaces.users}
        return names.pop() if len(names) == 1 else None

    def bot_mxid(self, server_name: str | None = None) -> UserID | None:
        """The user ID of the bot, or None where the homeserver's name isn't known.

        Args:
            server_name: The homeserver's name, by default :attr:`server_name`.

        Raises:
            ValueError: That isn't a server name.
        """
        server = self.server_name if server_name is None else server_name
        return None if server is None else check_user_id(f"@{self.sender_localpart}:{server}")

    def owns_user(self, user_id: str, *, exclusive_only: bool = False) -> bool:
        """Tell whether a user is the bot or a ghost, as Synapse does.

        The bot counts only where :attr:`server_name` is known. As in Synapse, the beginning of
        the user ID is compared, and the first namespace that matches decides.

        Args:
            exclusive_only: Whether ghosts of shared namespaces don't count.
        """
        for space in self.namespaces.users:
            if space.matches(user_id):
                if space.exclusive or not exclusive_only:
                    return True
                break
        server = self.server_name
        return server is not None and user_id == f"@{self.sender_localpart}:{server}"

    def owns_alias(self, alias: str) -> bool:
        """Tell whether a room alias is in the namespaces of aliases."""
        return any(space.matches(alias) for space in self.namespaces.aliases)

    def owns_room(self, room_id: str) -> bool:
        """Tell whether a room ID is in the namespaces of rooms."""
        return any(space.matches(room_id) for space in self.namespaces.rooms)

    def describe_users(self) -> str:
        """The namespaces of users in words, as an error names them."""
        regexes = ", ".join(f"'{space.regex}'" for space in self.namespaces.users)
        return f"the users namespaces {regexes or '(there are none)'}"

    def warnings(self) -> list[str]:
        """What is valid but seldom meant, one sentence each."""
        found = [w for kind in _KINDS for w in _doubts(kind, self)]
        if self.rate_limited is not False:
            found.append("rate_limited isn't false: the homeserver may rate limit the ghosts")
        return found

    def __repr__(self) -> str:
        return f"<Registration {self.id!r}, bot {self.sender_localpart!r}, {self.describe_users()}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Registration):
            return NotImplemented
        return self.as_dict() == other.as_dict()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Registration holds tokens and can't be pickled: load it where it's used")


_KEYS = frozenset(f.name for f in fields(Registration)) - {"extra"}
_REQUIRED = ("id", "url", "as_token", "hs_token", "sender_localpart", "namespaces")


@lru_cache(maxsize=1024)
def _compiled(regex: str) -> re.Pattern[str]:
    return re.compile(regex)


def _texts(values: Iterable[str]) -> list[str]:
    return [values] if isinstance(values, str) else list(values)


def _rest(data: Mapping[str, Any], known: Iterable[str]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key not in known}


def _namespace(entry: Mapping[str, Any]) -> Namespace:
    return Namespace(entry["exclusive"], entry["regex"], _rest(entry, ("exclusive", "regex")))


def _prefix_regex(prefix: str, server_name: str | None) -> str:
    if server_name is None or not is_server_name(server_name):
        raise RegistrationError(
            f"ghost_prefix needs server_name, the homeserver's name; {server_name!r} is none"
        )
    try:
        check_localpart(prefix)
    except ValueError as error:
        raise RegistrationError(f"ghost_prefix {error}") from None
    # Outside of a set, a hyphen needs no escape, and not all regex dialects allow one.
    return f"{re.escape(prefix)}.*:{re.escape(server_name)}".replace(r"\-", "-")


def _refuse(problems: list[str], name: str) -> None:
    if problems:
        raise RegistrationError(f"{name} isn't valid: {'; '.join(problems)}")


def _problems(data: Mapping[str, Any]) -> list[str]:
    """Everything that a homeserver or the wire would refuse; never with a token's value."""
    found = [f"{key} is missing" for key in _REQUIRED if key not in data and key != "url"]
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
    else:
        try:
            check_localpart(text)
        except ValueError as error:
            yield f"sender_localpart {error}"
        else:
            if quote(text) != text:
                yield f"sender_localpart {text!r} must not contain '=' or '+' (Synapse's rule)"


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
    for kind in _KINDS:
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
        _compiled(regex)
    except (re.error, OverflowError, RecursionError) as error:
        yield f"{where} {regex!r} isn't a regular expression ({error})"


def _outline(regex: str) -> str:
    """A regex without escaped characters, sets and the colons of groups' marks."""
    text = re.sub(r"\\[^:]|\[\^?\]?(?:\\.|[^\]\\])*\]", "", regex)
    return re.sub(r"\(\?[A-Za-z-]*:", "(", text)


@lru_cache(maxsize=1024)
def _server_of(regex: str) -> str | None:
    """The server name that a regex of users ends in, if there is just one."""
    match = _SERVER.search(regex)
    outline, before = _outline(regex), None
    while outline != before:
        before, outline = outline, re.sub(r"\([^()]*\)", "", outline)
    # An alternative outside of all groups ends in something else.
    if match is None or "|" in outline:
        return None
    server = match[1].replace("\\", "")
    return server if is_server_name(server) else None


def _doubts(kind: str, registration: Registration) -> Iterator[str]:
    sigil = _KINDS[kind]
    own = f"@{registration.sender_localpart}:"
    for space in getattr(registration.namespaces, kind):
        where, has_server = f"namespaces.{kind} '{space.regex}'", ":" in _outline(space.regex)
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


def _yaml() -> Any:
    """PyYAML, or None where it isn't installed."""
    try:
        return import_module("yaml")
    except ImportError:
        return None


def _read(path: str, name: str) -> Mapping[str, Any]:
    # What these errors know is an excerpt or all of the file, tokens included: hence each new
    # error is raised outside of `except`, where it can't carry the old one along.
    problem, data = "", None
    try:
        with open(path, encoding="utf-8-sig") as file:
            problem, data = _parsed(file.read())
    except OSError as error:
        problem = f"can't be read ({error.strerror}): check the path and its rights"
    except ValueError:
        problem = "can't be read: it must be a YAML or JSON file in UTF-8"
    if not problem and not isinstance(data, Mapping):
        problem = "must be a mapping of id, url, as_token and so on: generate a new one, or fix it"
    if problem:
        raise RegistrationError(f"{name} {problem}")
    return data  # type: ignore[return-value]


def _parsed(text: str) -> tuple[str, Any]:
    """What is wrong with a file's text, and its content."""
    try:
        return "", json.loads(text)
    except (ValueError, RecursionError):
        yaml = _yaml()
    if yaml is None:
        raise MissingExtraError("reading a YAML registration", "yaml")
    try:
        return "", yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" at line {mark.line + 1}" if mark else ""
        return f"is neither YAML nor JSON{line}: fix the file", None


def _dumped(data: dict[str, Any], yaml: Any) -> bytes:
    refusals = (TypeError, ValueError) if yaml is None else (TypeError, ValueError, yaml.YAMLError)
    try:
        if yaml is not None:
            return bytes(yaml.safe_dump(data, sort_keys=False, encoding="utf-8"))
        # Not in ASCII: YAML reads a pair of escaped surrogates as two characters.
        return json.dumps(data, indent=2, ensure_ascii=False).encode() + b"\n"
    except refusals:
        pass
    raise RegistrationError("an unknown key of the registration has a value that isn't JSON")


def _write(target: str, data: bytes, overwrite: bool) -> None:
    from secrets import token_hex

    temporary = os.path.join(os.path.dirname(target), f".{token_hex(8)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if overwrite:
            os.replace(temporary, target)
        else:
            _move_new(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def _move_new(temporary: str, target: str) -> None:
    try:
        # Unlike a rename, a link refuses an existing target, and does so in one step.
        os.link(temporary, target)
    except FileExistsError:
        raise
    except OSError:  # not every file system has links
        if os.path.lexists(target):
            raise FileExistsError(target) from None
        os.rename(temporary, target)
    else:
        os.unlink(temporary)
