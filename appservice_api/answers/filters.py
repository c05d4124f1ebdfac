"""Filters: which events a homeserver gives."""

from __future__ import annotations

from ..events.view import View, flag, items, number, text, view
from ..ids import RoomID, UserID

__all__ = ["EventFilter", "Filter", "RoomEventFilter", "RoomFilter"]


class EventFilter(View):
    """Which events count."""

    __slots__ = ()
    #: How many events at most.
    limit = number()
    #: The senders that count, all if None.
    senders = items(UserID)
    #: Senders that don't count, even if they are in ``senders``.
    not_senders = items(UserID)
    #: The types that count, all if None; ``*`` stands for any text.
    types = items(str)
    #: Types that don't count, even if they are in ``types``.
    not_types = items(str)


class RoomEventFilter(EventFilter):
    """Which events of rooms count."""

    __slots__ = ()
    #: The rooms that count, all if None.
    rooms = items(RoomID)
    #: Rooms that don't count, even if they are in ``rooms``.
    not_rooms = items(RoomID)
    #: True: only events whose content has a ``url``; False: only the others.
    contains_url = flag()
    #: Whether members are given only when an event of theirs is.
    lazy_load_members = flag()
    #: Whether lazy-loaded members are given again and again.
    include_redundant_members = flag()
    #: Whether ``sync`` counts notifications by thread.
    unread_thread_notifications = flag()


class RoomFilter(View):
    """Which rooms count, and what of them."""

    __slots__ = ()
    #: The rooms that count, all if None.
    rooms = items(RoomID)
    #: Rooms that don't count, even if they are in ``rooms``.
    not_rooms = items(RoomID)
    #: Whether rooms that the user has left count.
    include_leave = flag()
    account_data = view(RoomEventFilter)
    ephemeral = view(RoomEventFilter)
    state = view(RoomEventFilter)
    timeline = view(RoomEventFilter)


class Filter(View):
    """What ``sync`` gives."""

    __slots__ = ()
    #: ``client`` or ``federation``.
    event_format = text(str)
    #: The keys of events that are given, like ``content.body``; all if None.
    event_fields = items(str)
    account_data = view(EventFilter)
    presence = view(EventFilter)
    room = view(RoomFilter)
