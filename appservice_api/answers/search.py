"""Views of the results of searches."""

from __future__ import annotations

from ..events.event import Event, event_field
from ..events.view import View, flag, listing, number, real, table, text, view
from ..ids import ContentURI, RoomID, UserID

__all__ = [
    "FoundUser",
    "MutualRooms",
    "RoomEventsFound",
    "SearchContext",
    "SearchResult",
    "UserSearchResults",
]


class SearchContext(View):
    """The events around a search result."""

    __slots__ = ()
    #: The token of its start.
    start = text(str)
    #: The token of its end.
    end = text(str)
    #: The events before, the nearest first.
    events_before = listing(Event)
    #: The events after, the nearest first.
    events_after = listing(Event)
    #: The profiles of the senders at that time, by user ID.
    profile_info = table()


class SearchResult(View):
    """A search result."""

    __slots__ = ()
    #: How well it matches; higher is better.
    rank = real()
    #: The event.
    event = event_field("result")
    #: The events around it, if they were requested.
    context = view(SearchContext)


class RoomEventsFound(View):
    """A page of search results."""

    __slots__ = ()
    #: An estimate of the total number.
    count = number()
    #: The words that matched.
    highlights = listing(str)
    results = listing(SearchResult)
    #: The results of each group, by ``room_id`` or ``sender`` and its value.
    groups = table()
    #: The state of the rooms by room ID, if it was requested.
    state = table()
    #: The token of the next page; None at the end.
    next_batch = text(str)


class FoundUser(View):
    """A user of the user directory."""

    __slots__ = ()
    user_id = text(UserID)
    display_name = text(str)
    avatar_url = text(ContentURI)


class UserSearchResults(View):
    """Search results of the user directory."""

    __slots__ = ()
    results = listing(FoundUser)
    #: Whether there are more results.
    limited = flag()


class MutualRooms(View):
    """A page of the rooms that two users have in common."""

    __slots__ = ()
    joined = listing(RoomID)
    #: An estimate of the total number.
    count = number()
    #: The token of the next page; None at the end.
    next_batch = text(str)
