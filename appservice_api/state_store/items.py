"""Items: what a state store remembers, and which of two items counts."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from ..clock import now
from ..events.membership import Membership

__all__ = [
    "ACTIVE",
    "CREATE",
    "FUTURE",
    "KINDS",
    "MEMBERSHIPS",
    "MemberItem",
    "RoomItems",
    "Source",
    "StateItem",
    "copied",
    "member_item",
    "memberships_of",
    "now",
    "supersedes",
]

#: The type of a room's first event.
CREATE: Final = "m.room.create"
#: All memberships.
MEMBERSHIPS: Final = frozenset(Membership)
#: The memberships of users who are in a room, or may join it.
ACTIVE: Final = (Membership.JOIN, Membership.INVITE)

#: The state events, beside memberships, that a store remembers; all have an empty state key.
KINDS: Final = frozenset(
    {
        CREATE,
        "m.room.encryption",
        "m.room.join_rules",
        "m.room.power_levels",
        "m.room.tombstone",
    }
)
#: How many milliseconds the clocks of machines may differ.
FUTURE: Final = 60_000


class Source(str, enum.Enum):
    """Where an item came from."""

    SENT = "sent"
    RECEIVED = "received"
    FETCHED = "fetched"


class StateItem(NamedTuple):
    """A piece of a room's state.

    Attributes:
        content: The content of the event; None if the room is known to have none.
        ts: When it came to be, in milliseconds since 1970: the ``origin_server_ts`` of an event
            that was received, the time of this machine for what was sent or fetched.
        source: Where it came from.
        event_id: The event, None where it isn't known.
        sender: Who sent it, None where it isn't known.
    """

    content: dict[str, Any] | None
    ts: int
    source: Source
    event_id: str | None = None
    sender: str | None = None


class MemberItem(NamedTuple):
    """The membership and the profile of a user in a room.

    Attributes:
        membership: The membership.
        ts, source, event_id: As those of a :class:`StateItem`.
        displayname: The display name in the room, None for none.
        avatar_url: The avatar in the room, None for none.
        knows_profile: False if the item has no profile: the one that is known stays.
    """

    membership: Membership
    ts: int
    source: Source
    event_id: str | None = None
    displayname: str | None = None
    avatar_url: str | None = None
    knows_profile: bool = True

    def content(self) -> dict[str, Any]:
        """The membership and the profile, with the keys of ``m.room.member``."""
        fields = {
            "membership": self.membership.value,
            "displayname": self.displayname,
            "avatar_url": self.avatar_url,
        }
        return {key: value for key, value in fields.items() if value is not None}


class RoomItems(NamedTuple):
    """The items of a room.

    Attributes:
        members: Members by user ID.
        states: State events by type.
        full: Whether all joined members are known.
    """

    members: dict[str, MemberItem]
    states: dict[str, StateItem]
    full: bool = False


def supersedes(new: StateItem | MemberItem, known: StateItem | MemberItem) -> bool:
    """Whether an item replaces the one that is known: it isn't older, or it is the same event,
    whose true time is known now.

    An item from more than a minute in the future was noted before a clock was set back: it counts
    as a minute old (:data:`FUTURE`).
    """
    present = now()
    when = known.ts if known.ts <= present + FUTURE else present - FUTURE
    return new.ts >= when or (new.event_id is not None and new.event_id == known.event_id)


def member_item(
    content: Mapping[str, Any], source: Source, ts: int | None, event_id: str | None = None
) -> MemberItem:
    """The item of the content of an ``m.room.member`` event.

    Args:
        content: The content.
        source: Where it came from.
        ts: When it came to be, in milliseconds since 1970; None for now.
        event_id: The event, None where it isn't known.
    """
    name, avatar = content.get("displayname"), content.get("avatar_url")
    return MemberItem(
        Membership.known(content.get("membership", "join")), now() if ts is None else ts, source,
        event_id, name if isinstance(name, str) else None,
        avatar if isinstance(avatar, str) else None,
    )  # fmt: skip


def memberships_of(given: Iterable[Membership | str]) -> set[Membership]:
    """The memberships of an argument: one or several, as text or not."""
    return {Membership(one) for one in ((given,) if isinstance(given, str) else given)}


def copied(json: Any) -> Any:
    """A deep copy of JSON, of plain dicts and lists: a store shares nothing with its callers."""
    if isinstance(json, Mapping):
        return {key: copied(value) for key, value in json.items()}
    return [copied(one) for one in json] if isinstance(json, (list, tuple)) else json
