"""Deliveries: what is known of transactions and events that the homeserver pushes.

A transaction is claimed, handled and finished; whoever dies in between loses the claim after a
while, and its events that were handled aren't handled again. Shared by all processes that share a
state store.
"""

from __future__ import annotations

import abc
import enum
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

__all__ = ["Claim", "Deliveries", "ParkedEvent"]


class Claim(enum.Enum):
    """What came of asking for a transaction."""

    #: Nobody handles it, or whoever did has died: it is the caller's now.
    MINE = "mine"
    #: Somebody is handling it at this moment.
    BUSY = "busy"
    #: It was handled and acknowledged.
    DONE = "done"


class ParkedEvent(NamedTuple):
    """An event whose handler failed again and again.

    Attributes:
        id: Its number.
        event: The event, as it was pushed.
        error: The traceback of the last failure.
        parked_at: When it was parked, in milliseconds since 1970.
    """

    id: int
    event: dict[str, Any]
    error: str
    parked_at: int


class Deliveries(abc.ABC):
    """The contract. All methods are thread-safe, and take effect before they return.

    A transaction is named by its ID and a digest of its body, since a homeserver whose database is
    new counts from 1 again. Old entries are forgotten: how many are kept is bounded.
    """

    @abc.abstractmethod
    def claim(self, transaction_id: str, digest: str, lease: float) -> Claim:
        """Ask for a transaction, to handle it.

        Args:
            transaction_id: The homeserver's number of it.
            digest: The digest of its body.
            lease: Seconds after which the claim is nobody's, unless it is renewed.
        """

    @abc.abstractmethod
    def renew(self, transaction_id: str, digest: str, lease: float) -> None:
        """Keep a claim for so many more seconds from now."""

    @abc.abstractmethod
    def finish(self, transaction_id: str, digest: str) -> None:
        """Note that a transaction was handled: from now on it is done."""

    @abc.abstractmethod
    def give_up(self, transaction_id: str, digest: str) -> None:
        """Give a claim back: the next one who asks gets it."""

    @abc.abstractmethod
    def in_flight(self) -> set[tuple[str, str]]:
        """What is claimed now and neither finished nor given up, by anybody: IDs and digests."""

    @abc.abstractmethod
    def handled(self, keys: Iterable[str]) -> set[str]:
        """Which of these were handled.

        Args:
            keys: Event IDs, or other names of what was pushed.
        """

    @abc.abstractmethod
    def note_handled(self, key: str, room_id: str | None = None, ts: int | None = None) -> None:
        """Note that an event was handled.

        Args:
            key: Its event ID, or another name of what was pushed.
            room_id: Its room, for :meth:`last_handled`; None for none.
            ts: Its ``origin_server_ts`` in milliseconds.
        """

    def note_all_handled(self, events: Iterable[tuple[str, str | None, int | None]]) -> None:
        """Note that several events were handled, in databases at the cost of one.

        Whoever dies before has handled them unnoted: it is for events that nobody handles, and
        that may come again.

        Args:
            events: What :meth:`note_handled` takes, in the order in which they were handled.
        """
        for key, room_id, ts in events:
            self.note_handled(key, room_id, ts)

    @abc.abstractmethod
    def last_handled(self, room_id: str) -> str | None:
        """The event of a room that was handled last, None if none was."""

    @abc.abstractmethod
    def first_handled(self, room_id: str) -> str | None:
        """The event of a room that was handled first of those that are remembered."""

    @abc.abstractmethod
    def settle(self, room_id: str, event_id: str) -> None:
        """Note that of a room, an event and all before it need no looking after any more."""

    @abc.abstractmethod
    def settled(self, room_id: str) -> str | None:
        """The event that :meth:`settle` was last told of, None if it was never."""

    @abc.abstractmethod
    def park(self, event: Mapping[str, Any], error: str) -> int:
        """Put an event aside whose handler failed.

        Returns:
            Its number.
        """

    @abc.abstractmethod
    def parked(self) -> list[ParkedEvent]:
        """All events that were put aside, the oldest first."""

    def count_parked(self) -> int:
        """How many events are put aside now."""
        return len(self.parked())

    @abc.abstractmethod
    def parked_event(self, number: int) -> ParkedEvent | None:
        """An event that was put aside; None if there is none of this number (any more)."""

    @abc.abstractmethod
    def unpark(self, number: int) -> ParkedEvent | None:
        """Take an event back; None if there is none of this number (any more)."""
