"""Views of what has happened since a moment."""

from __future__ import annotations

from ..events.event import Event, StateEvent, StrippedStateEvent, ToDeviceEvent
from ..events.view import View, flag, items, listing, mapping, number, table, text, view
from ..ids import UserID

__all__ = [
    "DeviceLists",
    "InvitedRoom",
    "JoinedRoom",
    "KnockedRoom",
    "LeftRoom",
    "NotificationCounts",
    "SyncEvents",
    "SyncResponse",
    "SyncRooms",
    "SyncState",
    "SyncStrippedState",
    "SyncSummary",
    "SyncTimeline",
    "SyncToDevice",
]


class SyncEvents(View):
    """Events that are no part of a timeline."""

    __slots__ = ()
    events = listing(Event)


class SyncToDevice(View):
    """Events that were sent to the device."""

    __slots__ = ()
    events = listing(ToDeviceEvent)


class SyncState(View):
    """Changes of a room's state."""

    __slots__ = ()
    events = listing(StateEvent)


class SyncStrippedState(View):
    """The state of a room that the user isn't in."""

    __slots__ = ()
    events = listing(StrippedStateEvent)


class SyncTimeline(View):
    """New events of a room, the oldest first. They don't name the room."""

    __slots__ = ()
    events = listing(Event)
    #: Whether there are more before them.
    limited = flag()
    #: Where these begin, for reading backwards.
    prev_batch = text(str)


class SyncSummary(View):
    """What names a room that has no name."""

    __slots__ = ()
    #: Some of its members.
    heroes = listing(UserID, "m.heroes")
    joined_member_count = number("m.joined_member_count")
    invited_member_count = number("m.invited_member_count")


class NotificationCounts(View):
    """How many events the user hasn't seen."""

    __slots__ = ()
    highlight_count = number()
    notification_count = number()


class LeftRoom(View):
    """A room that the user has left, or was made to leave."""

    __slots__ = ()
    #: The state before the timeline.
    state = view(SyncState)
    #: The state after the timeline, if that was asked for.
    state_after = view(SyncState)
    timeline = view(SyncTimeline)
    account_data = view(SyncEvents)


class JoinedRoom(LeftRoom):
    """A room that the user is in."""

    __slots__ = ()
    summary = view(SyncSummary)
    #: Who is typing, and who has read what.
    ephemeral = view(SyncEvents)
    unread_notifications = view(NotificationCounts)
    #: By thread root.
    unread_thread_notifications = mapping(NotificationCounts)


class InvitedRoom(View):
    """A room that the user is invited to."""

    __slots__ = ()
    invite_state = view(SyncStrippedState)


class KnockedRoom(View):
    """A room that the user has knocked on."""

    __slots__ = ()
    knock_state = view(SyncStrippedState)


class SyncRooms(View):
    """The rooms where something has happened, by room ID."""

    __slots__ = ()
    join = mapping(JoinedRoom)
    invite = mapping(InvitedRoom)
    knock = mapping(KnockedRoom)
    leave = mapping(LeftRoom)


class DeviceLists(View):
    """Users whose devices must be asked for anew."""

    __slots__ = ()
    changed = listing(UserID)
    left = listing(UserID)


class SyncResponse(View):
    """What has happened since a moment."""

    __slots__ = ()
    #: The moment to go on from.
    next_batch = text(str)
    rooms = view(SyncRooms)
    presence = view(SyncEvents)
    account_data = view(SyncEvents)
    to_device = view(SyncToDevice)
    device_lists = view(DeviceLists)
    #: How many one-time keys the homeserver has, by algorithm.
    device_one_time_keys_count = table()
    #: The algorithms that have an unused fallback key.
    device_unused_fallback_key_types = items(str)
