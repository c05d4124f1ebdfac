"""Credentials for other servers: proof of who the user is, and TURN servers."""

from __future__ import annotations

from .. import answers
from ..api.endpoint import Endpoint, Needs
from ..api.options import CallOptions
from ..compat import Unpack
from .base import ClientMethods

__all__ = ["CredentialMethods"]

OPENID = Endpoint("POST", "/_matrix/client/v3/user/{userId}/openid/request_token", Needs.REGISTERED)
TURN_SERVER = Endpoint("GET", "/_matrix/client/v3/voip/turnServer", Needs.REGISTERED)


class CredentialMethods(ClientMethods):
    """What the homeserver gives its users to show to others."""

    __slots__ = ()

    @OPENID
    def request_openid_token(self, **options: Unpack[CallOptions]) -> answers.OpenIDToken:
        """Get a token that proves to a third party who the user is. Each call makes a new one,
        so it isn't repeated once it may have arrived.

        Args:
            options: See :class:`CallOptions`.

        Returns:
            ``access_token``, good for nothing else, ``matrix_server_name``, ``expires_in``.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``POST /user/{userId}/openid/request_token``.
        """
        answer = self._call(OPENID, (self.mxid,), {}, options, secrets=())
        token = answers.OpenIDToken.read(answer)
        # What has another type may still hold a token: it isn't shown.
        self._field(OPENID, {"access_token": token.access_token}, "access_token", str)
        return token

    @TURN_SERVER
    def get_turn_server(self, **options: Unpack[CallOptions]) -> answers.TurnServer:
        """Get a TURN server for calls.

        Args:
            options: See :class:`CallOptions`.

        Returns:
            ``uris``, ``username``, ``password`` and ``ttl``; empty where there is none.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /voip/turnServer``.
        """
        return answers.TurnServer.read(self._call(TURN_SERVER, options=options, secrets=()))
