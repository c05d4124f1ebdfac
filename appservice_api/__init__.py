"""A synchronous, thread-safe SDK for Matrix application services.

>>> from appservice_api import AppServiceAPI
>>> api = AppServiceAPI.from_registration("registration.yaml", "http://localhost:8008")
>>> api.intent("@_demo_alice:example.org").send_text("!room:example.org", "Hello")

What not every program needs (intents with all chapters of the client, the state store, views,
enumerations, registrations) is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import answers, errors, events
from ._version import __version__
from .api import (
    HTTPAPI,
    APIPath,
    ClientPath,
    MediaPath,
    Method,
    Path,
    PathBuilder,
    RetryPolicy,
    SynapseAdminPath,
)
from .appservice import AppServiceAPI, ChildAppServiceAPI
from .errors import *  # noqa: F403
from .ids import ContentURI, DeviceID, EventID, RoomAlias, RoomID, ServerName, UserID
from .lazy import lazily
from .log import TraceLogger

if TYPE_CHECKING:
    from .answers import *  # noqa: F403
    from .api.media_stream import MediaStream
    from .api.options import CallOptions, EventOptions
    from .api.pages import Pages
    from .application import AppService
    from .client.search import SearchPages
    from .events import *  # noqa: F403
    from .events.power_levels import RoomPowers
    from .intent import IntentAPI, Room
    from .localparts import decode_localpart, encode_localpart
    from .receiver.backlog import CaughtUp
    from .receiver.dispatch import HandlerPolicy
    from .receiver.upgrades import Rejoined
    from .registration import Registration
    from .state_store import ASStateStore, MemoryStateStore
    from .uris import MatrixURI

_LAZY = {
    "answers": " ".join(answers.__all__),
    "api.options": "CallOptions EventOptions",
    "application": "AppService",
    "client": "client",
    "api.media_stream": "MediaStream",
    "api.pages": "Pages",
    "client.search": "SearchPages",
    "events": " ".join(events.__all__),
    "events.power_levels": "RoomPowers",
    "intent": "intent IntentAPI Room",
    "localparts": "decode_localpart encode_localpart",
    "receiver.backlog": "CaughtUp",
    "receiver.dispatch": "HandlerPolicy",
    "receiver.upgrades": "Rejoined",
    "registration": "Registration",
    "state_store": "state_store ASStateStore MemoryStateStore",
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
