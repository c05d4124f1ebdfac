"""Events as homeservers send them.

Spec: Client-Server API, "Room event format", "Stripped state", "Aggregations of child events";
Room Version 11 for the place of ``redacts``.
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

# Until version 10, it is a key of the event; later, of the content.
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
    """The event that a redaction redacts: a key of its content, or of the event in old rooms."""

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
    """A state event as it is sent to a user who isn't in the room."""

    __slots__ = ()

    type = one_of(EventType)
    sender = text(UserID)
    state_key = text(str)
    content = _Content()


class BundledThread(View):
    """The summary of a thread, which a homeserver bundles with its root.

    Attributes:
        latest_event: The newest event of the thread.
        count: The number of its events.
        current_user_participated: Whether the user has sent one of them.
    """

    __slots__ = ()

    latest_event = event_field()
    count = number()
    current_user_participated = flag()


class Relations(View):
    """Aggregations of the events that relate to an event.

    Attributes:
        thread: The thread of which the event is the root.
        replace: The newest replacement of the event.
        reference: The events that refer to it, as JSON.
    """

    __slots__ = ()

    thread = view(BundledThread, "m.thread")
    replace = event_field("m.replace")
    reference = view(View, "m.reference")


class Unsigned(View):
    """Data that a homeserver adds to an event.

    Attributes:
        age: The age of the event in milliseconds when the homeserver sent it.
        transaction_id: The transaction ID of the event, if the same device sent it.
        membership: The membership of the requesting user at the time of the event.
        prev_content: The content of the previous state event.
        redacted_because: The redaction, if the event was redacted.
        relations: Aggregations of the events that relate to it.
        invite_room_state: The stripped state of the room, for an invite.
        knock_room_state: The stripped state of the room, for a knock.
        replaces_state: The ID of the previous state event.
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
    """The ``unsigned`` of an event; an empty view if it is missing."""

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
    """An event of a room's timeline, or an ephemeral event.

    Attributes:
        type: The type.
        event_id: The event ID.
        room_id: The room.
        sender: The user who sent it.
        origin_server_ts: When the sender's homeserver received it, in milliseconds since 1970.
        timestamp: The same as ``origin_server_ts``.
        state_key: The state key; None if it isn't a state event.
        content: The content, as the class of the event type; an empty content if it is missing
            or malformed.
        unsigned: Data that the homeserver adds; an empty view if there is none.
        redacts: The event that a redaction redacts: the key of the content, or else of the
            event. :meth:`redacts_in` takes the room version into account.
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
        """Make an event from JSON: a :class:`StateEvent` if it has a ``state_key``, an empty
        event if it isn't an object."""
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
        """The event that this redaction redacts in a room of some version.

        Args:
            room_version: The room version, None if it isn't known.
        """
        if room_version is None:
            return self.redacts
        on_top = room_version in _REDACTS_ON_TOP
        return _redacted_by(self if on_top else self.get("content"))

    @property
    def relates_to(self) -> RelatesTo:
        """The relation to another event; an empty view if there is none."""
        return self.content.relates_to or RelatesTo()

    @property
    def reply_to(self) -> EventID | None:
        """The event that it replies to; None for the fallback of a thread."""
        return self.relates_to.reply_to

    @property
    def thread_root(self) -> EventID | None:
        """The root of its thread."""
        return self.relates_to.thread_root

    @property
    def edits(self) -> EventID | None:
        """The event that it edits."""
        return self.relates_to.edits

    @property
    def annotation(self) -> str | None:
        """The key of a reaction; None if it isn't one."""
        return self.relates_to.annotation

    @property
    def new_content(self) -> EventContent | None:
        """The new content of an edit; None if it isn't one."""
        new = self.content.get("m.new_content")
        return read_content(self.get("type"), new) if isinstance(new, dict) else None

    @property
    def mentions(self) -> Mentions:
        """The mentions; an empty view if there are none."""
        return self.content.mentions or Mentions()


class StateEvent(Event):
    """A state event."""

    __slots__ = ()

    @property
    def prev_content(self) -> EventContent | None:
        """The content of the previous state event, as the class of the event type."""
        for place in (self.get("unsigned"), self):
            found = place.get("prev_content") if isinstance(place, dict) else None
            if isinstance(found, dict):
                return read_content(self.get("type"), found)
        return None


class ToDeviceEvent(Event):
    """An event that was sent to a device.

    Attributes:
        to_user_id: The user.
        to_device_id: The device of the user.
    """

    __slots__ = ()

    to_user_id = text(UserID)
    to_device_id = text(DeviceID)
