"""Start: catching up before the first transaction is taken."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ..clock import now
from ..fork import renew_after_fork
from .backlog import Backlog
from .delivery import EVERYWHERE, Delivery

if TYPE_CHECKING:
    from ..application import AppService

__all__ = ["Start"]

# Where is kept when a start was done.
_STARTED = "$started"
_LOOK = 0.25


class Start:
    """Catches up once in a process, in a thread, if that is wanted; transactions wait meanwhile.
    If it fails and may succeed later, the next request begins it again.

    Of several processes that start at once, one does it, and the others wait for it; if it dies,
    the next one does it.

    Args:
        app: The application service.
        backlog: Who catches up.
        delivery: Who has rooms to himself.
    """

    def __init__(self, app: AppService, backlog: Backlog, delivery: Delivery) -> None:
        self._app = app
        self._backlog = backlog
        self._delivery = delivery
        self._after_fork()
        renew_after_fork(self)

    def _after_fork(self) -> None:
        self._lock = threading.Lock()
        self._done = False
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._stopping = threading.Event()

    def begin(self) -> threading.Event | None:
        """Begin it, unless that was done.

        Returns:
            What is set when transactions may be taken; None if they may now.
        """
        if not self._app.catch_up_at_start or self._done:
            return None
        with self._lock:
            if self._done:
                return None
            if self._thread is None:
                self._stopping.clear()
                self._ended = threading.Event()
                self._thread = threading.Thread(
                    target=self._run, args=(self._ended,), name="catching up", daemon=True
                )
                self._thread.start()
            return self._ended

    @property
    def done(self) -> bool:
        """Whether transactions may be taken."""
        return self._done

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
            if self._app.api._shared.closed.is_set():
                return  # nothing is taken any more
            self._done = not getattr(error, "temporary", False)
            what = (
                "newer events are handled all the same" if self._done
                else "newer events wait until that was tried again"
            )  # fmt: skip
            self._app.log.warning("can't catch up, %s: %s", what, error)
        finally:
            with self._lock:
                self._thread = None
            ended.set()
            self._app.state_store.leave_thread()

    def _catch_up_in_turn(self) -> None:
        deliveries, began = self._app.state_store.deliveries, now()
        stopping = self._stopping
        while not self._delivery.try_alone(EVERYWHERE):
            # Another process is at it, or has died at it.
            if self._app.api._shared.clock.wait(stopping, _LOOK):
                return
        try:
            if int(deliveries.settled(_STARTED) or 0) < began:
                self._catch_up()
            if not stopping.is_set():
                deliveries.settle(_STARTED, str(now()))
                self._done = True
        finally:
            self._delivery.release(EVERYWHERE)

    def _catch_up(self) -> None:
        log = self._app.log
        log.info("catching up; what is pushed meanwhile waits")
        found = self._backlog.catch_up(stopping=self._stopping)
        log.info("caught up: %d events were missed", sum(found.events.values()))
        for room_id, refusal in found.failed.items():
            log.warning("can't catch up in %s: %s", room_id, refusal)
