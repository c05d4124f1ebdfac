"""Views of the answer of ``sync``."""

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
    """Events that aren't part of a timeline."""

    __slots__ = ()
    events = listing(Event)


class SyncToDevice(View):
    """To-device events."""

    __slots__ = ()
    events = listing(ToDeviceEvent)


class SyncState(View):
    """Changes of a room's state."""

    __slots__ = ()
    events = listing(StateEvent)


class SyncStrippedState(View):
    """The stripped state of a room of which the user isn't a member."""

    __slots__ = ()
    events = listing(StrippedStateEvent)


class SyncTimeline(View):
    """New events of a room, the oldest first, without ``room_id``."""

    __slots__ = ()
    events = listing(Event)
    #: Whether events before them are missing.
    limited = flag()
    #: The token to read backwards from.
    prev_batch = text(str)


class SyncSummary(View):
    """Data to make a name for a room without one."""

    __slots__ = ()
    #: Some of its members.
    heroes = listing(UserID, "m.heroes")
    joined_member_count = number("m.joined_member_count")
    invited_member_count = number("m.invited_member_count")


class NotificationCounts(View):
    """The numbers of unread notifications."""

    __slots__ = ()
    highlight_count = number()
    notification_count = number()


class LeftRoom(View):
    """A room that the user has left, or was kicked or banned from."""

    __slots__ = ()
    #: The state before the timeline.
    state = view(SyncState)
    #: The state after the timeline, if it was requested.
    state_after = view(SyncState)
    timeline = view(SyncTimeline)
    account_data = view(SyncEvents)


class JoinedRoom(LeftRoom):
    """A room that the user has joined."""

    __slots__ = ()
    summary = view(SyncSummary)
    #: Typing notifications and receipts.
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
    """The rooms with changes, by room ID."""

    __slots__ = ()
    join = mapping(JoinedRoom)
    invite = mapping(InvitedRoom)
    knock = mapping(KnockedRoom)
    leave = mapping(LeftRoom)


class DeviceLists(View):
    """Users whose device lists have changed."""

    __slots__ = ()
    changed = listing(UserID)
    left = listing(UserID)


class SyncResponse(View):
    """The changes since a token."""

    __slots__ = ()
    #: The token for the next request.
    next_batch = text(str)
    rooms = view(SyncRooms)
    presence = view(SyncEvents)
    account_data = view(SyncEvents)
    to_device = view(SyncToDevice)
    device_lists = view(DeviceLists)
    #: The number of unclaimed one-time keys by algorithm.
    device_one_time_keys_count = table()
    #: The algorithms that have an unused fallback key.
    device_unused_fallback_key_types = items(str)
