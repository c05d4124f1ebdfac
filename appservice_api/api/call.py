"""Calls: the deadline of a method holds for all the requests and waits that it needs, and each
request has a timeout."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from ..clock import Clock
from .retry import RetryPolicy, retry_policy

__all__ = ["DEFAULT_TIMEOUT", "Call", "Calls", "Timeout", "split_timeout"]

#: Seconds to connect and seconds to wait for data; one number stands for the second.
Timeout: TypeAlias = float | tuple[float, float]

#: What it is where nothing is said. A call ends before gunicorn ends its worker, and there is time
#: for a repeat over a new connection.
DEFAULT_TIMEOUT = (5.0, 30.0)


class Call:
    """One call of a method.

    Args:
        begun: When it began, by the clock of the API.
        seconds: How long it may take.
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
        """Add the time that a file took to travel: streams have no deadline."""
        call: Call | None = self
        while call is not None:
            call.end += seconds
            call = call.outer


class Calls(threading.local):
    """The call that the present thread is in, :attr:`now`; None outside of any.

    Args:
        clock: What tells the time.
        policy: Says how long a call may take, where the caller doesn't.
    """

    now: Call | None = None

    def __init__(self, clock: Clock, policy: Callable[[], RetryPolicy]) -> None:
        self._clock = clock
        self._policy = policy

    def begin(self, deadline: float | None = None, begun: float | None = None) -> Call:
        """Begin a call, unless the thread is in one already that has no more time.

        Args:
            deadline: Seconds that it may take, those of the policy if None.
            begun: When it began, now if None.

        Returns:
            The call; whoever began it sets :attr:`now` back to what it was.

        Raises:
            ValueError: ``deadline`` is no number of seconds.
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
        """Give the present call more time, unless the caller gave a deadline: the homeserver was
        asked to wait that long."""
        call = self.now
        if call is not None and not call.given:
            call.extend(seconds)

    def left(self) -> float:
        """Seconds until the present call must have ended; outside of any, those of the policy."""
        call = self.now
        return self._policy().deadline if call is None else call.end - self._clock.monotonic()

    @contextmanager
    def within(self, deadline: float | None) -> Iterator[None]:
        """Make all that is called inside one call."""
        outer = self.now
        self.begin(deadline)
        try:
            yield
        finally:
            self.now = outer


def split_timeout(timeout: Timeout | None, default: tuple[float, float]) -> tuple[float, float]:
    """A (connect, read) pair in seconds of what a caller gave.

    Raises:
        ValueError: A timeout isn't a positive number.
    """
    if timeout is None:
        return default
    pair = timeout if isinstance(timeout, tuple) else (default[0], timeout)
    if len(pair) != 2 or not all(isinstance(t, (int, float)) and 0 < t < 1e9 for t in pair):
        raise ValueError(f"timeout must be seconds, or (connect, read) in seconds, not {timeout!r}")
    return pair
