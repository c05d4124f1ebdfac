"""Profiles: display names and avatars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..api.request import encode_json
from ..errors import MNotFound
from ..ids import ContentURI
from .base import CallOptions, ClientMethods
from .endpoint import Endpoint, Needs

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ..events.member import Member

__all__ = ["ProfileMethods"]

_FIELD = "/_matrix/client/v3/profile/{userId}/{keyName}"
PROFILE = Endpoint("GET", "/_matrix/client/v3/profile/{userId}", Needs.REGISTERED)
DELETE_FIELD = Endpoint("DELETE", _FIELD, Needs.REGISTERED)
GET_FIELD = Endpoint("GET", _FIELD, Needs.REGISTERED)
SET_FIELD = Endpoint("PUT", _FIELD, Needs.REGISTERED)


class ProfileMethods(ClientMethods):
    """Display name and avatar of the user who is acting."""

    __slots__ = ()

    @SET_FIELD
    def set_displayname(
        self,
        displayname: str | None,
        check_current: bool = True,
        **options: Unpack[CallOptions],
    ) -> None:
        """Set the display name.

        Args:
            displayname: The name, None for none.
            check_current: Look first, and write nothing if it is the same: each change is sent
                to every room that the user is in.
            options: See :class:`CallOptions`.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``PUT /profile/{userId}/{keyName}``.
        """
        self._set_field("displayname", displayname, check_current, options)

    def set_avatar_url(
        self,
        avatar_url: str | None,
        check_current: bool = True,
        **options: Unpack[CallOptions],
    ) -> None:
        """Set the avatar.

        Args:
            avatar_url: The ``mxc://`` URI of the image, None for none.
            check_current, options: As for :meth:`set_displayname`, and so are the errors.

        Raises:
            ValueError: It isn't an ``mxc://`` URI.
        """
        if avatar_url:
            ContentURI(avatar_url)
        self._set_field("avatar_url", avatar_url, check_current, options)

    @GET_FIELD
    def get_displayname(self, user_id: str, **options: Unpack[CallOptions]) -> str | None:
        """The display name of a user, None if there is none.

        Args:
            user_id: The user.
            options: See :class:`CallOptions`.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.
        """
        return self._get_field(user_id, "displayname", options)

    def get_avatar_url(self, user_id: str, **options: Unpack[CallOptions]) -> str | None:
        """The ``mxc://`` URI of a user's avatar, None if there is none; as
        :meth:`get_displayname`."""
        return self._get_field(user_id, "avatar_url", options)

    @PROFILE
    def get_profile(self, user_id: str, **options: Unpack[CallOptions]) -> Member:
        """The whole profile of a user: ``displayname``, ``avatar_url``, and more as keys.

        Args:
            user_id: The user.
            options: See :class:`CallOptions`.

        Raises:
            MNotFound: There is no such user.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /profile/{userId}``.
        """
        from ..events.member import Member

        return Member.read(self._call(PROFILE, (user_id,), options=options))

    def get_profile_field(self, user_id: str, key: str, **options: Unpack[CallOptions]) -> Any:
        """A field of a user's profile, None if there is none; as :meth:`get_displayname`."""
        try:
            answer = self._call(GET_FIELD, (user_id, key), options=options)
        except MNotFound:
            return None
        return answer.get(key) if isinstance(answer, dict) else None

    def set_profile_field(self, key: str, value: Any, **options: Unpack[CallOptions]) -> None:
        """Set a field of the profile; as :meth:`set_displayname`.

        Args:
            key: The name of the field.
            value: What it holds, anything that JSON has.
            options: See :class:`CallOptions`.
        """
        self._call(SET_FIELD, (self.mxid, key), {key: value}, options)

    @DELETE_FIELD
    def delete_profile_field(self, key: str, **options: Unpack[CallOptions]) -> None:
        """Remove a field from the profile; as :meth:`set_displayname`.

        Spec: Client-Server API, ``DELETE /profile/{userId}/{keyName}``.
        """
        self._call(DELETE_FIELD, (self.mxid, key), options=options)

    def _get_field(self, user_id: str, key: str, options: CallOptions) -> str | None:
        value = self.get_profile_field(user_id, key, **options)
        return value if isinstance(value, str) else None

    def _set_field(
        self, key: str, value: str | None, check_current: bool, options: CallOptions
    ) -> None:
        if value is not None and not isinstance(value, str):
            raise ValueError(f"{key} must be a str, not {value!r}")
        encode_json(value)
        me = self.mxid
        if check_current:
            reading = options.copy()
            if (self._get_field(me, key, reading) or "") == (value or ""):
                return
        self._call(SET_FIELD, (me, key), {key: value or ""}, options)
