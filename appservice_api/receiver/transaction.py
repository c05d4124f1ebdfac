"""A transaction: what the homeserver pushes at once.

Spec: Application Service API, "Pushing events"; MSC3202 and MSC4203 for what encryption needs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from .nesting import cut

__all__ = ["LISTS", "LONGEST_NAME", "Item", "Transaction", "name_of", "parked_as", "unparked"]

_EPHEMERAL = ("ephemeral", "de.sorunome.msc2409.ephemeral")
_TO_DEVICE = ("to_device", "de.sorunome.msc2409.to_device")
_MSC3202 = "org.matrix.msc3202."
_LISTS = ("device_lists", f"{_MSC3202}device_lists")
_COUNTS = (
    "device_one_time_keys_count",
    f"{_MSC3202}device_one_time_keys_count",
    f"{_MSC3202}device_one_time_key_counts",
)
_FALLBACK = ("device_unused_fallback_key_types", f"{_MSC3202}device_unused_fallback_key_types")
#: How many characters the name of an event, room or user has at most.
LONGEST_NAME = 255
# The names of what has no ID begin with that of its transaction; no database cuts them.
_LONGEST_START = 200
#: The kinds of items that aren't events.
LISTS = frozenset({"device_lists", "one_time_keys", "fallback_keys"})


class Item(NamedTuple):
    """One thing that was pushed.

    Attributes:
        kind: ``event``, ``ephemeral``, ``to_device``, ``device_lists``, ``one_time_keys`` or
            ``fallback_keys``.
        key: What it is known by: the event ID, or where it stands in which transaction. A name
            that every database takes as it is.
        content: What was pushed, of any type.
    """

    kind: str
    key: str
    content: Any


class Transaction:
    """A transaction. Nothing in it is changed; what isn't of the right type is still there.

    Args:
        id: The homeserver's number of it.
        json: Its body.
        data: The same as bytes.

    Attributes:
        events: Events of rooms.
        ephemeral: Typing, receipts, presence; what comes under two names is taken once.
        to_device: What was sent to ghosts' devices.
        device_lists: Whose devices have ``changed``, and who has ``left``; None if not told.
        one_time_keys: How many keys are left, by user, device and algorithm; None if not told.
        fallback_keys: The unused kinds, by user and device; None if not told.
        digest: What tells it from another transaction of the same number. Repeated transactions
            have new ages, and may be without what isn't an event of a room: so the IDs of the
            events are what counts.
    """

    __slots__ = (
        "_names", "device_lists", "digest", "ephemeral", "events", "fallback_keys", "id",
        "one_time_keys", "to_device",
    )  # fmt: skip

    def __init__(self, id: str, json: dict[str, Any], data: bytes) -> None:
        self.id = id if name_of(id) else hashlib.sha256(id.encode("utf-8", "replace")).hexdigest()
        self.events = _list(json.get("events"))
        self.ephemeral = _list(_first(json, _EPHEMERAL))
        self.to_device = _list(_first(json, _TO_DEVICE))
        self.device_lists = _first(json, _LISTS)
        self.one_time_keys = _first(json, _COUNTS)
        self.fallback_keys = _first(json, _FALLBACK)
        self._names = [
            name_of(one.get("event_id")) if isinstance(one, dict) else None for one in self.events
        ]
        self.digest = _digest(self.events, self._names, data)

    def items(self) -> Iterator[Item]:
        """All of it, in the order in which it is to be handled: keys before what they open."""
        start = f"{self.id}:{self.digest}"
        if len(start) > _LONGEST_START:
            start = hashlib.sha256(start.encode()).hexdigest()
        for kind, told in (
            ("device_lists", self.device_lists), ("one_time_keys", self.one_time_keys),
            ("fallback_keys", self.fallback_keys),
        ):  # fmt: skip
            if told is not None:
                yield Item(kind, f"{start}:{kind}:0", told)
        for index, one in enumerate(self.to_device):
            yield Item("to_device", f"{start}:to_device:{index}", one)
        for index, one in enumerate(self.events):
            yield Item("event", self._names[index] or f"{start}:event:{index}", one)
        for index, one in enumerate(self.ephemeral):
            yield Item("ephemeral", f"{start}:ephemeral:{index}", one)

    def __repr__(self) -> str:
        return f"<Transaction {self.id}, {len(self.events)} events>"


def parked_as(item: Item) -> dict[str, Any]:
    """The object as which an item is put aside: an event as it was pushed, but for what no store
    could copy or write."""
    content = cut(item.content)
    if item.kind in LISTS:
        return {item.kind: content}
    return content if isinstance(content, dict) else {"content": content}


def unparked(found: dict[str, Any], number: int, name: str | None = None) -> Item:
    """The item that was put aside as an object.

    Args:
        found: The object.
        number: The number under which it was.
        name: The key that it had.
    """
    key = name or f"parked:{number}"
    if len(found) == 1:
        [(name, content)] = found.items()
        if name in LISTS:
            return Item(name, key, content)
        if name == "content" and not isinstance(content, dict):
            return Item("event", key, content)
    if "to_user_id" in found:
        return Item("to_device", key, found)
    return Item("event" if "event_id" in found else "ephemeral", key, found)


def name_of(found: object) -> str | None:
    """A text as a name that every database takes; None if it isn't one."""
    if isinstance(found, str) and 0 < len(found) <= LONGEST_NAME:
        return found if found.isascii() and found.isprintable() else None
    return None


def _list(found: Any) -> list[Any]:
    if found is None:
        return []
    return found if isinstance(found, list) else [found]


def _first(json: dict[str, Any], names: tuple[str, ...]) -> Any:
    """What stands under the first of the names that is there."""
    for name in names:
        found = json.get(name)
        if found is not None:
            return found
    return None


def _digest(events: list[Any], ids: list[str | None], data: bytes) -> str:
    if not events:
        return hashlib.sha256(data).hexdigest()
    if None not in ids:
        # A name has no line feed.
        return hashlib.sha256("\n".join(map(str, ids)).encode()).hexdigest()
    names = [name or _ageless(one) for name, one in zip(ids, events, strict=True)]
    return hashlib.sha256(json.dumps(names).encode()).hexdigest()


def _ageless(found: Any) -> Any:
    """What has no ID, as it is, without what changes with each repeat."""
    if not isinstance(found, dict):
        return found
    return {key: value for key, value in found.items() if key not in ("age", "unsigned")}
