"""Encryption: encrypted events and the keys for them.

Spec: Client-Server API, "End-to-End Encryption" and "Secrets".
"""

from __future__ import annotations

from ..ids import DeviceID, RoomID
from .enumerations import EncryptionAlgorithm, KeyRequestAction, RoomKeyWithheldCode
from .event_content import EventContent, StateEventContent, ToDeviceEventContent
from .media_info import EncryptedFile
from .view import View, flag, items, number, one_of, text, value, view

__all__ = [
    "DummyEventContent",
    "EncryptedEventContent",
    "ForwardedRoomKeyEventContent",
    "RequestedKeyInfo",
    "RoomEncryptionStateEventContent",
    "RoomKeyBundleEventContent",
    "RoomKeyEventContent",
    "RoomKeyRequestEventContent",
    "RoomKeyWithheldEventContent",
    "SecretRequestEventContent",
    "SecretSendEventContent",
]


class RoomEncryptionStateEventContent(StateEventContent):
    """The content of ``m.room.encryption``.

    Attributes:
        algorithm: How the events of the room are encrypted.
        rotation_period_ms: How long a session is used, in milliseconds; a week if None.
        rotation_period_msgs: For how many messages it is used; 100 if None.
    """

    __slots__ = ()

    algorithm = one_of(EncryptionAlgorithm)
    rotation_period_ms = number()
    rotation_period_msgs = number()


class EncryptedEventContent(EventContent):
    """The content of ``m.room.encrypted``.

    Attributes:
        algorithm: How it is encrypted.
        ciphertext: What is encrypted: text for a room, for devices objects by their keys.
        sender_key: The key of the sender's device.
        device_id: The sender's device.
        session_id: The session with which it is encrypted.
    """

    __slots__ = ()

    algorithm = one_of(EncryptionAlgorithm)
    ciphertext = value()
    sender_key = text(str)
    device_id = text(DeviceID)
    session_id = text(str)


class RoomKeyEventContent(ToDeviceEventContent):
    """The content of ``m.room_key``, the key of a session.

    Attributes:
        algorithm: What it is for.
        room_id: The room in which it is used.
        session_id: The session.
        session_key: The key.
        shared_history: Whether it may be given to those who are invited later.
    """

    __slots__ = ()

    algorithm = one_of(EncryptionAlgorithm)
    room_id = text(RoomID)
    session_id = text(str)
    session_key = text(str)
    shared_history = flag()


class ForwardedRoomKeyEventContent(ToDeviceEventContent):
    """The content of ``m.forwarded_room_key``, the key of a session from a device that hasn't
    made it.

    Attributes:
        algorithm: What it is for.
        room_id: The room in which it is used.
        session_id: The session.
        session_key: The key.
        sender_key: The key of the device that made the session.
        sender_claimed_ed25519_key: The signing key that this device said was its own.
        forwarding_curve25519_key_chain: The devices through which it came.
        withheld: What a device was told that didn't get it.
    """

    __slots__ = ()

    algorithm = one_of(EncryptionAlgorithm)
    room_id = text(RoomID)
    session_id = text(str)
    session_key = text(str)
    sender_key = text(str)
    sender_claimed_ed25519_key = text(str)
    forwarding_curve25519_key_chain = items(str)
    withheld = view(View)


class RoomKeyWithheldEventContent(ToDeviceEventContent):
    """The content of ``m.room_key.withheld``.

    Attributes:
        algorithm: What the key is for.
        room_id: The room in which it is used.
        session_id: The session.
        sender_key: The key of the device that made the session.
        code: Why it isn't given.
        reason: The same in words.
    """

    __slots__ = ()

    algorithm = one_of(EncryptionAlgorithm)
    room_id = text(RoomID)
    session_id = text(str)
    sender_key = text(str)
    code = one_of(RoomKeyWithheldCode)
    reason = text(str)


class RequestedKeyInfo(View):
    """Which key is asked for."""

    __slots__ = ()

    algorithm = one_of(EncryptionAlgorithm)
    room_id = text(RoomID)
    sender_key = text(str)
    session_id = text(str)


class RoomKeyRequestEventContent(ToDeviceEventContent):
    """The content of ``m.room_key_request``.

    Attributes:
        action: Whether the key is asked for or no longer wanted.
        body: Which key.
        request_id: The ID of the request.
        requesting_device_id: The device that asks.
    """

    __slots__ = ()

    action = one_of(KeyRequestAction)
    body = view(RequestedKeyInfo)
    request_id = text(str)
    requesting_device_id = text(DeviceID)


class RoomKeyBundleEventContent(ToDeviceEventContent):
    """The content of ``m.room_key_bundle``: a file with the keys of a room's history."""

    __slots__ = ()

    room_id = text(RoomID)
    file = view(EncryptedFile)


class SecretRequestEventContent(ToDeviceEventContent):
    """The content of ``m.secret.request``.

    Attributes:
        action: Whether the secret is asked for or no longer wanted.
        name: Which secret.
        request_id: The ID of the request.
        requesting_device_id: The device that asks.
    """

    __slots__ = ()

    action = one_of(KeyRequestAction)
    name = text(str)
    request_id = text(str)
    requesting_device_id = text(DeviceID)


class SecretSendEventContent(ToDeviceEventContent):
    """The content of ``m.secret.send``, the answer to a request."""

    __slots__ = ()

    request_id = text(str)
    secret = text(str)


class DummyEventContent(ToDeviceEventContent):
    """The content of ``m.dummy``, which says nothing."""

    __slots__ = ()
