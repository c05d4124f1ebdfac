"""The classes of contents by event type."""

from __future__ import annotations

from typing import Any

from . import account_data as account
from . import calls, encryption, ephemeral, image_packs, messages, room_state, verification
from .event_content import EventContent
from .event_type import EventType
from .power_level_content import PowerLevelStateEventContent
from .push_rules import PushRulesAccountDataEventContent
from .spaces import SpaceChildStateEventContent, SpaceParentStateEventContent
from .topic import RoomTopicStateEventContent

__all__ = ["CONTENTS", "content_class", "read_content"]

#: The classes by event type. Applications may add types.
CONTENTS: dict[str, type[EventContent]] = {
    # State of a room
    EventType.ROOM_AVATAR: room_state.RoomAvatarStateEventContent,
    EventType.ROOM_CANONICAL_ALIAS: room_state.CanonicalAliasStateEventContent,
    EventType.ROOM_CREATE: room_state.RoomCreateStateEventContent,
    EventType.ROOM_ENCRYPTION: encryption.RoomEncryptionStateEventContent,
    EventType.ROOM_GUEST_ACCESS: room_state.GuestAccessStateEventContent,
    EventType.ROOM_HISTORY_VISIBILITY: room_state.HistoryVisibilityStateEventContent,
    EventType.ROOM_IMAGE_PACK: image_packs.RoomImagePackStateEventContent,
    EventType.ROOM_JOIN_RULES: room_state.JoinRulesStateEventContent,
    EventType.ROOM_MEMBER: room_state.MemberStateEventContent,
    EventType.ROOM_NAME: room_state.RoomNameStateEventContent,
    EventType.ROOM_PINNED_EVENTS: room_state.RoomPinnedEventsStateEventContent,
    EventType.ROOM_POLICY: room_state.RoomPolicyStateEventContent,
    EventType.ROOM_POWER_LEVELS: PowerLevelStateEventContent,
    EventType.ROOM_SERVER_ACL: room_state.ServerACLStateEventContent,
    EventType.ROOM_THIRD_PARTY_INVITE: room_state.ThirdPartyInviteStateEventContent,
    EventType.ROOM_TOMBSTONE: room_state.RoomTombstoneStateEventContent,
    EventType.ROOM_TOPIC: RoomTopicStateEventContent,
    EventType.SPACE_CHILD: SpaceChildStateEventContent,
    EventType.SPACE_PARENT: SpaceParentStateEventContent,
    EventType.POLICY_RULE_ROOM: room_state.PolicyRuleStateEventContent,
    EventType.POLICY_RULE_SERVER: room_state.PolicyRuleStateEventContent,
    EventType.POLICY_RULE_USER: room_state.PolicyRuleStateEventContent,
    # Messages of a room; that of ROOM_MESSAGE depends on its msgtype
    EventType.ROOM_ENCRYPTED: encryption.EncryptedEventContent,
    EventType.ROOM_MESSAGE: messages.MessageEventContent,
    EventType.ROOM_REDACTION: messages.RedactionEventContent,
    EventType.REACTION: messages.ReactionEventContent,
    EventType.STICKER: messages.StickerEventContent,
    EventType.CALL_ANSWER: calls.CallAnswerEventContent,
    EventType.CALL_CANDIDATES: calls.CallCandidatesEventContent,
    EventType.CALL_HANGUP: calls.CallHangupEventContent,
    EventType.CALL_INVITE: calls.CallInviteEventContent,
    EventType.CALL_NEGOTIATE: calls.CallNegotiateEventContent,
    EventType.CALL_REJECT: calls.CallRejectEventContent,
    EventType.CALL_SDP_STREAM_METADATA_CHANGED: calls.CallSDPStreamMetadataChangedEventContent,
    EventType.CALL_SELECT_ANSWER: calls.CallSelectAnswerEventContent,
    # Messages of a room, or to devices
    EventType.KEY_VERIFICATION_ACCEPT: verification.KeyVerificationAcceptEventContent,
    EventType.KEY_VERIFICATION_CANCEL: verification.KeyVerificationCancelEventContent,
    EventType.KEY_VERIFICATION_DONE: verification.KeyVerificationDoneEventContent,
    EventType.KEY_VERIFICATION_KEY: verification.KeyVerificationKeyEventContent,
    EventType.KEY_VERIFICATION_MAC: verification.KeyVerificationMACEventContent,
    EventType.KEY_VERIFICATION_READY: verification.KeyVerificationReadyEventContent,
    EventType.KEY_VERIFICATION_START: verification.KeyVerificationStartEventContent,
    # To devices
    EventType.KEY_VERIFICATION_REQUEST: verification.KeyVerificationRequestEventContent,
    EventType.DUMMY: encryption.DummyEventContent,
    EventType.FORWARDED_ROOM_KEY: encryption.ForwardedRoomKeyEventContent,
    EventType.ROOM_KEY: encryption.RoomKeyEventContent,
    EventType.ROOM_KEY_BUNDLE: encryption.RoomKeyBundleEventContent,
    EventType.ROOM_KEY_REQUEST: encryption.RoomKeyRequestEventContent,
    EventType.ROOM_KEY_WITHHELD: encryption.RoomKeyWithheldEventContent,
    EventType.SECRET_REQUEST: encryption.SecretRequestEventContent,
    EventType.SECRET_SEND: encryption.SecretSendEventContent,
    # Ephemeral
    EventType.PRESENCE: ephemeral.PresenceEventContent,
    EventType.RECEIPT: ephemeral.ReceiptEventContent,
    EventType.TYPING: ephemeral.TypingEventContent,
    # Account data
    EventType.ACCEPTED_TERMS: account.AcceptedTermsAccountDataEventContent,
    EventType.DIRECT: account.DirectAccountDataEventContent,
    EventType.FULLY_READ: account.FullyReadAccountDataEventContent,
    EventType.IDENTITY_SERVER: account.IdentityServerAccountDataEventContent,
    EventType.IGNORED_USER_LIST: account.IgnoredUserListAccountDataEventContent,
    EventType.IMAGE_PACK_ROOMS: image_packs.ImagePackRoomsAccountDataEventContent,
    EventType.INVITE_PERMISSION_CONFIG: account.InvitePermissionConfigAccountDataEventContent,
    EventType.KEY_BACKUP: account.KeyBackupAccountDataEventContent,
    EventType.MARKED_UNREAD: account.MarkedUnreadAccountDataEventContent,
    EventType.PUSH_RULES: PushRulesAccountDataEventContent,
    EventType.RECENT_EMOJI: account.RecentEmojiAccountDataEventContent,
    EventType.TAG: account.RoomTagAccountDataEventContent,
}


def content_class(event_type: object, content: object = None) -> type[EventContent]:
    """The class for a content.

    Args:
        event_type: The type of the event.
        content: The content; for a message, its ``msgtype`` decides.
    """
    kind = CONTENTS.get(event_type, EventContent) if isinstance(event_type, str) else EventContent
    return messages.message_class(content) if kind is messages.MessageEventContent else kind


def read_content(event_type: object, content: Any) -> EventContent:
    """A content, as the class of its event type; an empty content if it isn't an object."""
    kind = content_class(event_type, content)
    return content if isinstance(content, kind) else kind.read(content)
