"""The registration of an application service."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NoReturn

from ..errors import RegistrationError
from ..ids import UserID, check_localpart, localpart_of, server_of
from ..localparts import decode_localpart, encode_localpart
from .file import read, write
from .namespaces import KINDS, Namespace, Namespaces, prefix_of_regex, prefix_regex, server_of_regex
from .rules import KEYS, UNSTABLE_EPHEMERAL, check, warnings_of

__all__ = ["Registration"]

_ENTRY_KEYS = ("exclusive", "regex")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Registration:
    """A valid registration; for one with other values, use :func:`dataclasses.replace`.

    Args:
        id: The ID of the application service on its homeserver; it must never change.
        url: The URL to which the homeserver sends events; None to send none.
        as_token: The secret that authenticates the application service.
        hs_token: The secret that authenticates the homeserver.
        sender_localpart: The localpart of the bot.
        namespaces: The users, aliases and rooms that the application service claims.
        rate_limited: Whether ghosts are rate limited; None for the homeserver's default.
        receive_ephemeral: Whether the homeserver sends typing, receipts and presence. In a file
            it has a second, unstable name, for Synapse 1.143.
        protocols: The third-party protocols that the application service serves.
        extra: Keys that the specification doesn't know, kept as they are.

    Raises:
        RegistrationError: A value isn't valid. The error has all problems, but no token.
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
        check(self.as_dict(), "The registration")

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
            sender_localpart: The localpart of the bot. By default the ghosts' prefix without the
                separator at its end (``_demo`` for ``_demo_``, which is no ghost), or else the ID.
            users, aliases, rooms: Regular expressions.
            exclusive: Whether only the application service may create these names.
            server_name: The homeserver's name, for the namespaces of ``ghost_prefix``.
            ghost_prefix: What the localparts of all ghosts and aliases begin with.
            id, url, rate_limited, receive_ephemeral, protocols: As for the class.

        Raises:
            RegistrationError: A value isn't valid, or ``ghost_prefix`` is given without
                ``server_name``.
        """
        from secrets import token_urlsafe

        regexes = dict(zip(KINDS, map(_texts, (users, aliases, rooms)), strict=True))
        if ghost_prefix is not None:
            names = prefix_regex(ghost_prefix, server_name)
            regexes["users"].append(f"@{names}")
            regexes["aliases"].append(f"#{names}")
        if sender_localpart is None:
            stem = (ghost_prefix or "").rstrip("_.=-/+")
            sender_localpart = stem if stem and stem != ghost_prefix else id
        try:
            check_localpart(sender_localpart)
        except ValueError as error:
            raise RegistrationError(f"sender_localpart {error}") from None
        spaces: Any = {kind: [Namespace(exclusive, r) for r in regexes[kind]] for kind in KINDS}
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
            RegistrationError: The file can't be read, or isn't valid. The error has all problems,
                but no token.
            MissingExtraError: The file isn't JSON, and PyYAML isn't installed.
        """
        if isinstance(source, Mapping):
            data, name = source, "The registration"
        else:
            try:
                path = os.fsdecode(source)
            except TypeError:
                kind = type(source).__name__
                raise RegistrationError(
                    f"a registration must be a path or a dict, not {kind}"
                ) from None
            data, name = read(path), f"The registration {path!r}"
        check(data, name)
        spaces: Any = {
            kind: [
                Namespace(entry["exclusive"], entry["regex"], _extra(entry, _ENTRY_KEYS))
                for entry in data["namespaces"].get(kind, ())
            ]
            for kind in KINDS
        }
        # For an optional key that is null, the default applies.
        known = {key: data[key] for key in KEYS if key == "url" or data.get(key) is not None}
        known["namespaces"] = Namespaces(**spaces, extra=_extra(data["namespaces"], KINDS))
        if data.get(UNSTABLE_EPHEMERAL):
            known["receive_ephemeral"] = True
        return cls(**known, extra=_extra(data, (*KEYS, UNSTABLE_EPHEMERAL)))

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the file for the homeserver, readable by its owner only.

        It is YAML if PyYAML is installed and the name doesn't end in ``.json``; otherwise JSON,
        which is valid YAML.

        Args:
            overwrite: Whether an existing file may be replaced.

        Raises:
            RegistrationError: The file exists already, or can't be written.
        """
        write(os.fsdecode(path), self.as_dict(), overwrite=overwrite)

    def as_dict(self) -> dict[str, Any]:
        """The content of the file, with the tokens, as a new dict."""
        data = asdict(self, dict_factory=_with_extra)
        if self.receive_ephemeral:
            data[UNSTABLE_EPHEMERAL] = True
        if self.rate_limited is None:
            del data["rate_limited"]
        return data

    @property
    def server_name(self) -> str | None:
        """The homeserver's name, if all namespaces of users end in it; otherwise None."""
        names = {server_of_regex(space.regex) for space in self.namespaces.users}
        return names.pop() if len(names) == 1 else None

    def bot_mxid(self, server_name: str | None = None) -> UserID | None:
        """The user ID of the bot, or None if the homeserver's name isn't known.

        Args:
            server_name: The homeserver's name, by default :attr:`server_name`.

        Raises:
            ValueError: ``server_name`` isn't a server name.
        """
        server = self.server_name if server_name is None else server_name
        return None if server is None else UserID(f"@{self.sender_localpart}:{server}")

    @property
    def ghost_prefix(self) -> str | None:
        """The prefix of all ghosts' localparts, if it is the same in all namespaces of users, or
        at least in the exclusive ones; otherwise None."""
        for spaces in (
            self.namespaces.users, [space for space in self.namespaces.users if space.exclusive],
        ):  # fmt: skip
            prefixes = {prefix_of_regex(space.regex) for space in spaces} - {None}
            if len(prefixes) == 1:
                return prefixes.pop()
        return None

    def user_id_for(self, remote_name: str, server_name: str | None = None) -> UserID:
        """The user ID of the ghost of a remote user: :attr:`ghost_prefix` and the name, encoded by
        :func:`encode_localpart`. :meth:`remote_name` is the inverse.

        Args:
            remote_name: The name or ID on the remote network, any text that isn't empty.
            server_name: The homeserver's name, by default :attr:`server_name`.

        Raises:
            RegistrationError: The namespaces of users don't imply the prefix or the server.
            ValueError: The name is empty; or the user ID has more than 255 bytes, isn't in the
                namespaces, or is that of the bot.
        """
        prefix = self.ghost_prefix
        server = self.server_name if server_name is None else server_name
        if prefix is None:
            raise RegistrationError(
                f"{self.describe_users()} don't tell what ghosts begin with: one must begin "
                "with plain text, as '@_demo_.*:example\\.org' does"
            )
        if server is None:
            raise RegistrationError(
                f"{self.describe_users()} don't end in one server name: give server_name"
            )
        user_id = UserID.of(prefix + encode_localpart(remote_name), server)
        if user_id == self.bot_mxid(server):
            raise ValueError(f"{remote_name!r} can't have a ghost: {user_id} is the bot")
        if not self.owns_user(user_id):
            raise ValueError(
                f"{remote_name!r} can't have a ghost: {user_id} isn't in {self.describe_users()}"
            )
        return user_id

    def remote_name(self, user_id: str) -> str | None:
        """The name for which :meth:`user_id_for` returns a user ID; None if there is none.

        Args:
            user_id: The ID of any user.
        """
        prefix, localpart = self.ghost_prefix, localpart_of(user_id)
        if prefix is None or not localpart.startswith(prefix) or not self.owns_user(user_id):
            return None
        if user_id == self.bot_mxid(server_of(user_id)):
            return None
        try:
            return decode_localpart(localpart[len(prefix) :])
        except ValueError:
            return None

    def owns_user(self, user_id: str, *, exclusive_only: bool = False) -> bool:
        """Whether a user is the bot or a ghost.

        If :attr:`server_name` is known, the bot counts, and users of other servers don't. As in
        Synapse, a regex needs to match only the beginning, and the first that matches decides.

        Args:
            exclusive_only: Whether only ghosts of exclusive namespaces count.
        """
        server = self.server_name
        if server is not None and server_of(user_id) != server:
            return False
        if server is not None and user_id == f"@{self.sender_localpart}:{server}":
            return True
        first = next((space for space in self.namespaces.users if space.matches(user_id)), None)
        return first is not None and (first.exclusive or not exclusive_only)

    def owns_alias(self, alias: str) -> bool:
        """Whether a room alias is in the namespaces of aliases."""
        return any(space.matches(alias) for space in self.namespaces.aliases)

    def owns_room(self, room_id: str) -> bool:
        """Whether a room ID is in the namespaces of rooms."""
        return any(space.matches(room_id) for space in self.namespaces.rooms)

    def describe_users(self) -> str:
        """The namespaces of users in words, for an error."""
        regexes = ", ".join(f"'{space.regex}'" for space in self.namespaces.users)
        return f"the users namespaces {regexes or '(there are none)'}"

    def warnings(self) -> list[str]:
        """What is valid but rarely intended, one sentence each."""
        return list(warnings_of(self.as_dict()))

    def __repr__(self) -> str:
        return f"<Registration {self.id!r}, bot {self.sender_localpart!r}, {self.describe_users()}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Registration holds tokens and can't be pickled: load it where it's used")


def _extra(data: Mapping[str, Any], known: Iterable[str]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key not in known}


def _with_extra(items: list[tuple[str, Any]]) -> dict[str, Any]:
    known = dict(items)
    return known | _extra(known.pop("extra"), known)


def _texts(values: Iterable[str]) -> list[str]:
    return [values] if isinstance(values, str) else list(values)
