"""Views of answers about versions, logins, accounts and devices."""

from __future__ import annotations

from typing import Any, ClassVar

from ..events.view import View, flag, listing, number, table, text
from ..ids import DeviceID, ServerName, UserID

__all__ = [
    "ConnectionInfo",
    "Device",
    "LoginFlow",
    "LoginFlowList",
    "LoginResponse",
    "OpenIDToken",
    "TurnServer",
    "VersionsResponse",
    "WhoamiResponse",
    "WhoisResponse",
]


_MASK = "[secret]"


class _WithSecrets(View):
    """A view whose repr doesn't show its secrets. Keys and attributes have them."""

    __slots__ = ()
    _secrets: ClassVar[frozenset[str]] = frozenset()

    def _shown(self) -> dict[str, Any]:
        return {key: _MASK if key in self._secrets else value for key, value in self.items()}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._shown()!r})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))


class VersionsResponse(View):
    """The versions and features that a homeserver supports.

    Attributes:
        versions: The versions of the specification, like ``v1.11``.
        unstable_features: Whether unstable features are supported, by name.
    """

    __slots__ = ()
    versions = listing(str)
    unstable_features = table()

    def supports(self, feature: str) -> bool:
        """Whether the homeserver supports a version or an unstable feature.

        Args:
            feature: A version of the specification, like ``v1.11``, or an unstable feature, like
                ``org.matrix.msc2716``.
        """
        return feature in (self.versions or ()) or (
            (self.unstable_features or {}).get(feature) is True
        )


class WhoamiResponse(View):
    """The user to whom a token belongs.

    Attributes:
        user_id: The user.
        device_id: The device, None if there is none.
        is_guest: Whether the user is a guest.
    """

    __slots__ = ()
    user_id = text(UserID)
    device_id = text(DeviceID)
    is_guest = flag()


class LoginFlow(View):
    """A login flow.

    Attributes:
        type: The login type.
        get_login_token: Whether the homeserver gives tokens for ``m.login.token``.
    """

    __slots__ = ()
    type = text(str)
    get_login_token = flag()


class LoginFlowList(View):
    """The login flows that a homeserver supports.

    Attributes:
        flows: The login flows.
    """

    __slots__ = ()
    flows = listing(LoginFlow)

    def supports(self, login_type: str) -> bool:
        """Whether a login type is supported."""
        return any(flow.type == login_type for flow in self.flows or ())

    def supports_any(self, *login_types: str) -> bool:
        """Whether any of these login types is supported."""
        return any(self.supports(one) for one in login_types)


class LoginResponse(_WithSecrets):
    """A new login. Its repr doesn't show the tokens.

    Attributes:
        user_id: The user.
        access_token: The access token.
        device_id: The device.
        refresh_token: The token that refreshes the access token.
        expires_in_ms: Milliseconds until the access token expires; None for never.
        well_known: The discovery information of the user's homeserver, as JSON.
    """

    __slots__ = ()
    _secrets = frozenset({"access_token", "refresh_token"})
    user_id = text(UserID)
    access_token = text(str)
    device_id = text(DeviceID)
    refresh_token = text(str)
    expires_in_ms = number()
    well_known = table()

    @property
    def base_url(self) -> str | None:
        """The URL of the user's homeserver in ``well_known``; None if it is missing or isn't an
        http or https URL."""
        from ..base_url import check_base_url

        homeserver = (self.well_known or {}).get("m.homeserver")
        url = homeserver.get("base_url") if isinstance(homeserver, dict) else None
        try:
            return check_base_url(url) if isinstance(url, str) else None
        except ValueError:
            return None


class OpenIDToken(_WithSecrets):
    """A token that proves the user's identity to a third party. Its repr doesn't show it.

    Attributes:
        access_token: The token, which isn't valid for other requests.
        token_type: ``Bearer``.
        matrix_server_name: The homeserver that verifies the token.
        expires_in: Seconds until the token expires.
    """

    __slots__ = ()
    _secrets = frozenset({"access_token"})
    access_token = text(str)
    token_type = text(str)
    matrix_server_name = text(ServerName)
    expires_in = number()


class TurnServer(_WithSecrets):
    """A TURN server for calls. Its repr doesn't show the password.

    Attributes:
        username, password: The credentials.
        uris: The URIs of the server.
        ttl: Seconds until the credentials expire.
    """

    __slots__ = ()
    _secrets = frozenset({"password"})
    username = text(str)
    password = text(str)
    uris = listing(str)
    ttl = number()


class Device(View):
    """A device of a user."""

    __slots__ = ()
    device_id = text(DeviceID)
    display_name = text(str)
    #: The IP address from which it was last seen.
    last_seen_ip = text(str)
    #: When it was last seen, in milliseconds since 1970.
    last_seen_ts = number()


class ConnectionInfo(View):
    """A connection of a session.

    Attributes:
        ip: The IP address.
        last_seen: When it was last seen, in milliseconds since 1970.
        user_agent: The user agent of the client.
    """

    __slots__ = ()
    ip = text(str)
    last_seen = number()
    user_agent = text(str)


class WhoisResponse(View):
    """The sessions of a user.

    Attributes:
        user_id: The user.
        devices: The sessions by device ID, as JSON.
    """

    __slots__ = ()
    user_id = text(UserID)
    devices = table()

    @property
    def connections(self) -> list[ConnectionInfo]:
        """The connections of all sessions of all devices."""
        found = []
        for device in (self.devices or {}).values():
            for session in _objects(device, "sessions"):
                found += [ConnectionInfo.read(one) for one in _objects(session, "connections")]
        return found


def _objects(json: Any, key: str) -> list[dict[str, Any]]:
    listed = json.get(key) if isinstance(json, dict) else None
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
