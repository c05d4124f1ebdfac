"""Contents of key verification events, in rooms and between devices.

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
    """The base of the contents of all key verification events.

    Attributes:
        transaction_id: The ID of a verification between devices; in a room, ``relates_to`` has it.
    """

    __slots__ = ()

    transaction_id = text(str)


class KeyVerificationRequestEventContent(KeyVerificationEventContent):
    """The content of ``m.key.verification.request``.

    Attributes:
        from_device: The device that requests it.
        methods: The methods that it supports.
        timestamp: When it was requested, in milliseconds since 1970.
    """

    __slots__ = ()

    from_device = text(DeviceID)
    methods = items(KeyVerificationMethod)
    timestamp = number()


class KeyVerificationReadyEventContent(KeyVerificationEventContent):
    """The content of ``m.key.verification.ready``.

    Attributes:
        from_device: The device that is ready.
        methods: The methods that it supports.
    """

    __slots__ = ()

    from_device = text(DeviceID)
    methods = items(KeyVerificationMethod)


class KeyVerificationStartEventContent(KeyVerificationEventContent):
    """The content of ``m.key.verification.start``; its fields depend on the method.

    Attributes:
        from_device: The device that starts it.
        method: The method.
        next_method: The method for the other user's key, which follows.
        secret: The secret of the QR code that was scanned.
        key_agreement_protocols: The supported protocols of key agreement.
        hashes: The supported hashes.
        message_authentication_codes: The supported message authentication codes.
        short_authentication_string: The supported forms of the short authentication string.
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
        method: The method, which only older devices send.
        key_agreement_protocol: The protocol of key agreement.
        hash: The hash.
        message_authentication_code: The message authentication code.
        short_authentication_string: The forms of the short authentication string.
        commitment: The hash of the key that the device sends next, and of the start event.
    """

    __slots__ = ()

    method = one_of(KeyVerificationMethod)
    key_agreement_protocol = text(str)
    hash = text(str)
    message_authentication_code = text(str)
    short_authentication_string = items(str)
    commitment = text(str)


class KeyVerificationKeyEventContent(KeyVerificationEventContent):
    """The content of ``m.key.verification.key``: an ephemeral public key."""

    __slots__ = ()

    key = text(str)


class KeyVerificationMACEventContent(KeyVerificationEventContent):
    """The content of ``m.key.verification.mac``.

    Attributes:
        mac: The MAC of each key, by key ID.
        keys_: The MAC of the list of key IDs; the JSON key is ``keys``.
    """

    __slots__ = ()

    mac = mapping(str)
    keys_ = text(str, "keys")


class KeyVerificationCancelEventContent(KeyVerificationEventContent):
    """The content of ``m.key.verification.cancel``.

    Attributes:
        code: The error code.
        reason: The reason as text.
    """

    __slots__ = ()

    code = text(str)
    reason = text(str)


class KeyVerificationDoneEventContent(KeyVerificationEventContent):
    """The content of ``m.key.verification.done``."""

    __slots__ = ()
