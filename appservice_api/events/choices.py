"""The enumerations of what is asked of a homeserver, which events don't hold; all are open."""

from __future__ import annotations

from .enumeration import OpenEnum

__all__ = [
    "CrossSigningUsage",
    "EncryptionKeyAlgorithm",
    "LoginType",
    "PaginationDirection",
    "PushActionType",
    "PushConditionKind",
    "PushRuleKind",
    "PushRuleScope",
    "RoomCreatePreset",
    "RoomDirectoryVisibility",
    "ThirdPartyMedium",
    "UserIdentifierType",
]


class RoomCreatePreset(OpenEnum):
    """What the state of a new room is made of."""

    PRIVATE = "private_chat"
    TRUSTED_PRIVATE = "trusted_private_chat"
    PUBLIC = "public_chat"


class RoomDirectoryVisibility(OpenEnum):
    """Whether the directory of rooms shows a room."""

    PRIVATE = "private"
    PUBLIC = "public"


class PaginationDirection(OpenEnum):
    """Which way a timeline is read."""

    FORWARD = "f"
    BACKWARD = "b"


class LoginType(OpenEnum):
    """How a user logs in, or a stage of it."""

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
    """How a user is named at login."""

    MATRIX_USER = "m.id.user"
    THIRD_PARTY = "m.id.thirdparty"
    PHONE = "m.id.phone"


class ThirdPartyMedium(OpenEnum):
    """What a third-party identifier is."""

    EMAIL = "email"
    MSISDN = "msisdn"


class EncryptionKeyAlgorithm(OpenEnum):
    """What a key is for."""

    ED25519 = "ed25519"
    CURVE25519 = "curve25519"
    SIGNED_CURVE25519 = "signed_curve25519"


class CrossSigningUsage(OpenEnum):
    """What a cross-signing key is for."""

    MASTER = "master"
    SELF = "self_signing"
    USER = "user_signing"


class PushRuleScope(OpenEnum):
    """Where push rules hold."""

    GLOBAL = "global"


class PushRuleKind(OpenEnum):
    """The kinds of push rules, those that count first before the others."""

    OVERRIDE = "override"
    CONTENT = "content"
    ROOM = "room"
    SENDER = "sender"
    UNDERRIDE = "underride"


class PushActionType(OpenEnum):
    """What a push rule does."""

    NOTIFY = "notify"
    DONT_NOTIFY = "dont_notify"
    COALESCE = "coalesce"
    SET_TWEAK = "set_tweak"


class PushConditionKind(OpenEnum):
    """When a push rule matches."""

    EVENT_MATCH = "event_match"
    EVENT_PROPERTY_IS = "event_property_is"
    EVENT_PROPERTY_CONTAINS = "event_property_contains"
    CONTAINS_DISPLAY_NAME = "contains_display_name"
    ROOM_MEMBER_COUNT = "room_member_count"
    SENDER_NOTIFICATION_PERMISSION = "sender_notification_permission"
