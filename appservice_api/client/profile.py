"""Profiles: display names and avatars."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import errors, events
from ..api.endpoint import Endpoint, Needs
from ..api.options import CallOptions
from ..api.request import encode_json
from ..api.sent import PROFILE_KEYS
from ..compat import Unpack
from ..ids import ContentURI
from .base import ClientMethods

__all__ = ["ProfileMethods"]

_MAX_KEY_BYTES = 255
_FIELD = "/_matrix/client/v3/profile/{userId}/{keyName}"
PROFILE = Endpoint("GET", "/_matrix/client/v3/profile/{userId}", Needs.REGISTERED)
DELETE_FIELD = Endpoint("DELETE", _FIELD, Needs.ACCOUNT)
GET_FIELD = Endpoint("GET", _FIELD, Needs.REGISTERED)
SET_FIELD = Endpoint("PUT", _FIELD, Needs.ACCOUNT)


class ProfileMethods(ClientMethods):
    """Display name and avatar of the acting user."""

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
            displayname: The name; None removes it.
            check_current: Read the present name first, and write nothing if it is the same: each
                change is sent to every room that the user is in.
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
            avatar_url: The ``mxc://`` URI of the image; None removes the avatar.
            check_current, options: See :meth:`set_displayname`, also for the errors.

        Raises:
            ValueError: ``avatar_url`` isn't an ``mxc://`` URI.
        """
        if avatar_url:
            ContentURI(avatar_url)
        self._set_field("avatar_url", avatar_url, check_current, options)

    @GET_FIELD
    def get_displayname(self, user_id: str, **options: Unpack[CallOptions]) -> str | None:
        """Get the display name of a user, None if there is none.

        Args:
            user_id: The user.
            options: See :class:`CallOptions`.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.
        """
        return self._get_field(user_id, "displayname", options)

    def get_avatar_url(self, user_id: str, **options: Unpack[CallOptions]) -> ContentURI | None:
        """Get the ``mxc://`` URI of a user's avatar, None if there is none; see
        :meth:`get_displayname`."""
        found = self._get_field(user_id, "avatar_url", options)
        return ContentURI.read(found) if found else None

    @PROFILE
    def get_profile(self, user_id: str, **options: Unpack[CallOptions]) -> events.Member:
        """Get the whole profile of a user: ``displayname``, ``avatar_url`` and other fields.

        Args:
            user_id: The user.
            options: See :class:`CallOptions`.

        Raises:
            MNotFound: There is no such user.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /profile/{userId}``.
        """
        return events.Member.read(self._call(PROFILE, (user_id,), options=options))

    def get_profile_field(self, user_id: str, key: str, **options: Unpack[CallOptions]) -> Any:
        """Get a field of a user's profile, None if it isn't set; see :meth:`get_displayname`."""
        try:
            answer = self._call(GET_FIELD, (user_id, key), options=options)
        except errors.MNotFound:
            return None
        return answer.get(key) if isinstance(answer, dict) else None

    def set_profile_field(self, key: str, value: Any, **options: Unpack[CallOptions]) -> None:
        """Set a field of the profile; see :meth:`set_displayname`.

        Args:
            key: The name of the field: ``displayname``, ``avatar_url``, ``m.tz``, or one of your
                own, such as ``org.example.job``; 255 bytes at most.
            value: The value, anything that JSON allows. None is a value, too;
                :meth:`delete_profile_field` removes the field.
            options: See :class:`CallOptions`.

        Raises:
            ValueError: The name is too long, or the field doesn't accept the value.
            MProfileTooLarge: The whole profile would have more than 64 KiB.
        """
        _check_field(key, value)
        self._put_field(self.mxid, key, value, options)

    def beeper_update_profile(
        self, custom_fields: Mapping[str, Any], **options: Unpack[CallOptions]
    ) -> None:
        """Set several fields of the profile. There is no standard request for that: each field
        needs its own request, so after an error some may be set and some not.

        Args:
            custom_fields: The fields by name; None as the value removes a field.
            options: See :class:`CallOptions`.

        Raises:
            ValueError, MatrixError: See :meth:`set_profile_field`; all names are checked
                before the first request.
        """
        if not isinstance(custom_fields, Mapping):
            raise ValueError(f"custom_fields must be a dict, not {custom_fields!r}")
        fields = dict(custom_fields)
        encode_json(fields)
        for key, value in fields.items():
            _check_field(key, value)
            SET_FIELD.path((self.mxid, key))
        for key, value in fields.items():
            if value is None:
                self.delete_profile_field(key, **options)
            else:
                self.set_profile_field(key, value, **options)

    @DELETE_FIELD
    def delete_profile_field(self, key: str, **options: Unpack[CallOptions]) -> None:
        """Remove a field from the profile; see :meth:`set_displayname`.

        Spec: Client-Server API, ``DELETE /profile/{userId}/{keyName}``.
        """
        self._note_change(self.mxid, key, None)
        self._call(DELETE_FIELD, (self.mxid, key), options=options)
        if key in PROFILE_KEYS:
            self._best_effort.set_profile(self.mxid, key, None)

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
        self._put_field(me, key, value or "", options)

    def _put_field(self, me: str, key: str, value: Any, options: CallOptions) -> None:
        self._note_change(me, key, value)
        self._call(SET_FIELD, (me, key), {key: value}, options)
        if key in PROFILE_KEYS:
            self._best_effort.set_profile(me, key, value or None)

    def _note_change(self, me: str, key: str, value: Any) -> None:
        """If this user's events are marked, note the change of the profile: the homeserver sends
        its events to all rooms, one after the other, and they can't have a mark."""
        if key in PROFILE_KEYS and self.api._mark is not None:
            self.api._shared.sent.note_profile(me, key, value)


def _check_field(key: str, value: Any) -> None:
    """Refuse what no homeserver accepts.

    Raises:
        ValueError: The name is too long, or the field doesn't accept the value.
    """
    if not isinstance(key, str):
        raise ValueError(f"the name of a profile field must be a str, not {key!r}")
    if len(key.encode(errors="surrogatepass")) > _MAX_KEY_BYTES:
        raise ValueError(f"the profile field {key[:40]!r}… is longer than {_MAX_KEY_BYTES} bytes")
    if key in PROFILE_KEYS and not isinstance(value, (str, type(None))):
        raise ValueError(f"{key} must be a str, not {value!r}")
    if key == "avatar_url" and value:
        ContentURI(value)
