"""Profiles: display names and avatars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..api.request import encode_json
from ..errors import MNotFound
from ..ids import check_mxc
from .base import CallOptions, ClientMethods
from .endpoint import Endpoint, Needs

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["ProfileMethods"]

_FIELD = "/_matrix/client/v3/profile/{userId}/{keyName}"
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
            check_mxc(avatar_url)
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

    def _get_field(self, user_id: str, key: str, options: CallOptions) -> str | None:
        try:
            answer = self._call(GET_FIELD, (user_id, key), options=options)
        except MNotFound:
            return None
        value = answer.get(key) if isinstance(answer, dict) else None
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
