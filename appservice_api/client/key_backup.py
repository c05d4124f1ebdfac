"""The backup of room keys at the homeserver. The keys are encrypted by the client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, overload

from .. import answers
from ..api.endpoint import Endpoint, Needs
from ..api.options import CallOptions
from ..compat import Unpack
from ..events.content import content_of
from .base import ClientMethods

__all__ = ["KeyBackupMethods"]

_VERSIONS = "/_matrix/client/v3/room_keys/version"
_KEYS = "/_matrix/client/v3/room_keys/keys"
CREATE_VERSION = Endpoint("POST", _VERSIONS, Needs.REGISTERED)
LATEST_VERSION = Endpoint("GET", _VERSIONS, Needs.REGISTERED)
GET_VERSION = Endpoint("GET", _VERSIONS + "/{version}", Needs.REGISTERED)
UPDATE_VERSION = Endpoint("PUT", _VERSIONS + "/{version}", Needs.REGISTERED)
DELETE_VERSION = Endpoint("DELETE", _VERSIONS + "/{version}", Needs.REGISTERED)
GET_ALL = Endpoint("GET", _KEYS, Needs.REGISTERED)
GET_ROOM = Endpoint("GET", _KEYS + "/{roomId}", Needs.REGISTERED)
GET_SESSION = Endpoint("GET", _KEYS + "/{roomId}/{sessionId}", Needs.REGISTERED)
PUT_ALL = Endpoint("PUT", _KEYS, Needs.REGISTERED)
PUT_ROOM = Endpoint("PUT", _KEYS + "/{roomId}", Needs.REGISTERED)
PUT_SESSION = Endpoint("PUT", _KEYS + "/{roomId}/{sessionId}", Needs.REGISTERED)
DELETE_ALL = Endpoint("DELETE", _KEYS, Needs.REGISTERED)
DELETE_ROOM = Endpoint("DELETE", _KEYS + "/{roomId}", Needs.REGISTERED)
DELETE_SESSION = Endpoint("DELETE", _KEYS + "/{roomId}/{sessionId}", Needs.REGISTERED)

_GET = (GET_ALL, GET_ROOM, GET_SESSION)
_PUT = (PUT_ALL, PUT_ROOM, PUT_SESSION)
_DELETE = (DELETE_ALL, DELETE_ROOM, DELETE_SESSION)
_UPDATED = ("etag", str)
_ALGORITHM = "m.megolm_backup.v1.curve25519-aes-sha2"


class KeyBackupMethods(ClientMethods):
    """The backup of room keys of the acting user.

    A backup has versions; keys can be stored in the latest one only.
    """

    __slots__ = ()

    @CREATE_VERSION
    def create_room_keys_version(
        self,
        auth_data: Mapping[str, Any],
        algorithm: str = _ALGORITHM,
        **options: Unpack[CallOptions],
    ) -> str:
        """Create a new version of the backup. The request isn't repeated if the homeserver may
        have received it: each one creates a version.

        Args:
            auth_data: The data of the algorithm, including the public key.
            algorithm: How the keys are encrypted.
            options: See :class:`CallOptions`.

        Returns:
            The version.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``POST /room_keys/version``.
        """
        content = {"algorithm": algorithm, "auth_data": content_of(auth_data, "auth_data")}
        answer = self._call(CREATE_VERSION, (), content, options)
        return self._field(CREATE_VERSION, answer, "version", str)

    @LATEST_VERSION
    @GET_VERSION
    def get_room_keys_version(
        self, version: str | None = None, **options: Unpack[CallOptions]
    ) -> answers.RoomKeysVersion:
        """Read the metadata of a version of the backup.

        Args:
            version: The version, None for the latest.
            options: See :class:`CallOptions`.

        Raises:
            MNotFound: There is no such version, or no backup.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /room_keys/version``, ``GET /room_keys/version/{version}``.
        """
        endpoint, values = (LATEST_VERSION, ()) if version is None else (GET_VERSION, (version,))
        answer = self._call(endpoint, values, options=options)
        self._field(endpoint, answer, "version", str)
        return answers.RoomKeysVersion.read(answer)

    @UPDATE_VERSION
    def update_room_keys_version(
        self,
        version: str,
        auth_data: Mapping[str, Any],
        algorithm: str = _ALGORITHM,
        **options: Unpack[CallOptions],
    ) -> None:
        """Change the ``auth_data`` of a version of the backup.

        Args:
            version: The version.
            auth_data: The new data.
            algorithm: How the keys are encrypted; it can't be changed.
            options: See :class:`CallOptions`.

        Raises:
            MNotFound: There is no such version.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``PUT /room_keys/version/{version}``.
        """
        data = content_of(auth_data, "auth_data")
        content = {"algorithm": algorithm, "auth_data": data, "version": version}
        self._call(UPDATE_VERSION, (version,), content, options)

    @DELETE_VERSION
    def delete_room_keys_version(self, version: str, **options: Unpack[CallOptions]) -> None:
        """Delete a version of the backup and all keys in it.

        Args:
            version: The version.
            options: See :class:`CallOptions`.

        Raises:
            MNotFound: There has never been such a version.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``DELETE /room_keys/version/{version}``.
        """
        self._call(DELETE_VERSION, (version,), options=options)

    @overload
    def get_room_keys(
        self, version: str, room_id: None = None, session_id: None = None,
        **options: Unpack[CallOptions],
    ) -> answers.RoomKeys: ...  # fmt: skip
    @overload
    def get_room_keys(
        self, version: str, room_id: str, session_id: None = None, **options: Unpack[CallOptions]
    ) -> answers.RoomKeyBackup: ...
    @overload
    def get_room_keys(
        self, version: str, room_id: str, session_id: str, **options: Unpack[CallOptions]
    ) -> answers.KeyBackupData: ...
    @GET_ALL
    @GET_ROOM
    @GET_SESSION
    def get_room_keys(
        self,
        version: str,
        room_id: str | None = None,
        session_id: str | None = None,
        **options: Unpack[CallOptions],
    ) -> answers.RoomKeys | answers.RoomKeyBackup | answers.KeyBackupData:
        """Read keys of the backup: all, those of a room, or that of a session.

        Args:
            version: The version of the backup.
            room_id: The room, None for all.
            session_id: The session, None for all of the room.
            options: See :class:`CallOptions`.

        Returns:
            The keys: a dict with ``rooms``, one with ``sessions``, or the key of the session. It
            is empty if there are no keys.

        Raises:
            ValueError: A session is given without its room.
            MNotFound: There is no such version, or no key of the session.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /room_keys/keys``, ``GET /room_keys/keys/{roomId}``,
        ``GET /room_keys/keys/{roomId}/{sessionId}``.
        """
        kind: type[answers.RoomKeys | answers.RoomKeyBackup | answers.KeyBackupData]
        if room_id is None:
            kind, required = answers.RoomKeys, "rooms"
        elif session_id is None:
            kind, required = answers.RoomKeyBackup, "sessions"
        else:
            kind, required = answers.KeyBackupData, "session_data"
        values = (room_id, session_id)
        return kind.read(self._room_keys(_GET, version, values, (required, dict), None, options))

    @PUT_ALL
    @PUT_ROOM
    @PUT_SESSION
    def put_room_keys(
        self,
        version: str,
        data: Mapping[str, Any],
        room_id: str | None = None,
        session_id: str | None = None,
        **options: Unpack[CallOptions],
    ) -> answers.RoomKeysUpdate:
        """Store keys in the backup.

        Args:
            version: The version of the backup; it must be the latest.
            data: The keys, in the form that :meth:`get_room_keys` returns.
            room_id: The room, None for several.
            session_id: The session, None for several of the room.
            options: See :class:`CallOptions`.

        Returns:
            The number of keys in the backup, and its new etag.

        Raises:
            ValueError: A session is given without its room, or ``data`` isn't a dict.
            MWrongRoomKeysVersion: It isn't the latest version. :meth:`get_room_keys_version`
                returns that; in this error not all homeservers name the right one.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``PUT /room_keys/keys``, ``PUT /room_keys/keys/{roomId}``,
        ``PUT /room_keys/keys/{roomId}/{sessionId}``.
        """
        content = content_of(data, "data")
        values = (room_id, session_id)
        answer = self._room_keys(_PUT, version, values, _UPDATED, content, options)
        return answers.RoomKeysUpdate.read(answer)

    @DELETE_ALL
    @DELETE_ROOM
    @DELETE_SESSION
    def delete_room_keys(
        self,
        version: str,
        room_id: str | None = None,
        session_id: str | None = None,
        **options: Unpack[CallOptions],
    ) -> answers.RoomKeysUpdate:
        """Delete keys of the backup: all, those of a room, or that of a session.

        Args:
            version: The version of the backup.
            room_id: The room, None for all.
            session_id: The session, None for all of the room.
            options: See :class:`CallOptions`.

        Returns:
            The number of keys in the backup, and its new etag.

        Raises:
            ValueError: A session is given without its room.
            MNotFound: There is no such version.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``DELETE /room_keys/keys``, ``DELETE /room_keys/keys/{roomId}``,
        ``DELETE /room_keys/keys/{roomId}/{sessionId}``.
        """
        values = (room_id, session_id)
        answer = self._room_keys(_DELETE, version, values, _UPDATED, None, options)
        return answers.RoomKeysUpdate.read(answer)

    def _room_keys(
        self,
        endpoints: tuple[Endpoint, Endpoint, Endpoint],
        version: str,
        values: tuple[str | None, str | None],
        required: tuple[str, type],
        content: dict[str, Any] | None,
        options: Any,
    ) -> Any:
        """Make the request for all keys, those of a room, or that of a session.

        Args:
            endpoints: The endpoints for these three cases.
            version: The version of the backup.
            values: The room and the session, None for all.
            required: A key that the answer must have, and its type.
            content: The content of the request.
            options: The caller's CallOptions.
        """
        if not isinstance(version, str) or not version:
            raise ValueError(f"version must be the version of a backup, not {version!r}")
        given = tuple(value for value in values if value is not None)
        if values[0] is None and given:
            raise ValueError(f"the session {values[1]!r} is given without its room")
        endpoint, query = endpoints[len(given)], {"version": version}
        answer = self._call(endpoint, given, content, options, query_params=query)
        self._field(endpoint, answer, *required)
        return answer
