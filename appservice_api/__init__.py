"""A synchronous, thread-safe SDK for Matrix application services.

>>> from appservice_api import AppServiceAPI
>>> api = AppServiceAPI.from_registration("registration.yaml", "http://localhost:8008")
>>> api.intent("@_demo_alice:example.org").send_text("!room:example.org", "Hello")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import errors
from ._version import __version__
from .api import (
    HTTPAPI,
    APIPath,
    AppServiceAPI,
    ChildAppServiceAPI,
    ClientPath,
    MediaPath,
    Method,
    Path,
    PathBuilder,
    RetryPolicy,
    SynapseAdminPath,
)
from .client.base import CallOptions, EventOptions
from .errors import *  # noqa: F403
from .events.membership import Membership
from .ids import ContentURI, DeviceID, EventID, RoomAlias, RoomID, UserID
from .intent import IntentAPI
from .log import TraceLogger
from .state_store import ASStateStore, MemoryStateStore

if TYPE_CHECKING:
    from .registration import Registration

__all__ = [
    "HTTPAPI",
    "APIPath",
    "ASStateStore",
    "AppServiceAPI",
    "CallOptions",
    "ChildAppServiceAPI",
    "ClientPath",
    "ContentURI",
    "DeviceID",
    "EventID",
    "EventOptions",
    "IntentAPI",
    "MediaPath",
    "Membership",
    "MemoryStateStore",
    "Method",
    "Path",
    "PathBuilder",
    "Registration",
    "RetryPolicy",
    "RoomAlias",
    "RoomID",
    "SynapseAdminPath",
    "TraceLogger",
    "UserID",
    "__version__",
]
__all__ += errors.__all__


def __getattr__(name: str) -> Any:
    """Import on first use what most programs don't need."""
    if name == "Registration":
        from .registration import Registration

        return Registration
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
