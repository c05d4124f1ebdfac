"""Renewal after a fork: of sockets, locks and prefixes of transaction IDs.

gunicorn with ``--preload`` and multiprocessing fork a process that already has an API. A lock that
another thread held at that moment would stay locked in the child, and two processes on one socket
would read each other's responses.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable

__all__ = ["renew_after_fork"]

_living: weakref.WeakSet[object] = weakref.WeakSet()


def renew_after_fork(thing: object) -> None:
    """Register an object, by weak reference: ``_after_fork()`` is called in every forked child;
    and, if it has them, ``_before_fork()`` and ``_after_fork_in_parent()`` in the parent."""
    _living.add(thing)


def _call_all(name: str) -> None:
    for thing in list(_living):
        method: Callable[[], None] | None = getattr(thing, name, None)
        if method is not None:
            method()


if hasattr(os, "register_at_fork"):  # Windows has no fork.
    os.register_at_fork(
        before=lambda: _call_all("_before_fork"),
        after_in_child=lambda: _call_all("_after_fork"),
        after_in_parent=lambda: _call_all("_after_fork_in_parent"),
    )
