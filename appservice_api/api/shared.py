"""What many objects share: where requests go, and how they are sent and counted."""

from __future__ import annotations

import re
import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import requests

from ..base_url import check_base_url
from ..clock import Clock
from ..errors import StateStoreError
from ..fork import renew_after_fork
from ..ids import UserID
from .call import Calls
from .flight import SingleFlight
from .ghosts import Ghosts
from .mark import SOURCE_KEY, Mark
from .retry import RateLimits, RetryPolicy, retry_policy, retrying
from .sent import Sent
from .transport import MatrixAdapter, new_session
from .txn_id import TransactionIDs

if TYPE_CHECKING:
    from ..registration import Registration
    from ..state_store import ASStateStore
    from .appservice import AppServiceAPI, ChildAppServiceAPI

__all__ = [
    "DEFAULT_TIMEOUT",
    "Access",
    "AppServiceShared",
    "Shared",
    "Timeout",
    "UploadLimit",
    "check_token",
    "send_settings",
    "split_timeout",
]

#: Seconds to connect and seconds to wait for data; one number stands for the second.
Timeout: TypeAlias = float | tuple[float, float]

#: What it is where nothing is said. A call ends before gunicorn ends its worker, and there is time
#: for a repeat over a new connection.
DEFAULT_TIMEOUT = (5.0, 30.0)

_BAD_TOKEN = r"[^\x21-\x7e]"


def check_token(token: str | None) -> str | None:
    """Return a token if a header can carry it.

    Raises:
        ValueError: It is empty or holds white space or control characters. It isn't shown.
    """
    if token is None:
        return None
    if not isinstance(token, str) or not token or re.search(_BAD_TOKEN, token):
        raise ValueError(
            "the token is empty, or holds white space, control or non-ASCII characters "
            "(a line end left from reading a file?)"
        )
    return token


def send_settings(session: requests.Session, url: str) -> dict[str, Any]:
    """The arguments of ``Session.send`` for a URL, from the session and the environment."""
    merged = session.merge_environment_settings(url, {}, False, None, None)
    merged["stream"] = False
    merged["allow_redirects"] = False
    merged["proxies"] = dict(merged["proxies"])
    return dict(merged)


class Access:
    """Where requests go and which token they carry. Its repr has no token."""

    __slots__ = ("_settings", "authorization", "base_url", "key")

    def __init__(self, base_url: object, token: str | None) -> None:
        self.base_url = check_base_url(base_url)
        self.authorization = f"Bearer {token}" if check_token(token) else None
        self.key = hash(self.authorization)
        self._settings: tuple[tuple[Any, ...], dict[str, Any]] | None = None

    @property
    def token(self) -> str | None:
        return self.authorization[7:] if self.authorization else None

    def settings(self, session: requests.Session) -> dict[str, Any]:
        """The session's proxies, verify and cert for this URL; the environment is read once."""
        now = (
            session.verify, session.cert, session.trust_env, id(session),
            tuple(session.proxies.items()) if session.proxies else (),
        )  # fmt: skip
        if self._settings is None or self._settings[0] != now:
            self._settings = now, send_settings(session, self.base_url)
        return self._settings[1]

    def __repr__(self) -> str:
        return f"Access({self.base_url!r})"


class Shared:
    """What all objects that speak for one application service have in common."""

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
        self.run = retrying(self.sleep)
        renew_after_fork(self)

    def be_patient(
        self,
        *,
        retry_count: int | None = None,
        timeout: Timeout | None = None,
        deadline: float | None = None,
    ) -> None:
        """Change how long calls may take that begin from now on.

        Args:
            retry_count: How often a request is repeated; None to leave it so.
            timeout: Seconds to wait for data, or (to connect, to wait for data).
            deadline: Seconds that a call may take.
        """
        self.policy = retry_policy(self.policy, retry_count, deadline)
        self.timeout = split_timeout(timeout, self.timeout)

    def sleep(self, seconds: float) -> None:
        """Wait, but no longer than until :meth:`close`; the next attempt then says so."""
        if seconds > 0:
            self.clock.wait(self.closed, seconds)

    def close(self) -> None:
        """End all waiting and, where the session is ours, its connections, those that wait for
        data, too."""
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


def split_timeout(timeout: Timeout | None, default: tuple[float, float]) -> tuple[float, float]:
    """A (connect, read) pair in seconds of what a caller gave.

    Raises:
        ValueError: A timeout isn't a positive number.
    """
    if timeout is None:
        return default
    pair = timeout if isinstance(timeout, tuple) else (default[0], timeout)
    if len(pair) != 2 or not all(isinstance(t, (int, float)) and 0 < t < 1e9 for t in pair):
        raise ValueError(f"timeout must be seconds, or (connect, read) in seconds, not {timeout!r}")
    return pair


class Notes:
    """A state store for what the homeserver has answered already: what is done is done, whether
    or not it can be remembered.

    Args:
        state_store: Where it is remembered; its methods are called, and None is returned.
        log: Where is said what couldn't be remembered.
    """

    __slots__ = ("_log", "_state_store")

    def __init__(self, state_store: ASStateStore, log: Any) -> None:
        self._state_store = state_store
        self._log = log

    def __getattr__(self, name: str) -> Callable[..., None]:
        method = getattr(self._state_store, name)

        def note(*args: Any, **kwargs: Any) -> None:
            try:
                method(*args, **kwargs)
            except StateStoreError as error:
                self._log.warning("%s; what the homeserver has answered isn't remembered", error)

        return note


class UploadLimit(NamedTuple):
    """How many bytes a homeserver takes, None if it doesn't tell, and when it was asked, by the
    clock of the API."""

    size: int | None
    asked: float


class AppServiceShared(Shared):
    """What an application service and its flyweights share."""

    def __init__(
        self,
        *,
        state_store: ASStateStore | str | None,
        bot_mxid: UserID | None,
        registration: Registration | None,
        real_user_content_key: str | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        from ..state_store import open_state_store

        self.state_store = open_state_store(state_store)
        self._own_store = self.state_store is not state_store
        self.notes = Notes(self.state_store, self.log)
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
        self.children: weakref.WeakValueDictionary[Any, ChildAppServiceAPI]
        self.children = weakref.WeakValueDictionary()
        self.real_users: weakref.WeakValueDictionary[Any, AppServiceAPI]
        self.real_users = weakref.WeakValueDictionary()
        #: What each homeserver answered to /versions, by base URL.
        self.versions: dict[str, dict[str, Any]] = {}
        #: How many bytes an upload may have, by the homeserver's URL.
        self.upload_limits: dict[str, UploadLimit] = {}
        # Real users whose own token the homeserver has confirmed to be theirs.
        self.confirmed: set[tuple[Any, ...]] = set()
        self.flights = SingleFlight(self.calls)

    def close(self) -> None:
        """End all waiting, and close what isn't the caller's: connections, the state store."""
        super().close()
        if self._own_store:
            self.state_store.close()

    def _after_fork(self) -> None:
        super()._after_fork()
        self.sent.after_fork()
        self.flights = SingleFlight(self.calls)
