"""One row for each method that serves an endpoint: its arguments, all that reach the wire.

A method that serves several endpoints has a call for each. Methods that others do the work of may
have a row. Each module here holds the rows of some chapters as ``ROWS``, and may name those that
only a real user can call in ``OF_REAL_USERS``.
"""

from __future__ import annotations

import importlib
import pkgutil

from .sample import Rows

__all__ = ["OF_REAL_USERS", "ROWS"]

ROWS: Rows = {}
OF_REAL_USERS: set[str] = set()
for _found in pkgutil.iter_modules(__path__):
    _module = importlib.import_module(f"{__name__}.{_found.name}")
    OF_REAL_USERS |= getattr(_module, "OF_REAL_USERS", set())
    for _name, _calls in getattr(_module, "ROWS", {}).items():
        assert _name not in ROWS, f"{_name} has two rows"
        ROWS[_name] = _calls
