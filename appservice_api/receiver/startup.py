"""Startup: catching up before the first transaction is handled."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ..appservice import AppServiceAPI
from ..clock import now
from ..fork import renew_after_fork
from .backlog import Backlog
from .claims import EVERYWHERE, Claims
from .runtime import Runtime

__all__ = ["Startup"]

_LOOK = 0.25


class Startup:
    """Catches up once in a process, in a thread, if that is wanted; transactions wait meanwhile.
    If it fails and may succeed later, the next request begins it again.

    Of several processes that start at once, one does it, and the others wait for it; if it dies,
    the next one does it.

    Args:
        wanted: Tells whether it is wanted.

    Attributes:
        done: Whether transactions may be handled.
    """

    def __init__(
        self, wanted: Callable[[], bool], backlog: Backlog, claims: Claims, api: AppServiceAPI,
        runtime: Runtime,
    ) -> None:  # fmt: skip
        self._wanted = wanted
        self._backlog = backlog
        self._claims = claims
        self._store = api.state_store
        self._log = api.base_log
        self._runtime = runtime
        self._after_fork()
        renew_after_fork(self)

    def _after_fork(self) -> None:
        self._lock = threading.Lock()
        self.done = False
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._stopping = threading.Event()

    def begin(self) -> threading.Event | None:
        """Begin it, unless that was done.

        Returns:
            What is set when transactions may be handled; None if they may now.
        """
        if self.done or not self._wanted():
            return None
        with self._lock:
            if self.done:
                return None
            if self._thread is None:
                self._stopping.clear()
                self._ended = threading.Event()
                self._thread = threading.Thread(
                    target=self._run, args=(self._ended,), name="catching up", daemon=True
                )
                self._thread.start()
            return self._ended

    def stop(self, grace: float) -> bool:
        """Have it stop soon, and wait for that.

        Args:
            grace: Seconds to wait at most.

        Returns:
            Whether it has stopped.
        """
        thread = self._thread
        if thread is None:
            return True
        self._stopping.set()
        thread.join(grace)
        return not thread.is_alive()

    def _run(self, ended: threading.Event) -> None:
        try:
            self._catch_up_in_turn()
        except Exception as error:
            if self._runtime.closed.is_set():
                return  # nothing is handled any more
            self.done = not getattr(error, "temporary", False)
            what = (
                "newer events are handled all the same" if self.done
                else "newer events wait until that was tried again"
            )  # fmt: skip
            self._log.warning("can't catch up, %s: %s", what, error)
        finally:
            with self._lock:
                self._thread = None
            ended.set()
            self._store.leave_thread()

    def _catch_up_in_turn(self) -> None:
        deliveries, began = self._store.deliveries, now()
        stopping = self._stopping
        while not self._claims.try_alone(EVERYWHERE):
            # Another process is at it, or has died at it.
            if self._runtime.clock.wait(stopping, _LOOK):
                return
        try:
            if (deliveries.caught_up() or 0) < began:
                self._catch_up()
            if not stopping.is_set():
                deliveries.set_caught_up(now())
                self.done = True
        finally:
            self._claims.release(EVERYWHERE)

    def _catch_up(self) -> None:
        log = self._log
        log.info("catching up; what is pushed meanwhile waits")
        found = self._backlog.catch_up(stopping=self._stopping)
        log.info("caught up: %d events were missed", sum(found.events.values()))
        for room_id, refusal in found.failed.items():
            log.warning("can't catch up in %s: %s", room_id, refusal)
