"""Dispatch: from what was pushed to the handlers."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from tenacity import Retrying, stop_after_attempt, wait_random_exponential

from .handler import Handler, Step, Values
from .transaction import LISTS, Item
from .upgrades import Upgrades
from .watch import Watch

if TYPE_CHECKING:
    from ..application import AppService
    from ..events import Event
    from ..intent import IntentAPI
    from ..intent.room import Room

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
        self._always: dict[str, Callable[[], Any]] = {
            "app": lambda: app, "api": lambda: app.api, "intent": lambda: app.bot,
        }  # fmt: skip
        self._retrying = Retrying(
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
        found = [one for one in self._app._listeners.get(item.kind, ()) if one.wants(item.content)]
        if found and self._app.is_mine(item.content):
            found = [one for one in found if one.mine]
        steps = self._upgrades.steps(item.content) if item.kind == "event" else []
        return [*steps, *(one.handler for one in found)]

    def handlers(self, kind: str, name: str | None = None) -> list[Handler]:
        """The handlers of what isn't an event.

        Args:
            kind: Of what.
            name: The name of the protocol that they must be for, None for any.
        """
        made = self._app._handlers.get(kind, ())
        return [one for of, one in made if name is None or of is None or of == name]

    def call(self, handlers: list[Step], item: Item) -> str | None:
        """Have an item handled by handlers, each of them called several times if it raises.

        Returns:
            None, or the traceback of why it can't be handled.

        Raises:
            Closed: One failed, and the application service was closed meanwhile.
        """
        if not isinstance(item.content, dict):
            return self.tell(ValueError(f"This {item.kind} isn't an object"), item)
        problems: list[str] = []
        values = self._values_of(item) if handlers else {}
        for handler in handlers:
            self.watch.note(handler)
            try:
                self._try(handler, values)
            except Exception as error:
                if self._shared.closed.is_set():
                    raise Closed("The application service was closed") from error
                problems.append(self.tell(error, item))
        return "\n".join(problems) or None

    def _try(self, handler: Step, values: Values) -> None:
        """Call a handler, several times if it raises. What succeeds at once costs one call."""
        try:
            handler(values)
        except Exception as error:
            first = [error]
        else:
            return

        def attempt() -> None:
            if first:
                raise first.pop()
            handler(values)

        self._retrying(attempt)

    def tell(self, error: Exception, item: Item | None = None) -> str:
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
        for handler in self.handlers("error"):
            try:
                handler(values)
            except Exception:
                self._app.log.exception("%r failed, too", handler)
        return text

    def values(self, **given: Any) -> dict[str, Callable[[], Any]]:
        """What handlers of any kind may ask for.

        Args:
            given: What there is beside.
        """
        return self._always | {name: _always(value) for name, value in given.items()}

    def _values_of(self, item: Item) -> Values:
        content = item.content
        if item.kind == "device_lists":
            return self.values(changed=_users(content, "changed"), left=_users(content, "left"))
        if item.kind in LISTS:
            return self.values(counts=content, types=content)
        event = self._event(item)
        return self._always | {
            "event": lambda: event,
            "mine": lambda: self._app.is_mine(content),
            "room": lambda: self._room(event),
            "ghost": lambda: self._ghost(item),
        }

    def _event(self, item: Item) -> Event:
        from ..events import Event, ToDeviceEvent

        kind = ToDeviceEvent if item.kind == "to_device" else Event
        return kind.read(item.content)

    def _room(self, event: Event) -> Room | None:
        room_id = event.room_id
        try:
            return self._app.bot.room(room_id) if room_id is not None else None
        except ValueError:
            return None

    def _ghost(self, item: Item) -> IntentAPI | None:
        event: Mapping[str, Any] = item.content
        about = event.get("state_key") if event.get("type") == "m.room.member" else None
        user_id = event.get("to_user_id") if item.kind == "to_device" else about
        try:
            return self._app.api.intent(user_id) if self._app._echoes.is_ghost(user_id) else None
        except ValueError:
            return None


def _always(value: Any) -> Callable[[], Any]:
    return lambda: value


def _users(content: Any, key: str) -> list[str]:
    found = content.get(key) if isinstance(content, dict) else None
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []
