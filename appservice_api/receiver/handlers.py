"""The decorators by which an application says what it handles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias, TypeVar

from .handler import Handler

__all__ = ["Handlers", "Listener"]

F = TypeVar("F", bound=Callable[..., Any])
#: One text, several, or None for any.
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
        mine: Whether what this application service sent is for it, too.
        when: Tells whether it is for anything at present; None: it is.
    """

    handler: Handler
    types: frozenset[str] | None
    rooms: frozenset[str] | None = None
    senders: frozenset[str] | None = None
    msgtypes: frozenset[str] | None = None
    state_keys: frozenset[str] | None = None
    state: bool = False
    mine: bool = False
    when: Callable[[], bool] | None = None

    def wants(self, event: Mapping[str, Any]) -> bool:
        """Whether an event is for it, whoever sent it."""
        # Each event is held against each listener: what is for any isn't looked at.
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
    """Decorators for handlers.

    A handler is a plain function. It gets what its parameters ask for by their names; for events:
    ``event`` (a view), ``mine`` (whether this application service sent it), ``room`` (a
    :class:`Room` as the bot sees it), ``intent`` (the bot's), ``ghost`` (the intent of the ghost
    whose membership the event is, or to whose device it was sent; None if there is none), ``app``,
    and ``api``; and, where the state store has one, ``connection``: one to its database, in the
    transaction in which is noted that the handler is done. Several handlers of one event are
    called in the order in which they were made.

    An event whose handler raises is handed to it again a few times, and then put aside: see
    :meth:`on_error`. Each attempt is a unit of work of its own: see ``unit_of_work`` of
    :class:`AppService`. Only those handlers are called again that haven't succeeded.

    What a handler sends is sent once: its transaction IDs are made of the event, the handler, who
    speaks, and what is sent where, so that the homeserver takes the same, sent again by another
    attempt or by another process, for a repeat. What a handler sends twice in one attempt is sent
    twice. This holds for as long as the homeserver remembers transaction IDs, and in threads that
    a handler starts if they run in a copy of its context (``contextvars.copy_context()``).
    """

    def __init__(self) -> None:
        self._listeners: dict[str, list[Listener]] = {}
        self._handlers: dict[str, list[tuple[str | None, Handler]]] = {}
        self._names: Counter[str] = Counter()

    def on(
        self, type: Wanted, room: Wanted = None, sender: Wanted = None, msgtype: Wanted = None,
        *, mine: bool = False,
    ) -> Callable[[F], F]:  # fmt: skip
        """Handle events of rooms, state events among them.

        Args:
            type: The type, or several; ``"*"`` for all.
            room: The room ID, or several; None for all.
            sender: The user ID of the sender, or several; None for all.
            msgtype: The type of message, or several; None for all.
            mine: Whether to take what the bot, ghosts and real users sent through this
                application service.

        Raises:
            TypeError: The function can't be a handler.
        """
        return self._listen(
            "event", type, mine=mine, rooms=_set(room), senders=_set(sender),
            msgtypes=_set(msgtype),
        )  # fmt: skip

    def on_state(
        self, type: Wanted, state_key: Wanted = None, room: Wanted = None, sender: Wanted = None,
        *, mine: bool = False,
    ) -> Callable[[F], F]:  # fmt: skip
        """Handle state events; as :meth:`on`.

        Args:
            state_key: The state key, or several; None for all.
            type, room, sender, mine: As for :meth:`on`.
        """
        return self._listen(
            "event", type, mine=mine, rooms=_set(room), senders=_set(sender),
            state_keys=_set(state_key), state=True,
        )  # fmt: skip

    def on_ephemeral(
        self, type: Wanted = "*", room: Wanted = None, *, mine: bool = False
    ) -> Callable[[F], F]:
        """Handle typing, receipts and presence (``m.typing``, ``m.receipt``, ``m.presence``); the
        registration must have ``receive_ephemeral``.

        Args:
            mine: Whether to take what only tells of the bot and ghosts.
            type, room: As for :meth:`on`.
        """
        return self._listen("ephemeral", type, mine=mine, rooms=_set(room))

    def on_to_device(
        self, type: Wanted = "*", sender: Wanted = None, *, mine: bool = False
    ) -> Callable[[F], F]:
        """Handle what is sent to devices of ghosts.

        Args:
            type, sender, mine: As for :meth:`on`.
        """
        return self._listen("to_device", type, mine=mine, senders=_set(sender))

    def on_device_lists(self, function: F) -> F:
        """Handle that users ``changed`` their devices, or have ``left``: two lists of user IDs."""
        return self._handle("device_lists", None, function)

    def on_one_time_keys(self, function: F) -> F:
        """Handle how many one-time keys are left: ``counts``, by user, device and algorithm."""
        return self._handle("one_time_keys", None, function)

    def on_fallback_keys(self, function: F) -> F:
        """Handle which kinds of fallback keys are unused: ``types``, by user and device."""
        return self._handle("fallback_keys", None, function)

    def on_upgrade(self, function: F) -> F:
        """Handle that a room was replaced by another one, once the bot is in the new one.

        The function may ask for ``event`` (the tombstone of the old room), ``mine`` (whether this
        application service did it), ``old_room`` and ``room`` (the new one), both as seen by who
        followed: the bot or, where that wasn't in the old room, a ghost; and for ``ghosts``, the
        user IDs of those in the old room. They come along if :meth:`AppService.rejoin_ghosts` is
        called. See ``follow_upgrades`` of :class:`AppService`.
        """
        return self._handle("upgrade", None, function)

    def on_user_query(self, function: F) -> F:
        """Answer whether there is a ghost ``user_id``, whom somebody wants to speak to.

        The function returns a dict of ``displayname`` and ``avatar_url``, either of which may be
        missing: the ghost is registered, and gets this profile; or True if it has registered the
        ghost itself; or None or False if there is nobody.
        """
        return self._handle("user_query", None, function)

    def on_alias_query(self, function: F) -> F:
        """Answer whether there is a room ``alias``, which somebody wants to join.

        The function returns a dict of arguments of :meth:`IntentAPI.create_room`: the bot creates
        the room with the alias; or True if it has done so itself; or None or False if there is
        none.
        """
        return self._handle("alias_query", None, function)

    def on_protocol(self, protocol: str) -> Callable[[F], F]:
        """Describe a third-party protocol: the function returns a dict like
        :class:`ThirdPartyProtocol`, or None.

        Args:
            protocol: Its name.
        """
        return self._of_protocol("protocol", protocol)

    def on_location(self, protocol: str | None = None) -> Callable[[F], F]:
        """Find rooms: the function returns dicts like :class:`ThirdPartyLocation`. It is asked
        for ``fields`` of a ``protocol``, or for the ``alias`` of a room; what isn't asked for is
        None.

        Args:
            protocol: The name of the protocol, None for all.
        """
        return self._of_protocol("location", protocol)

    def on_user(self, protocol: str | None = None) -> Callable[[F], F]:
        """Find users: the function returns dicts like :class:`ThirdPartyUser`. It is asked for
        ``fields`` of a ``protocol``, or for a ``user_id``; what isn't asked for is None.

        Args:
            protocol: The name of the protocol, None for all.
        """
        return self._of_protocol("user", protocol)

    def on_keys_claim(self, function: F) -> F:
        """Give out one-time keys (MSC3983): the function gets the request as ``content``, and
        returns the answer."""
        return self._handle("keys_claim", None, function)

    def on_keys_query(self, function: F) -> F:
        """Tell the keys of devices (MSC3984): the function gets the request as ``content``, and
        returns the answer."""
        return self._handle("keys_query", None, function)

    def on_error(self, function: F) -> F:
        """Be told that a handler failed for good: ``error``, its ``traceback``, and the ``event``
        that was put aside, None if the homeserver asked a question."""
        return self._handle("error", None, function)

    def _listen(self, kind: str, types: Wanted, *, mine: bool, **filters: Any) -> Callable[[F], F]:
        chosen = _set(types)
        if not chosen:
            raise ValueError("the type of events is missing; '*' stands for all")
        of = None if "*" in chosen else chosen

        def decorate(function: F) -> F:
            handler = self._made(function, _OF_EVENTS)
            self._listeners.setdefault(kind, []).append(Listener(handler, of, mine=mine, **filters))
            return function

        return decorate

    def _made(self, function: Callable[..., Any], known: tuple[str, ...]) -> Handler:
        """A handler, with a name that no other one has."""
        handler = Handler(function, (*known, _CONNECTION) if self._has_connection() else known)
        self._names[handler.name] += 1
        number = self._names[handler.name]
        if number > 1:
            handler.name = f"{handler.name}#{number}"
        return handler

    def _has_connection(self) -> bool:
        """Whether handlers may ask for a connection."""
        return False

    def _of_protocol(self, kind: str, name: str | None) -> Callable[[F], F]:
        if not isinstance(name, str) and (name is not None or kind == "protocol"):
            raise TypeError(f"the decorator on_{kind} needs the name of a protocol, not {name!r}")
        return lambda function: self._handle(kind, name, function)

    def _handle(self, kind: str, name: str | None, function: F) -> F:
        handler = self._made(function, _OF_OTHERS[kind])
        self._handlers.setdefault(kind, []).append((name, handler))
        return function


def _set(wanted: Wanted) -> frozenset[str] | None:
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
