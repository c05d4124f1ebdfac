"""Events, as homeservers send them.

Spec: Client-Server API, "Room event format", "Stripped state", "Aggregations of child events";
Room Version 11 for where ``redacts`` stands.
"""

from __future__ import annotations

from typing import Any, cast, overload

from ..compat import Self
from ..ids import DeviceID, EventID, RoomID, UserID
from .event_content import EventContent
from .event_type import EventType
from .membership import Membership
from .registry import read_content
from .relations import Mentions, RelatesTo
from .view import Field, View, flag, items, number, one_of, text, view

__all__ = [
    "BundledThread",
    "Event",
    "Relations",
    "StateEvent",
    "StrippedStateEvent",
    "ToDeviceEvent",
    "Unsigned",
]

# Until version 10 it stands at the top of the event.
_REDACTS_ON_TOP = frozenset(str(version) for version in range(1, 11))


def event_field(key: str | None = None) -> Field[Event]:
    """A field that holds an event."""
    return Field(key, lambda found: Event.read(found) if isinstance(found, dict) else None)


class _Content(Field[EventContent]):
    """The content of an event, as the class of its type; never None."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__("content", EventContent.read)

    @overload
    def __get__(self, view: None, owner: type) -> Self: ...
    @overload
    def __get__(self, view: View, owner: type) -> EventContent: ...
    def __get__(self, view: View | None, owner: type) -> Self | EventContent:
        if view is None:
            return self
        found = view.get("content")
        made = read_content(view.get("type"), found)
        if made is not found and isinstance(found, dict):
            view["content"] = made
        return made


class _Redacts(Field[EventID]):
    """What a redaction redacts: in its content, or at its top in old versions of rooms."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__("redacts", lambda found: None)

    @overload
    def __get__(self, view: None, owner: type) -> Self: ...
    @overload
    def __get__(self, view: View, owner: type) -> EventID | None: ...
    def __get__(self, view: View | None, owner: type) -> Self | EventID | None:
        if view is None:
            return self
        return _redacted_by(view.get("content")) or _redacted_by(view)


def _redacted_by(found: object) -> EventID | None:
    redacts = found.get("redacts") if isinstance(found, dict) else None
    return EventID.read(redacts) if isinstance(redacts, str) else None


class StrippedStateEvent(View):
    """What is told of a state event to somebody who isn't in the room."""

    __slots__ = ()

    type = one_of(EventType)
    sender = text(UserID)
    state_key = text(str)
    content = _Content()


class BundledThread(View):
    """What a homeserver tells of a thread with its root.

    Attributes:
        latest_event: Its newest event.
        count: How many events it has.
        current_user_participated: Whether the user has written in it.
    """

    __slots__ = ()

    latest_event = event_field()
    count = number()
    current_user_participated = flag()


class Relations(View):
    """What a homeserver tells of the events that relate to an event.

    Attributes:
        thread: The thread that begins with the event.
        replace: Its newest replacement.
        reference: The events that refer to it, as the homeserver has them.
    """

    __slots__ = ()

    thread = view(BundledThread, "m.thread")
    replace = event_field("m.replace")
    reference = view(View, "m.reference")


class Unsigned(View):
    """What a homeserver adds to an event.

    Attributes:
        age: How old the event was when it was sent, in milliseconds.
        transaction_id: The transaction ID with which the same device sent it.
        membership: The membership of the user who is asking, at the time of the event.
        prev_content: The content of the state before.
        redacted_because: The redaction, if the event was redacted.
        relations: What is told of the events that relate to it.
        invite_room_state: What is told of the room to somebody who is invited.
        knock_room_state: What is told of the room to somebody who knocks.
        replaces_state: The event of the state before.
    """

    __slots__ = ()

    age = number()
    transaction_id = text(str)
    membership = one_of(Membership)
    prev_content = view(EventContent)
    redacted_because = event_field()
    relations = view(Relations, "m.relations")
    invite_room_state = items(StrippedStateEvent)
    knock_room_state = items(StrippedStateEvent)
    replaces_state = text(EventID)


class _Unsigned(Field[Unsigned]):
    """The ``unsigned`` of an event; an empty one where there is none."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__("unsigned", Unsigned.read)

    @overload
    def __get__(self, view: None, owner: type) -> Self: ...
    @overload
    def __get__(self, view: View, owner: type) -> Unsigned: ...
    def __get__(self, view: View | None, owner: type) -> Self | Unsigned:
        if view is None:
            return self
        found = view.get("unsigned")
        made = found if isinstance(found, Unsigned) else Unsigned.read(found)
        if made is not found and isinstance(found, dict):
            view["unsigned"] = made
        return made


class Event(View):
    """An event: of a room's timeline, or one that isn't kept.

    Attributes:
        type: Its type.
        event_id: Its ID.
        room_id: The room.
        sender: Who sent it.
        origin_server_ts: When the sender's homeserver had it, in milliseconds since 1970.
        timestamp: The same number.
        state_key: Which piece of the state it is; None if it isn't state.
        content: Its content, as the class of its type. What isn't an object, or isn't there,
            reads as an empty content.
        unsigned: What the homeserver adds; an empty view if that is nothing.
        redacts: The event that a redaction redacts, wherever it stands: the content counts
            first. :meth:`redacts_in` knows the version of the room.
    """

    __slots__ = ()

    type = one_of(EventType)
    event_id = text(EventID)
    room_id = text(RoomID)
    sender = text(UserID)
    origin_server_ts = number()
    timestamp = number("origin_server_ts")
    state_key = text(str)
    content = _Content()
    unsigned = _Unsigned()
    redacts = _Redacts()

    @classmethod
    def read(cls, json: Any) -> Self:
        """Take what a homeserver sent: a :class:`StateEvent` if it has a ``state_key``. What
        isn't an object becomes an empty event."""
        if isinstance(json, cls):
            return json
        if cls is Event and isinstance(json, dict) and json.get("state_key") is not None:
            return cast("Self", StateEvent(json))
        return cls(json if isinstance(json, dict) else None)

    @property
    def is_state(self) -> bool:
        """Whether it is a state event."""
        return self.get("state_key") is not None

    @property
    def is_redacted(self) -> bool:
        """Whether it was redacted."""
        unsigned = self.get("unsigned")
        return isinstance(unsigned, dict) and unsigned.get("redacted_because") is not None

    def redacts_in(self, room_version: str | None) -> EventID | None:
        """The event that this redaction redacts in a room of a version.

        Args:
            room_version: The version of the room, None if it isn't known.
        """
        if room_version is None:
            return self.redacts
        on_top = room_version in _REDACTS_ON_TOP
        return _redacted_by(self if on_top else self.get("content"))

    @property
    def relates_to(self) -> RelatesTo:
        """How it relates to another event; an empty view if it doesn't."""
        return self.content.relates_to or RelatesTo()

    @property
    def reply_to(self) -> EventID | None:
        """The event that it replies to; None if that is only the fallback of a thread."""
        return self.relates_to.reply_to

    @property
    def thread_root(self) -> EventID | None:
        """The event at which its thread begins."""
        return self.relates_to.thread_root

    @property
    def edits(self) -> EventID | None:
        """The event whose content it replaces."""
        return self.relates_to.edits

    @property
    def annotation(self) -> str | None:
        """What it says as a reaction, None if it is none."""
        return self.relates_to.annotation

    @property
    def new_content(self) -> EventContent | None:
        """The content that it puts in the place of another event's; None if it is no edit."""
        new = self.content.get("m.new_content")
        return read_content(self.get("type"), new) if isinstance(new, dict) else None

    @property
    def mentions(self) -> Mentions:
        """Whom it mentions; an empty view if that is nobody."""
        return self.content.mentions or Mentions()


class StateEvent(Event):
    """A state event."""

    __slots__ = ()

    @property
    def prev_content(self) -> EventContent | None:
        """The content of the state before, as the class of its type."""
        for place in (self.get("unsigned"), self):
            found = place.get("prev_content") if isinstance(place, dict) else None
            if isinstance(found, dict):
                return read_content(self.get("type"), found)
        return None


class ToDeviceEvent(Event):
    """An event that was sent to a device.

    Attributes:
        to_user_id: The user whose device it is.
        to_device_id: The device.
    """

    __slots__ = ()

    to_user_id = text(UserID)
    to_device_id = text(DeviceID)
