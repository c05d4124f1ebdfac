"""A synchronous, thread-safe SDK for Matrix application services.

>>> from appservice_api import AppServiceAPI
>>> api = AppServiceAPI.from_registration("registration.yaml", "http://localhost:8008")
>>> api.intent("@_demo_alice:example.org").send_text("!room:example.org", "Hello")

What not every program needs (intents with all chapters of the client, the state store, views,
enumerations, registrations) is imported when it is first used.
"""
# ruff: noqa: F403, F405

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
from .ids import ContentURI, DeviceID, EventID, RoomAlias, RoomID, ServerName, UserID
from .lazy import lazily
from .log import TraceLogger

if TYPE_CHECKING:
    from . import client as client
    from . import intent as intent
    from . import state_store as state_store
    from .answers import *
    from .api.media_stream import MediaStream
    from .api.options import CallOptions, EventOptions
    from .api.pages import Pages
    from .application import AppService
    from .appservice import AppServiceAPI, ChildAppServiceAPI
    from .client.search import SearchPages
    from .errors import *
    from .events import *
    from .intent import IntentAPI, Room
    from .localparts import decode_localpart, encode_localpart
    from .receiver.backlog import CaughtUp
    from .receiver.dispatch import HandlerPolicy
    from .receiver.rejoining import Rejoined
    from .registration import Registration
    from .state_store import ASStateStore, MemoryStateStore
    from .uris import MatrixURI
else:
    __getattr__, __dir__ = lazily(
        __name__,
        {
            "answers": " ".join(answers.__all__),
            "api.media_stream": "MediaStream",
            "api.options": "CallOptions EventOptions",
            "api.pages": "Pages",
            "application": "AppService",
            "appservice": "AppServiceAPI ChildAppServiceAPI",
            "client": "client",
            "client.search": "SearchPages",
            "errors": " ".join(errors.__all__),
            "events": " ".join(events.__all__),
            "intent": "intent IntentAPI Room",
            "localparts": "decode_localpart encode_localpart",
            "receiver.backlog": "CaughtUp",
            "receiver.dispatch": "HandlerPolicy",
            "receiver.rejoining": "Rejoined",
            "registration": "Registration",
            "state_store": "state_store ASStateStore MemoryStateStore",
            "uris": "MatrixURI",
        },
    )

__all__ = [
    "CONTENTS", "HTTPAPI", "JSON", "APIPath", "ASStateStore",
    "AcceptedTermsAccountDataEventContent", "AccountDataEventContent",
    "AccountModerationCapability", "AppService", "AppServiceAPI", "AudioInfo", "AuthMetadata",
    "BaseFileInfo", "BatchID", "BooleanCapability", "BundledThread", "BusyError",
    "CallAnswerEventContent", "CallCandidate", "CallCandidatesEventContent", "CallEventContent",
    "CallHangupEventContent", "CallHangupReason", "CallInviteEventContent",
    "CallNegotiateEventContent", "CallOptions", "CallRejectEventContent",
    "CallSDPStreamMetadataChangedEventContent", "CallSelectAnswerEventContent", "CallStream",
    "CallStreamPurpose", "CanonicalAliasStateEventContent", "Capabilities", "CaughtUp",
    "ChildAppServiceAPI", "ClaimKeysResponse", "ClientPath", "ClosestEvent", "ConnectionInfo",
    "ContentURI", "CrossSigningKeys", "CrossSigningUsage", "Device", "DeviceID", "DeviceKeys",
    "DeviceLists", "DirectAccountDataEventContent", "DirectoryPaginationToken",
    "DummyEventContent", "EncryptedEventContent", "EncryptedFile", "EncryptionAlgorithm",
    "EncryptionKeyAlgorithm", "EphemeralEventContent", "Event", "EventContent", "EventContext",
    "EventFilter", "EventID", "EventOptions", "EventType", "EventTypeClass", "FileInfo",
    "Filter", "FilterID", "Format", "ForwardedRoomKeyEventContent", "FoundUser",
    "FullyReadAccountDataEventContent", "GuestAccess", "GuestAccessStateEventContent",
    "HandlerPolicy", "HistoryVisibility", "HistoryVisibilityStateEventContent",
    "IdentityServerAccountDataEventContent", "IgnoredUserListAccountDataEventContent",
    "ImageInfo", "ImagePack", "ImagePackImage", "ImagePackRoomsAccountDataEventContent",
    "ImagePackUsage", "InReplyTo", "IntentAPI", "InvitePermissionConfigAccountDataEventContent",
    "InvitedRoom", "JSONWebKey", "JoinRestriction", "JoinRestrictionType", "JoinRule",
    "JoinRulesStateEventContent", "JoinedRoom", "KeyBackupAccountDataEventContent",
    "KeyBackupData", "KeyRequestAction", "KeyVerificationAcceptEventContent",
    "KeyVerificationCancelEventContent", "KeyVerificationDoneEventContent",
    "KeyVerificationEventContent", "KeyVerificationKeyEventContent",
    "KeyVerificationMACEventContent", "KeyVerificationMethod",
    "KeyVerificationReadyEventContent", "KeyVerificationRequestEventContent",
    "KeyVerificationRequestMessageEventContent", "KeyVerificationStartEventContent",
    "KeysChanges", "KnockedRoom", "LeftRoom", "LocationInfo", "LocationMessageEventContent",
    "LoginFlow", "LoginFlowList", "LoginResponse", "LoginType", "MAppserviceLoginUnsupported",
    "MBadAlias", "MBadJSON", "MBadState", "MBadStatus", "MCannotLeaveServerNoticeRoom",
    "MCannotOverwriteMedia", "MCaptchaInvalid", "MCaptchaNeeded", "MConnectionFailed",
    "MConnectionTimeout", "MConsentNotGiven", "MDuplicateAnnotation", "MExclusive",
    "MForbidden", "MGuestAccessForbidden", "MIncompatibleRoomVersion", "MInvalidParam",
    "MInvalidRoomState", "MInvalidSignature", "MInvalidUsername", "MInviteBlocked",
    "MKeyTooLarge", "MLimitExceeded", "MMissingParam", "MMissingToken", "MNotFound", "MNotJSON",
    "MNotYetUploaded", "MProfileTooLarge", "MResourceLimitExceeded", "MRoomInUse",
    "MServerNotTrusted", "MThreepidAuthFailed", "MThreepidDenied", "MThreepidInUse",
    "MThreepidMediumNotSupported", "MThreepidNotFound", "MTooLarge", "MUnableToAuthoriseJoin",
    "MUnableToGrantJoin", "MUnauthorized", "MUnknown", "MUnknownDevice", "MUnknownToken",
    "MUnrecognized", "MUnsupportedRoomVersion", "MUrlNotSet", "MUserDeactivated", "MUserInUse",
    "MUserLimitExceeded", "MUserLocked", "MUserSuspended", "MWeakPassword",
    "MWrongRoomKeysVersion", "MXOpenGraph", "MarkedUnreadAccountDataEventContent",
    "MatrixConnectionError", "MatrixError", "MatrixInteractiveAuthError", "MatrixRequestError",
    "MatrixResponseError", "MatrixTimeoutError", "MatrixURI", "MediaCreateResponse",
    "MediaInfo", "MediaMessageEventContent", "MediaPath", "MediaRepoConfig", "MediaStream",
    "Member", "MemberStateEventContent", "Membership", "MemoryStateStore", "Mentions",
    "MessageEventContent", "MessageType", "Method", "MissingExtraError", "MutualRooms",
    "NotificationCounts", "OpenIDToken", "Pages", "PaginatedMessages", "PaginationDirection",
    "Path", "PathBuilder", "PolicyRecommendation", "PolicyRuleStateEventContent",
    "PowerLevelError", "PowerLevelStateEventContent", "PresenceEventContent", "PresenceState",
    "ProfileFieldsCapability", "PublicKey", "PublicRoomInfo", "PushActionType", "PushCondition",
    "PushConditionKind", "PushRule", "PushRuleID", "PushRuleKind", "PushRuleScope",
    "PushRulesAccountDataEventContent", "PushRuleset", "QueryKeysResponse",
    "ReactionEventContent", "Receipt", "ReceiptEventContent", "ReceiptType", "RecentEmoji",
    "RecentEmojiAccountDataEventContent", "RedactionEventContent", "Registration",
    "RegistrationError", "Rejoined", "RelatedEvents", "RelatesTo", "RelationType", "Relations",
    "RequestedKeyInfo", "RetryPolicy", "Room", "RoomAlias", "RoomAliasInfo",
    "RoomAvatarStateEventContent", "RoomCreatePreset", "RoomCreateStateEventContent",
    "RoomDirectoryResponse", "RoomDirectoryVisibility", "RoomEncryptionStateEventContent",
    "RoomEventFilter", "RoomEventsFound", "RoomFilter", "RoomID",
    "RoomImagePackStateEventContent", "RoomKeyBackup", "RoomKeyBundleEventContent",
    "RoomKeyEventContent", "RoomKeyRequestEventContent", "RoomKeyWithheldCode",
    "RoomKeyWithheldEventContent", "RoomKeys", "RoomKeysUpdate", "RoomKeysVersion",
    "RoomNameStateEventContent", "RoomPinnedEventsStateEventContent",
    "RoomPolicyStateEventContent", "RoomPowers", "RoomPredecessor", "RoomSummary",
    "RoomTagAccountDataEventContent", "RoomTagInfo", "RoomTombstoneStateEventContent",
    "RoomTopicStateEventContent", "RoomType", "RoomVersionsCapability", "SearchContext",
    "SearchPages", "SearchResult", "SecretRequestEventContent", "SecretSendEventContent",
    "ServerACLStateEventContent", "ServerInformation", "ServerName",
    "ServerNoticeMessageEventContent", "SessionDescription", "SignedThirdPartyInvite",
    "SpaceChildStateEventContent", "SpaceHierarchy", "SpaceHierarchyRoom",
    "SpaceParentStateEventContent", "StateEvent", "StateEventContent", "StateStoreError",
    "StickerEventContent", "StrippedStateEvent", "SupportContact", "SynapseAdminPath",
    "SyncEvents", "SyncResponse", "SyncRooms", "SyncState", "SyncStrippedState", "SyncSummary",
    "SyncTimeline", "SyncToDevice", "SyncToken", "TextMessageEventContent",
    "TextRepresentation", "ThirdPartyInstance", "ThirdPartyInvite",
    "ThirdPartyInviteStateEventContent", "ThirdPartyLocation", "ThirdPartyMedium",
    "ThirdPartyProtocol", "ThirdPartyUser", "ThreadRoots", "ThumbnailInfo", "ToDeviceEvent",
    "ToDeviceEventContent", "Topic", "TraceLogger", "TurnServer", "TypingEventContent",
    "Unsigned", "UserID", "UserIdentifier", "UserIdentifierType", "UserSearchResults",
    "VersionsResponse", "VideoInfo", "WellKnown", "WellKnownSupport", "WhoamiResponse",
    "WhoisResponse", "__version__", "content_class", "decode_localpart", "encode_localpart",
    "read_content",
]  # fmt: skip
