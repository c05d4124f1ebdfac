"""Deliveries: what is known of transactions and events that the homeserver pushes.

A transaction is claimed, handled and finished; whoever dies in between loses the claim after a
while, and its events that were handled aren't handled again. Shared by all processes that share a
state store.
"""

from __future__ import annotations

import abc
import enum
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

__all__ = ["Begun", "Claim", "ClaimLost", "Deliveries", "Note", "ParkedEvent", "ParkedNote"]


class ClaimLost(Exception):
    """Somebody else has handled an event meanwhile: what its handler wrote was rolled back."""


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
        key: Its event ID, or another name of what was pushed; None if it isn't known.
        done: The names of the handlers that have succeeded, and aren't called again.
    """

    id: int
    event: dict[str, Any]
    error: str
    parked_at: int
    key: str | None = None
    done: tuple[str, ...] = ()


class Begun(NamedTuple):
    """That processes began to handle an event, and weren't heard of again.

    Attributes:
        times: How many, one after the other.
        begun_at: When the last one did, in milliseconds since 1970; 0 if it isn't known.
    """

    times: int
    begun_at: int


class Note(NamedTuple):
    """That an event, or one of its handlers, is done; see :meth:`Deliveries.note_handled`."""

    key: str
    room_id: str | None = None
    ts: int | None = None


class ParkedNote(NamedTuple):
    """That a handler of a parked event is done.

    Attributes:
        number: The number of the event.
        before: The names of the handlers that were done before.
        done: The names of all that are done now; None if none is left, and the event is taken
            back.
    """

    number: int
    before: tuple[str, ...]
    done: tuple[str, ...] | None


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

    def note(self, note: Note | ParkedNote) -> None:
        """Note that a handler is done, in a transaction of its own."""
        if isinstance(note, Note):
            self.note_handled(*note)
        elif note.done is None:
            self.unpark(note.number)
        else:
            self.set_done(note.number, note.done)

    def is_noted(self, note: Note | ParkedNote) -> bool:
        """Whether that is noted: a handler that failed afterwards is done all the same."""
        if isinstance(note, Note):
            return bool(self.handled([note.key]))
        parked = self.parked_event(note.number)
        if parked is None or note.done is None:
            return parked is None
        return set(note.done) <= set(parked.done)

    # A handler's unit of work.

    #: Whether handlers may ask for ``connection``.
    has_connection = False

    def joins(self, wants_connection: bool) -> bool:
        """Whether what is noted of a handler can be a part of the transaction in which the
        handler itself writes.

        Args:
            wants_connection: Whether the handler asks for ``connection``.
        """
        return False

    def unit(self, note: Note | ParkedNote | None) -> AbstractContextManager[Any]:
        """A transaction for a handler, where :meth:`joins` says so. Its value is the connection.
        At the end of the block it is committed, with the note; it is rolled back if the block
        raises.

        Args:
            note: What is noted; None for nothing.

        Raises:
            ClaimLost: It was noted already; the transaction was rolled back.
        """
        raise NotImplementedError

    # Processes that died.

    def takeovers(self, transaction_id: str, digest: str) -> int:
        """How often a transaction was taken over from somebody who died, as :meth:`claim` has
        found it; 0 where that isn't known."""
        return 0

    def begin(self, key: str, times: int) -> None:
        """Note that an event is about to be handled, where processes have died.

        Args:
            key: Its event ID, or another name of what was pushed.
            times: How often that has happened, this time included.
        """

    def begun(self, keys: Iterable[str]) -> dict[str, Begun]:
        """Which of these were begun, and not :meth:`ended`.

        Args:
            keys: Event IDs, or other names of what was pushed.
        """
        return {}

    def ended(self, key: str) -> None:
        """Note that nobody died of an event."""

    # Events that were put aside.

    @abc.abstractmethod
    def park(
        self, event: Mapping[str, Any], error: str, *, key: str | None = None,
        done: Iterable[str] = (), note: Note | None = None, instead_of: int | None = None,
    ) -> int:  # fmt: skip
        """Put an event aside whose handler failed.

        Args:
            event: The event.
            error: The traceback.
            key, done: As those of a :class:`ParkedEvent`.
            note: What else is noted at the same time: that it was handled.
            instead_of: The number under which it was parked before, and isn't any more.

        Returns:
            Its number.
        """

    @abc.abstractmethod
    def set_done(self, number: int, done: Iterable[str]) -> None:
        """Note which handlers of a parked event have succeeded.

        Args:
            number: The number of the event.
            done: All their names.
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
