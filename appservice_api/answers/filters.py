"""Filters: the events that a homeserver returns."""

from __future__ import annotations

from ..events.view import View, flag, items, number, text, view
from ..ids import RoomID, UserID

__all__ = ["EventFilter", "Filter", "RoomEventFilter", "RoomFilter"]


class EventFilter(View):
    """A filter of events."""

    __slots__ = ()
    #: The maximal number of events.
    limit = number()
    #: The senders whose events are returned; all if None.
    senders = items(UserID)
    #: The senders whose events aren't returned, even if they are in ``senders``.
    not_senders = items(UserID)
    #: The types of events that are returned, all if None; ``*`` is a wildcard.
    types = items(str)
    #: The types of events that aren't returned, even if they are in ``types``.
    not_types = items(str)


class RoomEventFilter(EventFilter):
    """A filter of events of rooms."""

    __slots__ = ()
    #: The rooms that are included; all if None.
    rooms = items(RoomID)
    #: The rooms that are excluded, even if they are in ``rooms``.
    not_rooms = items(RoomID)
    #: True for events whose content has a ``url``, False for those without it.
    contains_url = flag()
    #: Whether only members who have sent one of the events are returned.
    lazy_load_members = flag()
    #: Whether lazy-loaded members are returned repeatedly.
    include_redundant_members = flag()
    #: Whether ``sync`` returns notification counts by thread.
    unread_thread_notifications = flag()


class RoomFilter(View):
    """A filter of rooms and of their data."""

    __slots__ = ()
    #: The rooms that are included; all if None.
    rooms = items(RoomID)
    #: The rooms that are excluded, even if they are in ``rooms``.
    not_rooms = items(RoomID)
    #: Whether rooms that the user has left are included.
    include_leave = flag()
    account_data = view(RoomEventFilter)
    ephemeral = view(RoomEventFilter)
    state = view(RoomEventFilter)
    timeline = view(RoomEventFilter)


class Filter(View):
    """A filter of the data of ``sync``."""

    __slots__ = ()
    #: ``client`` or ``federation``.
    event_format = text(str)
    #: The keys of events that are returned, like ``content.body``; all if None.
    event_fields = items(str)
    account_data = view(EventFilter)
    presence = view(EventFilter)
    room = view(RoomFilter)
