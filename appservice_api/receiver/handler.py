"""A handler: a function that gets what its parameters ask for by their names."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePath
from typing import Any

__all__ = ["Handler", "Step", "Values"]


class Values:
    """What handlers may ask for by name, each made when it is asked for.

    Args:
        given: What there is by name.
        below: What there is beside.
    """

    __slots__ = ("_below", "_given")

    def __init__(self, given: Mapping[str, Any], below: Values | None = None) -> None:
        self._given = given
        self._below = below

    def get(self, name: str) -> Any:
        """The value of a name.

        Raises:
            KeyError: There is none.
        """
        if name in self._given:
            return self._given[name]
        if self._below is None:
            raise KeyError(name)
        return self._below.get(name)


class Step:
    """What is done for an item: a handler is called, or something of our own.

    Attributes:
        name: What a handler is called in all processes that have it; None for what is ours, and
            does no harm when it is done again.
        key: As what it is noted, if that isn't the item: for a handler that is called once for
            several items. Only such a step may be skipped, and is told that it succeeded.
        wanted: What a handler asks for.
    """

    __slots__ = ()
    name: str | None = None
    key: str | None = None
    wanted: tuple[str, ...] = ()

    def skips(self) -> bool:
        """Whether there is nothing to do."""
        return False

    def succeeded(self) -> None:
        """Take that it is done, and was noted."""

    def __call__(self, values: Values) -> Any:
        """Do it."""
        raise NotImplementedError


class Handler(Step):
    """A function, and what it asks for.

    Args:
        function: The function; its parameters are names of ``known``. Others need a default.
        known: What it may ask for.

    Raises:
        TypeError: It isn't a plain function, or asks for what isn't known.
    """

    __slots__ = ("function", "name", "wanted")
    name: str
    wanted: tuple[str, ...]

    def __init__(self, function: Callable[..., Any], known: Iterable[str]) -> None:
        name = getattr(function, "__qualname__", repr(function))
        if not callable(function):
            raise TypeError(f"a handler is a function, not {function!r}")
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(
                f"{name} is a coroutine function, which nobody would await: write it as a plain "
                "function; each transaction has a thread of its own"
            )
        if inspect.isgeneratorfunction(function):
            raise TypeError(f"{name} is a generator, which nobody would run: leave out its yield")
        self.function = function
        self.wanted = _wanted(function, name, tuple(known))
        #: What it is called in all processes that have it.
        self.name = f"{_module_of(function)}.{name if hasattr(function, '__qualname__') else ''}"

    def __call__(self, values: Values) -> Any:
        """Call the function with what it asks for."""
        return self.function(**{name: values.get(name) for name in self.wanted})

    def __repr__(self) -> str:
        return f"<Handler {getattr(self.function, '__qualname__', self.function)!s}>"


def _module_of(function: Callable[..., Any]) -> str:
    """The last part of the name of a function's module: a script that is run has it, too."""
    module = getattr(function, "__module__", None) or ""
    if module == "__main__":
        main = sys.modules.get(module)
        spec = getattr(main, "__spec__", None)
        module = spec.name if spec else PurePath(getattr(main, "__file__", None) or "").stem
    return str(module.rpartition(".")[2])


def _wanted(function: Callable[..., Any], name: str, known: tuple[str, ...]) -> tuple[str, ...]:
    wanted = []
    try:
        parameters = inspect.signature(function).parameters
    except ValueError:
        raise TypeError(f"{name} has no signature that tells what it asks for") from None
    for one in parameters.values():
        named = one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
        if named and one.name in known:
            wanted.append(one.name)
        elif one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD) or one.default is one.empty:
            raise TypeError(
                f"{name} asks for {str(one)!r}; a handler of this kind may ask for "
                f"{', '.join(known)}"
            )
    return tuple(wanted)
