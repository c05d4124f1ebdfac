"""Third-party networks: the protocols that are bridged, and their users and locations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import answers, errors
from ..api.endpoint import Endpoint, Needs
from ..api.options import CallOptions
from ..compat import Unpack
from ..errors import MatrixRequestError, MatrixResponseError
from ..ids import RoomAlias, UserID
from .base import ClientMethods

__all__ = ["ThirdPartyMethods"]

_BASE = "/_matrix/client/v3/thirdparty"
PROTOCOLS = Endpoint("GET", _BASE + "/protocols", Needs.REGISTERED)
PROTOCOL = Endpoint("GET", _BASE + "/protocol/{protocol}", Needs.REGISTERED)
LOCATIONS = Endpoint("GET", _BASE + "/location/{protocol}", Needs.REGISTERED)
USERS = Endpoint("GET", _BASE + "/user/{protocol}", Needs.REGISTERED)
LOCATIONS_OF_ALIAS = Endpoint("GET", _BASE + "/location", Needs.REGISTERED)
USERS_OF_ID = Endpoint("GET", _BASE + "/user", Needs.REGISTERED)
INVITE_BY_3PID = Endpoint(
    "POST", "/_matrix/client/v3/rooms/{roomId}/invite", Needs.JOINED, once=True
)

# These select the acting user.
_NO_FIELDS = ("access_token", "device_id", "user_id")


class ThirdPartyMethods(ClientMethods):
    """Bridged networks, and invites by e-mail address or phone number."""

    __slots__ = ()

    @PROTOCOLS
    def get_protocols(
        self, **options: Unpack[CallOptions]
    ) -> dict[str, answers.ThirdPartyProtocol]:
        """Get the protocols that are bridged, by name.

        Args:
            options: See :class:`CallOptions`.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /thirdparty/protocols``.
        """
        answer = self._call(PROTOCOLS, options=options)
        named = answer.items() if isinstance(answer, dict) else ()
        return {
            name: answers.ThirdPartyProtocol(one) for name, one in named if isinstance(one, dict)
        }

    @PROTOCOL
    def get_protocol_metadata(
        self, protocol: str, **options: Unpack[CallOptions]
    ) -> answers.ThirdPartyProtocol:
        """Get the metadata of a bridged protocol.

        Args:
            protocol: The name of the protocol.
            options: See :class:`CallOptions`.

        Raises:
            MNotFound: The protocol isn't bridged.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /thirdparty/protocol/{protocol}``.
        """
        try:
            answer = self._call(PROTOCOL, (protocol,), options=options)
        except MatrixRequestError as error:
            # Synapse leaves the errcode out.
            raise errors.MNotFound.instead_of(error) from error.__cause__
        return answers.ThirdPartyProtocol.read(answer)

    @LOCATIONS
    def query_location_by_protocol(
        self,
        protocol: str,
        fields: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> list[answers.ThirdPartyLocation]:
        """Get the portal rooms of a location of a bridged network.

        Args:
            protocol: The name of the protocol.
            fields: The location, by the protocol's ``location_fields``.
            options: See :class:`CallOptions`.

        Raises:
            ValueError: A field has a reserved name.
            MNotFound: There is none, or the protocol isn't bridged.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /thirdparty/location/{protocol}``.
        """
        found = self._look_up(LOCATIONS, (protocol,), _checked(fields), options)
        return [answers.ThirdPartyLocation(one) for one in found]

    @USERS
    def query_user_by_protocol(
        self,
        protocol: str,
        fields: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> list[answers.ThirdPartyUser]:
        """Get the Matrix users that represent a user of a bridged network; see
        :meth:`query_location_by_protocol`.

        Args:
            protocol: The name of the protocol.
            fields: The user, by the protocol's ``user_fields``.
            options: See :class:`CallOptions`.

        Spec: Client-Server API, ``GET /thirdparty/user/{protocol}``.
        """
        found = self._look_up(USERS, (protocol,), _checked(fields), options)
        return [answers.ThirdPartyUser(one) for one in found]

    @LOCATIONS_OF_ALIAS
    def query_location_by_alias(
        self, alias: str, **options: Unpack[CallOptions]
    ) -> list[answers.ThirdPartyLocation]:
        """Get the locations of bridged networks for a room alias. Synapse always returns an empty
        list.

        Args:
            alias: The room alias.
            options: See :class:`CallOptions`.

        Raises:
            MNotFound: There are none.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /thirdparty/location``.
        """
        found = self._look_up(LOCATIONS_OF_ALIAS, (), {"alias": RoomAlias(alias)}, options)
        return [answers.ThirdPartyLocation(one) for one in found]

    @USERS_OF_ID
    def query_user_by_id(
        self, user_id: str, **options: Unpack[CallOptions]
    ) -> list[answers.ThirdPartyUser]:
        """Get the users of bridged networks that a Matrix user represents; see
        :meth:`query_location_by_alias`.

        Args:
            user_id: The Matrix user.
            options: See :class:`CallOptions`.

        Spec: Client-Server API, ``GET /thirdparty/user``.
        """
        found = self._look_up(USERS_OF_ID, (), {"userid": UserID(user_id)}, options)
        return [answers.ThirdPartyUser(one) for one in found]

    def _look_up(
        self,
        endpoint: Endpoint,
        values: tuple[object, ...],
        query: dict[str, Any],
        options: CallOptions,
    ) -> list[dict[str, Any]]:
        try:
            answer = self._call(endpoint, values, options=options, query_params=query)
        except MatrixRequestError as error:
            raise errors.MNotFound.instead_of(error) from error.__cause__
        if not isinstance(answer, list):
            raise MatrixResponseError(
                "the answer must be a list, but it is an object",
                method=endpoint.method,
                path=endpoint.template,
                user=self.api.acting_user,
            )
        return [one for one in answer if isinstance(one, dict)]

    @INVITE_BY_3PID
    def invite_by_3pid(
        self,
        room_id: str,
        medium: str,
        address: str,
        id_server: str,
        id_access_token: str,
        **options: Unpack[CallOptions],
    ) -> None:
        """Invite a user by e-mail address or phone number.

        The request isn't repeated if the homeserver may have received it: each may send a message.

        Args:
            room_id: The room.
            medium: ``email`` or ``msisdn``.
            address: The address or number.
            id_server: The host name (and port) of the identity server to look the address up.
            id_access_token: The token for that identity server.
            options: See :class:`CallOptions`.

        Raises:
            ValueError: An argument is empty.
            MForbidden: It isn't allowed, or the user is in the room already.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``POST /rooms/{roomId}/invite``.
        """
        content = {
            "medium": medium,
            "address": address,
            "id_server": id_server,
            "id_access_token": id_access_token,
        }
        for name, value in content.items():
            if not isinstance(value, str) or not value:
                raise ValueError(f"{name} must be a str that isn't empty")
        self._call(
            INVITE_BY_3PID, (room_id,), content, options,
            secrets=(id_access_token,),
        )  # fmt: skip


def _checked(fields: Mapping[str, Any] | None) -> dict[str, Any]:
    """The fields as query parameters.

    Raises:
        ValueError: One of them would select the acting user.
    """
    asked = dict(fields or {})
    for name in _NO_FIELDS:
        if name in asked:
            raise ValueError(f"the field {name!r} can't be asked for: in a request it means more")
    return asked
