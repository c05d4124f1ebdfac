"""What a homeserver answers about the keys of devices and users, and about their backups.

``keys`` is a method of every dict, so the attribute for the JSON key of that name is
``public_keys``.

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
    """Reads an object with a value for each user, device or the like; malformed ones are left
    out."""
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
        unsigned: What homeservers have added.
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
        """The public key that the device signs with."""
        return self._key("ed25519")

    @property
    def curve25519(self) -> str | None:
        """The public key that sessions with the device are made with."""
        return self._key("curve25519")

    @property
    def display_name(self) -> str | None:
        """The name of the device, where the homeserver tells it."""
        name = (self.unsigned or {}).get("device_display_name")
        return name if isinstance(name, str) else None

    def _key(self, algorithm: str) -> str | None:
        key = (self.public_keys or {}).get(f"{algorithm}:{self.device_id}")
        return key if isinstance(key, str) else None


class CrossSigningKeys(View):
    """A key for cross-signing.

    Attributes:
        usage: What it is for.
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
        failures: What went wrong, by the homeserver that couldn't be asked. A user or device that
            doesn't exist is no failure; it is missing.
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
        failures: What went wrong, by the homeserver that couldn't be asked. A device that has no
            key is no failure; it is missing.
        one_time_keys: By user and device: the key by ``<algorithm>:<key_id>``.
    """

    __slots__ = ()

    failures = Field[dict[ServerName, dict[str, Any]]](None, _by(ServerName, _object))
    one_time_keys = Field[dict[UserID, dict[DeviceID, dict[str, Any]]]](
        None, _by(UserID, _by(DeviceID, _object))
    )


class KeysChanges(View):
    """Whose keys have changed.

    Attributes:
        changed: The users with new keys or without a device they had.
        left: The users with whom no encrypted room is shared any more.
    """

    __slots__ = ()

    changed = items(UserID)
    left = items(UserID)


class RoomKeysVersion(View):
    """A version of the backup of room keys.

    Attributes:
        auth_data: What the algorithm needs, the public key among it.
        count: How many keys it holds.
        etag: Changes whenever what it holds does.
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
        count: How many keys it holds.
        etag: The new one.
    """

    __slots__ = ()

    count = number()
    etag = text(str)


class KeyBackupData(View):
    """The key of one session in a backup.

    Attributes:
        first_message_index: The first message that the key can decrypt.
        forwarded_count: How often the key has been passed on.
        is_verified: Whether it comes from a device that had been verified.
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
