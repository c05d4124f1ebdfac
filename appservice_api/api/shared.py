"""What all users of one application service share."""

from __future__ import annotations

import threading
import weakref
from typing import Any

import requests

import appservice_api

from ..clock import Clock
from ..fork import renew_after_fork
from ..ids import UserID
from .call import DEFAULT_TIMEOUT, Calls, Timeout, split_timeout
from .event import SOURCE_KEY, Mark
from .flight import SingleFlight
from .ghosts import Ghosts
from .retry import RateLimits, RetryPolicy, retry_policy
from .sent import Sent
from .transport import MatrixAdapter, new_session
from .txn_id import TransactionIDs

__all__ = ["AppServiceShared", "Shared"]


class Shared:
    """What all objects of one API share."""

    def __init__(
        self,
        *,
        session: requests.Session | None,
        log: Any,
        retry: RetryPolicy,
        timeout: Timeout,
        clock: Clock,
    ) -> None:
        self.session = session if session is not None else new_session()
        self.owns_session = session is None
        self.log = log
        self.policy = retry
        self.timeout = split_timeout(timeout, DEFAULT_TIMEOUT)
        self.clock = clock
        self.calls = Calls(clock, lambda: self.policy)
        self.txn_ids = TransactionIDs()
        self.lock = threading.Lock()
        self.limits = RateLimits()
        self.closed = threading.Event()
        renew_after_fork(self)

    def set_retry_options(
        self,
        *,
        retry_count: int | None = None,
        timeout: Timeout | None = None,
        deadline: float | None = None,
    ) -> None:
        """Change the limits of calls that begin from now on.

        Args:
            retry_count: How often a request is repeated; None to keep it.
            timeout: Seconds to wait for data, or (to connect, to wait for data).
            deadline: Seconds that a call may take.
        """
        self.policy = retry_policy(self.policy, retry_count, deadline)
        self.timeout = split_timeout(timeout, self.timeout)

    def sleep(self, seconds: float) -> None:
        """Wait, at most until :meth:`close`; the next attempt then raises."""
        if seconds > 0:
            self.clock.wait(self.closed, seconds)

    def close(self) -> None:
        """End all waits and, unless the session was given, all connections, even those that wait
        for data."""
        self.closed.set()
        if self.owns_session:
            for adapter in self.session.adapters.values():
                if isinstance(adapter, MatrixAdapter):
                    adapter.break_off()
            self.session.close()

    def _after_fork(self) -> None:
        closed = self.closed.is_set()
        self.lock = threading.Lock()
        self.limits = RateLimits()
        self.closed = threading.Event()
        if closed:
            self.closed.set()
        self.txn_ids.renew()
        for adapter in self.session.adapters.values():
            if isinstance(adapter, requests.adapters.HTTPAdapter):
                # A new pool; the old one's sockets belong to the parent.
                adapter.__setstate__(adapter.__getstate__())


class AppServiceShared(Shared):
    """What an application service and its flyweights share."""

    def __init__(
        self,
        *,
        state_store: appservice_api.ASStateStore | str | None,
        bot_mxid: UserID | None,
        registration: appservice_api.Registration | None,
        real_user_content_key: str | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        from ..state_store import open_state_store
        from ..state_store.best_effort import BestEffort

        self.state_store = open_state_store(state_store)
        self._own_store = self.state_store is not state_store
        #: The state store, for what the homeserver has answered already.
        self.best_effort = BestEffort(self.state_store, self.log)
        self.bot_mxid = bot_mxid
        #: Whether the homeserver has refused to make an account for the bot.
        self.bot_refused = False
        self.registration = registration
        self.ghosts = Ghosts(self)
        #: What is put into the content of events that are sent as a person, None for nothing.
        self.mark: Mark | None = None
        if real_user_content_key:
            known = registration if real_user_content_key == SOURCE_KEY else None
            self.mark = Mark(real_user_content_key, known.id if known is not None else True)
        #: What was sent as people.
        self.sent = Sent(self)
        #: The ghosts and the real users that are in use.
        self.children: weakref.WeakValueDictionary[Any, Any] = weakref.WeakValueDictionary()
        self.real_users: weakref.WeakValueDictionary[Any, Any] = weakref.WeakValueDictionary()
        #: What each homeserver answered to /versions, by base URL.
        self.versions: dict[str, dict[str, Any]] = {}
        #: By base URL, when each homeserver was asked, and how many bytes it accepts; None if it
        #: doesn't say.
        self.upload_limits: dict[str, tuple[float, int | None]] = {}
        # Real users whose own token the homeserver has confirmed to be theirs.
        self.confirmed: set[tuple[Any, ...]] = set()
        self.flights = SingleFlight(self.calls)

    def close(self) -> None:
        """End all waits; close the connections and the state store, unless they were given."""
        super().close()
        if self._own_store:
            self.state_store.close()

    def _after_fork(self) -> None:
        super()._after_fork()
        self.sent.after_fork()
        self.flights = SingleFlight(self.calls)
