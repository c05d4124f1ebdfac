"""Opens the state store that a caller names."""

from __future__ import annotations

from .abstract import ASStateStore
from .memory import MemoryStateStore

__all__ = ["open_state_store"]


def open_state_store(given: ASStateStore | str | None) -> ASStateStore:
    """The state store that an argument means, ready for use.

    Args:
        given: A store, which is used as it is; a database URL of SQLAlchemy
            (``sqlite:///state.db``, ``postgresql+psycopg://user@host/name``); None for a store in
            memory.

    Raises:
        ValueError: It is none of these.
        MissingExtraError: A URL is given, and the extra ``sql`` isn't installed.
        StateStoreError: The database can't be used.
    """
    if given is None:
        return MemoryStateStore()
    if isinstance(given, str):
        from .sql import SQLStateStore

        store = SQLStateStore(given)
        store.open()
        return store
    if not hasattr(given, "update_state"):
        raise ValueError(f"state_store must be an ASStateStore or a database URL, not {given!r}")
    return given
