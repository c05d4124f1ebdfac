"""Dispatch: from what was pushed to the handlers."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from tenacity import (
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

from .. import events
from ..errors import StateStoreError
from ..state_store.deliveries import ClaimLost, Note, ParkedNote
from .checkpoint import Checkpoint, mark_of
from .handler import Handler, Step, Values
from .stops import is_stop
from .transaction import LISTS, Item
from .units import Units
from .upgrades import TELLING, Upgrades
from .watch import Watch, Work, described

if TYPE_CHECKING:
    from ..application import AppService
    from ..intent import IntentAPI, Room

__all__ = ["Closed", "Dispatch", "HandlerPolicy"]


class Closed(Exception):
    """Nothing more can be handled, for nothing more can be said."""


class HandlerPolicy(NamedTuple):
    """How often a handler is called that raises.

    Attributes:
        attempts: How often at most.
        first_wait: The upper bound of the first wait in seconds; it doubles each time, and the
            wait is a random part of it.
        longest_wait: The cap of that bound in seconds.
    """

    attempts: int = 3
    first_wait: float = 0.5
    longest_wait: float = 5.0


class Dispatch:
    """Calls handlers.

    Args:
        app: The application service, whose handlers they are.
        policy: How often a handler is called that raises.
    """

    def __init__(self, app: AppService, policy: HandlerPolicy) -> None:
        self._app = app
        self._shared = app.api._shared
        self._upgrades = Upgrades(app)
        #: What is being handled.
        self.watch = Watch(self._shared.clock, self._shared.log)
        self._units = Units(app)
        self._always = Values({"app": app, "api": app.api, "intent": app.bot})
        self._retrying = Retrying(
            retry=retry_if_exception(_may_pass),
            stop=stop_after_attempt(policy.attempts),
            wait=wait_random_exponential(policy.first_wait, policy.longest_wait),
            sleep=self._shared.sleep,
            reraise=True,
        )

    def find(self, item: Item) -> list[Step]:
        """The handlers of an item, and what is to be done before."""
        if item.kind in LISTS:
            return [*self.handlers(item.kind)]
        if not isinstance(item.content, dict):
            return []
        content = item.content
        found = [one for one in self._app._listeners.get(item.kind, ()) if one.wants(content)]
        if found and self._app._echoes.is_mine(content):
            found = [one for one in found if one.mine]
        handlers: list[Step] = [one.handler for one in found]
        if item.kind == "event" and content.get("type") in TELLING:
            return self._upgrades.steps(content) + handlers
        return handlers

    def handlers(self, kind: str, name: str | None = None) -> list[Handler]:
        """The handlers of what isn't an event.

        Args:
            kind: Of what.
            name: The name of the protocol that they must be for, None for any.
        """
        made = self._app._handlers.get(kind, ())
        return [one for of, one in made if name is None or of is None or of == name]

    def marks(self, items: Iterable[Item]) -> dict[str, dict[str, str]]:
        """Where is noted that handlers of items are done that have several: by the item's key,
        the names of the handlers by what is noted."""
        found: dict[str, dict[str, str]] = {}
        listeners = self._app._listeners
        several = {kind for kind in listeners if len(listeners[kind]) > 1}
        several |= {kind for kind in LISTS if len(self.handlers(kind)) > 1}
        if not several:
            return found
        for kind, key, content in items:
            if kind not in several:
                continue
            if kind in LISTS:
                names = [one.name for one in self.handlers(kind)]
            elif isinstance(content, dict):
                names = [one.handler.name for one in listeners[kind] if one.wants(content)]
            else:
                continue
            if len(names) > 1:
                found[key] = {mark_of(key, name): name for name in names}
        return found

    def call(
        self, handlers: list[Step], item: Item, checkpoint: Checkpoint, work: Work
    ) -> str | None:
        """Have an item handled by those of its handlers that aren't done, each of them called
        several times if it raises. What succeeds is noted.

        Returns:
            None, or the traceback of why it can't be handled.

        Raises:
            Closed: One failed, and the application service was closed meanwhile.
            ClaimLost: Somebody else has handled it.
        """
        if not isinstance(item.content, dict):
            return self.tell(ValueError(f"This {item.kind} isn't an object"), item)
        self.watch.next(work, item)
        problems: list[str] = []
        left = checkpoint.left(handlers) if checkpoint.done else handlers
        values = self._values_of(item) if left else self._always
        deliveries = self._shared.state_store.deliveries
        for number, handler in enumerate(left, 1):
            if handler.key is not None and handler.skips():
                continue
            work.handler = handler
            note = checkpoint.next(handler, number == len(left) and not problems)
            joined = deliveries.joins("connection" in handler.wanted)
            try:
                self._try(handler, values, item, note, joined)
            except BaseException as error:
                if isinstance(error, ClaimLost) or is_stop(error):
                    raise
                if self._shared.closed.is_set():
                    raise Closed("The application service was closed") from error
                problems.append(self.tell(error, item))
            else:
                if note is not None and not joined:
                    deliveries.note(note)
                checkpoint.succeeded(handler, note)
        return "\n".join(problems) or None

    def _try(
        self, handler: Step, values: Values, item: Item, note: Note | ParkedNote | None,
        joined: bool,
    ) -> None:  # fmt: skip
        """Call a handler, several times if it raises. What succeeds at once costs one call."""
        # Steps of our own say nothing that isn't harmless to repeat.
        key = None if handler.name is None else handler.key or item.key
        run = self._units.run
        try:
            run(handler, values, key, note, joined)
        except BaseException as error:
            if joined and self._is_done(error, item, note):
                return
            if not isinstance(error, Exception) or isinstance(error, ClaimLost):
                raise
            first = [error]
        else:
            return

        def attempt() -> None:
            if first:
                raise first.pop()
            try:
                run(handler, values, key, note, joined)
            except BaseException as error:
                if not (joined and self._is_done(error, item, note)):
                    raise

        self._retrying(attempt)

    def _is_done(self, error: BaseException, item: Item, note: Note | ParkedNote | None) -> bool:
        """Whether a handler is done though it failed: what comes after its transaction, such as
        Django's ``on_commit`` or the end of a unit of work, can't undo it. The error is told."""
        if note is None or isinstance(error, ClaimLost) or is_stop(error):
            return False
        try:
            if not self._app.state_store.deliveries.is_noted(note):
                return False
        except StateStoreError:
            return False
        problem = self.tell(error, item)
        self._app.log.error(
            "%s is handled, and what came after it failed: %s", described(item), problem
        )
        return True

    def ask(self, handler: Handler, values: Values) -> Any:
        """Ask a handler a question, once.

        Raises:
            RuntimeError: It raised what would end the server's thread.
        """
        self.watch.note(handler)
        try:
            return self._units.run(handler, values)
        except Exception:
            raise
        except BaseException as error:
            if is_stop(error):
                raise
            raise RuntimeError(f"{handler!r} raised {error!r}") from error

    def tell(self, error: BaseException, item: Item | None = None) -> str:
        """Tell handlers of errors what failed.

        Args:
            error: Why.
            item: What was pushed, None if it was a question.

        Returns:
            The traceback.
        """
        text = "".join(traceback.format_exception(error))
        shown = self._event(item) if item is not None else None
        values = self.values(error=error, traceback=text, event=shown)
        key = item.key if item is not None else None
        for handler in self.handlers("error"):
            self.watch.note(handler)
            try:
                self._units.run(handler, values, key)
            except BaseException as failed:
                if is_stop(failed):
                    raise
                self._app.log.exception("%r failed, too", handler)
        return text

    def values(self, **given: Any) -> Values:
        """What handlers of any kind may ask for.

        Args:
            given: What there is beside.
        """
        return Values(given, self._always)

    def _values_of(self, item: Item) -> Values:
        content = item.content
        if item.kind == "device_lists":
            return self.values(changed=_users(content, "changed"), left=_users(content, "left"))
        if item.kind in LISTS:
            return self.values(counts=content, types=content)
        return _OfEvent(item, self._app, self._always)

    def _event(self, item: Item) -> events.Event:
        return _OfEvent(item, self._app, self._always).event


class _OfEvent(Values):
    """What handlers of an event may ask for.

    Args:
        item: The event.
        app: The application service.
        below: What there is beside.
    """

    __slots__ = ("_app", "_event", "_item")
    _below: Values

    def __init__(self, item: Item, app: AppService, below: Values) -> None:
        self._item = item
        self._app = app
        self._below = below
        self._event: events.Event | None = None

    def get(self, name: str) -> Any:
        if name == "event":
            return self.event
        if name == "room":
            return self._room()
        if name == "mine":
            return self._app.is_mine(self._item.content)
        if name == "ghost":
            return self._ghost()
        return self._below.get(name)

    @property
    def event(self) -> events.Event:
        """The event, for all handlers the same."""
        if self._event is None:
            self._event = _view_of(self._item.kind).read(self._item.content)
        return self._event

    def _room(self) -> Room | None:
        room_id = self.event.room_id
        try:
            return self._app.bot.room(room_id) if room_id is not None else None
        except ValueError:
            return None

    def _ghost(self) -> IntentAPI | None:
        event: Mapping[str, Any] = self._item.content
        about = event.get("state_key") if event.get("type") == "m.room.member" else None
        user_id = event.get("to_user_id") if self._item.kind == "to_device" else about
        try:
            return self._app.api.intent(user_id) if self._app._echoes.is_ghost(user_id) else None
        except ValueError:
            return None


@cache
def _view_of(kind: str) -> type[events.Event]:
    """The view of events of a kind, loaded when the first one is looked at."""
    return events.ToDeviceEvent if kind == "to_device" else events.Event


def _may_pass(error: BaseException) -> bool:
    """Whether another attempt may succeed: an exit is meant, and a lost claim stays lost."""
    return isinstance(error, Exception) and not isinstance(error, ClaimLost)


def _users(content: Any, key: str) -> list[str]:
    found = content.get(key) if isinstance(content, dict) else None
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []
