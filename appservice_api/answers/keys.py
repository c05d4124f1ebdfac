"""Views of answers about the keys of devices and users, and about key backups.

The attribute for the JSON key ``keys`` is ``public_keys``, since ``keys`` is a method of dict.

Spec: Client-Server API, "End-to-end encryption".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ..events.enumerations import CrossSigningUsage
from ..events.view import Field, View, flag, items, number, table, text
from ..ids import DeviceID, Identifier, RoomID, ServerName, UserID

__all__ = [
    "ClaimKeysResponse",
    "CrossSigningKeys",
    "DeviceKeys",
    "KeyBackupData",
    "KeysChanges",
    "QueryKeysResponse",
    "RoomKeyBackup",
    "RoomKeys",
    "RoomKeysUpdate",
    "RoomKeysVersion",
]

N = TypeVar("N", bound=str)
T = TypeVar("T")
V = TypeVar("V", bound=View)


def _one(kind: type[V]) -> Callable[[Any], V | None]:
    return lambda found: kind.read(found) if isinstance(found, dict) else None


def _by(name: type[N], read: Callable[[Any], T | None]) -> Callable[[Any], dict[N, T] | None]:
    """A reader of objects with a value by user, device or the like; it omits malformed values."""
    as_name: Any = name.read if issubclass(name, Identifier) else name

    def read_all(found: Any) -> dict[N, T] | None:
        if not isinstance(found, dict):
            return None
        pairs = ((key, read(one)) for key, one in found.items())
        return {as_name(key): one for key, one in pairs if one is not None}

    return read_all


def _object(found: Any) -> dict[str, Any] | None:
    return found if isinstance(found, dict) else None


class DeviceKeys(View):
    """The identity keys of a device.

    Attributes:
        public_keys: The JSON key ``keys``: the public keys by ``<algorithm>:<device_id>``.
        signatures: The signatures by user and by ``<algorithm>:<device_id>``.
        unsigned: Data that homeservers have added.
    """

    __slots__ = ()

    user_id = text(UserID)
    device_id = text(DeviceID)
    algorithms = items(str)
    public_keys = table("keys")
    signatures = table()
    unsigned = table()

    @property
    def ed25519(self) -> str | None:
        """The public key for signatures of the device."""
        return self._key("ed25519")

    @property
    def curve25519(self) -> str | None:
        """The public key for sessions with the device."""
        return self._key("curve25519")

    @property
    def display_name(self) -> str | None:
        """The display name of the device, if the homeserver gives it."""
        name = (self.unsigned or {}).get("device_display_name")
        return name if isinstance(name, str) else None

    def _key(self, algorithm: str) -> str | None:
        key = (self.public_keys or {}).get(f"{algorithm}:{self.device_id}")
        return key if isinstance(key, str) else None


class CrossSigningKeys(View):
    """A cross-signing key.

    Attributes:
        usage: The usage.
        public_keys: The JSON key ``keys``: one public key, by ``<algorithm>:<public_key>``.
        signatures: The signatures by user and by ``<algorithm>:<key>``.
    """

    __slots__ = ()

    user_id = text(UserID)
    usage = items(CrossSigningUsage)
    public_keys = table("keys")
    signatures = table()

    @property
    def public_key(self) -> str | None:
        """The public key itself."""
        key = next(iter((self.public_keys or {}).values()), None)
        return key if isinstance(key, str) else None


_OF_DEVICES = _by(UserID, _by(DeviceID, _one(DeviceKeys)))
_OF_USERS = _by(UserID, _one(CrossSigningKeys))


class QueryKeysResponse(View):
    """The keys of devices and users.

    Attributes:
        failures: Errors by the homeserver that couldn't be queried. A user or device that
            doesn't exist isn't a failure, but missing.
        device_keys: The keys of devices, by user and device.
        master_keys, self_signing_keys, user_signing_keys: Cross-signing keys by user.
    """

    __slots__ = ()

    failures = Field[dict[ServerName, dict[str, Any]]](None, _by(ServerName, _object))
    device_keys = Field[dict[UserID, dict[DeviceID, DeviceKeys]]](None, _OF_DEVICES)
    master_keys = Field[dict[UserID, CrossSigningKeys]](None, _OF_USERS)
    self_signing_keys = Field[dict[UserID, CrossSigningKeys]](None, _OF_USERS)
    user_signing_keys = Field[dict[UserID, CrossSigningKeys]](None, _OF_USERS)


class ClaimKeysResponse(View):
    """One-time keys.

    Attributes:
        failures: Errors by the homeserver that couldn't be queried. A device without a key isn't
            a failure, but missing.
        one_time_keys: The key by ``<algorithm>:<key_id>``, by user and device.
    """

    __slots__ = ()

    failures = Field[dict[ServerName, dict[str, Any]]](None, _by(ServerName, _object))
    one_time_keys = Field[dict[UserID, dict[DeviceID, dict[str, Any]]]](
        None, _by(UserID, _by(DeviceID, _object))
    )


class KeysChanges(View):
    """The users whose keys have changed.

    Attributes:
        changed: The users whose devices or keys have changed.
        left: The users with whom no encrypted room is shared any more.
    """

    __slots__ = ()

    changed = items(UserID)
    left = items(UserID)


class RoomKeysVersion(View):
    """A version of the key backup.

    Attributes:
        auth_data: Data of the algorithm, including the public key.
        count: The number of keys.
        etag: A text that changes when the keys change.
    """

    __slots__ = ()

    algorithm = text(str)
    auth_data = table()
    count = number()
    etag = text(str)
    version = text(str)


class RoomKeysUpdate(View):
    """A backup after a change.

    Attributes:
        count: The number of keys.
        etag: The new ``etag``.
    """

    __slots__ = ()

    count = number()
    etag = text(str)


class KeyBackupData(View):
    """The key of one session in a backup.

    Attributes:
        first_message_index: The first message that the key can decrypt.
        forwarded_count: How often the key was forwarded.
        is_verified: Whether the device that saved the key had verified its origin.
        session_data: The encrypted key.
    """

    __slots__ = ()

    first_message_index = number()
    forwarded_count = number()
    is_verified = flag()
    session_data = table()


class RoomKeyBackup(View):
    """The keys of one room in a backup.

    Attributes:
        sessions: The keys by session ID.
    """

    __slots__ = ()

    sessions = Field[dict[str, KeyBackupData]](None, _by(str, _one(KeyBackupData)))


class RoomKeys(View):
    """All keys in a backup.

    Attributes:
        rooms: The keys by room.
    """

    __slots__ = ()

    rooms = Field[dict[RoomID, RoomKeyBackup]](None, _by(RoomID, _one(RoomKeyBackup)))
