"""Views of what a domain says of its homeserver."""

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
    """Where a server is.

    Attributes:
        base_url: Its URL, as the domain gives it: it wasn't checked.
    """

    __slots__ = ()
    base_url = text(str)


class WellKnown(View):
    """What a domain says of its homeserver.

    Attributes:
        homeserver: Where the homeserver is.
        identity_server: Where the identity server is.
    """

    __slots__ = ()
    homeserver = view(ServerInformation, "m.homeserver")
    identity_server = view(ServerInformation, "m.identity_server")


class SupportContact(View):
    """Someone who answers for a homeserver.

    Attributes:
        role: ``m.role.admin`` or ``m.role.security``, say.
        matrix_id: The user ID.
        email_address: The e-mail address.
    """

    __slots__ = ()
    role = text(str)
    matrix_id = text(UserID)
    email_address = text(str)


class WellKnownSupport(View):
    """Whom to ask about a homeserver.

    Attributes:
        contacts: A list of people.
        support_page: The URL of a page that helps.
    """

    __slots__ = ()
    contacts = items(SupportContact)
    support_page = text(str)


class AuthMetadata(View):
    """The OAuth 2.0 server that a homeserver relies on; further keys are as RFC 8414 says.

    Attributes:
        issuer: What the server is called.
        authorization_endpoint, token_endpoint, revocation_endpoint, registration_endpoint,
        device_authorization_endpoint: URLs.
        response_types_supported, response_modes_supported, grant_types_supported,
        code_challenge_methods_supported, prompt_values_supported: What it supports.
        account_management_uri: The page where users manage their accounts.
        account_management_actions_supported: What that page can be asked to do.
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
