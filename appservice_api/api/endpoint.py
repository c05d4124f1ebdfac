"""Endpoints: the operations of an API, what each needs, and whether it may be repeated.

To add one: in the chapter's module in ``client/``, declare an :class:`Endpoint` with what it
:class:`Needs`, and write the method that calls it (``ClientMethods._call``) and returns a view of
``answers/``. The class of a new chapter becomes a base in ``client/__init__.py``; a POST that may
be repeated is added to the table in ``api/retry.py``. Then a row in ``tests/openapi/rows/``, and
``python docs/endpoints.py``.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from functools import lru_cache
from types import ModuleType
from typing import Any, Final, TypeVar

from .. import ids
from .path import quote_part
from .retry import may_repeat

__all__ = ["Endpoint", "Needs", "endpoints_of"]

_Method = TypeVar("_Method", bound=Callable[..., Any])
_MAX_NAME_BYTES = 255


class Needs(enum.Enum):
    """What the user needs before the homeserver accepts the request."""

    NOTHING = "nothing"
    REGISTERED = "registered"
    #: The bot is registered before its first request: homeservers accept the request from a bot
    #: without an account, and then make an incomplete account or none.
    ACCOUNT = "an account"
    #: Registered, and joined to the room that is the first value of the path.
    JOINED = "joined"


def _check_name(what: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if isinstance(value, str) and len(value.encode(errors="surrogatepass")) > _MAX_NAME_BYTES:
            raise ValueError(f"{what} {value[:40]!r}… is longer than {_MAX_NAME_BYTES} bytes")
        return value

    return check


# How the values of a path are checked, by the names that the specification gives them.
_CHECKS: Final[dict[str, Callable[[Any], str]]] = {
    "roomId": ids.RoomID,
    "roomIdOrAlias": ids.check_room_id_or_alias,
    "roomAlias": ids.RoomAlias,
    "userId": ids.UserID,
    "eventId": ids.EventID,
    "eventType": _check_name("event type"),
    "stateKey": _check_name("state key"),
    "txnId": _check_name("transaction ID"),
}


def _part(name: str, value: object) -> str:
    """A value of a path, checked and percent-encoded. Rooms and users recur, so these are cached;
    transaction IDs are always new."""
    if name != "txnId" and isinstance(value, str):
        return _known_part(name, value)
    return _new_part(name, value)


def _new_part(name: str, value: object) -> str:
    check = _CHECKS.get(name)
    if check is not None:
        check(value)
    return quote_part(value, name, empty=name == "stateKey")


_known_part = lru_cache(maxsize=4096)(_new_part)


class Endpoint:
    """One operation of an API: method, path, what it needs.

    Whether its request may be repeated is in the table of :mod:`.retry`, which applies to raw
    requests, too.

    Args:
        method: The HTTP method.
        template: The path as the specification writes it, ``{roomId}`` for a value.
        needs: What is ensured before the request, or repaired after a refusal.
        already: Errcodes of a repeat that mean that the first attempt was successful.
        once: Never repeat a request that may have arrived, although another operation of the same
            path may be repeated.
    """

    __slots__ = (
        "_literals", "_names", "already", "method", "methods", "needs", "once", "template",
    )  # fmt: skip

    def __init__(
        self,
        method: str,
        template: str,
        needs: Needs,
        *,
        already: tuple[str, ...] = (),
        once: bool = False,
    ) -> None:
        # Alternately literal text and the name of a value.
        pieces = template.replace("}", "{").split("{")
        names = pieces[1::2]
        self.method = method
        self.template = template
        self.needs = needs
        self.already = already
        self.once = once
        self.methods: list[str] = []
        self._literals = tuple(pieces[::2])
        self._names = tuple(names)
        if needs is Needs.JOINED and names[:1] != ["roomId"]:
            raise ValueError(f"{template}: what needs a joined user must begin with {{roomId}}")

    @property
    def repeatable(self) -> bool:
        """Whether its request may be repeated even if it may have arrived."""
        return not self.once and may_repeat(self.method, self.template)

    def __call__(self, method: _Method) -> _Method:
        """As a decorator: note that a client method serves this endpoint."""
        self.methods.append(method.__name__)
        return method

    def path(self, values: tuple[object, ...]) -> str:
        """The path with its values, checked and percent-encoded.

        Raises:
            ValueError: A value isn't valid in its place.
        """
        path = self._literals[0]
        for value, name, literal in zip(values, self._names, self._literals[1:], strict=True):
            path += _part(name, value) + literal
        return path

    def __repr__(self) -> str:
        return f"<Endpoint {self.method} {self.template}>"


def endpoints_of(*packages: ModuleType) -> dict[str, Endpoint]:
    """All endpoints of packages, for documentation and tests.

    Args:
        packages: The packages; all of their modules are imported.

    Returns:
        The endpoints by module and name of their first appearance: ``client.messages.SEND``.
    """
    from importlib import import_module
    from pkgutil import walk_packages

    found: dict[str, Endpoint] = {}
    for package in packages:
        inner = walk_packages(package.__path__, f"{package.__name__}.")
        for module in (package, *(import_module(one.name) for one in inner)):
            place = module.__name__.partition(".")[2]
            for name, value in vars(module).items():
                if isinstance(value, Endpoint) and value not in found.values():
                    found[f"{place}.{name}"] = value
    return found
