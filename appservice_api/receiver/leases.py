"""Leases: claims are renewed as long as this process works on them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from ..fork import renew_after_fork
from ..state_store import ASStateStore
from ..state_store.keys import ClaimKey

__all__ = ["Leases"]

# Seconds.
_LONGEST_PAUSE = 10.0


class Leases:
    """Renews claims, all of them by one thread, which ends when there are none.

    Args:
        seconds: How long a claim lasts without renewal.
        look: Called at each renewal, in its thread.
    """

    def __init__(
        self, state_store: ASStateStore, seconds: float, log: Any, look: Callable[[], None]
    ) -> None:
        self.seconds = seconds
        self._store = state_store
        self._log = log
        self._look = look
        self._reset()
        renew_after_fork(self)

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._running = False
        # Set when the claim is released; made when somebody waits for it.
        self._held: dict[ClaimKey, threading.Event | None] = {}
        self._pause = threading.Event()

    _after_fork = _reset

    def hold(self, key: ClaimKey) -> None:
        """Renew a claim from now on."""
        with self._lock:
            self._held[key] = None
            if not self._running:
                self._running = True
                threading.Thread(target=self._keep, name="leases", daemon=True).start()

    def release(self, key: ClaimKey) -> None:
        """Renew a claim no longer, and wake who waits for it."""
        with self._lock:
            ended = self._held.pop(key, None)
        if ended is not None:
            ended.set()

    def end_of(self, key: ClaimKey) -> threading.Event | None:
        """Set when a claim of this process is released; None if it is another process's."""
        with self._lock:
            if key not in self._held:
                return None
            ended = self._held[key]
            if ended is None:
                ended = self._held[key] = threading.Event()
            return ended

    def _keep(self) -> None:
        while True:
            self._pause.wait(min(self.seconds / 3, _LONGEST_PAUSE))
            with self._lock:
                held = list(self._held)
                if not held:
                    self._running = False
                    return
            for key in held:
                self._renew(key)
            self._look()
            self._store.leave_thread()

    def _renew(self, key: ClaimKey) -> None:
        try:
            self._store.deliveries.renew(key, self.seconds)
        except Exception as error:
            self._log.warning(
                "%s %s: the claim can't be renewed: %s", key.kind.value, key.name, error
            )
