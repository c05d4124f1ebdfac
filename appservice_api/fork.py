"""What must be new in a forked child: sockets, locks, prefixes of transaction IDs.

gunicorn with ``--preload`` and multiprocessing fork a process that has made its API already. A
lock that another thread held at that moment would stay locked for ever in the child, and two
processes on one socket read each other's answers.
"""

from __future__ import annotations

import os
import weakref
from typing import Protocol

__all__ = ["renew_after_fork"]


class _Renewable(Protocol):
    def _after_fork(self) -> None: ...


_living: weakref.WeakSet[_Renewable] = weakref.WeakSet()


def renew_after_fork(thing: _Renewable) -> None:
    """Have ``thing._after_fork()`` called in every forked child, as long as it lives."""
    _living.add(thing)


def _renew_all() -> None:
    for thing in list(_living):
        thing._after_fork()


if hasattr(os, "register_at_fork"):  # Windows has no fork.
    os.register_at_fork(after_in_child=_renew_all)
