"""Looking: a refusal to show something is an AttributeError, too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import MatrixRequestError

__all__ = ["looking"]


def _absent(kind: Any) -> Any:
    """A class of errors, as one of AttributeErrors."""

    def reduced(self: MatrixRequestError) -> tuple[Any, ...]:
        rebuild, (_, state) = kind.__reduce__(self)
        return rebuild, (kind, state)

    names = {"__module__": kind.__module__, "__reduce__": reduced}
    return type(kind.__name__, (kind, AttributeError), names)


@contextmanager
def looking() -> Iterator[None]:
    """Raise refusals as AttributeErrors: ``hasattr()``, ``getattr()`` with a default, and tools
    that complete names take that for an attribute that isn't there."""
    try:
        yield
    except MatrixRequestError as refused:
        kind = _absent(type(refused))
        absent = kind.__new__(kind, refused.reason)
        absent.__dict__.update(refused.__dict__)
        raise absent from refused.__cause__
