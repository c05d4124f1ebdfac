"""Single flight: if several threads need the same thing, one asks, and all get its answer."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

from ..errors import MatrixTimeoutError
from .call import Calls

__all__ = ["SingleFlight"]

T = TypeVar("T")

_REMEMBERED = 1024


class _Flight:
    __slots__ = ("abandoned", "done", "error", "result")

    def __init__(self) -> None:
        self.done = threading.Event()
        self.result: Any = None
        self.error: Exception | None = None
        self.abandoned = False


class SingleFlight:
    """Work that is done once for all threads that want it at the same time. Each waits until the
    deadline of its own call, and takes over the work of a thread whose deadline was earlier.

    Args:
        calls: Gives the time that is left for the call of a thread.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._lock = threading.Lock()
        self._flights: dict[Hashable, _Flight] = {}
        self._landed: dict[Hashable, float] = {}

    def run(self, key: Hashable, work: Callable[[], T], since: float | None = None) -> T | None:
        """Do the work, or wait for the thread that is doing it and share its result or error.

        Args:
            key: Identifies the work.
            work: Does it.
            since: A moment of ``time.monotonic()``. Work that succeeded after it isn't done again,
                and None is returned: a request that was sent before another thread's repair had
                ended needs no second repair.

        Raises:
            MatrixTimeoutError: The thread that does the work took longer than this call may.
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
            if not flight.done.wait(min(max(self._calls.left(), 0.0), threading.TIMEOUT_MAX)):
                if (call := self._calls.now) is not None:
                    call.expired = True
                raise MatrixTimeoutError(
                    f"another thread did not finish {key!r} before the deadline of this call"
                )
            if flight.error is not None:
                raise copy.copy(flight.error)
            if not flight.abandoned:
                return cast(T, flight.result)

    def in_turn(self, key: Hashable, work: Callable[[], T]) -> T:
        """Do the work while no other thread does work of the same key: the work of all threads is
        done, one after the other.

        Args:
            key: Work with the same key doesn't overlap; it must not wait for its own key.
            work: Does it.

        Raises:
            MatrixTimeoutError: Other threads' work took longer than this call may.
        """
        outcome: list[tuple[T | None, Exception | None]] = []

        def mine() -> None:
            try:
                outcome.append((work(), None))
            except Exception as error:  # concerns this thread only; raised below
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
            call = self._calls.now
            if call is not None and call.expired:
                # Others may have more time.
                flight.abandoned = True
            else:
                flight.error = error
            raise
        except BaseException:
            # Ctrl-C in this thread is no result for the others: one of them takes over.
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
