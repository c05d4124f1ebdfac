"""The vocabulary of events: events, contents, relations, memberships, power levels.

What it exports is imported when it is first used.
"""
# ruff: noqa: F403

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .enumerations import *
    from .event import *
    from .event_content import *
    from .event_type import *
    from .membership import *
    from .relations import *

_MODULES = {
    "enumerations": ["RelationType"],
    "event": ["BundledThread", "Event", "Relations", "StateEvent", "StrippedStateEvent",
              "ToDeviceEvent", "Unsigned"],
    "event_content": ["AccountDataEventContent", "EphemeralEventContent", "EventContent",
                      "StateEventContent", "ToDeviceEventContent"],
    "event_type": ["EventType", "EventTypeClass"],
    "membership": ["Membership"],
    "relations": ["InReplyTo", "Mentions", "RelatesTo"],
}  # fmt: skip
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    """Import a name on its first use."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
