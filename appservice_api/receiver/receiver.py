"""The receiver: from a request to its response, whatever server has received it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from ..appservice import AppServiceAPI
from ..fork import renew_after_fork
from ..registration import Registration
from .account import Account
from .authenticator import Authenticator
from .backlog import Backlog
from .claims import Claims
from .counters import Counters
from .deaths import Deaths
from .deduplication import Deduplication
from .dispatch import Dispatch, HandlerPolicy
from .echoes import Echoes
from .handlers import Handlers
from .http import Request, Response, refusal, try_again
from .nesting import loads
from .parked import Parked
from .queries import Queries
from .rejoining import Rejoining
from .routes import Found, find
from .runtime import Runtime
from .startup import Startup
from .transaction import Transaction
from .units import UnitOfWork, Units
from .upgrades import Upgrades
from .watch import Watch

__all__ = ["MAX_BODY", "Receiver"]

#: How many bytes a body may have: 100 events of 64 KiB, and room.
MAX_BODY = 32 * 1024 * 1024
_WITH_BODY = frozenset({"transaction", "ping", "keys_claim", "keys_query"})


class Receiver:
    """Responds to the requests of a homeserver; makes the parts that it consists of.

    Thread-safe; it does no input and output of its own.

    Args:
        app: What handlers get as ``app``.
        lease, copy_timeout: As for :class:`Claims`.
        max_body: How many bytes a body may have.
        query_token: Whether the token may be in the query string, as old homeservers send it.
        follow_upgrades: Tells whether rooms are followed to those that replace them.
        catch_up_at_start: Tells whether this process catches up before the first transaction.
    """

    def __init__(
        self, app: object, registration: Registration, api: AppServiceAPI, runtime: Runtime,
        handlers: Handlers, echoes: Echoes, policy: HandlerPolicy, *, lease: float,
        copy_timeout: float, max_body: int, query_token: bool, unit_of_work: UnitOfWork | None,
        follow_upgrades: Callable[[], bool], catch_up_at_start: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._store, self._log = store, log = api.state_store, api.base_log
        self._runtime = runtime
        self._copy_timeout = copy_timeout
        self.max_body = max_body
        # Requests may come with the path of the registration's URL, or without.
        self._prefix = urlsplit(registration.url or "").path.rstrip("/")
        self._authenticator = Authenticator(registration.hs_token, query_token=query_token)
        # The application, bindings and metrics use those without an underscore.
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
        self._queries = Queries(registration, api, handlers, dispatch, runtime)
        self.backlog = Backlog(api, echoes, claims, self._deduplication)
        self._startup = Startup(catch_up_at_start, self.backlog, claims, api, runtime)
        self._account = Account(api, runtime)
        self._after_fork()
        renew_after_fork(self)

    def _after_fork(self) -> None:
        self._changed = threading.Condition()
        self._at_work = 0
        self._stopped = False

    def handle(self, request: Request) -> Response:
        """Respond to a request. Nothing is raised but what ends the process."""
        with self._changed:
            if self._stopped:
                return refusal(503, "M_UNKNOWN", "The application service is stopping")
            self._at_work += 1
        try:
            self._startup.begin()
            return self._respond(request)
        except Exception:
            self._log.exception("%r failed", request)
            return refusal(500, "M_UNKNOWN", "The application service failed; its log has more")
        finally:
            with self._changed:
                self._at_work -= 1
                if not self._at_work:
                    self._changed.notify_all()

    def admits(self, request: Request) -> bool:
        """Whether a request shows the homeserver's token, as its head tells."""
        return self._authenticator.refuse(request) is None

    def route_of(self, request: Request) -> str | None:
        """The route of a request, None if there is none: health checks have none."""
        found = find(self._path_of(request))
        return found.route if found is not None else None

    def limit_waiting(self, threads: int) -> None:
        """Say how many threads the server has for transactions. Of requests that wait for what
        others do, two wait at once; fewer if the server has less than four threads.

        Args:
            threads: How many transactions can be handled at once.
        """
        self.claims.waiting.limit(threads)

    def check_open(self) -> None:
        """See that handlers could send something.

        Raises:
            RuntimeError: The application service was closed.
        """
        if self._runtime.closed.is_set():
            raise RuntimeError("this application service was closed; make a new one to serve")

    def start(self) -> None:
        """Accept requests; again, after a stop."""
        self._stopped = False
        self._account.begin()
        self._startup.begin()

    def stop(self, grace: float) -> bool:
        """Wait until no request is being handled, and accept no more.

        Args:
            grace: Seconds to wait at most.

        Returns:
            Whether all were handled.
        """
        until = time.monotonic() + grace
        # First, since transactions wait for it.
        caught_up = self._startup.stop(grace)
        with self._changed:
            left = until - time.monotonic()
            idle = self._changed.wait_for(lambda: not self._at_work, max(left, 0))
            self._stopped = True
        return idle and caught_up

    def _path_of(self, request: Request) -> str:
        path = request.path
        if self._prefix and path.startswith(f"{self._prefix}/"):
            path = path[len(self._prefix) :]
        return path

    def _respond(self, request: Request) -> Response:
        path = self._path_of(request)
        method = "GET" if request.method == "HEAD" else request.method
        if path in ("/healthz", "/readyz"):
            return self._health(path, method)
        refused = self._authenticator.refuse(request)
        if refused is not None:
            return refused
        request.authenticated = True
        found = find(path)
        if found is None:
            return refusal(404, "M_UNRECOGNIZED", "There is no such path")
        if found.method != method:
            return _wrong_method(found.method)
        if request.length > self.max_body or len(request.body) > self.max_body:
            return refusal(413, "M_TOO_LARGE", f"More than {self.max_body} bytes")
        return self._route(found, request)

    def _route(self, found: Found, request: Request) -> Response:
        if not self._account.begun:
            self._account.begin()
        given: dict[str, Any]
        if found.route in _WITH_BODY:
            # The ping of an old homeserver may have no body.
            body = request.body or (b"{}" if found.route == "ping" else b"")
            try:
                given = loads(body)
            except (ValueError, RecursionError):
                return refusal(400, "M_NOT_JSON", "The body isn't JSON")
            if not isinstance(given, dict):
                return refusal(400, "M_BAD_JSON", "The body isn't an object")
        else:
            given = {**request.query}
            given.pop("access_token", None)
        if found.route == "ping":
            return Response(200)
        if found.route == "transaction":
            return self.deliver(_transaction(found.name or "", given, request.body))
        response = self._queries.respond(found.route, found.name, given)
        if response is not None:
            return response
        if found.route in _WITH_BODY:
            return refusal(404, "M_UNRECOGNIZED", "There is no such path")
        return refusal(404, "M_NOT_FOUND", "There is nothing of this name")

    def deliver(self, transaction: Transaction) -> Response:
        """Handle a transaction, once this process has caught up."""
        started = self._startup.begin()
        if started is not None:
            if self.claims.waiting.enter():
                try:
                    self._runtime.clock.wait(started, self._copy_timeout)
                finally:
                    self.claims.waiting.leave()
            if not self._startup.done:
                return try_again("What was missed is still being handled")
        return self._deduplication.deliver(transaction)

    def _health(self, path: str, method: str) -> Response:
        if method != "GET":
            return _wrong_method("GET")
        self.watch.look()
        problem = self._not_ready() if path == "/readyz" else None
        if problem is not None:
            return refusal(503, "M_UNKNOWN", problem)
        return Response(200)

    def _not_ready(self) -> str | None:
        """Why transactions can't be handled now; None if they can."""
        if self._runtime.closed.is_set():
            return "The application service was closed"
        try:
            self._store.deliveries.ping()
        except Exception as error:
            self._log.warning("not ready: %s", error)
            return "The state store can't be reached"
        return None


def _transaction(id: str, given: dict[str, Any], data: bytes) -> Transaction:
    try:
        return Transaction(id, given, data)
    except RecursionError:
        # It could just be read.
        return Transaction(id, loads(data, whole=False), data)


def _wrong_method(right: str) -> Response:
    return refusal(405, "M_UNRECOGNIZED", f"The method must be {right}", {"Allow": right})
