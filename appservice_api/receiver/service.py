"""Service: the parts of a receiver that aren't about HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .account import Account
from .backlog import Backlog
from .claims import Claims
from .counters import Counters
from .deaths import Deaths
from .deduplication import Deduplication
from .dispatch import Dispatch, HandlerPolicy
from .echoes import Echoes
from .handlers import Handlers
from .parked import Parked
from .queries import Queries
from .rejoining import Rejoining
from .response import Response, try_again
from .runtime import Runtime
from .start import Start
from .transaction import Transaction
from .units import UnitOfWork, Units
from .upgrades import Upgrades
from .watch import Watch

if TYPE_CHECKING:
    from ..api import AppServiceAPI
    from ..registration import Registration

__all__ = ["Service"]


class Service:
    """Makes the parts of a receiver, and hands them transactions.

    Args:
        app: What handlers get as ``app``.
        lease, copy_timeout: As for :class:`Claims`.
        follow_upgrades: Tells whether rooms are followed to those that replace them.
        catch_up_at_start: Tells whether this process catches up before the first transaction.
    """

    def __init__(
        self, app: object, registration: Registration, api: AppServiceAPI, runtime: Runtime,
        handlers: Handlers, echoes: Echoes, policy: HandlerPolicy, *, lease: float,
        copy_timeout: float, unit_of_work: UnitOfWork | None, follow_upgrades: Callable[[], bool],
        catch_up_at_start: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._store, self._log = store, log = api.state_store, api.base_log
        self._copy_timeout = copy_timeout
        self.runtime = runtime
        self.handlers = handlers
        self.watch = Watch(runtime.clock, log)
        self.units = Units(store, unit_of_work)
        self.counters = counters = Counters()
        self.rejoining = Rejoining(api, echoes)
        upgrades = Upgrades(follow_upgrades, handlers, api, echoes, self.rejoining)
        dispatch = Dispatch(
            app, api, handlers, echoes, upgrades, self.units, self.watch, runtime, policy
        )
        deaths = Deaths(store, dispatch.find)
        self.claims = claims = Claims(store, lease, copy_timeout, runtime, log, self.watch.look)
        self.parked = Parked(store, dispatch, claims, deaths, counters, log)
        self._deduplication = Deduplication(
            store, dispatch, claims, deaths, self.parked, counters, log
        )
        self.queries = Queries(registration, api, handlers, dispatch, runtime)
        self.backlog = Backlog(api, echoes, claims, self._deduplication)
        self.start = Start(catch_up_at_start, self.backlog, claims, api, runtime)
        self.account = Account(api, runtime)

    def deliver(self, transaction: Transaction) -> Response:
        """Handle a transaction."""
        started = self.start.begin()
        if started is not None:
            if self.claims.waiting.enter():
                try:
                    self.runtime.clock.wait(started, self._copy_timeout)
                finally:
                    self.claims.waiting.leave()
            if not self.start.done:
                return try_again("What was missed is still being handled")
        return self._deduplication.deliver(transaction)

    def not_ready(self) -> str | None:
        """Why transactions can't be handled now; None if they can."""
        if self.runtime.closed.is_set():
            return "The application service was closed"
        try:
            self._store.deliveries.handled(["$ready"])
        except Exception as error:
            self._log.warning("not ready: %s", error)
            return "The state store can't be reached"
        return None
