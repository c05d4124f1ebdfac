"""Spaces, and summaries of rooms."""

from __future__ import annotations

from collections.abc import Iterable

from .. import answers
from ..api.endpoint import Endpoint, Needs
from ..api.options import CallOptions
from ..api.pages import PAGE_SIZE, Page, Pages
from ..compat import Unpack
from .base import ClientMethods

__all__ = ["SpaceMethods"]

_V1 = "/_matrix/client/v1"
# REGISTERED: these may be read without joining.
HIERARCHY = Endpoint("GET", _V1 + "/rooms/{roomId}/hierarchy", Needs.REGISTERED)
SUMMARY = Endpoint("GET", _V1 + "/room_summary/{roomIdOrAlias}", Needs.REGISTERED)


class SpaceMethods(ClientMethods):
    """Reading spaces, and summaries of rooms that the user isn't in."""

    __slots__ = ()

    @HIERARCHY
    def get_space_hierarchy(
        self,
        room_id: str,
        suggested_only: bool | None = None,
        max_depth: int | None = None,
        limit: int | None = None,
        from_token: str | None = None,
        **options: Unpack[CallOptions],
    ) -> answers.SpaceHierarchy:
        """Read a page of the rooms of a space; :meth:`hierarchy` reads all pages.

        Args:
            room_id: The space.
            suggested_only: Whether to include suggested rooms only.
            max_depth: How many levels of subspaces to include; the homeserver's choice if None.
            limit: How many rooms at most; the homeserver's choice if None.
            from_token: The ``next_batch`` of the previous page.
            options: See :class:`CallOptions`.

        Returns:
            The page: ``rooms`` and, if there may be more, ``next_batch``.

        Raises:
            MForbidden: The user may not see the space. The user isn't joined for this.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /rooms/{roomId}/hierarchy``.
        """
        query = {
            "suggested_only": suggested_only, "max_depth": max_depth, "limit": limit,
            "from": from_token,
        }  # fmt: skip
        answer = self._call(HIERARCHY, (room_id,), options=options, query_params=query)
        self._field(HIERARCHY, answer, "rooms", list)
        return answers.SpaceHierarchy.read(answer)

    def hierarchy(
        self,
        room_id: str,
        suggested_only: bool | None = None,
        max_depth: int | None = None,
        limit: int | None = None,
        from_token: str | None = None,
        page_size: int | None = PAGE_SIZE,
        **options: Unpack[CallOptions],
    ) -> Pages[answers.SpaceHierarchyRoom]:
        """Iterate over the rooms of a space: the space itself, its rooms, and those of subspaces.

        Args:
            room_id: The space.
            suggested_only: Whether to include suggested rooms only.
            max_depth: How many levels of subspaces to include; the homeserver's choice if None.
            limit: How many rooms at most, None for all.
            from_token: The token to begin at; the other arguments must be those of its page.
            page_size: How many rooms to request at once.
            options: See :class:`CallOptions`; they apply to each request.

        Returns:
            The rooms that the user may see.

        Raises:
            ValueError: An argument can't be used.
            MForbidden: The user may not see the space; raised while iterating.
            MatrixError: The homeserver refused, or couldn't be reached; raised while iterating.

        Spec: Client-Server API, ``GET /rooms/{roomId}/hierarchy``.
        """
        HIERARCHY.path((room_id,))

        def ask(token: str | None, size: int | None) -> Page[answers.SpaceHierarchyRoom]:
            page = self.get_space_hierarchy(
                room_id, suggested_only, max_depth, size, token, **options
            )
            return Page(page.rooms, page.next_batch, page)

        return Pages(ask, limit=limit, page_size=page_size, token=from_token)

    @SUMMARY
    def get_room_summary(
        self,
        room_id_or_alias: str,
        via: Iterable[str] | None = None,
        **options: Unpack[CallOptions],
    ) -> answers.RoomSummary:
        """Read the summary of a room, which the user need not be in.

        Args:
            room_id_or_alias: The room.
            via: Server names of homeservers that may know the room.
            options: See :class:`CallOptions`.

        Raises:
            MNotFound: There is no such room, or the user may not see it.
            MUnrecognized: The homeserver doesn't support this, which is new in version 1.15.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /room_summary/{roomIdOrAlias}``.
        """
        servers = [via] if isinstance(via, str) else list(via or ())
        query = {"via": servers}
        answer = self._call(SUMMARY, (room_id_or_alias,), options=options, query_params=query)
        self._field(SUMMARY, answer, "room_id", str)
        return answers.RoomSummary.read(answer)
