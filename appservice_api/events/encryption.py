"""Contents of encrypted events, and of events that carry keys and secrets.

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
        algorithm: The algorithm of encryption.
        rotation_period_ms: For how many milliseconds a session is used; a week if None.
        rotation_period_msgs: For how many messages a session is used; 100 if None.
    """

    __slots__ = ()

    algorithm = one_of(EncryptionAlgorithm)
    rotation_period_ms = number()
    rotation_period_msgs = number()


class EncryptedEventContent(EventContent):
    """The content of ``m.room.encrypted``.

    Attributes:
        algorithm: The algorithm of encryption.
        ciphertext: The ciphertext: a text in rooms, an object by device key for devices.
        sender_key: The key of the sender's device.
        device_id: The sender's device.
        session_id: The session.
    """

    __slots__ = ()

    algorithm = one_of(EncryptionAlgorithm)
    ciphertext = value()
    sender_key = text(str)
    device_id = text(DeviceID)
    session_id = text(str)


class RoomKeyEventContent(ToDeviceEventContent):
    """The content of ``m.room_key``: the key of a session.

    Attributes:
        algorithm: The algorithm that uses the key.
        room_id: The room of the session.
        session_id: The session.
        session_key: The key.
        shared_history: Whether the key may be shared with users who are invited later.
    """

    __slots__ = ()

    algorithm = one_of(EncryptionAlgorithm)
    room_id = text(RoomID)
    session_id = text(str)
    session_key = text(str)
    shared_history = flag()


class ForwardedRoomKeyEventContent(ToDeviceEventContent):
    """The content of ``m.forwarded_room_key``: the key of a session, forwarded by a device that
    didn't create the session.

    Attributes:
        algorithm: The algorithm that uses the key.
        room_id: The room of the session.
        session_id: The session.
        session_key: The key.
        sender_key: The key of the device that created the session.
        sender_claimed_ed25519_key: The signing key that this device claimed.
        forwarding_curve25519_key_chain: The keys of the devices that forwarded it.
        withheld: Why the sender didn't give the key to the forwarding device.
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
        algorithm: The algorithm that uses the key.
        room_id: The room of the session.
        session_id: The session.
        sender_key: The key of the device that created the session.
        code: Why the key is withheld.
        reason: The reason as text.
    """

    __slots__ = ()

    algorithm = one_of(EncryptionAlgorithm)
    room_id = text(RoomID)
    session_id = text(str)
    sender_key = text(str)
    code = one_of(RoomKeyWithheldCode)
    reason = text(str)


class RequestedKeyInfo(View):
    """The key that is requested."""

    __slots__ = ()

    algorithm = one_of(EncryptionAlgorithm)
    room_id = text(RoomID)
    sender_key = text(str)
    session_id = text(str)


class RoomKeyRequestEventContent(ToDeviceEventContent):
    """The content of ``m.room_key_request``.

    Attributes:
        action: Whether the key is requested or the request is cancelled.
        body: The key.
        request_id: The ID of the request.
        requesting_device_id: The device that requests it.
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
        action: Whether the secret is requested or the request is cancelled.
        name: The name of the secret.
        request_id: The ID of the request.
        requesting_device_id: The device that requests it.
    """

    __slots__ = ()

    action = one_of(KeyRequestAction)
    name = text(str)
    request_id = text(str)
    requesting_device_id = text(DeviceID)


class SecretSendEventContent(ToDeviceEventContent):
    """The content of ``m.secret.send``: the secret that was requested."""

    __slots__ = ()

    request_id = text(str)
    secret = text(str)


class DummyEventContent(ToDeviceEventContent):
    """The content of ``m.dummy``, which is empty."""

    __slots__ = ()
