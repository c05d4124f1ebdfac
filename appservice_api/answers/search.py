"""Views of what a search finds."""

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
    """What stands around a found event."""

    __slots__ = ()
    #: Where it begins.
    start = text(str)
    #: Where it ends.
    end = text(str)
    #: The events before, the nearest first.
    events_before = listing(Event)
    #: The events after, the nearest first.
    events_after = listing(Event)
    #: The profiles that the senders had then, by user ID.
    profile_info = table()


class SearchResult(View):
    """One event that was found."""

    __slots__ = ()
    #: How well it matches; higher is better.
    rank = real()
    #: The event.
    event = event_field("result")
    #: What stands around it, if that was asked for.
    context = view(SearchContext)


class RoomEventsFound(View):
    """A page of found events."""

    __slots__ = ()
    #: About how many there are in all.
    count = number()
    #: The words that matched.
    highlights = listing(str)
    results = listing(SearchResult)
    #: By ``room_id`` or ``sender``, then by its value, which results are its.
    groups = table()
    #: The state of the rooms, by room ID, if that was asked for.
    state = table()
    #: Where the next page begins; None at the end.
    next_batch = text(str)


class FoundUser(View):
    """A user of the user directory."""

    __slots__ = ()
    user_id = text(UserID)
    display_name = text(str)
    avatar_url = text(ContentURI)


class UserSearchResults(View):
    """Users that were found."""

    __slots__ = ()
    results = listing(FoundUser)
    #: Whether there are more.
    limited = flag()


class MutualRooms(View):
    """A page of the rooms that two users are in."""

    __slots__ = ()
    joined = listing(RoomID)
    #: About how many there are in all.
    count = number()
    #: Where the next page begins; None at the end.
    next_batch = text(str)
