"""Deliveries: what is known of transactions and events that the homeserver pushes.

A transaction is claimed, handled and finished. A process that dies in between loses the claim when
its lease is over, and events that it has handled aren't handled again. All processes that share a
state store share its deliveries.
"""

from __future__ import annotations

import abc
import enum
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from .keys import ClaimKey, ClaimKind, NoteKey

__all__ = ["Begun", "Claim", "ClaimLost", "Deliveries", "Note", "ParkedEvent", "ParkedNote"]


class ClaimLost(Exception):
    """Another process has handled an event meanwhile: what its handler wrote was rolled back."""


class Claim(enum.Enum):
    """The result of a claim."""

    #: Nobody held it, or the process that held it has died: it is the caller's now.
    MINE = "mine"
    #: Another thread or process holds it at this moment.
    BUSY = "busy"
    #: The transaction was handled and acknowledged.
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
    """That processes began to handle an event, and died.

    Attributes:
        times: How many processes, one after the other.
        begun_at: When the last one began, in milliseconds since 1970; 0 if it isn't known.
    """

    times: int
    begun_at: int


class Note(NamedTuple):
    """That something is done.

    Attributes:
        key: What: the ID of an event, or another name of what was pushed, if that was handled; or a
            key of another kind.
        room_id: The room of the event, for :meth:`Deliveries.last_handled`; None for none.
        ts: The ``origin_server_ts`` of the event in milliseconds.
    """

    key: str | NoteKey
    room_id: str | None = None
    ts: int | None = None


class ParkedNote(NamedTuple):
    """That a handler of a parked event is done.

    Attributes:
        number: The number of the event.
        before: The names of the handlers that were done before.
        done: The names of all that are done now; None if all are, and the event is unparked.
    """

    number: int
    before: tuple[str, ...]
    done: tuple[str, ...] | None


class Deliveries(abc.ABC):
    """The contract. All methods are thread-safe, and take effect before they return.

    Old entries are forgotten: how many are kept is bounded.
    """

    # Claims.

    @abc.abstractmethod
    def claim(self, key: ClaimKey, lease: float) -> Claim:
        """Claim something for exclusive use.

        Args:
            key: What is claimed.
            lease: Seconds after which the claim is over, unless it is renewed.
        """

    @abc.abstractmethod
    def renew(self, key: ClaimKey, lease: float) -> None:
        """Keep a claim for so many more seconds from now, longer or shorter than before."""

    @abc.abstractmethod
    def finish(self, key: ClaimKey) -> None:
        """Note that a transaction was handled: from now on it is done."""

    @abc.abstractmethod
    def give_up(self, key: ClaimKey) -> None:
        """Give up a claim: the next caller gets it."""

    @abc.abstractmethod
    def in_flight(self, kind: ClaimKind) -> set[ClaimKey]:
        """The claims of a kind that are in force, of all processes."""

    def takeovers(self, key: ClaimKey) -> int:
        """How often a claim was taken over from processes that died, as :meth:`claim` has found it;
        0 where that isn't known."""
        return 0

    # What is done.

    @abc.abstractmethod
    def handled(self, keys: Iterable[str | NoteKey]) -> set[str | NoteKey]:
        """Which of these are noted.

        Args:
            keys: Event IDs, or other names of what was pushed, that may have been handled; and
                other keys that may be noted.
        """

    @abc.abstractmethod
    def note_handled(
        self, key: str | NoteKey, room_id: str | None = None, ts: int | None = None
    ) -> None:
        """Note that an event was handled, or something else is done.

        Args:
            key, room_id, ts: As those of a :class:`Note`.
        """

    def note_all_handled(self, notes: Iterable[Note]) -> None:
        """Note several, in databases at the cost of one.

        If the process dies first, they were handled but aren't noted: this is for events without a
        handler, which may come again.

        Args:
            notes: What is noted, in the order in which it was done.
        """
        for note in notes:
            self.note_handled(*note)

    @abc.abstractmethod
    def last_handled(self, room_id: str) -> str | None:
        """The event of a room that was handled last, None if none was."""

    @abc.abstractmethod
    def first_handled(self, room_id: str) -> str | None:
        """The event of a room that was handled first of those that are remembered."""

    # How far catching up is.

    @abc.abstractmethod
    def set_checkpoint(self, room_id: str, event_id: str) -> None:
        """Note that a room is caught up to an event: nothing before it was missed."""

    @abc.abstractmethod
    def checkpoint(self, room_id: str) -> str | None:
        """The event up to which a room is caught up, None if it never was."""

    @abc.abstractmethod
    def set_caught_up(self, ts: int) -> None:
        """Note when all rooms were caught up.

        Args:
            ts: When that ended, in milliseconds since 1970.
        """

    @abc.abstractmethod
    def caught_up(self) -> int | None:
        """When all rooms were caught up last, in milliseconds since 1970; None for never."""

    def ping(self) -> None:
        """Check that the store can be reached.

        Raises:
            StateStoreError: It can't.
        """
        self.caught_up()

    # Handlers.

    def note(self, note: Note | ParkedNote) -> None:
        """Note that a handler is done, in a transaction of its own."""
        if isinstance(note, Note):
            self.note_handled(*note)
        elif note.done is None:
            self.unpark(note.number)
        else:
            self.set_done(note.number, note.done)

    def is_noted(self, note: Note | ParkedNote) -> bool:
        """Whether that is noted; then the handler is done even if it failed afterwards."""
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

    def begin(self, key: str | NoteKey, times: int) -> None:
        """Note that an event is about to be handled, after processes have died.

        Args:
            key: Its event ID, or another name of what was pushed; the number of a parked event.
            times: How often that has happened, this time included.
        """

    def begun(self, keys: Iterable[str | NoteKey]) -> dict[str | NoteKey, Begun]:
        """Which of these were begun, and not :meth:`ended`.

        Args:
            keys: As for :meth:`begin`.
        """
        return {}

    def ended(self, key: str | NoteKey) -> None:
        """Note that the process is alive after an event was handled."""

    # Parked events.

    @abc.abstractmethod
    def park(
        self, event: Mapping[str, Any], error: str, *, key: str | None = None,
        done: Iterable[str] = (), note: Note | None = None, instead_of: int | None = None,
    ) -> int:  # fmt: skip
        """Park an event whose handler failed.

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
        """All parked events, the oldest first."""

    def count_parked(self) -> int:
        """How many events are parked now."""
        return len(self.parked())

    @abc.abstractmethod
    def parked_event(self, number: int) -> ParkedEvent | None:
        """The parked event of a number; None if there is none (any more)."""

    @abc.abstractmethod
    def unpark(self, number: int) -> ParkedEvent | None:
        """Remove the parked event of a number, and return it; None if there is none (any more)."""
