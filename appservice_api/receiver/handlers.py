"""Handlers: what an application handles, and by which functions."""

from __future__ import annotations

import inspect
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePath
from typing import Any, NamedTuple, TypeAlias

from .values import Values

__all__ = ["Handler", "Handlers", "Listener", "Step", "Wanted", "texts"]

#: What a filter lets through: one text, several, or None for any.
Wanted: TypeAlias = str | Iterable[str] | None

_ALWAYS = ("intent", "app", "api")
_CONNECTION = "connection"
_OF_EVENTS = ("event", "mine", "room", "ghost", *_ALWAYS)
_OF_OTHERS = {
    "device_lists": ("changed", "left", *_ALWAYS),
    "one_time_keys": ("counts", *_ALWAYS),
    "fallback_keys": ("types", *_ALWAYS),
    "user_query": ("user_id", "ghost", *_ALWAYS),
    "alias_query": ("alias", *_ALWAYS),
    "protocol": ("protocol", *_ALWAYS),
    "location": ("protocol", "fields", "alias", *_ALWAYS),
    "user": ("protocol", "fields", "user_id", *_ALWAYS),
    "keys_claim": ("content", *_ALWAYS),
    "keys_query": ("content", *_ALWAYS),
    "upgrade": ("event", "mine", "old_room", "room", "ghosts", *_ALWAYS),
    "error": ("error", "event", "traceback", *_ALWAYS),
}


class Step:
    """What is done for an item: a handler is called, or something of our own.

    Attributes:
        name: What a handler is called in all processes that have it; None for what is ours, and
            does no harm when it is done again.
        key: As what it is noted, if that isn't the item: for a handler that is called once for
            several items. Only such a step may be skipped, and learns that it succeeded.
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
        """Keep that it is done, and was noted."""

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


class Listener(NamedTuple):
    """A handler of events, and which ones it is for.

    Attributes:
        handler: The handler.
        types: The types of events, None for any.
        rooms: The rooms, None for any.
        senders: The senders, None for any.
        msgtypes: The types of messages, None for any.
        state_keys: The state keys, None for any.
        state: Whether it is for state events only.
        mine: Whether it is for what this application service sent, too.
        when: Tells whether it is for anything at present; None for always.
    """

    handler: Handler
    types: frozenset[str] | None = None
    rooms: frozenset[str] | None = None
    senders: frozenset[str] | None = None
    msgtypes: frozenset[str] | None = None
    state_keys: frozenset[str] | None = None
    state: bool = False
    mine: bool = False
    when: Callable[[], bool] | None = None

    def wants(self, event: Mapping[str, Any]) -> bool:
        """Whether an event is for it, whoever sent it."""
        # Each event is compared with each listener.
        return (
            (self.types is None or _among(event.get("type"), self.types))
            and (self.rooms is None or _among(event.get("room_id"), self.rooms))
            and (self.senders is None or _among(event.get("sender"), self.senders))
            and (self.msgtypes is None or _among(_msgtype(event), self.msgtypes))
            and (not self.state or event.get("state_key") is not None)
            and (self.state_keys is None or _among(event.get("state_key"), self.state_keys))
            and (self.when is None or self.when())
        )


class Handlers:
    """What an application handles, and by which functions.

    Args:
        has_connection: Tells whether handlers may ask for ``connection``.

    Attributes:
        listeners: The handlers of events, by kind of item.
        several: The kinds of items that have more than one handler.
    """

    def __init__(self, has_connection: Callable[[], bool]) -> None:
        self._has_connection = has_connection
        self.listeners: dict[str, list[Listener]] = {}
        self.several: set[str] = set()
        self._others: dict[str, list[tuple[str | None, Handler]]] = {}
        self._names: Counter[str] = Counter()

    def listen(self, kind: str, function: Callable[..., Any], **filters: Any) -> None:
        """Add a handler of events.

        Args:
            kind: The kind of item.
            function: The handler.
            filters: As for :class:`Listener`.

        Raises:
            TypeError: The function can't be a handler.
        """
        listener = Listener(self._made(function, _OF_EVENTS), **filters)
        listeners = self.listeners.setdefault(kind, [])
        listeners.append(listener)
        if len(listeners) > 1:
            self.several.add(kind)

    def add(self, kind: str, protocol: str | None, function: Callable[..., Any]) -> None:
        """Add a handler of what isn't an event.

        Args:
            kind: Of what.
            protocol: The name of the third-party protocol that it is for, None for any.
            function: The handler.

        Raises:
            TypeError: The function can't be a handler.
        """
        handler = self._made(function, _OF_OTHERS[kind])
        others = self._others.setdefault(kind, [])
        others.append((protocol, handler))
        if len(others) > 1:
            self.several.add(kind)

    def of(self, kind: str, protocol: str | None = None) -> list[Handler]:
        """The handlers of what isn't an event.

        Args:
            kind: Of what.
            protocol: The name of the third-party protocol that they must be for, None for any.
        """
        found = self._others.get(kind, ())
        return [one for of, one in found if protocol is None or of is None or of == protocol]

    def _made(self, function: Callable[..., Any], known: tuple[str, ...]) -> Handler:
        """A handler, with a name that no other one has."""
        handler = Handler(function, (*known, _CONNECTION) if self._has_connection() else known)
        self._names[handler.name] += 1
        number = self._names[handler.name]
        if number > 1:
            handler.name = f"{handler.name}#{number}"
        return handler


def texts(wanted: Wanted) -> frozenset[str] | None:
    """What a filter lets through, None for anything.

    Raises:
        TypeError: It isn't a text, nor several, nor None.
    """
    if wanted is None:
        return None
    if callable(wanted):
        raise TypeError("the decorator needs the type of events: @app.on('m.room.message')")
    one = isinstance(wanted, str) or not isinstance(wanted, Iterable)
    chosen: tuple[Any, ...] = (wanted,) if one else tuple(wanted)
    if not all(isinstance(one, str) for one in chosen):
        raise TypeError(f"the decorator needs a str, several, or None, not {wanted!r}")
    return frozenset(chosen)


def _among(found: object, wanted: frozenset[str]) -> bool:
    return isinstance(found, str) and found in wanted


def _msgtype(event: Mapping[str, Any]) -> object:
    content = event.get("content")
    return content.get("msgtype") if isinstance(content, Mapping) else None


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
