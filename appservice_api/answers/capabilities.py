"""Views of the capabilities of a homeserver."""

from __future__ import annotations

from ..events.view import View, flag, items, table, text, view

__all__ = [
    "AccountModerationCapability",
    "BooleanCapability",
    "Capabilities",
    "ProfileFieldsCapability",
    "RoomVersionsCapability",
]


class BooleanCapability(View):
    """A capability that is enabled or not.

    Attributes:
        enabled: Whether it is enabled.
    """

    __slots__ = ()
    enabled = flag()


class RoomVersionsCapability(View):
    """The room versions that a homeserver supports.

    Attributes:
        default: The version of new rooms.
        available: ``stable`` or ``unstable``, by version.
    """

    __slots__ = ()
    default = text(str)
    available = table()


class ProfileFieldsCapability(View):
    """The profile fields that the user may set.

    Attributes:
        enabled: Whether the user may set any.
        allowed: If given, the only fields that the user may set.
        disallowed: The fields that the user may not set, if ``allowed`` is missing.
    """

    __slots__ = ()
    enabled = flag()
    allowed = items(str)
    disallowed = items(str)


class AccountModerationCapability(View):
    """The moderation of accounts that the user may do.

    Attributes:
        suspend: Whether the user may suspend them.
        lock: Whether the user may lock them.
    """

    __slots__ = ()
    suspend = flag()
    lock = flag()


class Capabilities(View):
    """The capabilities of a homeserver. One that is missing is None; the methods apply the
    specification's defaults.

    Attributes:
        change_password: Whether the user may change the password.
        room_versions: The room versions.
        set_displayname, set_avatar_url: Deprecated in favour of ``profile_fields``.
        third_party_id_changes: Whether the user may change e-mail addresses and phone numbers.
        get_login_token: Whether the user may get tokens for further logins.
        profile_fields: The profile fields that the user may set.
        forget_forced_upon_leave: Whether a room is forgotten when the user leaves it.
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
        """The version of new rooms; ``"1"`` if it is missing."""
        versions = self.room_versions
        return (versions.default if versions is not None else None) or "1"

    def has_room_version(self, version: str, *, stable: bool = False) -> bool:
        """Whether the homeserver supports a room version.

        Args:
            version: The room version.
            stable: Whether only stable versions count.
        """
        versions = self.room_versions
        known = (versions.available if versions is not None else None) or {"1": "stable"}
        return known.get(version) == "stable" if stable else version in known

    def can_set_profile_field(self, key: str) -> bool:
        """Whether the user may set a profile field; True if the capability is missing.

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
