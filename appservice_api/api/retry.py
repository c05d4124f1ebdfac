"""How a retry works: what is repeated, how often, and after which wait; run by tenacity.

Every exchange goes through :func:`run`. Tenacity is imported for the first repeat: most scripts
need none, and its import takes a tenth of the time of that of requests. Spec: Client-Server API,
"Rate limiting" and "Transaction identifiers".

How often a failed handler is called again: ``HandlerPolicy`` in ``receiver/dispatch.py``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import (
    MatrixConnectionError,
    MatrixError,
    MatrixRequestError,
    MatrixResponseError,
)

if TYPE_CHECKING:
    from typing import Protocol

    from tenacity import RetryCallState

    class Repeated(Protocol):
        """The part of an exchange that the functions below need.

        Attributes:
            limits: Its policy, deadline and timeouts.
            failures: How many attempts have failed.
            lost: Whether an attempt may have reached the homeserver though no response came.
            travels: How often the transfer of a file has begun, up or down.
        """

        limits: Limits
        failures: int
        lost: bool
        travels: int

        def attempt(self) -> Any:
            """Send it once, and return the result."""

        @property
        def spent(self) -> bool:
            """Whether it can't be sent again."""

        def seconds_left(self) -> float:
            """Seconds until the deadline."""

        def expire(self) -> None:
            """Note that it is given up because no time is left."""

        def about_to_wait(self, seconds: float, error: BaseException, *, shared: bool) -> None:
            """Called before a wait for a repeat; ``shared``: it holds for all threads."""


__all__ = [
    "Limits",
    "RateLimits",
    "RetryPolicy",
    "may_repeat",
    "retry_after",
    "retry_policy",
    "run",
]

# POSTs that do no harm when they arrive twice, or converge. All others (createRoom, upgrade,
# uploads, login, knock, report, keys/claim, keys/upload, room_keys/version, openid, and any that
# isn't known here) are repeated only when the request can't have reached the homeserver. ``*`` is
# one part of a path.
_REPEATABLE_POSTS = """
    appservice/*/ping  delete_devices  join/*  keys/device_signing/upload  keys/query
    keys/signatures/upload  logout  logout/all  publicRooms  refresh  register  rooms/*/ban
    rooms/*/forget  rooms/*/invite  rooms/*/join  rooms/*/kick  rooms/*/leave
    rooms/*/read_markers  rooms/*/receipt/*/*  rooms/*/unban  search  user/*/filter
    user_directory/search
"""
_REPEATABLE = [path.split("/") for path in _REPEATABLE_POSTS.split()]
_LEAST_WAIT = 0.05
# A transfer that fails more often isn't stopped by a restart; and a file may be large.
_MOST_TRAVELS = 4
_REPEATABLE_METHODS = frozenset({"GET", "PUT", "DELETE", "HEAD", "OPTIONS"})


@lru_cache(maxsize=1024)
def may_repeat(method: str, template: str) -> bool:
    """Whether a request may be sent again if it isn't known whether it has arrived.

    Args:
        method: The HTTP method.
        template: The path, its values filled in or not.
    """
    if method in _REPEATABLE_METHODS:
        return True
    if method != "POST" or not template.startswith("/_matrix/client/"):
        return False
    parts = template.rstrip("/").split("/")[4:]
    return any(_is_like(parts, path) for path in _REPEATABLE)


def _is_like(parts: list[str], path: list[str]) -> bool:
    """Whether the parts of a path match a row of the table; ``*`` matches any part."""
    return len(parts) == len(path) and all(
        wanted in ("*", part) and part for part, wanted in zip(parts, path, strict=True)
    )


class RetryPolicy(NamedTuple):
    """How an exchange is repeated. An immutable value; change one with ``_replace()``.

    Attributes:
        repeats: How often an exchange is repeated when the homeserver isn't reachable; waits for
            its rate limits don't count, but 0 turns these off, too. The waits before 15 repeats
            take more than 30 s, as long as a restart; usually the deadline comes first.
        first_wait: The upper bound of the first wait in seconds; it doubles each time. A wait is
            at least half of its bound.
        longest_wait: The cap of that bound in seconds.
        deadline: Seconds after which a call of a method ends, including repeats, repairs and rate
            limits.
    """

    repeats: int = 15
    first_wait: float = 0.5
    longest_wait: float = 5.0
    deadline: float = 45.0


class Limits:
    """The limits of an exchange.

    Attributes:
        policy: How it is repeated.
        deadline: Seconds after which it must have ended; None for the deadline of the call that it
            belongs to.
        timeout: Seconds to connect, seconds to wait for data.
        repeatable: Whether it may be sent again even if it may have arrived.
        speaker: The user, whose requests share a rate limit.
    """

    __slots__ = ("deadline", "policy", "repeatable", "speaker", "timeout")

    def __init__(
        self,
        policy: RetryPolicy,
        deadline: float | None,
        timeout: tuple[float, float],
        repeatable: bool,
        speaker: tuple[Any, ...],
    ) -> None:
        self.policy = policy
        self.deadline = deadline
        self.timeout = timeout
        self.repeatable = repeatable
        self.speaker = speaker


class RateLimits:
    """Until when each user must not send; shared by all threads that act as the same user."""

    __slots__ = ("_until",)

    def __init__(self) -> None:
        self._until: dict[tuple[Any, ...], float] = {}

    def hold(self, speaker: tuple[Any, ...], until: float, now: float) -> None:
        """Note that a speaker must not send before a moment of the monotonic clock."""
        for old in [who for who, end in list(self._until.items()) if end <= now]:
            self._until.pop(old, None)
        self._until[speaker] = max(until, self._until.get(speaker, until))

    def remaining(self, speaker: tuple[Any, ...], now: float) -> float:
        """Seconds until the speaker may send, 0 if now."""
        if not self._until:
            return 0.0
        return max(0.0, self._until.get(speaker, now) - now)


def retry_after(headers: Mapping[str, str], body: Mapping[str, Any], now: float) -> float | None:
    """Seconds that a homeserver asks to wait: ``Retry-After`` in seconds or as a date, then
    ``retry_after_ms``; None if neither can be used.

    Args:
        headers: The headers of the answer.
        body: Its JSON object.
        now: The wall clock, in seconds.
    """
    milliseconds = body.get("retry_after_ms")
    exact: float | None = None
    if isinstance(milliseconds, (int, float)) and not isinstance(milliseconds, bool):
        exact = min(milliseconds, 10**12) / 1000 if milliseconds >= 0 else None
    header = headers.get("Retry-After")
    if not header:
        return exact
    try:
        said = float(header)
        if not math.isfinite(said):
            return exact
    except ValueError:
        try:
            said = parsedate_to_datetime(header).timestamp() - now
        except (TypeError, ValueError):
            return exact
    # The header is rounded up to whole seconds; where both mean the same, the exact one counts.
    if exact is not None and 0 <= said - exact < 1:
        return exact
    return max(0.0, said)


def _is_rate_limit(error: BaseException) -> bool:
    return isinstance(error, MatrixRequestError) and error.http_status == 429


def _wants_repeat(exchange: Repeated, error: BaseException | None) -> bool:
    """Whether the error of an attempt is a reason to repeat it."""
    if not isinstance(error, MatrixError) or not exchange.limits.policy.repeats:
        return False
    if exchange.spent:
        return False
    if _is_rate_limit(error):
        return True
    if not error.temporary:
        return False
    if isinstance(error, MatrixConnectionError) and not error.sent:
        return True
    return exchange.limits.repeatable and isinstance(
        error, (MatrixConnectionError, MatrixResponseError, MatrixRequestError)
    )


def _error_of(state: RetryCallState) -> BaseException | None:
    assert state.outcome is not None
    return state.outcome.exception()


def _wait(state: RetryCallState) -> float:
    """The wait that the homeserver asks for, or a doubling one, half of it random: so the default
    waits outlast a restart, and clients don't all repeat at once."""
    error = _error_of(state)
    exchange: Repeated = state.args[0]
    asked = getattr(error, "retry_after", None) if error is not None else None
    if asked:
        # If a homeserver keeps asking for almost no wait, the waits grow all the same.
        return max(float(asked), _LEAST_WAIT * state.attempt_number)
    from tenacity import wait_exponential, wait_random_exponential

    first, longest = exchange.limits.policy.first_wait / 2, exchange.limits.policy.longest_wait / 2
    return wait_exponential(first, longest)(state) + wait_random_exponential(first, longest)(state)


def _stops(state: RetryCallState) -> bool:
    """Whether no repeat is left, or the next one would come after the deadline."""
    error = _error_of(state)
    exchange: Repeated = state.args[0]
    if error is not None and not _is_rate_limit(error):
        exchange.failures += 1
        exchange.lost |= getattr(error, "sent", True)
        if exchange.failures > exchange.limits.policy.repeats or exchange.travels > _MOST_TRAVELS:
            return True
    if state.upcoming_sleep < exchange.seconds_left():
        return False
    exchange.expire()
    return True


def _before_sleep(state: RetryCallState) -> None:
    error = _error_of(state)
    exchange: Repeated = state.args[0]
    if error is not None:
        exchange.about_to_wait(state.upcoming_sleep, error, shared=_is_rate_limit(error))


def run(exchange: Repeated, sleep: Callable[[float], None]) -> Any:
    """Make an exchange: repeat what may be repeated, wait as asked or with jitter, until the
    repeats or the time are used up, and then raise the last error.

    Args:
        exchange: The exchange.
        sleep: Called with the seconds to wait.
    """
    try:
        return exchange.attempt()
    except MatrixError as error:
        if not _wants_repeat(exchange, error):
            raise
        failed = [error]
    from tenacity import Retrying

    def attempt(exchange: Repeated) -> Any:
        if failed:  # the attempt that was made above
            raise failed.pop()
        return exchange.attempt()

    retrying = Retrying(
        retry=lambda state: _wants_repeat(exchange, _error_of(state)),
        wait=_wait,
        stop=_stops,
        before_sleep=_before_sleep,
        sleep=sleep,
        reraise=True,
    )
    return retrying(attempt, exchange)


def retry_policy(
    policy: RetryPolicy | None, count: int | None = None, deadline: float | None = None
) -> RetryPolicy:
    """A policy with another count or deadline.

    Raises:
        ValueError: Something isn't a number, or is negative.
    """
    policy = RetryPolicy() if policy is None else policy
    if not isinstance(policy, RetryPolicy):
        raise ValueError(f"retry must be a RetryPolicy, not {policy!r}")
    given = {"retry_count": count, "deadline": deadline}
    numbers = [pair for pair in given.items() if pair[1] is not None]
    for name, number in (*numbers, *policy._asdict().items()):
        if not isinstance(number, (int, float)) or math.isnan(number):
            raise ValueError(f"{name} must be a number, not {number!r}")
    if count is not None:
        policy = policy._replace(repeats=count)
    if deadline is not None:
        policy = policy._replace(deadline=deadline)
    if policy.repeats < 0 or min(policy[1:]) < 0:
        raise ValueError(f"a retry policy can't have negative numbers: {policy}")
    return policy
