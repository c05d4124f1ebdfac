"""Events that the homeserver pushes to the demo."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from ...application import AppService
from ...errors import MatrixError
from ...events import Event
from ...receiver import Request, Response
from ...testing import SynapseError

__all__ = ["Reception"]

_PATH = "/_matrix/app/v1/transactions/"


class Reception:
    """Records the events that are pushed to an application service, and waits for them.

    Args:
        app: The application service; it must not be served yet.
        timeout: Seconds to wait for an event.
    """

    def __init__(self, app: AppService, timeout: float = 15.0) -> None:
        self._app = app
        self._timeout = timeout
        self._changed = threading.Condition()
        self._events: dict[str, Event] = {}
        self._transactions: set[str] = set()
        self._failure: Exception | None = None
        # The transaction that a thread handles.
        self._local = threading.local()
        self._handle = app.receiver.handle
        app.receiver.handle = self._record_transaction  # type: ignore[method-assign]
        app.on("*", mine=True)(self._record)
        app.on_error(self._fail)

    @property
    def events(self) -> Mapping[str, Event]:
        """The events that were pushed, by their IDs."""
        with self._changed:
            return dict(self._events)

    @property
    def transactions(self) -> int:
        """How many transactions they came in."""
        with self._changed:
            return len(self._transactions)

    def wait_for(self, event_id: str, what: str) -> None:
        """Wait until an event is pushed.

        Args:
            event_id: The event.
            what: Its name in the error.

        Raises:
            SynapseError: It isn't pushed in time; the text has the homeserver's reason.
            Exception: A handler raised it.
        """
        self._wait(lambda: event_id in self._events, what)

    def wait_for_reply(self, event_id: str, what: str) -> None:
        """Wait until a reply to an event is pushed; otherwise as :meth:`wait_for`."""
        self._wait(lambda: any(one.reply_to == event_id for one in self._events.values()), what)

    def _wait(self, done: Callable[[], bool], what: str) -> None:
        with self._changed:
            self._changed.wait_for(lambda: done() or self._failure, self._timeout)
            if self._failure is not None:
                raise self._failure
            if done():
                return
        raise self._problem(what)

    def _problem(self, what: str) -> SynapseError:
        """The error for an event that wasn't pushed, with the homeserver's reason."""
        url = self._app.registration.url
        missing = f"{what} wasn't pushed to {url} within {self._timeout:g} seconds"
        try:
            self._app.bot.appservice_ping(
                self._app.registration.id, deadline=max(self._timeout, 5.0)
            )
        except MatrixError as error:
            return SynapseError(f"{missing}; the homeserver doesn't reach that: {error}")
        return SynapseError(
            f"{missing}, though the homeserver reaches that: start the demo again, with -vv"
        )

    def _record_transaction(self, request: Request) -> Response:
        self._local.transaction = request.path.partition(_PATH)[2]
        return self._handle(request)

    def _record(self, event: Event) -> None:
        with self._changed:
            if self._local.transaction:
                self._transactions.add(self._local.transaction)
            self._events[str(event.event_id)] = event
            self._changed.notify_all()

    def _fail(self, error: Exception) -> None:
        with self._changed:
            self._failure = self._failure or error
            self._changed.notify_all()
