"""Verification of keys, in a room or between devices.

Spec: Client-Server API, "Key verification framework".
"""

from __future__ import annotations

from ..ids import DeviceID
from .enumerations import KeyVerificationMethod
from .event_content import ToDeviceEventContent
from .view import items, mapping, number, one_of, text

__all__ = [
    "KeyVerificationAcceptEventContent",
    "KeyVerificationCancelEventContent",
    "KeyVerificationDoneEventContent",
    "KeyVerificationEventContent",
    "KeyVerificationKeyEventContent",
    "KeyVerificationMACEventContent",
    "KeyVerificationReadyEventContent",
    "KeyVerificationRequestEventContent",
    "KeyVerificationStartEventContent",
]


class KeyVerificationEventContent(ToDeviceEventContent):
    """What the contents of all events of a verification have.

    Attributes:
        transaction_id: The verification between devices; in a room ``relates_to`` names it.
    """

    __slots__ = ()

    transaction_id = text(str)


class KeyVerificationRequestEventContent(KeyVerificationEventContent):
    """The content of ``m.key.verification.request``.

    Attributes:
        from_device: The device that asks.
        methods: How it can verify.
        timestamp: When it asked, in milliseconds since 1970.
    """

    __slots__ = ()

    from_device = text(DeviceID)
    methods = items(KeyVerificationMethod)
    timestamp = number()


class KeyVerificationReadyEventContent(KeyVerificationEventContent):
    """The content of ``m.key.verification.ready``.

    Attributes:
        from_device: The device that is ready.
        methods: How it can verify.
    """

    __slots__ = ()

    from_device = text(DeviceID)
    methods = items(KeyVerificationMethod)


class KeyVerificationStartEventContent(KeyVerificationEventContent):
    """The content of ``m.key.verification.start``; which fields it has depends on the method.

    Attributes:
        from_device: The device that begins.
        method: How keys are verified.
        next_method: How the other user's key is verified after that.
        secret: What the code had that was scanned.
        key_agreement_protocols: How keys can be agreed on.
        hashes: How hashes can be made.
        message_authentication_codes: How messages can be authenticated.
        short_authentication_string: What users can compare.
    """

    __slots__ = ()

    from_device = text(DeviceID)
    method = one_of(KeyVerificationMethod)
    next_method = one_of(KeyVerificationMethod)
    secret = text(str)
    key_agreement_protocols = items(str)
    hashes = items(str)
    message_authentication_codes = items(str)
    short_authentication_string = items(str)


class KeyVerificationAcceptEventContent(KeyVerificationEventContent):
    """The content of ``m.key.verification.accept``.

    Attributes:
        method: How keys are verified; only older devices say so.
        key_agreement_protocol: How keys are agreed on.
        hash: How hashes are made.
        message_authentication_code: How messages are authenticated.
        short_authentication_string: What users can compare.
        commitment: The hash of what is said next.
    """

    __slots__ = ()

    method = one_of(KeyVerificationMethod)
    key_agreement_protocol = text(str)
    hash = text(str)
    message_authentication_code = text(str)
    short_authentication_string = items(str)
    commitment = text(str)


class KeyVerificationKeyEventContent(KeyVerificationEventContent):
    """The content of ``m.key.verification.key``, a key for this one time."""

    __slots__ = ()

    key = text(str)


class KeyVerificationMACEventContent(KeyVerificationEventContent):
    """The content of ``m.key.verification.mac``.

    Attributes:
        mac: What authenticates each key, by the key's ID.
        keys_: What authenticates the list of those IDs; the JSON calls it ``keys``.
    """

    __slots__ = ()

    mac = mapping(str)
    keys_ = text(str, "keys")


class KeyVerificationCancelEventContent(KeyVerificationEventContent):
    """The content of ``m.key.verification.cancel``.

    Attributes:
        code: Why, in a word.
        reason: Why, in words.
    """

    __slots__ = ()

    code = text(str)
    reason = text(str)


class KeyVerificationDoneEventContent(KeyVerificationEventContent):
    """The content of ``m.key.verification.done``."""

    __slots__ = ()
