"""Views of events and of their contents, and the enumerations of their values.

Each name is imported when it is first used.
"""
# ruff: noqa: F403, F405

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazily

if TYPE_CHECKING:
    from . import view as view
    from .account_data import *
    from .calls import *
    from .encryption import *
    from .enumerations import *
    from .ephemeral import *
    from .event import *
    from .event_content import *
    from .event_type import *
    from .image_packs import *
    from .media_info import *
    from .membership import *
    from .messages import *
    from .power_level_content import *
    from .power_levels import RoomPowers
    from .push_rules import *
    from .registry import *
    from .relations import *
    from .room_state import *
    from .spaces import *
    from .tokens import *
    from .topic import *
    from .verification import *

__all__ = [
    "CONTENTS", "JSON", "AcceptedTermsAccountDataEventContent", "AccountDataEventContent",
    "AudioInfo", "BaseFileInfo", "BatchID", "BundledThread", "CallAnswerEventContent",
    "CallCandidate", "CallCandidatesEventContent", "CallEventContent", "CallHangupEventContent",
    "CallHangupReason", "CallInviteEventContent", "CallNegotiateEventContent",
    "CallRejectEventContent", "CallSDPStreamMetadataChangedEventContent",
    "CallSelectAnswerEventContent", "CallStream", "CallStreamPurpose",
    "CanonicalAliasStateEventContent", "CrossSigningUsage", "DirectAccountDataEventContent",
    "DirectoryPaginationToken", "DummyEventContent", "EncryptedEventContent", "EncryptedFile",
    "EncryptionAlgorithm", "EncryptionKeyAlgorithm", "EphemeralEventContent", "Event",
    "EventContent", "EventType", "EventTypeClass", "FileInfo", "FilterID",
    "Format", "ForwardedRoomKeyEventContent", "FullyReadAccountDataEventContent", "GuestAccess",
    "GuestAccessStateEventContent", "HistoryVisibility", "HistoryVisibilityStateEventContent",
    "IdentityServerAccountDataEventContent", "IgnoredUserListAccountDataEventContent",
    "ImageInfo", "ImagePack", "ImagePackImage", "ImagePackRoomsAccountDataEventContent",
    "ImagePackUsage", "InReplyTo", "InvitePermissionConfigAccountDataEventContent",
    "JSONWebKey", "JoinRestriction", "JoinRestrictionType", "JoinRule",
    "JoinRulesStateEventContent", "KeyBackupAccountDataEventContent", "KeyRequestAction",
    "KeyVerificationAcceptEventContent", "KeyVerificationCancelEventContent",
    "KeyVerificationDoneEventContent", "KeyVerificationEventContent",
    "KeyVerificationKeyEventContent", "KeyVerificationMACEventContent", "KeyVerificationMethod",
    "KeyVerificationReadyEventContent", "KeyVerificationRequestEventContent",
    "KeyVerificationRequestMessageEventContent", "KeyVerificationStartEventContent",
    "LocationInfo", "LocationMessageEventContent", "LoginType",
    "MarkedUnreadAccountDataEventContent", "MediaInfo", "MediaMessageEventContent", "Member",
    "MemberStateEventContent", "Membership", "Mentions", "MessageEventContent", "MessageType",
    "PaginationDirection", "PolicyRecommendation", "PolicyRuleStateEventContent",
    "PowerLevelStateEventContent", "PresenceEventContent", "PresenceState", "PublicKey",
    "PushActionType", "PushCondition", "PushConditionKind", "PushRule", "PushRuleID",
    "PushRuleKind", "PushRuleScope", "PushRulesAccountDataEventContent", "PushRuleset",
    "ReactionEventContent", "Receipt", "ReceiptEventContent", "ReceiptType", "RecentEmoji",
    "RecentEmojiAccountDataEventContent", "RedactionEventContent", "RelatesTo", "RelationType",
    "Relations", "RequestedKeyInfo", "RoomAvatarStateEventContent", "RoomCreatePreset",
    "RoomCreateStateEventContent", "RoomDirectoryVisibility", "RoomEncryptionStateEventContent",
    "RoomImagePackStateEventContent", "RoomKeyBundleEventContent", "RoomKeyEventContent",
    "RoomKeyRequestEventContent", "RoomKeyWithheldCode", "RoomKeyWithheldEventContent",
    "RoomNameStateEventContent", "RoomPinnedEventsStateEventContent",
    "RoomPolicyStateEventContent", "RoomPowers", "RoomPredecessor",
    "RoomTagAccountDataEventContent",
    "RoomTagInfo", "RoomTombstoneStateEventContent", "RoomTopicStateEventContent", "RoomType",
    "SecretRequestEventContent", "SecretSendEventContent", "ServerACLStateEventContent",
    "ServerNoticeMessageEventContent", "SessionDescription", "SignedThirdPartyInvite",
    "SpaceChildStateEventContent", "SpaceParentStateEventContent", "StateEvent",
    "StateEventContent", "StickerEventContent", "StrippedStateEvent", "SyncToken",
    "TextMessageEventContent", "TextRepresentation", "ThirdPartyInvite",
    "ThirdPartyInviteStateEventContent", "ThirdPartyMedium", "ThumbnailInfo", "ToDeviceEvent",
    "ToDeviceEventContent", "Topic", "TypingEventContent", "Unsigned", "UserIdentifier",
    "UserIdentifierType", "VideoInfo", "content_class", "read_content",
]  # fmt: skip

# The names by the modules that have them.
_MODULES = {
    "account_data": """
        AcceptedTermsAccountDataEventContent DirectAccountDataEventContent
        FullyReadAccountDataEventContent IdentityServerAccountDataEventContent
        IgnoredUserListAccountDataEventContent InvitePermissionConfigAccountDataEventContent
        KeyBackupAccountDataEventContent MarkedUnreadAccountDataEventContent RecentEmoji
        RecentEmojiAccountDataEventContent RoomTagAccountDataEventContent RoomTagInfo
    """,
    "calls": """
        CallAnswerEventContent CallCandidate CallCandidatesEventContent CallEventContent
        CallHangupEventContent CallInviteEventContent CallNegotiateEventContent
        CallRejectEventContent CallSDPStreamMetadataChangedEventContent
        CallSelectAnswerEventContent CallStream SessionDescription
    """,
    "encryption": """
        DummyEventContent EncryptedEventContent ForwardedRoomKeyEventContent
        RequestedKeyInfo RoomEncryptionStateEventContent RoomKeyBundleEventContent
        RoomKeyEventContent RoomKeyRequestEventContent RoomKeyWithheldEventContent
        SecretRequestEventContent SecretSendEventContent
    """,
    "enumerations": """
        CallHangupReason CallStreamPurpose CrossSigningUsage EncryptionAlgorithm
        EncryptionKeyAlgorithm Format GuestAccess HistoryVisibility ImagePackUsage
        JoinRestrictionType JoinRule KeyRequestAction KeyVerificationMethod LoginType
        MessageType PaginationDirection PolicyRecommendation PresenceState PushActionType
        PushConditionKind PushRuleKind PushRuleScope ReceiptType RelationType
        RoomCreatePreset RoomDirectoryVisibility RoomKeyWithheldCode RoomType
        ThirdPartyMedium UserIdentifierType
    """,
    "ephemeral": """
        PresenceEventContent Receipt ReceiptEventContent TypingEventContent
    """,
    "event": """
        BundledThread Event Relations StateEvent StrippedStateEvent ToDeviceEvent Unsigned
    """,
    "event_content": """
        AccountDataEventContent EphemeralEventContent EventContent StateEventContent
        ToDeviceEventContent
    """,
    "event_type": """
        EventType EventTypeClass
    """,
    "image_packs": """
        ImagePack ImagePackImage ImagePackRoomsAccountDataEventContent
        RoomImagePackStateEventContent
    """,
    "media_info": """
        AudioInfo BaseFileInfo EncryptedFile FileInfo ImageInfo JSONWebKey LocationInfo
        MediaInfo ThumbnailInfo VideoInfo
    """,
    "membership": """
        Membership
    """,
    "messages": """
        KeyVerificationRequestMessageEventContent LocationMessageEventContent
        MediaMessageEventContent MessageEventContent ReactionEventContent
        RedactionEventContent ServerNoticeMessageEventContent StickerEventContent
        TextMessageEventContent
    """,
    "power_level_content": """
        PowerLevelStateEventContent
    """,
    "power_levels": """
        RoomPowers
    """,
    "push_rules": """
        PushCondition PushRule PushRulesAccountDataEventContent PushRuleset
    """,
    "registry": """
        CONTENTS content_class read_content
    """,
    "relations": """
        InReplyTo Mentions RelatesTo
    """,
    "room_state": """
        CanonicalAliasStateEventContent GuestAccessStateEventContent
        HistoryVisibilityStateEventContent JoinRestriction JoinRulesStateEventContent Member
        MemberStateEventContent PolicyRuleStateEventContent PublicKey
        RoomAvatarStateEventContent RoomCreateStateEventContent RoomNameStateEventContent
        RoomPinnedEventsStateEventContent RoomPolicyStateEventContent RoomPredecessor
        RoomTombstoneStateEventContent ServerACLStateEventContent SignedThirdPartyInvite
        ThirdPartyInvite ThirdPartyInviteStateEventContent
    """,
    "spaces": """
        SpaceChildStateEventContent SpaceParentStateEventContent
    """,
    "tokens": """
        JSON BatchID DirectoryPaginationToken FilterID PushRuleID SyncToken UserIdentifier
    """,
    "topic": """
        RoomTopicStateEventContent TextRepresentation Topic
    """,
    "verification": """
        KeyVerificationAcceptEventContent KeyVerificationCancelEventContent
        KeyVerificationDoneEventContent KeyVerificationEventContent
        KeyVerificationKeyEventContent KeyVerificationMACEventContent
        KeyVerificationReadyEventContent KeyVerificationRequestEventContent
        KeyVerificationStartEventContent
    """,
    "view": "view",
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazily(__name__, _MODULES)
