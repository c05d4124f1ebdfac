"""Arguments that the rows share, and how a row is written."""

from __future__ import annotations

from typing import Any

from tests.conftest import GHOST

__all__ = [
    "ALIAS",
    "DEVICE",
    "EVENT",
    "FILTER",
    "MXC",
    "ROOM",
    "SIGNED",
    "USER",
    "Call",
    "Rows",
    "call",
]

Call = tuple[tuple[Any, ...], dict[str, Any]]
Rows = dict[str, list[Call]]

ROOM, EVENT, USER = "!room:hs.test", "$event", "@_user:hs.test"
ALIAS, MXC, DEVICE = "#tea:hs.test", "mxc://hs.test/media", "DEVICE"
FILTER = {"types": ["m.room.message"], "limit": 5}
SIGNED = {
    "sender": USER, "mxid": GHOST, "token": "token",
    "signatures": {"hs.test": {"ed25519:1": "signature"}},
}  # fmt: skip


def call(*args: Any, **kwargs: Any) -> Call:
    """One call of a method."""
    return args, kwargs
