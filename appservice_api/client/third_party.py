"""Third-party networks: what application services bridge, and who and where is who there."""

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

# These say who speaks.
_NO_FIELDS = ("access_token", "device_id", "user_id")


class ThirdPartyMethods(ClientMethods):
    """What lies beyond Matrix: bridged networks, and people known by an e-mail address."""

    __slots__ = ()

    @PROTOCOLS
    def get_protocols(
        self, **options: Unpack[CallOptions]
    ) -> dict[str, answers.ThirdPartyProtocol]:
        """The protocols that are bridged, by name.

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
        """What a bridged protocol is like.

        Args:
            protocol: The name of the protocol.
            options: See :class:`CallOptions`.

        Raises:
            MNotFound: Nobody bridges it.
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
        """The portal rooms of a location of a bridged network.

        Args:
            protocol: The name of the protocol.
            fields: What tells the location, by the protocol's ``location_fields``.
            options: See :class:`CallOptions`.

        Raises:
            ValueError: A field can't be asked for.
            MNotFound: There is none, or nobody bridges the protocol.
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
        """The Matrix users who stand for a user of a bridged network; as
        :meth:`query_location_by_protocol`.

        Args:
            protocol: The name of the protocol.
            fields: What tells the user, by the protocol's ``user_fields``.
            options: See :class:`CallOptions`.

        Spec: Client-Server API, ``GET /thirdparty/user/{protocol}``.
        """
        found = self._look_up(USERS, (protocol,), _checked(fields), options)
        return [answers.ThirdPartyUser(one) for one in found]

    @LOCATIONS_OF_ALIAS
    def query_location_by_alias(
        self, alias: str, **options: Unpack[CallOptions]
    ) -> list[answers.ThirdPartyLocation]:
        """The locations of bridged networks that a room alias leads to. Synapse answers with
        none, whatever there is.

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
        """The users of bridged networks whom a Matrix user stands for; as
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
        """Invite someone whose e-mail address or phone number is all that is known.

        It isn't repeated once it may have arrived: each request may send another message.

        Args:
            room_id: The room.
            medium: ``email`` or ``msisdn``.
            address: The address or number.
            id_server: The host name (and port) of the identity server that knows whose it is.
            id_access_token: The token for that identity server.
            options: See :class:`CallOptions`.

        Raises:
            ValueError: An argument is empty.
            MForbidden: Not allowed, or already in the room.
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
        ValueError: One of them would say who speaks.
    """
    asked = dict(fields or {})
    for name in _NO_FIELDS:
        if name in asked:
            raise ValueError(f"the field {name!r} can't be asked for: in a request it means more")
    return asked
