"""Transaction: what the homeserver pushes in one request.

Spec: Application Service API, "Pushing events"; MSC3202 and MSC4203 for encryption.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

__all__ = ["LISTS", "LONGEST_NAME", "Item", "Transaction", "name_of", "room_name"]

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
#: The most characters of the name of an event, room or user.
LONGEST_NAME = 255
# What has no ID is named by its transaction; no database cuts such a name.
_LONGEST_START = 200
#: The kinds of items that aren't events.
LISTS = frozenset({"device_lists", "one_time_keys", "fallback_keys"})


class Item(NamedTuple):
    """One thing that was pushed.

    Attributes:
        kind: ``event``, ``ephemeral``, ``to_device``, ``device_lists``, ``one_time_keys`` or
            ``fallback_keys``.
        key: Its name, which every database can store: the event ID, or the transaction and where
            it stands in that.
        content: What was pushed, of any type.
    """

    kind: str
    key: str
    content: Any


class Transaction:
    """A transaction. Nothing in it is changed; what isn't of the right type is kept.

    Args:
        id: The homeserver's number of it.
        json: Its body.
        data: The same as bytes.

    Attributes:
        events: Events of rooms.
        ephemeral: Typing, receipts, presence; what comes under two names is read once.
        to_device: What was sent to ghosts' devices.
        device_lists: Whose devices have ``changed``, and who has ``left``; None if absent.
        one_time_keys: How many keys are left, by user, device and algorithm; None if absent.
        fallback_keys: The unused kinds, by user and device; None if absent.
        digest: Differs between transactions of the same number. It is made of the IDs of the
            events: a repeated transaction has new ages, and may lack what isn't an event of a
            room.
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
        """All of it, in the order in which it is to be handled: keys before what they decrypt."""
        start = f"{self.id}:{self.digest}"
        if len(start) > _LONGEST_START:
            start = hashlib.sha256(start.encode()).hexdigest()
        for kind, content in (
            ("device_lists", self.device_lists), ("one_time_keys", self.one_time_keys),
            ("fallback_keys", self.fallback_keys),
        ):  # fmt: skip
            if content is not None:
                yield Item(kind, f"{start}:{kind}:0", content)
        for index, one in enumerate(self.to_device):
            yield Item("to_device", f"{start}:to_device:{index}", one)
        for index, one in enumerate(self.events):
            yield Item("event", self._names[index] or f"{start}:event:{index}", one)
        for index, one in enumerate(self.ephemeral):
            yield Item("ephemeral", f"{start}:ephemeral:{index}", one)

    def rooms(self) -> set[str]:
        """The rooms that it has events of."""
        found = {
            name for one in self.events
            if isinstance(one, dict) and isinstance(name := one.get("room_id"), str)
        }  # fmt: skip
        return {room for room in map(room_name, found) if room is not None}

    def __repr__(self) -> str:
        return f"<Transaction {self.id}, {len(self.events)} events>"


def name_of(found: object) -> str | None:
    """A text as a name that every database can store; None if it isn't one."""
    if isinstance(found, str) and 0 < len(found) <= LONGEST_NAME:
        return found if found.isascii() and found.isprintable() else None
    return None


#: :func:`name_of` a room; the same rooms come again and again.
room_name = lru_cache(maxsize=1024)(name_of)


def _list(found: Any) -> list[Any]:
    if found is None:
        return []
    return found if isinstance(found, list) else [found]


def _first(json: dict[str, Any], names: tuple[str, ...]) -> Any:
    """The value of the first of the names that is there."""
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
    """An event without an ID, but for what changes with each repeat."""
    if not isinstance(found, dict):
        return found
    return {key: value for key, value in found.items() if key not in ("age", "unsigned")}
