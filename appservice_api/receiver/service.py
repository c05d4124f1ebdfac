"""Service: what a receiver hands requests to, once it is known who asks for what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .account import Account
from .backlog import Backlog
from .delivery import Delivery, later
from .dispatch import Dispatch, HandlerPolicy
from .questions import Questions
from .request import Answer
from .start import Start
from .transaction import Transaction
from .watch import Question

if TYPE_CHECKING:
    from ..application import AppService

__all__ = ["Service"]


class Service:
    """Takes transactions and questions for an application service.

    Args:
        app: The application service.
        policy: How often a handler is called that raises.
        lease, patience: As for :class:`Delivery`.
    """

    def __init__(
        self, app: AppService, policy: HandlerPolicy, *, lease: float, patience: float
    ) -> None:
        self._app = app
        dispatch = Dispatch(app, policy)
        #: What is being handled.
        self.watch = dispatch.watch
        self._questions = Questions(app, dispatch)
        self._delivery = Delivery(
            app.state_store, dispatch, app.api._shared, lease=lease, patience=patience
        )
        #: What this process has done.
        self.tally = self._delivery.tally
        #: What was never pushed.
        self.backlog = Backlog(app, self._delivery)
        #: What is done before the first transaction.
        self.start = Start(app, self.backlog, self._delivery)
        #: The account of the bot.
        self.account = Account(app)
        self._patience = patience

    def deliver(self, transaction: Transaction) -> Answer:
        """Take a transaction."""
        first = self.start.begin()
        if first is not None:
            if self._delivery.waiting.enter():
                try:
                    self._app.api._shared.clock.wait(first, self._patience)
                finally:
                    self._delivery.waiting.leave()
            if not self.start.done:
                return later("What was missed is still being handled")
        return self._delivery.deliver(transaction)

    def ask(self, route: str, name: str | None, given: dict[str, Any]) -> Answer | None:
        """Answer a question of the homeserver; None if nobody answers such questions."""
        _, before = self.watch.begin(Question(route, name))
        try:
            return self._questions.ask(route, name, given)
        finally:
            self.watch.end(before)

    def limit_waiting(self, threads: int) -> None:
        """Have only so few requests wait for others that transactions can still be handled.

        Args:
            threads: How many threads handle transactions.
        """
        self._delivery.waiting.limit(threads)

    @property
    def is_closed(self) -> bool:
        """Whether the API was closed: handlers couldn't send anything."""
        return self._app.api._shared.closed.is_set()

    def ready(self) -> str | None:
        """Why transactions can't be taken now; None if they can."""
        if self.is_closed:
            return "The application service was closed"
        try:
            self._app.state_store.deliveries.ping()
        except Exception as error:
            self._app.log.warning("not ready: %s", error)
            return "The state store can't be reached"
        return None

    def retry(self, number: int) -> bool:
        """Handle again what was parked; as :meth:`AppService.retry_parked`."""
        return self._delivery.retry(number)
