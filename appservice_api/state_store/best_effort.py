"""Best effort: writes to a state store whose failure is only logged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import appservice_api

from ..errors import StateStoreError

__all__ = ["BestEffort"]


class BestEffort:
    """A state store for what the homeserver has answered already: a call doesn't fail because that
    can't be remembered.

    Args:
        state_store: The state store. Its methods are called, and None is returned.
        log: Gets a warning if one fails.
    """

    __slots__ = ("_log", "_state_store")

    def __init__(self, state_store: appservice_api.ASStateStore, log: Any) -> None:
        self._state_store = state_store
        self._log = log

    def __getattr__(self, name: str) -> Callable[..., None]:
        method = getattr(self._state_store, name)

        def write(*args: Any, **kwargs: Any) -> None:
            try:
                method(*args, **kwargs)
            except StateStoreError as error:
                self._log.warning("%s; what the homeserver has answered isn't remembered", error)

        return write
