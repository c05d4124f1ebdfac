"""Logging: a line for each request at DEBUG, for each attempt at TRACE; no bodies, no tokens."""

from __future__ import annotations

import logging
from typing import Any

__all__ = ["TRACE", "TraceLogger"]

#: A level below DEBUG: one line for each attempt of an exchange.
TRACE = 5
logging.addLevelName(TRACE, "TRACE")


class TraceLogger(logging.Logger):
    """A logger with a level below DEBUG."""

    def trace(self, msg: object, *args: Any, **kwargs: Any) -> None:
        """Log a line at level 5.

        Args:
            msg: The message, with ``%`` placeholders.
            args: The values of the placeholders.
            kwargs: As for :meth:`logging.Logger.log`.
        """
        if self.isEnabledFor(TRACE):
            self._log(TRACE, msg, args, **kwargs)


def trace_logger(name: str) -> TraceLogger:
    """The TraceLogger with a name, in the hierarchy of the standard library."""
    manager = logging.Logger.manager
    existing = manager.loggerDict.get(name)
    if isinstance(existing, TraceLogger):
        return existing
    before, manager.loggerClass = manager.loggerClass, TraceLogger
    try:
        return logging.getLogger(name)  # type: ignore[return-value]
    finally:
        manager.loggerClass = before
