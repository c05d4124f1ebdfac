"""Dispatch: from what was pushed to the handlers."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from typing import Any, NamedTuple

from tenacity import (
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

from ..appservice import AppServiceAPI
from ..errors import StateStoreError
from ..state_store.deliveries import ClaimLost, Note, ParkedNote
from ..state_store.keys import NoteKey
from .announcement import ANNOUNCING
from .echoes import Echoes
from .handlers import Handler, Handlers, Step
from .progress import EventProgress, mark_of
from .runtime import Runtime
from .stops import is_stop
from .transaction import LISTS, Item
from .units import Units
from .upgrades import Upgrades
from .values import CommonValues, EventValues, Values
from .watch import Watch, Work, described

__all__ = ["Closed", "Dispatch", "HandlerPolicy"]


class Closed(Exception):
    """Nothing more can be handled: the application service was closed, and can't send."""


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
        app: What handlers get as ``app``.
        policy: How often a handler is called that raises.
    """

    def __init__(
        self, app: object, api: AppServiceAPI, handlers: Handlers, echoes: Echoes,
        upgrades: Upgrades, units: Units, watch: Watch, runtime: Runtime, policy: HandlerPolicy,
    ) -> None:  # fmt: skip
        self._store = api.state_store
        self._log = api.base_log
        self._handlers = handlers
        self._echoes = echoes
        self._upgrades = upgrades
        self._units = units
        self._runtime = runtime
        #: What is being handled.
        self.watch = watch
        self._common = CommonValues(app, api, echoes)
        self._retrying = Retrying(
            retry=retry_if_exception(_may_pass),
            stop=stop_after_attempt(policy.attempts),
            wait=wait_random_exponential(policy.first_wait, policy.longest_wait),
            sleep=runtime.sleep,
            reraise=True,
        )

    def find(self, item: Item) -> list[Step]:
        """The handlers of an item, and steps of our own that come before."""
        if item.kind in LISTS:
            return [*self._handlers.of(item.kind)]
        if not isinstance(item.content, dict):
            return []
        content = item.content
        found = [one for one in self._handlers.listeners.get(item.kind, ()) if one.wants(content)]
        if found and self._echoes.is_mine(content):
            found = [one for one in found if one.mine]
        handlers: list[Step] = [one.handler for one in found]
        if item.kind == "event" and content.get("type") in ANNOUNCING:
            return self._upgrades.steps(content) + handlers
        return handlers

    def marks(self, items: Iterable[Item]) -> dict[str, dict[NoteKey, str]]:
        """For items of several handlers, the marks by which each handler is noted as done: by the
        item's key, the names of the handlers by their marks."""
        found: dict[str, dict[NoteKey, str]] = {}
        listeners, several = self._handlers.listeners, self._handlers.several
        if not several:
            return found
        for kind, key, content in items:
            if kind not in several:
                continue
            if kind in LISTS:
                names = [one.name for one in self._handlers.of(kind)]
            elif isinstance(content, dict):
                names = [one.handler.name for one in listeners[kind] if one.wants(content)]
            else:
                continue
            if len(names) > 1:
                found[key] = {mark_of(key, name): name for name in names}
        return found

    def call(
        self, handlers: list[Step], item: Item, progress: EventProgress, work: Work,
        deadly: RuntimeError | None = None,
    ) -> str | None:  # fmt: skip
        """Call those handlers of an item that aren't done, each several times if it raises. What
        succeeds is noted.

        Args:
            deadly: Why they aren't called; handlers of errors are.
            handlers, item, progress, work: The handlers, and what they are called for.

        Returns:
            None, or the traceback of why it can't be handled.

        Raises:
            Closed: One failed, and the application service was closed meanwhile.
            ClaimLost: Somebody else has handled it.
        """
        self.watch.next(work, item)
        if deadly is not None:
            return self.report(deadly, item)
        if not isinstance(item.content, dict):
            return self.report(ValueError(f"This {item.kind} isn't an object"), item)
        problems: list[str] = []
        left = progress.left(handlers) if progress.done else handlers
        values = self._values_of(item) if left else self._common
        deliveries = self._store.deliveries
        for number, handler in enumerate(left, 1):
            if handler.key is not None and handler.skips():
                continue
            work.handler = handler
            note = progress.next(handler, number == len(left) and not problems)
            joined = deliveries.joins("connection" in handler.wanted)
            try:
                self._try(handler, values, item, note, joined)
            except BaseException as error:
                if isinstance(error, ClaimLost) or is_stop(error):
                    raise
                if self._runtime.closed.is_set():
                    raise Closed("The application service was closed") from error
                problems.append(self.report(error, item))
            else:
                if note is not None and not joined:
                    deliveries.note(note)
                progress.succeeded(handler, note)
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
        Django's ``on_commit`` or the end of a unit of work, can't undo it. Then the error is
        reported."""
        if note is None or isinstance(error, ClaimLost) or is_stop(error):
            return False
        try:
            if not self._store.deliveries.is_noted(note):
                return False
        except StateStoreError:
            return False
        problem = self.report(error, item)
        self._log.error(
            "%s is handled, and what came after it failed: %s", described(item), problem
        )
        return True

    def query(self, handler: Handler, values: Values) -> Any:
        """Call a handler for a query, once.

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

    def report(self, error: BaseException, item: Item | None = None) -> str:
        """Report a failure to the handlers of errors.

        Args:
            error: The error.
            item: What was being handled, None if it was a query.

        Returns:
            The traceback.
        """
        text = "".join(traceback.format_exception(error))
        shown = EventValues(item, self._common).event if item is not None else None
        values = self.values(error=error, traceback=text, event=shown)
        key = item.key if item is not None else None
        for handler in self._handlers.of("error"):
            self.watch.note(handler)
            try:
                self._units.run(handler, values, key)
            except BaseException as failed:
                if is_stop(failed):
                    raise
                self._log.exception("%r failed, too", handler)
        return text

    def values(self, **given: Any) -> Values:
        """What handlers of any kind may ask for.

        Args:
            given: What there is beside.
        """
        return Values(given, self._common)

    def _values_of(self, item: Item) -> Values:
        content = item.content
        if item.kind == "device_lists":
            return self.values(changed=_users(content, "changed"), left=_users(content, "left"))
        if item.kind in LISTS:
            return self.values(counts=content, types=content)
        return EventValues(item, self._common)


def _may_pass(error: BaseException) -> bool:
    """Whether another attempt may succeed: not after an exit, nor after a lost claim."""
    return isinstance(error, Exception) and not isinstance(error, ClaimLost)


def _users(content: Any, key: str) -> list[str]:
    found = content.get(key) if isinstance(content, dict) else None
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []
