"""Views of what the homeserver says of itself and of accounts."""

from __future__ import annotations

from typing import Any, ClassVar

from ..events.view import View, flag, items, number, table, text, view
from ..ids import DeviceID, ServerName, UserID

__all__ = [
    "AccountModerationCapability",
    "BooleanCapability",
    "Capabilities",
    "ConnectionInfo",
    "LoginFlow",
    "LoginFlowList",
    "LoginResponse",
    "OpenIDToken",
    "ProfileFieldsCapability",
    "RoomVersionsCapability",
    "TurnServer",
    "VersionsResponse",
    "WhoamiResponse",
    "WhoisResponse",
]

_MASK = "[secret]"


class _Secretive(View):
    """A view whose repr doesn't show its secrets. They are there as keys and attributes."""

    __slots__ = ()
    _secrets: ClassVar[frozenset[str]] = frozenset()

    def _shown(self) -> dict[str, Any]:
        return {key: _MASK if key in self._secrets else value for key, value in self.items()}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._shown()!r})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))


class VersionsResponse(View):
    """What a homeserver supports.

    Attributes:
        versions: The versions of the specification, like ``v1.11``.
        unstable_features: Whether features that aren't in the specification yet are supported.
    """

    __slots__ = ()
    versions = items(str)
    unstable_features = table()

    def supports(self, feature: str) -> bool:
        """Tell whether the homeserver says that it supports something.

        Args:
            feature: A version of the specification, like ``v1.11``, or an unstable feature, like
                ``org.matrix.msc2716``.
        """
        return feature in (self.versions or ()) or (
            (self.unstable_features or {}).get(feature) is True
        )


class WhoamiResponse(View):
    """Who the homeserver takes a user for.

    Attributes:
        user_id: The user.
        device_id: The device, None where there is none.
        is_guest: Whether the user is a guest.
    """

    __slots__ = ()
    user_id = text(UserID)
    device_id = text(DeviceID)
    is_guest = flag()


class LoginFlow(View):
    """A way to log in.

    Attributes:
        type: The login type.
        get_login_token: Whether the homeserver makes tokens for ``m.login.token``.
    """

    __slots__ = ()
    type = text(str)
    get_login_token = flag()


class LoginFlowList(View):
    """The ways to log in.

    Attributes:
        flows: A list of them.
    """

    __slots__ = ()
    flows = items(LoginFlow)

    def supports(self, login_type: str) -> bool:
        """Tell whether one can log in by a login type."""
        return any(flow.type == login_type for flow in self.flows or ())

    def supports_any(self, *login_types: str) -> bool:
        """Tell whether one can log in by any of some login types."""
        return any(self.supports(one) for one in login_types)


class LoginResponse(_Secretive):
    """A new login. Its repr doesn't show the tokens.

    Attributes:
        user_id: The user.
        access_token: The access token.
        device_id: The device.
        refresh_token: What a new access token can be had for.
        expires_in_ms: Milliseconds until the access token ends; None: never.
        well_known: Where the user's homeserver is to be found, as JSON.
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
        """The URL where the user's homeserver says that it is, None if it doesn't say or isn't
        an http or https URL."""
        from ..api.shared import check_base_url

        homeserver = (self.well_known or {}).get("m.homeserver")
        url = homeserver.get("base_url") if isinstance(homeserver, dict) else None
        try:
            return check_base_url(url) if isinstance(url, str) else None
        except ValueError:
            return None


class OpenIDToken(_Secretive):
    """What proves to a third party who the user is. Its repr doesn't show the token.

    Attributes:
        access_token: The token; good for that proof only.
        token_type: ``Bearer``.
        matrix_server_name: The homeserver that is to be asked.
        expires_in: Seconds until the token ends.
    """

    __slots__ = ()
    _secrets = frozenset({"access_token"})
    access_token = text(str)
    token_type = text(str)
    matrix_server_name = text(ServerName)
    expires_in = number()


class TurnServer(_Secretive):
    """A TURN server for calls. Its repr doesn't show the password.

    Attributes:
        username, password: What the TURN server asks for.
        uris: Its URIs.
        ttl: Seconds until user name and password end.
    """

    __slots__ = ()
    _secrets = frozenset({"password"})
    username = text(str)
    password = text(str)
    uris = items(str)
    ttl = number()


class BooleanCapability(View):
    """Whether something may be done.

    Attributes:
        enabled: Whether it may.
    """

    __slots__ = ()
    enabled = flag()


class RoomVersionsCapability(View):
    """The room versions of a homeserver.

    Attributes:
        default: The version of new rooms.
        available: All versions, each ``stable`` or ``unstable``.
    """

    __slots__ = ()
    default = text(str)
    available = table()


class ProfileFieldsCapability(View):
    """The profile fields that may be set.

    Attributes:
        enabled: Whether any may.
        allowed: The only ones that may.
        disallowed: Those that may not; without meaning where ``allowed`` is given.
    """

    __slots__ = ()
    enabled = flag()
    allowed = items(str)
    disallowed = items(str)


class AccountModerationCapability(View):
    """What the user may do to accounts.

    Attributes:
        suspend: Whether the user may suspend them.
        lock: Whether the user may lock them.
    """

    __slots__ = ()
    suspend = flag()
    lock = flag()


class Capabilities(View):
    """What a homeserver lets the user do. What it doesn't mention is None; the methods say what
    that means.

    Attributes:
        change_password: Whether the user may change the password.
        room_versions: The room versions.
        set_displayname, set_avatar_url: Deprecated for ``profile_fields``.
        third_party_id_changes: Whether the user may change e-mail addresses and phone numbers.
        get_login_token: Whether the user may have tokens for further logins.
        profile_fields: The profile fields that the user may set.
        forget_forced_upon_leave: Whether rooms that are left are forgotten.
        account_moderation: Whether the user may suspend and lock accounts.
    """

    __slots__ = ()
    change_password = view(BooleanCapability, "m.change_password")
    room_versions = view(RoomVersionsCapability, "m.room_versions")
    set_displayname = view(BooleanCapability, "m.set_displayname")
    set_avatar_url = view(BooleanCapability, "m.set_avatar_url")
    third_party_id_changes = view(BooleanCapability, "m.3pid_changes")
    get_login_token = view(BooleanCapability, "m.get_login_token")
    profile_fields = view(ProfileFieldsCapability, "m.profile_fields")
    forget_forced_upon_leave = view(BooleanCapability, "m.forget_forced_upon_leave")
    account_moderation = view(AccountModerationCapability, "m.account_moderation")

    @property
    def default_room_version(self) -> str:
        """The version of new rooms; ``"1"`` where the homeserver doesn't tell."""
        versions = self.room_versions
        return (versions.default if versions is not None else None) or "1"

    def has_room_version(self, version: str, *, stable: bool = False) -> bool:
        """Tell whether the homeserver knows a room version.

        Args:
            version: The room version.
            stable: Whether only stable versions count.
        """
        versions = self.room_versions
        known = (versions.available if versions is not None else None) or {"1": "stable"}
        return known.get(version) == "stable" if stable else version in known

    def can_set_profile_field(self, key: str) -> bool:
        """Tell whether the user may set a profile field. Where the homeserver doesn't tell, the
        user may.

        Args:
            key: The name of the field.
        """
        fields = self.profile_fields
        if fields is None:
            old = {"displayname": self.set_displayname, "avatar_url": self.set_avatar_url}.get(key)
            return old is None or old.enabled is not False
        if fields.enabled is not True:
            return False
        if fields.allowed is not None:
            return key in fields.allowed
        return key not in (fields.disallowed or ())


class ConnectionInfo(View):
    """From where a session was seen.

    Attributes:
        ip: The IP address.
        last_seen: When, in milliseconds since 1970.
        user_agent: What the client called itself.
    """

    __slots__ = ()
    ip = text(str)
    last_seen = number()
    user_agent = text(str)


class WhoisResponse(View):
    """From where a user was seen.

    Attributes:
        user_id: The user.
        devices: The devices' sessions by device ID, as JSON.
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
