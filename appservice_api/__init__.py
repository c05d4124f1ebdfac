"""A synchronous, thread-safe SDK for Matrix application services.

>>> from appservice_api import AppServiceAPI
>>> api = AppServiceAPI.from_registration("registration.yaml", "http://localhost:8008")
>>> api.intent("@_demo_alice:example.org").send_text("!room:example.org", "Hello")

What most programs don't need (views, enumerations, registrations, rooms as objects) is imported
when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import answers, errors, events
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
from .client.pages import Pages
from .errors import *  # noqa: F403
from .events.membership import Membership as Membership
from .ids import ContentURI, DeviceID, EventID, RoomAlias, RoomID, ServerName, UserID
from .intent import IntentAPI
from .lazy import lazily
from .log import TraceLogger
from .state_store import ASStateStore, MemoryStateStore

if TYPE_CHECKING:
    from .answers import *  # noqa: F403
    from .application import AppService
    from .client.media_stream import MediaStream
    from .client.search import SearchPages
    from .events import *  # noqa: F403
    from .events.power_levels import RoomPowers
    from .intent.room import Room
    from .localparts import decode_localpart, encode_localpart
    from .receiver.backlog import CaughtUp
    from .receiver.dispatch import HandlerPolicy
    from .receiver.upgrades import Rejoined
    from .registration import Registration
    from .uris import MatrixURI

_LAZY = {
    "answers": " ".join(answers.__all__),
    "application": "AppService",
    "client.media_stream": "MediaStream",
    "client.search": "SearchPages",
    "events": " ".join(events.__all__),
    "events.power_levels": "RoomPowers",
    "intent.room": "Room",
    "localparts": "decode_localpart encode_localpart",
    "receiver.backlog": "CaughtUp",
    "receiver.dispatch": "HandlerPolicy",
    "receiver.upgrades": "Rejoined",
    "registration": "Registration",
    "uris": "MatrixURI",
}
_, __getattr__, __dir__ = lazily(__name__, _LAZY)

__all__ = [
    "HTTPAPI",
    "APIPath",
    "ASStateStore",
    "AppService",
    "AppServiceAPI",
    "CallOptions",
    "CaughtUp",
    "ChildAppServiceAPI",
    "ClientPath",
    "ContentURI",
    "DeviceID",
    "EventID",
    "EventOptions",
    "HandlerPolicy",
    "IntentAPI",
    "MatrixURI",
    "MediaPath",
    "MediaStream",
    "MemoryStateStore",
    "Method",
    "Pages",
    "Path",
    "PathBuilder",
    "Registration",
    "Rejoined",
    "RetryPolicy",
    "Room",
    "RoomAlias",
    "RoomID",
    "RoomPowers",
    "SearchPages",
    "ServerName",
    "SynapseAdminPath",
    "TraceLogger",
    "UserID",
    "__version__",
    "decode_localpart",
    "encode_localpart",
]
__all__ += errors.__all__
__all__ += answers.__all__
__all__ += events.__all__
