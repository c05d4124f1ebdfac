"""Checkpoints: which handlers of an event have succeeded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from ..state_store.deliveries import Note, ParkedEvent, ParkedNote
from .handler import Step

__all__ = ["Checkpoint", "ParkedCheckpoint", "mark_of"]


def mark_of(key: str, name: str) -> str:
    """The name under which is noted that one handler of several is done.

    Args:
        key: The name of the event.
        name: The name of the handler.
    """
    return f"$done:{hashlib.sha256(f'{key} {name}'.encode(errors='replace')).hexdigest()}"


class Checkpoint:
    """How far the handlers of an event are.

    Args:
        note: What is noted when all are done.
        done: The names of those that are.
    """

    __slots__ = ("done", "is_noted", "note")

    def __init__(self, note: Note, done: Iterable[str] = ()) -> None:
        self.note = note
        self.done = set(done)
        #: Whether all is noted already.
        self.is_noted = False

    def left(self, steps: list[Step]) -> list[Step]:
        """The steps that aren't done."""
        left = []
        for one in steps:
            if one.name in self.done:
                if one.key is not None:
                    one.succeeded()
            else:
                left.append(one)
        return left

    def next(self, step: Step, last: bool) -> Note | ParkedNote | None:
        """What is noted when a step has succeeded; nothing for one of our own.

        Args:
            step: The step.
            last: Whether all is done then.
        """
        if step.name is None:
            return None
        if last and step.key is None:
            return self.note
        return Note(mark_of(step.key or self.note.key, step.name))

    def succeeded(self, step: Step, note: Note | ParkedNote | None) -> None:
        """Take that a step has succeeded, and was noted."""
        if step.name is not None:
            self.done.add(step.name)
        if step.key is not None:
            step.succeeded()
        self.is_noted = self.is_noted or note is self.note


class ParkedCheckpoint(Checkpoint):
    """How far the handlers of a parked event are.

    Args:
        parked: The event.
        note: What names it.
    """

    __slots__ = ("_names", "_number")

    def __init__(self, parked: ParkedEvent, note: Note) -> None:
        super().__init__(note, parked.done)
        self._number = parked.id
        self._names = parked.done

    def next(self, step: Step, last: bool) -> Note | ParkedNote | None:
        if step.name is None:
            return None
        if step.key is not None:
            return Note(mark_of(step.key, step.name))
        return ParkedNote(self._number, self._names, None if last else (*self._names, step.name))

    def succeeded(self, step: Step, note: Note | ParkedNote | None) -> None:
        super().succeeded(step, note)
        if isinstance(note, ParkedNote):
            self.is_noted = note.done is None
            self._names = note.done or self._names
