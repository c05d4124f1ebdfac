"""One row for each method that serves an endpoint: its arguments, all that reach the wire.

A method that serves several endpoints has a call for each. Methods that others do the work of may
have a row. Each module here holds the rows of some chapters as ``ROWS``.
"""

from __future__ import annotations

import importlib
import pkgutil

from .sample import Rows

__all__ = ["ROWS"]

ROWS: Rows = {}
for _module in pkgutil.iter_modules(__path__):
    for _name, _calls in getattr(
        importlib.import_module(f"{__name__}.{_module.name}"), "ROWS", {}
    ).items():
        assert _name not in ROWS, f"{_name} has two rows"
        ROWS[_name] = _calls
