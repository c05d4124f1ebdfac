"""Views of the discovery information of a domain."""

from __future__ import annotations

from ..events.view import View, items, text, view
from ..ids import UserID

__all__ = [
    "AuthMetadata",
    "ServerInformation",
    "SupportContact",
    "WellKnown",
    "WellKnownSupport",
]


class ServerInformation(View):
    """The location of a server.

    Attributes:
        base_url: Its URL, as the domain gives it; it isn't validated.
    """

    __slots__ = ()
    base_url = text(str)


class WellKnown(View):
    """The servers of a domain.

    Attributes:
        homeserver: The homeserver.
        identity_server: The identity server.
    """

    __slots__ = ()
    homeserver = view(ServerInformation, "m.homeserver")
    identity_server = view(ServerInformation, "m.identity_server")


class SupportContact(View):
    """A contact of a homeserver.

    Attributes:
        role: The role, for example ``m.role.admin`` or ``m.role.security``.
        matrix_id: The user ID.
        email_address: The e-mail address.
    """

    __slots__ = ()
    role = text(str)
    matrix_id = text(UserID)
    email_address = text(str)


class WellKnownSupport(View):
    """The support of a homeserver.

    Attributes:
        contacts: The contacts.
        support_page: The URL of a support page.
    """

    __slots__ = ()
    contacts = items(SupportContact)
    support_page = text(str)


class AuthMetadata(View):
    """The metadata of a homeserver's OAuth 2.0 server, as in RFC 8414.

    Attributes:
        issuer: The identifier of the server.
        authorization_endpoint, token_endpoint, revocation_endpoint, registration_endpoint,
        device_authorization_endpoint: URLs.
        response_types_supported, response_modes_supported, grant_types_supported,
        code_challenge_methods_supported, prompt_values_supported: What it supports.
        account_management_uri: The page on which users manage their accounts.
        account_management_actions_supported: The actions that this page supports.
    """

    __slots__ = ()
    issuer = text(str)
    authorization_endpoint = text(str)
    token_endpoint = text(str)
    revocation_endpoint = text(str)
    registration_endpoint = text(str)
    device_authorization_endpoint = text(str)
    response_types_supported = items(str)
    response_modes_supported = items(str)
    grant_types_supported = items(str)
    code_challenge_methods_supported = items(str)
    prompt_values_supported = items(str)
    account_management_uri = text(str)
    account_management_actions_supported = items(str)
