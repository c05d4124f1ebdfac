"""What Room adds to its intent: methods without the room as an argument, and properties whose
errors are AttributeErrors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from ..errors import MatrixRequestError

__all__ = ["looking", "verb"]

P = ParamSpec("P")
T = TypeVar("T")
# The part of a docstring about the parameter that the room fills in.
_OWN_PARAMETER = r"(?m)^( +)room_id(?:_or_alias)?: .*\n(?:\1 +.*\n)*"


def verb(
    method: Callable[Concatenate[Any, str, P], T],
) -> Callable[Concatenate[Any, P], T]:
    """A method of the intent as a method of the room; made at its first use, because there are
    many."""
    made: Any = _Verb(method)
    return made  # type: ignore[no-any-return]


class _Verb:
    __slots__ = ("_method", "_owner")

    def __init__(self, method: Callable[..., Any]) -> None:
        self._method = method

    def __set_name__(self, owner: type, name: str) -> None:
        self._owner = owner

    def __get__(self, room: object, owner: type) -> Any:
        made = _method_of_room(self._owner, self._method)
        setattr(self._owner, made.__name__, made)
        return made.__get__(room, owner)


def _method_of_room(room: type, method: Any) -> Any:
    from inspect import signature

    name = method.__name__

    @wraps(method)
    def said(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        return getattr(self.intent, name)(self.room_id, *args, **kwargs)

    of_intent = signature(method)
    me, _, *others = of_intent.parameters.values()
    said.__signature__ = of_intent.replace(parameters=[me, *others])  # type: ignore[attr-defined]
    said.__doc__ = re.sub(_OWN_PARAMETER, "", method.__doc__ or "")
    said.__module__, said.__qualname__ = room.__module__, f"{room.__qualname__}.{name}"
    return said


def _absent(kind: Any) -> Any:
    """A subclass of an error class that is an AttributeError, too."""

    def reduced(self: MatrixRequestError) -> tuple[Any, ...]:
        rebuild, (_, state) = kind.__reduce__(self)
        return rebuild, (kind, state)

    names = {"__module__": kind.__module__, "__reduce__": reduced}
    return type(kind.__name__, (kind, AttributeError), names)


@contextmanager
def looking() -> Iterator[None]:
    """Raise refusals as AttributeErrors, so that ``hasattr()``, ``getattr()`` with a default, and
    tools that complete names treat the attribute as missing."""
    try:
        yield
    except MatrixRequestError as refused:
        kind = _absent(type(refused))
        absent = kind.__new__(kind, refused.reason)
        absent.__dict__.update(refused.__dict__)
        raise absent from refused.__cause__
