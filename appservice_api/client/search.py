"""Searching: messages, users, and the rooms shared with a user."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .. import answers
from ..api.endpoint import Endpoint, Needs
from ..api.options import CallOptions
from ..api.pages import PAGE_SIZE, Page, Pages
from ..compat import Unpack
from ..events.content import content_of
from ..ids import RoomID, UserID
from .base import ClientMethods, checked_choice

__all__ = ["SearchMethods", "SearchPages"]

_CLIENT = "/_matrix/client"
SEARCH = Endpoint("POST", _CLIENT + "/v3/search", Needs.REGISTERED)
USERS = Endpoint("POST", _CLIENT + "/v3/user_directory/search", Needs.REGISTERED)
MUTUAL_ROOMS = Endpoint("GET", _CLIENT + "/v1/mutual_rooms", Needs.REGISTERED)


class SearchPages(Pages["answers.SearchResult"]):
    """The results of a search, page by page. ``total`` estimates how many events match."""

    __slots__ = ()

    @property
    def highlights(self) -> list[str]:
        """The words that matched on the last page."""
        return (self.page and self.page.highlights) or []

    @property
    def groups(self) -> dict[str, Any]:
        """The groups of the last page's results, by ``room_id`` or ``sender`` and then by its
        value."""
        return (self.page and self.page.groups) or {}

    @property
    def state(self) -> dict[str, Any]:
        """The state of the last page's rooms, by room ID."""
        return (self.page and self.page.state) or {}


class SearchMethods(ClientMethods):
    """Finding messages and users."""

    __slots__ = ()

    @SEARCH
    def search(
        self,
        search_term: str,
        *,
        keys: Iterable[str] | None = None,
        filter: Mapping[str, Any] | None = None,
        order_by: str = "recent",
        event_context: Mapping[str, Any] | None = None,
        include_state: bool | None = None,
        group_by: Iterable[str] = (),
        limit: int | None = None,
        from_token: str | None = None,
        page_size: int | None = PAGE_SIZE,
        **options: Unpack[CallOptions],
    ) -> SearchPages:
        """Search for words in the events of all rooms that the user is or was in.

        Args:
            search_term: The words.
            keys: The keys to search: ``content.body``, ``content.name``, ``content.topic``; all of
                them if None.
            filter: A ``RoomEventFilter`` for the events, for example with ``rooms``. This method
                sets its ``limit``.
            order_by: ``recent``, the newest first; or ``rank``, the best first, for which some
                homeservers return one page only.
            event_context: The context to return with each event: ``before_limit``,
                ``after_limit``, ``include_profile``; none if None.
            include_state: Whether to return the state of the rooms.
            group_by: The keys to group the results by: ``room_id``, ``sender``.
            limit: How many results at most, None for all.
            from_token: The token to begin at; the beginning if None.
            page_size: How many results to request at once.
            options: See :class:`CallOptions`; they apply to each request.

        Returns:
            An iterator over the results; the ``event`` of each is the matching event.

        Raises:
            ValueError: An argument can't be used.
            MatrixError: The homeserver refused, or couldn't be reached; raised while iterating.

        Spec: Client-Server API, ``POST /search``.
        """
        if not isinstance(search_term, str) or not search_term:
            raise ValueError(f"search_term must be a text, not {search_term!r}")
        criteria: dict[str, Any] = {
            "search_term": search_term,
            "order_by": checked_choice("order_by", order_by, "recent", "rank"),
        }
        if keys is not None:
            criteria["keys"] = [_key(key) for key in ([keys] if isinstance(keys, str) else keys)]
        if event_context is not None:
            criteria["event_context"] = content_of(event_context, "event_context")
        if include_state is not None:
            criteria["include_state"] = include_state
        groups = [group_by] if isinstance(group_by, str) else group_by
        by = [{"key": checked_choice("group_by", one, "room_id", "sender")} for one in groups]
        if by:
            criteria["groupings"] = {"group_by": by}
        passed = content_of({} if filter is None else filter, "the filter")

        def ask(token: str | None, size: int | None) -> Page[answers.SearchResult]:
            asked = {**passed, "limit": size} if size is not None else passed
            return self._search_page({**criteria, "filter": asked}, token, options)

        return SearchPages(ask, limit=limit, page_size=page_size, token=from_token, counted=True)

    def _search_page(
        self, criteria: dict[str, Any], token: str | None, options: CallOptions
    ) -> Page[answers.SearchResult]:
        content = {"search_categories": {"room_events": criteria}}
        answer = self._call(SEARCH, (), content, options, query_params={"next_batch": token})
        categories = self._field(SEARCH, answer, "search_categories", dict)
        found = answers.RoomEventsFound.read(self._field(SEARCH, categories, "room_events", dict))
        return Page(found.results, found.next_batch, found, found.count)

    @USERS
    def search_users(
        self, search_query: str, limit: int | None = 10, **options: Unpack[CallOptions]
    ) -> answers.UserSearchResults:
        """Find users by a part of their user ID or display name.

        Args:
            search_query: The part of a user ID or display name.
            limit: How many users at most; the homeserver's choice if None.
            options: See :class:`CallOptions`.

        Returns:
            ``results``, and ``limited``, whether there are more.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``POST /user_directory/search``.
        """
        content: dict[str, Any] = {"search_term": search_query}
        if limit is not None:
            content["limit"] = limit
        answer = self._call(USERS, (), content, options)
        self._field(USERS, answer, "results", list)
        return answers.UserSearchResults.read(answer)

    @MUTUAL_ROOMS
    def get_mutual_rooms(self, user_id: str, **options: Unpack[CallOptions]) -> list[RoomID]:
        """Get the rooms that this user shares with another.

        This needs a user with its own token: a real user, or a ghost that has logged in. The
        endpoint's parameter ``user_id`` has the same name as the one by which an application
        service selects the acting user, so its token can't be used.

        Args:
            user_id: The other user.
            options: See :class:`CallOptions`; they apply to each request.

        Raises:
            ValueError: This user acts with the application service's token.
            MUnrecognized: The homeserver doesn't support this.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /mutual_rooms``.
        """
        other = UserID(user_id)
        if self.api._asserts:
            raise ValueError(
                f"get_mutual_rooms({other}) needs a token of the user's own: with the application "
                "service's, user_id says who asks. Use intent(user, token), or compare "
                "get_joined_rooms() of both"
            )

        def ask(token: str | None, size: int | None) -> Page[RoomID]:
            query = {"user_id": other, "from": token}
            answer = self._call(MUTUAL_ROOMS, (), options=options, query_params=query)
            self._field(MUTUAL_ROOMS, answer, "joined", list)
            page = answers.MutualRooms.read(answer)
            return Page(page.joined, page.next_batch, page, page.count)

        return list(Pages(ask))


def _key(key: str) -> str:
    return checked_choice("keys", key, "content.body", "content.name", "content.topic")
