"""Calls: the deadline of a method covers all its requests and waits; each request has a timeout."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from ..clock import Clock
from .retry import RetryPolicy, retry_policy

__all__ = ["DEFAULT_TIMEOUT", "Call", "Calls", "Timeout", "split_timeout"]

#: Seconds to connect and seconds to wait for data; a single number is the latter.
Timeout: TypeAlias = float | tuple[float, float]

#: The default: a call ends before gunicorn ends its worker, and has time for one repeat over a new
#: connection.
DEFAULT_TIMEOUT = (5.0, 30.0)


class Call:
    """One call of a method.

    Args:
        begun: When it began, by the clock of the API.
        seconds: How many seconds it may take.
        outer: The call that this one is a part of.

    Attributes:
        end: When it must have ended.
        given: Whether the caller gave the deadline.
        expired: Whether a request was given up because no time was left.
    """

    __slots__ = ("end", "expired", "given", "outer")

    def __init__(self, begun: float, seconds: float, given: bool, outer: Call | None) -> None:
        self.end = begun + seconds
        if outer is not None:
            self.end = min(self.end, outer.end)
        self.given = given
        self.expired = False
        self.outer = outer

    def extend(self, seconds: float) -> None:
        """Add the time that the transfer of a file took: streams have no deadline."""
        call: Call | None = self
        while call is not None:
            call.end += seconds
            call = call.outer


class Calls(threading.local):
    """The current call of each thread, :attr:`now`; None if there is none.

    Args:
        clock: The clock.
        policy: Returns the policy, whose deadline applies if the caller gives none.
    """

    now: Call | None = None

    def __init__(self, clock: Clock, policy: Callable[[], RetryPolicy]) -> None:
        self._clock = clock
        self._policy = policy

    def begin(self, deadline: float | None = None, begun: float | None = None) -> Call:
        """Begin a call; without a deadline, a thread that is already in a call stays in it.

        Args:
            deadline: Seconds that it may take; None for the deadline of the policy.
            begun: When it began, now if None.

        Returns:
            The call; the caller restores :attr:`now` at its end.

        Raises:
            ValueError: ``deadline`` isn't a number of seconds.
        """
        outer = self.now
        if outer is not None and deadline is None:
            return outer
        policy = self._policy()
        if deadline is not None:
            policy = retry_policy(policy, None, deadline)
        if begun is None:
            begun = self._clock.monotonic()
        call = self.now = Call(begun, policy.deadline, deadline is not None, outer)
        return call

    def allow(self, seconds: float) -> None:
        """Give the current call more time, unless the caller gave a deadline: the homeserver was
        asked to wait that long."""
        call = self.now
        if call is not None and not call.given:
            call.extend(seconds)

    def left(self) -> float:
        """Seconds until the deadline of the current call; without a call, those of the policy."""
        call = self.now
        return self._policy().deadline if call is None else call.end - self._clock.monotonic()

    @contextmanager
    def within(self, deadline: float | None) -> Iterator[None]:
        """Make all calls inside the block parts of one call."""
        outer = self.now
        self.begin(deadline)
        try:
            yield
        finally:
            self.now = outer


def split_timeout(timeout: Timeout | None, default: tuple[float, float]) -> tuple[float, float]:
    """The (connect, read) pair in seconds for a caller's timeout.

    Raises:
        ValueError: A timeout isn't a positive number.
    """
    if timeout is None:
        return default
    pair = timeout if isinstance(timeout, tuple) else (default[0], timeout)
    if len(pair) != 2 or not all(isinstance(t, (int, float)) and 0 < t < 1e9 for t in pair):
        raise ValueError(f"timeout must be seconds, or (connect, read) in seconds, not {timeout!r}")
    return pair
