"""Timeouts: seconds to connect, and seconds to wait for data."""

from __future__ import annotations

from typing import TypeAlias

__all__ = ["DEFAULT_TIMEOUT", "Timeout", "split_timeout"]

#: Seconds to connect and seconds to wait for data; one number stands for the second.
Timeout: TypeAlias = float | tuple[float, float]

#: What it is where nothing is said. A call ends before gunicorn ends its worker, and there is time
#: for a repeat over a new connection.
DEFAULT_TIMEOUT = (5.0, 30.0)


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
