"""Watch: what is being handled, and what takes long."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

from ..api.retry import Clock
from ..fork import renew_after_fork
from .transaction import Item, name_of

__all__ = ["Question", "Watch", "Work", "described"]

# Seconds after which the log names what is still being handled; each time twice as many.
_LONG = 30.0


class Question(NamedTuple):
    """A question of the homeserver.

    Attributes:
        route: The name of its route.
        name: What it names.
    """

    route: str
    name: str | None


class Work:
    """What a thread handles.

    Attributes:
        what: An item of a transaction, or a question; None before the first one.
        began: When that began.
        handler: The handler that is being called.
        told_at: After how many seconds the log names it.
    """

    __slots__ = ("began", "handler", "told_at", "what")

    def __init__(self, what: Item | Question | None, began: float) -> None:
        self.what = what
        self.began = began
        self.handler: object = None
        self.told_at = _LONG


class Watch:
    """Knows what each thread of this process handles.

    Args:
        clock: What tells the time.
        log: Where is said what takes long.
    """

    def __init__(self, clock: Clock, log: Any) -> None:
        self._clock = clock
        self._log = log
        self._after_fork()
        renew_after_fork(self)

    def _after_fork(self) -> None:
        self._works: dict[int, Work] = {}
        self._lock = threading.Lock()

    def begin(self, what: Question | None = None) -> tuple[Work, Work | None]:
        """Note that the present thread handles something from now on.

        Args:
            what: A question; None if there will be items, see :meth:`next`.

        Returns:
            What it handles, and what it has handled so far, for :meth:`end`.
        """
        thread = threading.get_ident()
        before = self._works.get(thread)
        work = self._works[thread] = Work(what, self._clock.monotonic())
        return work, before

    def next(self, work: Work, item: Item) -> None:
        """Note that an item is what is handled from now on."""
        work.began = self._clock.monotonic()
        work.what = item
        work.handler = None
        work.told_at = _LONG

    def end(self, before: Work | None) -> None:
        """Note that this is done, and the present thread goes on with what was before."""
        if before is None:
            self._works.pop(threading.get_ident(), None)
        else:
            self._works[threading.get_ident()] = before

    def note(self, handler: object) -> None:
        """Note which handler the present thread calls."""
        work = self._works.get(threading.get_ident())
        if work is not None:
            work.handler = handler

    @property
    def number(self) -> int:
        """How many events and questions are being handled."""
        return len(self._all())

    @property
    def longest(self) -> float:
        """For how many seconds the one has been handled that was begun first; 0 if there is
        none."""
        began = min((work.began for work in self._all()), default=None)
        return 0.0 if began is None else self._clock.monotonic() - began

    def look(self) -> None:
        """Have the log name what takes long: after 30 seconds, 60, 120, ..."""
        now = self._clock.monotonic()
        for work in self._all():
            passed = now - work.began
            with self._lock:
                if passed < work.told_at:
                    continue
                while work.told_at <= passed:
                    work.told_at *= 2
            self._log.warning(
                "%s has been handled for %d s, now by %r", described(work.what), passed,
                work.handler,
            )  # fmt: skip

    def _all(self) -> list[Work]:
        return [work for work in list(self._works.values()) if work.what is not None]


def described(what: Item | Question | None) -> str:
    """What an item or a question is, for who reads the log; nothing of its content."""
    if what is None:
        return ""
    if isinstance(what, Question):
        return " ".join([what.route, *([name] if (name := name_of(what.name)) else [])])
    given = what.content if isinstance(what.content, dict) else {}
    said = [name_of(given.get(key)) for key in ("event_id", "type", "sender", "room_id")]
    return " ".join([what.kind, *(one for one in said if one)])
