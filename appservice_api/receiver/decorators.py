"""The decorators by which an application says what it handles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from .handlers import Handlers, Wanted, texts

__all__ = ["Decorators"]

F = TypeVar("F", bound=Callable[..., Any])


class Decorators:
    """Decorators for handlers.

    A handler is a plain function. It gets what its parameters ask for by their names; for events:
    ``event`` (a view), ``mine`` (whether this application service sent it), ``room`` (a
    :class:`Room` as the bot sees it), ``intent`` (the bot's), ``ghost`` (the intent of the ghost
    whose membership the event is, or to whose device it was sent; None if there is none), ``app``,
    and ``api``; and, where the state store is in a database, ``connection``: one to that, in the
    transaction that also notes that the handler is done. Several handlers of one event are called
    in the order in which they were made.

    An event whose handler raises is handed to it again a few times, and then parked: see
    :meth:`on_error`. Each attempt is a unit of work of its own: see ``unit_of_work`` of
    :class:`AppService`. Only those handlers are called again that haven't succeeded.

    What a handler sends is sent once: its transaction IDs are made of the event, the handler, who
    speaks, and what is sent where, so that the homeserver recognizes what another attempt or
    another process sends again. What a handler sends twice in one attempt is sent twice. This
    holds for as long as the homeserver remembers transaction IDs, and in threads that a handler
    starts if they run in a copy of its context (``contextvars.copy_context()``).
    """

    _handlers: Handlers

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
            mine: Whether to handle what the bot, ghosts and real users sent through this
                application service, too.

        Raises:
            TypeError: The function can't be a handler.
        """
        return self._listen("event", type, mine=mine, rooms=room, senders=sender, msgtypes=msgtype)

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
            "event", type, mine=mine, state=True, rooms=room, senders=sender, state_keys=state_key
        )

    def on_ephemeral(
        self, type: Wanted = "*", room: Wanted = None, *, mine: bool = False
    ) -> Callable[[F], F]:
        """Handle typing, receipts and presence (``m.typing``, ``m.receipt``, ``m.presence``); the
        registration must have ``receive_ephemeral``.

        Args:
            mine: Whether to handle what is only about the bot and ghosts, too.
            type, room: As for :meth:`on`.
        """
        return self._listen("ephemeral", type, mine=mine, rooms=room)

    def on_to_device(
        self, type: Wanted = "*", sender: Wanted = None, *, mine: bool = False
    ) -> Callable[[F], F]:
        """Handle what is sent to devices of ghosts.

        Args:
            type, sender, mine: As for :meth:`on`.
        """
        return self._listen("to_device", type, mine=mine, senders=sender)

    def on_device_lists(self, function: F) -> F:
        """Handle that users ``changed`` their devices, or have ``left``: two lists of user IDs."""
        return self._add("device_lists", None, function)

    def on_one_time_keys(self, function: F) -> F:
        """Handle how many one-time keys are left: ``counts``, by user, device and algorithm."""
        return self._add("one_time_keys", None, function)

    def on_fallback_keys(self, function: F) -> F:
        """Handle which kinds of fallback keys are unused: ``types``, by user and device."""
        return self._add("fallback_keys", None, function)

    def on_upgrade(self, function: F) -> F:
        """Handle that a room was replaced by another one, once the bot is in the new one.

        The function may ask for ``event`` (the tombstone of the old room), ``mine`` (whether this
        application service did it), ``old_room`` and ``room`` (the new one), both as seen by who
        followed: the bot or, where that wasn't in the old room, a ghost; and for ``ghosts``, the
        user IDs of those in the old room. They come along if :meth:`AppService.rejoin_ghosts` is
        called. See ``follow_upgrades`` of :class:`AppService`.
        """
        return self._add("upgrade", None, function)

    def on_user_query(self, function: F) -> F:
        """Say whether there is a ghost ``user_id``, whom somebody wants to speak to.

        The function returns a dict of ``displayname`` and ``avatar_url``, either of which may be
        missing: the ghost is registered, and gets this profile; or True if it has registered the
        ghost itself; or None or False if there is nobody.
        """
        return self._add("user_query", None, function)

    def on_alias_query(self, function: F) -> F:
        """Say whether there is a room ``alias``, which somebody wants to join.

        The function returns a dict of arguments of :meth:`IntentAPI.create_room`: the bot creates
        the room with the alias; or True if it has done so itself; or None or False if there is
        none.
        """
        return self._add("alias_query", None, function)

    def on_protocol(self, protocol: str) -> Callable[[F], F]:
        """Describe a third-party protocol: the function returns a dict like
        :class:`ThirdPartyProtocol`, or None.

        Args:
            protocol: Its name.
        """
        return self._add_for("protocol", protocol)

    def on_location(self, protocol: str | None = None) -> Callable[[F], F]:
        """Find rooms: the function returns dicts like :class:`ThirdPartyLocation`. It is asked
        for ``fields`` of a ``protocol``, or for the ``alias`` of a room; what isn't asked for is
        None.

        Args:
            protocol: The name of the protocol, None for all.
        """
        return self._add_for("location", protocol)

    def on_user(self, protocol: str | None = None) -> Callable[[F], F]:
        """Find users: the function returns dicts like :class:`ThirdPartyUser`. It is asked for
        ``fields`` of a ``protocol``, or for a ``user_id``; what isn't asked for is None.

        Args:
            protocol: The name of the protocol, None for all.
        """
        return self._add_for("user", protocol)

    def on_keys_claim(self, function: F) -> F:
        """Give out one-time keys (MSC3983): the function gets the body of the request as
        ``content``, and returns that of the response."""
        return self._add("keys_claim", None, function)

    def on_keys_query(self, function: F) -> F:
        """Give out the keys of devices (MSC3984): the function gets the body of the request as
        ``content``, and returns that of the response."""
        return self._add("keys_query", None, function)

    def on_error(self, function: F) -> F:
        """Learn that a handler failed for good: ``error``, its ``traceback``, and the ``event``
        that was parked, None if it was a query."""
        return self._add("error", None, function)

    def _listen(
        self, kind: str, type: Wanted, *, mine: bool, state: bool = False, **filters: Wanted
    ) -> Callable[[F], F]:
        """The decorator of handlers of events; see :class:`Listener` for the filters."""
        types = texts(type)
        if not types:
            raise ValueError("the type of events is missing; '*' stands for all")
        given = {name: texts(wanted) for name, wanted in filters.items()}
        given["types"] = None if "*" in types else types

        def decorate(function: F) -> F:
            self._handlers.listen(kind, function, mine=mine, state=state, **given)
            return function

        return decorate

    def _add_for(self, kind: str, protocol: str | None) -> Callable[[F], F]:
        """The decorator of handlers of a protocol."""
        if not isinstance(protocol, str) and (protocol is not None or kind == "protocol"):
            raise TypeError(
                f"the decorator on_{kind} needs the name of a protocol, not {protocol!r}"
            )
        return lambda function: self._add(kind, protocol, function)

    def _add(self, kind: str, protocol: str | None, function: F) -> F:
        self._handlers.add(kind, protocol, function)
        return function
