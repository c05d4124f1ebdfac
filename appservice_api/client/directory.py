"""The directory: room aliases, and published rooms."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .. import answers, errors
from ..api.endpoint import Endpoint, Needs
from ..api.options import CallOptions, quiet, retry_options
from ..api.pages import PAGE_SIZE, Page, Pages
from ..compat import Unpack
from ..errors import MatrixRequestError
from ..ids import RoomAlias, RoomID, check_alias_localpart, server_of
from .base import ClientMethods, checked_choice
from .state import GET_STATE

__all__ = ["DirectoryMethods"]

_V3 = "/_matrix/client/v3"
SET_ALIAS = Endpoint("PUT", _V3 + "/directory/room/{roomAlias}", Needs.REGISTERED)
GET_ALIAS = Endpoint("GET", _V3 + "/directory/room/{roomAlias}", Needs.REGISTERED)
DELETE_ALIAS = Endpoint("DELETE", _V3 + "/directory/room/{roomAlias}", Needs.REGISTERED)
ALIASES = Endpoint("GET", _V3 + "/rooms/{roomId}/aliases", Needs.JOINED)
GET_LISTED = Endpoint("GET", _V3 + "/directory/list/room/{roomId}", Needs.REGISTERED)
SET_LISTED = Endpoint("PUT", _V3 + "/directory/list/room/{roomId}", Needs.JOINED)
SET_LISTED_BY_SERVICE = Endpoint(
    "PUT", _V3 + "/directory/list/appservice/{networkId}/{roomId}", Needs.NOTHING
)
LISTED = Endpoint("GET", _V3 + "/publicRooms", Needs.REGISTERED)
SEARCH_LISTED = Endpoint("POST", _V3 + "/publicRooms", Needs.REGISTERED)
_CONFLICT = 409


class DirectoryMethods(ClientMethods):
    """Room aliases, and the published rooms of a homeserver."""

    __slots__ = ()

    def _alias(self, localpart: str) -> RoomAlias:
        return RoomAlias(f"#{check_alias_localpart(localpart)}:{server_of(self.mxid)}")

    @SET_ALIAS
    def add_room_alias(
        self,
        room_id: str,
        alias_localpart: str,
        override: bool = False,
        **options: Unpack[CallOptions],
    ) -> None:
        """Create an alias for a room.

        Args:
            room_id: The room.
            alias_localpart: The localpart of the alias.
            override: Whether to remove the alias from another room first.
            options: See :class:`CallOptions`.

        Raises:
            MUnknown: The alias points to another room (status 409).
            MExclusive: The alias belongs to another application service.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``PUT /directory/room/{roomAlias}``.
        """
        alias = self._alias(alias_localpart)
        if override:
            self.remove_room_alias(alias_localpart, **options.copy())
        try:
            self._call(SET_ALIAS, (alias,), {"room_id": RoomID(room_id)}, options)
        except errors.MUnknown as error:
            # A lost attempt or another process may have created the same alias.
            if error.http_status != _CONFLICT or not self._leads_to(alias, room_id, options):
                raise

    def _leads_to(self, alias: str, room_id: str, options: CallOptions) -> bool:
        try:
            found = self._call(GET_ALIAS, (alias,), options=retry_options(options))
        except MatrixRequestError:
            return False
        return bool(self._object(GET_ALIAS, found).get("room_id") == room_id)

    @DELETE_ALIAS
    def remove_room_alias(
        self, alias_localpart: str, raise_404: bool = False, **options: Unpack[CallOptions]
    ) -> None:
        """Remove an alias.

        Args:
            alias_localpart: The localpart of the alias.
            raise_404: Whether a missing alias is an error.
            options: See :class:`CallOptions`.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``DELETE /directory/room/{roomAlias}``.
        """
        alias = self._alias(alias_localpart)
        found = self._room_of(alias, options) if self.api._mark is not None else None
        try:
            self._unmarked(
                lambda: self._call(DELETE_ALIAS, (alias,), options=options),
                lambda _: self._canonical_alias(found, options) if found is not None else [],
            )  # fmt: skip
        except errors.MNotFound as error:
            if raise_404 and not error.repeated:
                raise

    def _room_of(self, alias: str, options: CallOptions) -> str | None:
        """The room of an alias, None if it isn't known."""
        try:
            found = self._call(GET_ALIAS, (alias,), options=quiet(options))
        except MatrixRequestError:
            return None
        room_id = found.get("room_id") if isinstance(found, dict) else None
        return room_id if isinstance(room_id, str) else None

    def _canonical_alias(self, room_id: str, options: CallOptions) -> list[Any]:
        """The event with a room's aliases: some homeservers send a new one when an alias is
        removed."""
        values, query = (room_id, "m.room.canonical_alias", ""), {"format": "event"}
        try:
            found = self._call(GET_STATE, values, options=quiet(options), query_params=query)
        except (errors.MForbidden, errors.MNotFound):
            return []
        return [found] if isinstance(found, dict) else []

    @GET_ALIAS
    def resolve_room_alias(
        self, room_alias: str, **options: Unpack[CallOptions]
    ) -> answers.RoomAliasInfo:
        """Find the room of an alias.

        Args:
            room_alias: The alias, ``#localpart:server``.
            options: See :class:`CallOptions`.

        Returns:
            ``room_id``, and ``servers`` to join through.

        Raises:
            MNotFound: There is no such alias.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /directory/room/{roomAlias}``.
        """
        answer = self._call(GET_ALIAS, (room_alias,), options=options)
        self._field(GET_ALIAS, answer, "room_id", str)
        return answers.RoomAliasInfo(answer)

    @ALIASES
    def get_room_aliases(self, room_id: str, **options: Unpack[CallOptions]) -> list[RoomAlias]:
        """Get the aliases that this homeserver knows for a room.

        Args:
            room_id: The room.
            options: See :class:`CallOptions`.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /rooms/{roomId}/aliases``.
        """
        answer = self._call(ALIASES, (room_id,), options=options)
        found = self._field(ALIASES, answer, "aliases", list)
        return [RoomAlias.read(alias) for alias in found if isinstance(alias, str)]

    @GET_LISTED
    def get_room_directory_visibility(self, room_id: str, **options: Unpack[CallOptions]) -> str:
        """Get whether a room is listed in the directory: ``public`` or ``private``.

        Args:
            room_id: The room.
            options: See :class:`CallOptions`.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /directory/list/room/{roomId}``.
        """
        answer = self._call(GET_LISTED, (room_id,), options=options)
        return self._field(GET_LISTED, answer, "visibility", str)

    @SET_LISTED
    def set_room_directory_visibility(
        self, room_id: str, visibility: str, **options: Unpack[CallOptions]
    ) -> None:
        """Set whether a room is listed in the directory.

        Args:
            room_id: The room.
            visibility: ``public`` or ``private``.
            options: See :class:`CallOptions`.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``PUT /directory/list/room/{roomId}``.
        """
        content = {"visibility": checked_choice("visibility", visibility, "private", "public")}
        self._call(SET_LISTED, (room_id,), content, options)

    @SET_LISTED_BY_SERVICE
    def set_appservice_room_directory_visibility(
        self,
        network_id: str,
        room_id: str,
        visibility: str,
        **options: Unpack[CallOptions],
    ) -> None:
        """Set whether a room is listed in the directory of a network of the application service.

        Args:
            network_id: The ``network_id`` of the protocol's instance.
            room_id: The room.
            visibility: ``public`` or ``private``.
            options: See :class:`CallOptions`.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``PUT /directory/list/appservice/{networkId}/{roomId}``.
        """
        content = {"visibility": checked_choice("visibility", visibility, "private", "public")}
        values = (network_id, room_id)
        self._call(SET_LISTED_BY_SERVICE, values, content, options, as_device=False)

    @LISTED
    @SEARCH_LISTED
    def get_room_directory(
        self,
        limit: int | None = None,
        server: str | None = None,
        since: str | None = None,
        search_query: str | None = None,
        include_all_networks: bool | None = None,
        third_party_instance_id: str | None = None,
        *,
        room_types: Iterable[str | None] | None = None,
        **options: Unpack[CallOptions],
    ) -> answers.RoomDirectoryResponse:
        """Read a page of the published rooms of a homeserver; :meth:`public_rooms` reads all
        pages.

        Args:
            limit: How many rooms at most; the homeserver's choice if None.
            server: The homeserver to ask; the user's own if None.
            since: The ``next_batch`` of the previous page.
            search_query: Words that the name, topic or alias must contain.
            include_all_networks: Whether to include the rooms of all networks.
            third_party_instance_id: Only rooms of this network.
            room_types: Only rooms of these types, such as ``m.space``; None in the list means rooms
                without a type.
            options: See :class:`CallOptions`.

        Returns:
            ``chunk``, the list of rooms, and ``next_batch`` if there is more.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET`` and ``POST /publicRooms``.
        """
        wanted: dict[str, Any] = {}
        if search_query:
            wanted["generic_search_term"] = search_query
        if room_types is not None:
            wanted["room_types"] = [room_types] if isinstance(room_types, str) else [*room_types]
        fields = {
            "filter": wanted or None,
            "include_all_networks": include_all_networks,
            "third_party_instance_id": third_party_instance_id,
        }
        asked = {key: value for key, value in fields.items() if value is not None}
        page = {key: value for key, value in (("limit", limit), ("since", since)) if value}
        if asked:
            answer = self._call(
                SEARCH_LISTED, (), {**asked, **page}, options, query_params={"server": server}
            )
        else:
            query = {**page, "server": server}
            answer = self._call(LISTED, (), options=options, query_params=query)
        self._field(LISTED, answer, "chunk", list)
        return answers.RoomDirectoryResponse.read(answer)

    def public_rooms(
        self,
        server: str | None = None,
        search_query: str | None = None,
        include_all_networks: bool | None = None,
        third_party_instance_id: str | None = None,
        limit: int | None = None,
        *,
        room_types: Iterable[str | None] | None = None,
        from_token: str | None = None,
        page_size: int | None = PAGE_SIZE,
        **options: Unpack[CallOptions],
    ) -> Pages[answers.PublicRoomInfo]:
        """Iterate over the published rooms of a homeserver.

        Args:
            server: The homeserver to ask; the user's own if None.
            search_query: Words that the name, topic or alias must contain.
            include_all_networks: Whether to include the rooms of all networks.
            third_party_instance_id: Only rooms of this network.
            limit: How many rooms at most, None for all.
            room_types: Only rooms of these types, such as ``m.space``; None in the list means rooms
                without a type.
            from_token: The token to begin at; the beginning if None.
            page_size: How many rooms to request at once.
            options: See :class:`CallOptions`; they apply to each request.

        Returns:
            The rooms; ``total`` is an estimate of their number.

        Raises:
            ValueError: ``limit`` or ``page_size`` can't be used.
            MatrixError: The homeserver refused, or couldn't be reached; raised while iterating.

        Spec: Client-Server API, ``GET`` and ``POST /publicRooms``.
        """
        types = list(room_types) if room_types is not None else None

        def ask(token: str | None, size: int | None) -> Page[answers.PublicRoomInfo]:
            page = self.get_room_directory(
                size, server, token, search_query, include_all_networks, third_party_instance_id,
                room_types=types, **options,
            )  # fmt: skip
            return Page(page.chunk, page.next_batch, page, page.total_room_count_estimate)

        return Pages(ask, limit=limit, page_size=page_size, token=from_token, counted=True)
