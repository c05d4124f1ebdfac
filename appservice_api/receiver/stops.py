"""Stops: errors by which a server, not the handler itself, ends a handler."""

from __future__ import annotations

import functools
import inspect
import signal
import sys
import threading
from types import CodeType

__all__ = ["is_stop"]


def is_stop(error: BaseException) -> bool:
    """Whether an error that a handler raised is its server's stop, and must go up.

    That is what the handler of a signal has raised, as those of gunicorn's workers do; Ctrl-C in
    the main thread; and the end of a greenlet. ``sys.exit()`` in a handler is none.
    """
    if isinstance(error, Exception):
        return False
    greenlet = sys.modules.get("greenlet")
    if greenlet is not None and isinstance(error, greenlet.GreenletExit):
        return True
    if threading.current_thread() is not threading.main_thread():
        return False
    return isinstance(error, KeyboardInterrupt) or _came_by_signal(error)


def _came_by_signal(error: BaseException) -> bool:
    """Whether it was raised within the handler of a signal."""
    codes = _codes()
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code in codes:
            return True
        trace = trace.tb_next
    return False


def _codes() -> set[CodeType]:
    """The code of the present handlers of signals."""
    found = set()
    for number in signal.valid_signals():
        handler: object = signal.getsignal(number)
        while isinstance(handler, functools.partial):
            handler = handler.func
        made = inspect.getattr_static(type(handler), "__call__", None)
        code = getattr(handler, "__code__", None) or getattr(made, "__code__", None)
        if isinstance(code, CodeType):
            found.add(code)
    return found
