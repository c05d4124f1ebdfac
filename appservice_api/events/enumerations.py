"""The enumerations of events; all of them are open."""

from __future__ import annotations

from .enumeration import OpenEnum

__all__ = [
    "CallHangupReason",
    "CallStreamPurpose",
    "EncryptionAlgorithm",
    "Format",
    "GuestAccess",
    "HistoryVisibility",
    "ImagePackUsage",
    "JoinRestrictionType",
    "JoinRule",
    "KeyRequestAction",
    "KeyVerificationMethod",
    "MessageType",
    "PolicyRecommendation",
    "PresenceState",
    "ReceiptType",
    "RelationType",
    "RoomKeyWithheldCode",
    "RoomType",
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
        """Whether such a message is only text."""
        return self in (MessageType.TEXT, MessageType.NOTICE, MessageType.EMOTE)

    @property
    def is_media(self) -> bool:
        """Whether such a message has a file."""
        return self in (
            MessageType.IMAGE, MessageType.VIDEO, MessageType.AUDIO, MessageType.FILE,
        )  # fmt: skip


class Format(OpenEnum):
    """The format of a formatted body."""

    HTML = "org.matrix.custom.html"


class RelationType(OpenEnum):
    """How an event relates to another one."""

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
    """What lets a user join a restricted room."""

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
    """What a room is, if it isn't for talking."""

    SPACE = "m.space"


class PresenceState(OpenEnum):
    """Whether a user is there."""

    ONLINE = "online"
    OFFLINE = "offline"
    UNAVAILABLE = "unavailable"


class ReceiptType(OpenEnum):
    """What a receipt is."""

    READ = "m.read"
    READ_PRIVATE = "m.read.private"
    FULLY_READ = "m.fully_read"


class EncryptionAlgorithm(OpenEnum):
    """How events are encrypted."""

    OLM_V1 = "m.olm.v1.curve25519-aes-sha2"
    MEGOLM_V1 = "m.megolm.v1.aes-sha2"


class RoomKeyWithheldCode(OpenEnum):
    """Why a device doesn't get a key."""

    BLACKLISTED = "m.blacklisted"
    UNVERIFIED = "m.unverified"
    UNAUTHORISED = "m.unauthorised"
    UNAVAILABLE = "m.unavailable"
    NO_OLM = "m.no_olm"
    HISTORY_NOT_SHARED = "m.history_not_shared"


class KeyRequestAction(OpenEnum):
    """What a request for a key or a secret is."""

    REQUEST = "request"
    CANCEL = "request_cancellation"


class KeyVerificationMethod(OpenEnum):
    """How keys are verified."""

    SAS = "m.sas.v1"
    RECIPROCATE = "m.reciprocate.v1"
    QR_CODE_SHOW = "m.qr_code.show.v1"
    QR_CODE_SCAN = "m.qr_code.scan.v1"


class PolicyRecommendation(OpenEnum):
    """What a policy rule recommends."""

    BAN = "m.ban"


class ImagePackUsage(OpenEnum):
    """What the images of a pack are for."""

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
    """What a stream of a call shows."""

    USERMEDIA = "m.usermedia"
    SCREENSHARE = "m.screenshare"
