"""Nesting: JSON that is nested more deeply than Python reads, copies or writes.

Such an event must not stop a homeserver's queue: what is nested too deeply is read as null.
(Synapse itself accepts no event of more than some 125 levels.)
"""

from __future__ import annotations

import json
import re
from typing import Any

__all__ = ["DEEPEST", "cut", "loads"]

#: How many levels are left where something is cut.
DEEPEST = 150
# A string without an end is one, too, so that each byte is looked at once.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*(?:"|\Z)|[\[\]{}]', re.DOTALL)


def loads(data: bytes, *, whole: bool = True) -> Any:
    """Read JSON.

    Args:
        data: The JSON.
        whole: Whether it is cut only if it can't be read otherwise.

    Raises:
        ValueError: It isn't JSON.
        RecursionError: It isn't JSON, and is nested too deeply.
    """
    if whole:
        try:
            return json.loads(data)
        except RecursionError:
            pass
    return json.loads(_shallow(data))


def cut(found: Any, levels: int = DEEPEST) -> Any:
    """A copy of JSON without what is nested more deeply.

    Args:
        found: The JSON.
        levels: How many levels it may have.
    """
    if isinstance(found, dict):
        return {key: cut(one, levels - 1) for key, one in found.items()} if levels else None
    if isinstance(found, list):
        return [cut(one, levels - 1) for one in found] if levels else None
    return found


def _shallow(data: bytes) -> bytes:
    """JSON as bytes, without what is nested more deeply."""
    parts: list[bytes] = []
    depth, start = 0, 0
    for token in _TOKEN.finditer(data):
        mark = token[0]
        if mark in (b"[", b"{"):
            depth += 1
            if depth == DEEPEST + 1:
                parts += data[start : token.start()], b"null"
        elif mark in (b"]", b"}"):
            if depth == DEEPEST + 1:
                start = token.end()
            depth -= 1
    if depth <= DEEPEST:
        parts.append(data[start:])
    return b"".join(parts)
