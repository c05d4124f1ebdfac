"""Views of the JSON that homeservers answer.

Each name is imported when it is first used.
"""
# ruff: noqa: F403, F405

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazily

if TYPE_CHECKING:
    from .account import *
    from .capabilities import *
    from .directory import *
    from .discovery import *
    from .events import *
    from .filters import *
    from .keys import *
    from .media import *
    from .search import *
    from .sync import *
    from .third_party import *

__all__ = [
    "AccountModerationCapability", "AuthMetadata", "BooleanCapability", "Capabilities",
    "ClaimKeysResponse", "ClosestEvent", "ConnectionInfo", "CrossSigningKeys", "Device",
    "DeviceKeys", "DeviceLists", "EventContext", "EventFilter", "Filter", "FoundUser",
    "InvitedRoom",
    "JoinedRoom", "KeyBackupData", "KeysChanges", "KnockedRoom", "LeftRoom", "LoginFlow",
    "LoginFlowList", "LoginResponse", "MXOpenGraph", "MediaCreateResponse", "MediaRepoConfig",
    "MutualRooms", "NotificationCounts", "OpenIDToken", "PaginatedMessages",
    "ProfileFieldsCapability", "PublicRoomInfo", "QueryKeysResponse", "RelatedEvents",
    "RoomAliasInfo", "RoomDirectoryResponse", "RoomEventFilter", "RoomEventsFound",
    "RoomFilter", "RoomKeyBackup", "RoomKeys", "RoomKeysUpdate", "RoomKeysVersion",
    "RoomSummary", "RoomVersionsCapability", "SearchContext", "SearchResult",
    "ServerInformation", "SpaceHierarchy", "SpaceHierarchyRoom", "SupportContact", "SyncEvents",
    "SyncResponse", "SyncRooms", "SyncState", "SyncStrippedState", "SyncSummary",
    "SyncTimeline", "SyncToDevice", "ThirdPartyInstance", "ThirdPartyLocation",
    "ThirdPartyProtocol", "ThirdPartyUser", "ThreadRoots", "TurnServer", "UserSearchResults",
    "VersionsResponse", "WellKnown", "WellKnownSupport", "WhoamiResponse", "WhoisResponse",
]  # fmt: skip

# The names by the modules that have them.
_MODULES = {
    "account": """
        ConnectionInfo Device LoginFlow LoginFlowList LoginResponse OpenIDToken TurnServer
        VersionsResponse WhoamiResponse WhoisResponse
    """,
    "capabilities": """
        AccountModerationCapability BooleanCapability Capabilities ProfileFieldsCapability
        RoomVersionsCapability
    """,
    "directory": """
        PublicRoomInfo RoomAliasInfo RoomDirectoryResponse RoomSummary SpaceHierarchy
        SpaceHierarchyRoom
    """,
    "discovery": """
        AuthMetadata ServerInformation SupportContact WellKnown WellKnownSupport
    """,
    "events": """
        ClosestEvent EventContext PaginatedMessages RelatedEvents ThreadRoots
    """,
    "filters": """
        EventFilter Filter RoomEventFilter RoomFilter
    """,
    "keys": """
        ClaimKeysResponse CrossSigningKeys DeviceKeys KeyBackupData KeysChanges
        QueryKeysResponse RoomKeyBackup RoomKeys RoomKeysUpdate RoomKeysVersion
    """,
    "media": """
        MXOpenGraph MediaCreateResponse MediaRepoConfig
    """,
    "search": """
        FoundUser MutualRooms RoomEventsFound SearchContext SearchResult UserSearchResults
    """,
    "sync": """
        DeviceLists InvitedRoom JoinedRoom KnockedRoom LeftRoom NotificationCounts
        SyncEvents SyncResponse SyncRooms SyncState SyncStrippedState SyncSummary
        SyncTimeline SyncToDevice
    """,
    "third_party": """
        ThirdPartyInstance ThirdPartyLocation ThirdPartyProtocol ThirdPartyUser
    """,
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazily(__name__, _MODULES)
