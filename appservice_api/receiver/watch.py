"""Watch: what is being handled, and what takes long."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

from ..clock import Clock
from ..fork import renew_after_fork
from .transaction import Item, name_of

__all__ = ["Query", "Watch", "Work", "described"]

# Seconds after which the log names what is still being handled; they double each time.
_LONG = 30.0


class Query(NamedTuple):
    """A query of the homeserver.

    Attributes:
        route: The name of its route.
        name: What it names.
    """

    route: str
    name: str | None


class Work:
    """What a thread handles, while a block runs: then it goes on with what it handled before.

    Attributes:
        what: An item of a transaction, or a query; None before the first one.
        began: When that began.
        handler: The handler that is being called.
        logged_at: After how many seconds the log names it.
    """

    __slots__ = ("_before", "_thread", "_works", "began", "handler", "logged_at", "what")

    def __init__(self, what: Item | Query | None, began: float, works: dict[int, Work]) -> None:
        self.what = what
        self.began = began
        self.handler: object = None
        self.logged_at = _LONG
        self._works = works
        self._thread = threading.get_ident()
        self._before = works.get(self._thread)

    def __enter__(self) -> Work:
        self._works[self._thread] = self
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is None:
            self._works.pop(self._thread, None)
        else:
            self._works[self._thread] = self._before


class Watch:
    """Knows what each thread of this process handles."""

    def __init__(self, clock: Clock, log: Any) -> None:
        self._clock = clock
        self._log = log
        self._after_fork()
        renew_after_fork(self)

    def _after_fork(self) -> None:
        self._works: dict[int, Work] = {}
        self._lock = threading.Lock()

    def handling(self, what: Query | None = None) -> Work:
        """Note that the present thread handles something while the block runs.

        Args:
            what: A query; None if there will be items, see :meth:`next`.
        """
        return Work(what, self._clock.monotonic(), self._works)

    def next(self, work: Work, item: Item) -> None:
        """Note that an item is what is handled from now on."""
        work.began = self._clock.monotonic()
        work.what = item
        work.handler = None
        work.logged_at = _LONG

    def note(self, handler: object) -> None:
        """Note which handler the present thread calls."""
        work = self._works.get(threading.get_ident())
        if work is not None:
            work.handler = handler

    @property
    def number(self) -> int:
        """How many events and queries are being handled."""
        return len(self._all())

    @property
    def longest(self) -> float:
        """For how many seconds the oldest has been handled; 0 if there is none."""
        began = min((work.began for work in self._all()), default=None)
        return 0.0 if began is None else self._clock.monotonic() - began

    def look(self) -> None:
        """Log what takes long: after 30 seconds, 60, 120, ..."""
        now = self._clock.monotonic()
        for work in self._all():
            passed = now - work.began
            with self._lock:
                if passed < work.logged_at:
                    continue
                while work.logged_at <= passed:
                    work.logged_at *= 2
            self._log.warning(
                "%s has been handled for %d s, now by %r", described(work.what), passed,
                work.handler,
            )  # fmt: skip

    def _all(self) -> list[Work]:
        return [work for work in list(self._works.values()) if work.what is not None]


def described(what: Item | Query | None) -> str:
    """What an item or a query is, for the log; nothing of its content."""
    if what is None:
        return ""
    if isinstance(what, Query):
        return " ".join([what.route, *([name] if (name := name_of(what.name)) else [])])
    given = what.content if isinstance(what.content, dict) else {}
    said = [name_of(given.get(key)) for key in ("event_id", "type", "sender", "room_id")]
    return " ".join([what.kind, *(one for one in said if one)])
