"""Units of work: what surrounds each attempt of each handler."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeAlias

from ..api.txn_id import REPEATABLE, RepeatableIDs
from ..state_store import ASStateStore
from ..state_store.deliveries import Note, ParkedNote
from .handlers import Step
from .values import Values

__all__ = ["UnitOfWork", "Units"]

#: Makes what surrounds one attempt of a handler.
UnitOfWork: TypeAlias = Callable[[], AbstractContextManager[object]]


class Units:
    """Calls handlers, each attempt in a unit of work.

    From the outside in: what is remembered is kept back; the application's own unit of work; the
    transaction of the state store's database, with the note that the handler is done.

    Args:
        state_store: Where is noted that a handler is done.
        own: Makes the application's own unit of work; None to use that of the binding.

    Attributes:
        default: Makes the unit of work of the binding, where the application has none.
    """

    def __init__(self, state_store: ASStateStore, own: UnitOfWork | None) -> None:
        self._store = state_store
        self._own = own
        self.default: UnitOfWork | None = None

    @property
    def unit_of_work(self) -> UnitOfWork | None:
        """What is entered around each attempt of each handler; None for nothing."""
        return self._own or self.default

    def run(
        self, handler: Step, values: Values, key: str | None = None,
        note: Note | ParkedNote | None = None, joined: bool | None = None,
    ) -> Any:  # fmt: skip
        """Call a handler once.

        Args:
            handler: The handler.
            values: What it may ask for.
            key: The name of what it is called for: what it sends is sent once for that; None if
                that doesn't come again.
            note: What is noted if it succeeds.
            joined: Whether the note is a part of the handler's transaction, as
                :meth:`Deliveries.joins` says; None if that wasn't asked.

        Returns:
            What the handler returns.
        """
        ids = RepeatableIDs(key, handler.name or "") if key is not None else None
        token = REPEATABLE.set(ids)
        try:
            if joined is None:
                joined = self._store.deliveries.joins("connection" in handler.wanted)
            made = self._own or self.default
            if not joined and made is None:
                return handler(values)
            return self._within(handler, values, note, joined, made)
        finally:
            REPEATABLE.reset(token)

    def _within(
        self, handler: Step, values: Values, note: Note | ParkedNote | None, joined: bool,
        made: UnitOfWork | None,
    ) -> Any:  # fmt: skip
        store = self._store
        failed: BaseException | None = None
        result: Any = None
        # The unit of work may hold a lock of the same database.
        with store.keeping_back(), made() if made is not None else nullcontext():
            try:
                if joined:
                    with store.deliveries.unit(note) as connection:
                        result = handler(Values({"connection": connection}, values))
                else:
                    result = handler(values)
            except BaseException as error:
                failed = error
                raise
        if failed is not None:
            # A unit of work that swallows errors doesn't make a success of them.
            raise failed
        return result
