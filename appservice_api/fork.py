"""What must be new in a forked child: sockets, locks, prefixes of transaction IDs; and what must
not be open at the moment of a fork.

gunicorn with ``--preload`` and multiprocessing fork a process that has made its API already. A
lock that another thread held at that moment would stay locked for ever in the child, and two
processes on one socket read each other's answers.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Protocol

    class _Renewable(Protocol):
        def _after_fork(self) -> None: ...


__all__ = ["renew_after_fork"]

_living: weakref.WeakSet[_Renewable] = weakref.WeakSet()


def renew_after_fork(thing: _Renewable) -> None:
    """Have ``thing._after_fork()`` called in every forked child, as long as it lives; and, where
    it has them, ``_before_fork()`` before each fork and ``_after_fork_in_parent()`` after it."""
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
