"""Discovery: the URL of a homeserver, and what its domain publishes about it."""

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
    """Requests that are sent without a token."""

    __slots__ = ()

    @staticmethod
    def discover(domain: str, session: requests.Session | None = None) -> str | None:
        """Find the homeserver of a domain.

        The domain is asked over HTTPS, by a request that carries no token, no cookie and no
        user name. Redirects are followed to HTTPS only.

        Args:
            domain: The server name, as in user IDs; its port is ignored.
            session: A session whose adapters, proxies, hooks and TLS settings are used, but
                nothing else of it; a new one if None. The discovery takes 30 seconds at most,
                unless a session is given and the response headers arrive byte by byte.

        Returns:
            The URL of the homeserver, as ``AppServiceAPI`` accepts it; None if the domain doesn't
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
        """Get what the web server at this API's URL publishes about the homeserver; for a domain,
        use :meth:`discover`.

        Args:
            options: See :class:`CallOptions`.

        Returns:
            ``homeserver`` and ``identity_server``, each with ``base_url``.

        Raises:
            MNotFound: It publishes nothing.
            MatrixError: The web server refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /.well-known/matrix/client``.
        """
        answer = self._call_openly(WELL_KNOWN, options)
        self._field(WELL_KNOWN, answer, "m.homeserver", dict)
        return answers.WellKnown.read(answer)

    @WELL_KNOWN_SUPPORT
    def get_wellknown_support(self, **options: Unpack[CallOptions]) -> answers.WellKnownSupport:
        """Get the support contacts of the homeserver at this API's URL; see :meth:`get_wellknown`.

        Returns:
            ``contacts`` and ``support_page``.

        Spec: Client-Server API, ``GET /.well-known/matrix/support``.
        """
        return answers.WellKnownSupport.read(self._call_openly(WELL_KNOWN_SUPPORT, options))

    @AUTH_METADATA
    def get_auth_metadata(self, **options: Unpack[CallOptions]) -> answers.AuthMetadata:
        """Get the metadata of the homeserver's OAuth 2.0 server.

        Args:
            options: See :class:`CallOptions`.

        Raises:
            MUnrecognized: The homeserver has no OAuth 2.0.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /auth_metadata``.
        """
        return answers.AuthMetadata.read(self._call_openly(AUTH_METADATA, options))

    def _call_openly(self, endpoint: Endpoint, options: CallOptions) -> Any:
        """Make a request without a token, since another web server may answer it."""
        try:
            return self._call(endpoint, options=options, anonymous=True)
        except MatrixRequestError as error:
            raise errors.MNotFound.instead_of(error) from error.__cause__
