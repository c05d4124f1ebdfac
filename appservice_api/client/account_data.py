"""Account data: what a user stores at the homeserver, including tags of rooms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import events
from ..api.endpoint import Endpoint, Needs
from ..api.options import CallOptions
from ..compat import Unpack
from ..events.content import content_of
from .base import ClientMethods

__all__ = ["AccountDataMethods"]

_USER = "/_matrix/client/v3/user/{userId}"
_ROOM = _USER + "/rooms/{roomId}"
GET_DATA = Endpoint("GET", _USER + "/account_data/{type}", Needs.REGISTERED)
SET_DATA = Endpoint("PUT", _USER + "/account_data/{type}", Needs.ACCOUNT)
GET_ROOM_DATA = Endpoint("GET", _ROOM + "/account_data/{type}", Needs.REGISTERED)
SET_ROOM_DATA = Endpoint("PUT", _ROOM + "/account_data/{type}", Needs.ACCOUNT)
TAGS = Endpoint("GET", _ROOM + "/tags", Needs.REGISTERED)
SET_TAG = Endpoint("PUT", _ROOM + "/tags/{tag}", Needs.ACCOUNT)
DELETE_TAG = Endpoint("DELETE", _ROOM + "/tags/{tag}", Needs.REGISTERED)


class AccountDataMethods(ClientMethods):
    """Account data and tags of the acting user."""

    __slots__ = ()

    @GET_DATA
    @GET_ROOM_DATA
    def get_account_data(
        self, type: str, room_id: str | None = None, **options: Unpack[CallOptions]
    ) -> dict[str, Any]:
        """Read account data.

        Args:
            type: The type of the data.
            room_id: The room that it belongs to; None for global account data.
            options: See :class:`CallOptions`.

        Returns:
            The content.

        Raises:
            MNotFound: There is none of this type.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /user/{userId}/account_data/{type}``.
        """
        if room_id is None:
            answer = self._call(GET_DATA, (self.mxid, type), options=options)
        else:
            answer = self._call(GET_ROOM_DATA, (self.mxid, room_id, type), options=options)
        return self._object(GET_DATA, answer)

    @SET_DATA
    @SET_ROOM_DATA
    def set_account_data(
        self,
        type: str,
        data: Mapping[str, Any],
        room_id: str | None = None,
        **options: Unpack[CallOptions],
    ) -> None:
        """Write account data.

        Args:
            type: The type of the data.
            data: The whole content.
            room_id: The room that it belongs to; None for global account data.
            options: See :class:`CallOptions`.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``PUT /user/{userId}/account_data/{type}``.
        """
        content = content_of(data, "data")
        if room_id is None:
            self._call(SET_DATA, (self.mxid, type), content, options)
        else:
            self._call(SET_ROOM_DATA, (self.mxid, room_id, type), content, options)

    @TAGS
    def get_room_tags(
        self, room_id: str, **options: Unpack[CallOptions]
    ) -> events.RoomTagAccountDataEventContent:
        """Get the tags that the user has given to a room.

        Args:
            room_id: The room.
            options: See :class:`CallOptions`.

        Returns:
            The tags by name, in ``tags``.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /user/{userId}/rooms/{roomId}/tags``.
        """
        answer = self._call(TAGS, (self.mxid, room_id), options=options)
        self._field(TAGS, answer, "tags", dict)
        return events.RoomTagAccountDataEventContent.read(answer)

    def get_room_tag(
        self, room_id: str, tag: str, **options: Unpack[CallOptions]
    ) -> events.RoomTagInfo | None:
        """Get one tag of a room, None if the room doesn't have it; see :meth:`get_room_tags`."""
        return (self.get_room_tags(room_id, **options).tags or {}).get(tag)

    @SET_TAG
    def set_room_tag(
        self,
        room_id: str,
        tag: str,
        info: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> None:
        """Give a tag to a room.

        Args:
            room_id: The room.
            tag: The name of the tag.
            info: ``order``, a number from 0 to 1, and more.
            options: See :class:`CallOptions`.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``PUT /user/{userId}/rooms/{roomId}/tags/{tag}``.
        """
        self._call(SET_TAG, (self.mxid, room_id, tag), content_of(info or {}, "info"), options)

    @DELETE_TAG
    def remove_room_tag(self, room_id: str, tag: str, **options: Unpack[CallOptions]) -> None:
        """Remove a tag from a room; see :meth:`set_room_tag`.

        Spec: Client-Server API, ``DELETE /user/{userId}/rooms/{roomId}/tags/{tag}``.
        """
        self._call(DELETE_TAG, (self.mxid, room_id, tag), options=options)
