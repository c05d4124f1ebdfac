"""Options: the parameters that all methods have in common."""

# No "from __future__ import annotations": a TypedDict compiles each annotation that is a text.

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, TypedDict, cast

from .call import Timeout

__all__ = [
    "OF_EVENTS",
    "BasicOptions",
    "CallOptions",
    "EventOptions",
    "RetryOptions",
    "call_options",
    "check_options",
    "quiet",
    "retry_options",
]


class BasicOptions(TypedDict, total=False):
    """The parameters that all methods have in common.

    Attributes:
        ensure_joined: Whether to register or join the user if the homeserver refuses. (A user who
            has left a room isn't refused its state of that time.)
        retry_count: How often to repeat each request if the homeserver isn't reachable; 0 turns
            all repeating off.
        deadline: Seconds after which the call ends, including repeats, repairs, rate limits, other
            requests. The transfer of a file may take longer.
    """

    ensure_joined: bool
    retry_count: int | None
    deadline: float | None


class CallOptions(BasicOptions, total=False):
    """:class:`BasicOptions`, and how long to wait for an answer.

    Attributes:
        timeout: Seconds to wait for data, or (to connect, to wait for data).
    """

    timeout: Timeout | None


class EventOptions(CallOptions, total=False):
    """:class:`CallOptions`, and the parameters that all methods that send an event have in common.

    Attributes:
        timestamp: When it happened: int milliseconds since 1970, or a datetime (local time if it
            has no zone). Not sent with a user's own token: homeservers ignore it there.
        external_url: The http(s) URL of the original message.
    """

    timestamp: int | datetime | None
    external_url: str | None


class RetryOptions(TypedDict, total=False):
    """The part of :class:`CallOptions` that holds for each request of a call."""

    retry_count: int | None
    deadline: float | None
    timeout: Timeout | None


_ALL: Final = frozenset(EventOptions.__annotations__)
_CALL: Final = frozenset(CallOptions.__annotations__)
_RETRY: Final = frozenset(RetryOptions.__annotations__)
#: The options of requests that send an event.
OF_EVENTS: Final = _ALL - _CALL


def check_options(options: Mapping[str, Any]) -> None:
    """Refuse unknown options.

    Raises:
        TypeError: There is no such option.
    """
    if not options.keys() <= _ALL:
        unknown = ", ".join(sorted(options.keys() - _ALL))
        raise TypeError(f"unknown option {unknown}; there are {', '.join(sorted(_ALL))}")


def call_options(options: Mapping[str, Any]) -> CallOptions:
    """The options for a request of the same call that sends no event."""
    return cast(CallOptions, _among(_CALL, options))


def retry_options(options: Mapping[str, Any]) -> RetryOptions:
    """The options for other requests that a call needs."""
    return cast(RetryOptions, _among(_RETRY, options))


def quiet(options: Mapping[str, Any]) -> CallOptions:
    """The options for a request that only reads: nothing is ensured for it."""
    return {**retry_options(options), "ensure_joined": False}


def _among(names: frozenset[str], options: Mapping[str, Any]) -> object:
    return {name: value for name, value in options.items() if name in names}
