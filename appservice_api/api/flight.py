"""Single flight: however many threads need the same thing, one asks and all get its answer."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

from ..errors import MatrixTimeoutError

__all__ = ["SingleFlight"]

T = TypeVar("T")

_REMEMBERED = 1024
_MOST_REQUESTS = 6


class _Flight:
    __slots__ = ("abandoned", "done", "error", "result")

    def __init__(self) -> None:
        self.done = threading.Event()
        self.result: Any = None
        self.error: Exception | None = None
        self.abandoned = False


class SingleFlight:
    """Work that is done once for all threads that want it at the same time.

    Args:
        deadline: Seconds that one request and its repeats may take. A thread waits for the one
            that does the work as long as a repair of several requests may take.
    """

    def __init__(self, deadline: float) -> None:
        self._timeout = min(_MOST_REQUESTS * max(deadline, 30.0), threading.TIMEOUT_MAX)
        self._lock = threading.Lock()
        self._flights: dict[Hashable, _Flight] = {}
        self._landed: dict[Hashable, float] = {}

    def run(self, key: Hashable, work: Callable[[], T], since: float | None = None) -> T | None:
        """Do the work, or wait for the thread that is doing it and share its result or error.

        Args:
            key: What the work is.
            work: Does it.
            since: A moment of ``time.monotonic()``. Work that ended well after it isn't done
                again, and None is returned: a thread whose refused request left before another
                thread's repair was finished needs none of its own.

        Raises:
            MatrixTimeoutError: The thread that does the work took too long.
        """
        while True:
            with self._lock:
                if since is not None and self._landed.get(key, since) > since:
                    return None
                flight = self._flights.get(key)
                leads = flight is None
                if flight is None:
                    flight = self._flights[key] = _Flight()
            if leads:
                return self._lead(key, flight, work)
            if not flight.done.wait(self._timeout):
                raise MatrixTimeoutError(f"another thread did not finish {key!r} in time")
            if flight.error is not None:
                raise copy.copy(flight.error)
            if not flight.abandoned:
                return cast(T, flight.result)

    def in_turn(self, key: Hashable, work: Callable[[], T]) -> T:
        """Do the work when no other thread does work of the same key: each thread's own work is
        done, one after the other.

        Args:
            key: What the work must not overlap with. Work may not wait for its own key again.
            work: Does it.

        Raises:
            MatrixTimeoutError: Another thread's work took too long.
        """
        outcome: list[tuple[T | None, Exception | None]] = []

        def mine() -> None:
            try:
                outcome.append((work(), None))
            except Exception as error:  # nobody else's business; raised below
                outcome.append((None, error))

        while not outcome:
            self.run(key, mine)
        result, error = outcome.pop()
        if error is not None:
            raise error
        return cast(T, result)

    def _lead(self, key: Hashable, flight: _Flight, work: Callable[[], T]) -> T:
        try:
            result = flight.result = work()
        except Exception as error:
            flight.error = error
            raise
        except BaseException:
            # Ctrl-C in this thread isn't an answer for the others: one of them takes over.
            flight.abandoned = True
            raise
        finally:
            with self._lock:
                del self._flights[key]
                if flight.error is None and not flight.abandoned:
                    self._remember(key)
            flight.done.set()
        return result

    def _remember(self, key: Hashable) -> None:
        self._landed.pop(key, None)
        self._landed[key] = time.monotonic()
        while len(self._landed) > _REMEMBERED:
            del self._landed[next(iter(self._landed))]
