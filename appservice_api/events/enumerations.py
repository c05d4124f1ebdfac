"""Enumerations of events and requests. All are open: unknown values are kept."""

from __future__ import annotations

from .open_enum import OpenEnum

__all__ = [
    "CallHangupReason",
    "CallStreamPurpose",
    "CrossSigningUsage",
    "EncryptionAlgorithm",
    "EncryptionKeyAlgorithm",
    "Format",
    "GuestAccess",
    "HistoryVisibility",
    "ImagePackUsage",
    "JoinRestrictionType",
    "JoinRule",
    "KeyRequestAction",
    "KeyVerificationMethod",
    "LoginType",
    "MessageType",
    "PaginationDirection",
    "PolicyRecommendation",
    "PresenceState",
    "PushActionType",
    "PushConditionKind",
    "PushRuleKind",
    "PushRuleScope",
    "ReceiptType",
    "RelationType",
    "RoomCreatePreset",
    "RoomDirectoryVisibility",
    "RoomKeyWithheldCode",
    "RoomType",
    "ThirdPartyMedium",
    "UserIdentifierType",
]


class MessageType(OpenEnum):
    """The ``msgtype`` of a message."""

    TEXT = "m.text"
    NOTICE = "m.notice"
    EMOTE = "m.emote"
    IMAGE = "m.image"
    VIDEO = "m.video"
    AUDIO = "m.audio"
    FILE = "m.file"
    LOCATION = "m.location"
    SERVER_NOTICE = "m.server_notice"
    KEY_VERIFICATION_REQUEST = "m.key.verification.request"

    @property
    def is_text(self) -> bool:
        """Whether it is the type of a text message."""
        return self in (MessageType.TEXT, MessageType.NOTICE, MessageType.EMOTE)

    @property
    def is_media(self) -> bool:
        """Whether it is the type of a message with a file."""
        return self in (
            MessageType.IMAGE, MessageType.VIDEO, MessageType.AUDIO, MessageType.FILE,
        )  # fmt: skip


class Format(OpenEnum):
    """The format of a formatted body."""

    HTML = "org.matrix.custom.html"


class RelationType(OpenEnum):
    """The type of a relation between two events."""

    ANNOTATION = "m.annotation"
    REFERENCE = "m.reference"
    REPLACE = "m.replace"
    THREAD = "m.thread"


class JoinRule(OpenEnum):
    """Who may join a room."""

    PUBLIC = "public"
    INVITE = "invite"
    KNOCK = "knock"
    RESTRICTED = "restricted"
    KNOCK_RESTRICTED = "knock_restricted"
    PRIVATE = "private"


class JoinRestrictionType(OpenEnum):
    """A condition for joining a restricted room."""

    ROOM_MEMBERSHIP = "m.room_membership"


class HistoryVisibility(OpenEnum):
    """Who may see the events of a room."""

    INVITED = "invited"
    JOINED = "joined"
    SHARED = "shared"
    WORLD_READABLE = "world_readable"


class GuestAccess(OpenEnum):
    """Whether guests may join a room."""

    CAN_JOIN = "can_join"
    FORBIDDEN = "forbidden"


class RoomType(OpenEnum):
    """The type of a room that isn't an ordinary one."""

    SPACE = "m.space"


class PresenceState(OpenEnum):
    """Whether a user is online."""

    ONLINE = "online"
    OFFLINE = "offline"
    UNAVAILABLE = "unavailable"


class ReceiptType(OpenEnum):
    """The type of a receipt."""

    READ = "m.read"
    READ_PRIVATE = "m.read.private"
    FULLY_READ = "m.fully_read"


class EncryptionAlgorithm(OpenEnum):
    """The algorithm with which an event is encrypted."""

    OLM_V1 = "m.olm.v1.curve25519-aes-sha2"
    MEGOLM_V1 = "m.megolm.v1.aes-sha2"


class RoomKeyWithheldCode(OpenEnum):
    """Why a key is withheld from a device."""

    BLACKLISTED = "m.blacklisted"
    UNVERIFIED = "m.unverified"
    UNAUTHORISED = "m.unauthorised"
    UNAVAILABLE = "m.unavailable"
    NO_OLM = "m.no_olm"
    HISTORY_NOT_SHARED = "m.history_not_shared"


class KeyRequestAction(OpenEnum):
    """Whether a key or secret is requested, or a request is cancelled."""

    REQUEST = "request"
    CANCEL = "request_cancellation"


class KeyVerificationMethod(OpenEnum):
    """A method of key verification."""

    SAS = "m.sas.v1"
    RECIPROCATE = "m.reciprocate.v1"
    QR_CODE_SHOW = "m.qr_code.show.v1"
    QR_CODE_SCAN = "m.qr_code.scan.v1"


class PolicyRecommendation(OpenEnum):
    """The recommendation of a policy rule."""

    BAN = "m.ban"


class ImagePackUsage(OpenEnum):
    """The usage of the images of a pack."""

    EMOTICON = "emoticon"
    STICKER = "sticker"


class CallHangupReason(OpenEnum):
    """Why a call ended."""

    ICE_TIMEOUT = "ice_timeout"
    ICE_FAILED = "ice_failed"
    INVITE_TIMEOUT = "invite_timeout"
    USER_HANGUP = "user_hangup"
    USER_MEDIA_FAILED = "user_media_failed"
    USER_BUSY = "user_busy"
    UNKNOWN_ERROR = "unknown_error"


class CallStreamPurpose(OpenEnum):
    """The purpose of a stream of a call."""

    USERMEDIA = "m.usermedia"
    SCREENSHARE = "m.screenshare"


# Of requests


class RoomCreatePreset(OpenEnum):
    """The preset for the state of a new room."""

    PRIVATE = "private_chat"
    TRUSTED_PRIVATE = "trusted_private_chat"
    PUBLIC = "public_chat"


class RoomDirectoryVisibility(OpenEnum):
    """Whether a room is published in the room directory."""

    PRIVATE = "private"
    PUBLIC = "public"


class PaginationDirection(OpenEnum):
    """The direction in which a timeline is read."""

    FORWARD = "f"
    BACKWARD = "b"


class LoginType(OpenEnum):
    """A login type, or a stage of user-interactive authentication."""

    PASSWORD = "m.login.password"
    TOKEN = "m.login.token"
    SSO = "m.login.sso"
    APPSERVICE = "m.login.application_service"
    RECAPTCHA = "m.login.recaptcha"
    EMAIL_IDENTITY = "m.login.email.identity"
    MSISDN = "m.login.msisdn"
    REGISTRATION_TOKEN = "m.login.registration_token"
    TERMS = "m.login.terms"
    DUMMY = "m.login.dummy"


class UserIdentifierType(OpenEnum):
    """The type of a user identifier at login."""

    MATRIX_USER = "m.id.user"
    THIRD_PARTY = "m.id.thirdparty"
    PHONE = "m.id.phone"


class ThirdPartyMedium(OpenEnum):
    """The medium of a third-party identifier."""

    EMAIL = "email"
    MSISDN = "msisdn"


class EncryptionKeyAlgorithm(OpenEnum):
    """The algorithm of a device key or one-time key."""

    ED25519 = "ed25519"
    CURVE25519 = "curve25519"
    SIGNED_CURVE25519 = "signed_curve25519"


class CrossSigningUsage(OpenEnum):
    """The usage of a cross-signing key."""

    MASTER = "master"
    SELF = "self_signing"
    USER = "user_signing"


class PushRuleScope(OpenEnum):
    """The scope of push rules."""

    GLOBAL = "global"


class PushRuleKind(OpenEnum):
    """The kinds of push rules, in the order of their priority."""

    OVERRIDE = "override"
    CONTENT = "content"
    ROOM = "room"
    SENDER = "sender"
    UNDERRIDE = "underride"


class PushActionType(OpenEnum):
    """The type of a push rule's action."""

    NOTIFY = "notify"
    DONT_NOTIFY = "dont_notify"
    COALESCE = "coalesce"
    SET_TWEAK = "set_tweak"


class PushConditionKind(OpenEnum):
    """The kind of a push rule's condition."""

    EVENT_MATCH = "event_match"
    EVENT_PROPERTY_IS = "event_property_is"
    EVENT_PROPERTY_CONTAINS = "event_property_contains"
    CONTAINS_DISPLAY_NAME = "contains_display_name"
    ROOM_MEMBER_COUNT = "room_member_count"
    SENDER_NOTIFICATION_PERMISSION = "sender_notification_permission"
