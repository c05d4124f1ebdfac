"""Credentials for other servers: OpenID tokens, and TURN servers."""

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
    """Getting credentials for other servers from the homeserver."""

    __slots__ = ()

    @OPENID
    def request_openid_token(self, **options: Unpack[CallOptions]) -> answers.OpenIDToken:
        """Get a token that proves the user's identity to a third party. Each request creates a new
        one, so it isn't repeated if the homeserver may have received it.

        Args:
            options: See :class:`CallOptions`.

        Returns:
            ``access_token``, valid for this only, ``matrix_server_name``, ``expires_in`` (seconds).

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``POST /user/{userId}/openid/request_token``.
        """
        answer = self._call(OPENID, (self.mxid,), {}, options, secrets=())
        token = answers.OpenIDToken.read(answer)
        # A value of another type may still contain a token, so the error doesn't show it.
        self._field(OPENID, {"access_token": token.access_token}, "access_token", str)
        return token

    @TURN_SERVER
    def get_turn_server(self, **options: Unpack[CallOptions]) -> answers.TurnServer:
        """Get a TURN server for calls.

        Args:
            options: See :class:`CallOptions`.

        Returns:
            ``uris``, ``username``, ``password`` and ``ttl`` (seconds); empty if there is none.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /voip/turnServer``.
        """
        return answers.TurnServer.read(self._call(TURN_SERVER, options=options, secrets=()))
