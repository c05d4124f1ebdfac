"""Discovery: where a homeserver is, and what its domain says of it."""

from __future__ import annotations

from typing import Any

import requests

from .. import answers, errors
from ..api.endpoint import Endpoint, Needs
from ..api.options import CallOptions
from ..compat import Unpack
from ..errors import MatrixRequestError
from .base import ClientMethods

__all__ = ["DiscoveryMethods"]

WELL_KNOWN = Endpoint("GET", "/.well-known/matrix/client", Needs.NOTHING)
WELL_KNOWN_SUPPORT = Endpoint("GET", "/.well-known/matrix/support", Needs.NOTHING)
AUTH_METADATA = Endpoint("GET", "/_matrix/client/v1/auth_metadata", Needs.NOTHING)


class DiscoveryMethods(ClientMethods):
    """What may be asked without a token, and is."""

    __slots__ = ()

    @staticmethod
    def discover(domain: str, session: requests.Session | None = None) -> str | None:
        """Find the homeserver of a domain.

        The domain is asked over HTTPS, by a request that carries no token, no cookie and no
        user name. Redirects are followed to HTTPS only.

        Args:
            domain: The server name, as in user IDs; its port doesn't count.
            session: The session to ask with: its adapters, proxies, hooks and settings of TLS
                count, but nothing else of it. One of our own if None. All of it takes 30 seconds
                at most; with a given session that doesn't hold for an answer whose head comes
                byte by byte.

        Returns:
            The URL of the homeserver, as ``AppServiceAPI`` takes it; None if the domain doesn't
            name one.

        Raises:
            ValueError: ``domain`` isn't a server name.
            MatrixConnectionError: The domain couldn't be reached.
            MatrixResponseError: The domain's answer can't be used.

        Spec: Client-Server API, "Server discovery", ``GET /.well-known/matrix/client``.
        """
        from ..api.well_known import discover

        return discover(domain, session)

    @WELL_KNOWN
    def get_wellknown(self, **options: Unpack[CallOptions]) -> answers.WellKnown:
        """What the web server at this API's URL says of the homeserver; :meth:`discover` asks a
        domain.

        Args:
            options: See :class:`CallOptions`.

        Returns:
            ``homeserver`` and ``identity_server``, each with ``base_url``.

        Raises:
            MNotFound: Nothing.
            MatrixError: The web server refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /.well-known/matrix/client``.
        """
        answer = self._call_openly(WELL_KNOWN, options)
        self._field(WELL_KNOWN, answer, "m.homeserver", dict)
        return answers.WellKnown.read(answer)

    @WELL_KNOWN_SUPPORT
    def get_wellknown_support(self, **options: Unpack[CallOptions]) -> answers.WellKnownSupport:
        """Whom to ask about the homeserver at this API's URL; as :meth:`get_wellknown`.

        Returns:
            ``contacts`` and ``support_page``.

        Spec: Client-Server API, ``GET /.well-known/matrix/support``.
        """
        return answers.WellKnownSupport.read(self._call_openly(WELL_KNOWN_SUPPORT, options))

    @AUTH_METADATA
    def get_auth_metadata(self, **options: Unpack[CallOptions]) -> answers.AuthMetadata:
        """The OAuth 2.0 server that the homeserver relies on.

        Args:
            options: See :class:`CallOptions`.

        Raises:
            MUnrecognized: The homeserver has no OAuth 2.0.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /auth_metadata``.
        """
        return answers.AuthMetadata.read(self._call_openly(AUTH_METADATA, options))

    def _call_openly(self, endpoint: Endpoint, options: CallOptions) -> Any:
        """Ask without a token: other web servers than the homeserver may answer."""
        try:
            return self._call(endpoint, options=options, anonymous=True)
        except MatrixRequestError as error:
            raise errors.MNotFound.instead_of(error) from error.__cause__
