"""AppServiceAPI, and the lightweight objects for its ghosts and real users.

One shared object holds the session, token, lock, counter, store and registration. The objects of
an application service, its ghosts and its real users only refer to it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import requests

import appservice_api

from .api.access import Access, check_token
from .api.call import DEFAULT_TIMEOUT, Timeout
from .api.retry import RetryPolicy, retry_policy
from .api.shared import AppServiceShared
from .api.speaker import Speaker
from .clock import Clock, SystemClock
from .compat import Self
from .errors import MatrixRequestError
from .ids import RoomID, UserID
from .intent import IntentAPI
from .log import trace_logger
from .state_store import ASStateStore

if TYPE_CHECKING:
    from .settings import Settings

__all__ = ["AppServiceAPI", "ChildAppServiceAPI"]


class AppServiceAPI(Speaker):
    """The Client-Server API for an application service, which acts as its bot, as any of its
    ghosts, and as real users.

    Thread-safe, and may be created before a fork. Ghosts and real users are flyweights: two
    calls return the same object while a reference to it exists.

    Args:
        base_url: The URL of the homeserver: a str, or anything whose ``str()`` is one.
        bot_mxid: The user ID of the application service's bot.
        token: The ``as_token`` (with ``real_user``, the user's own).
        identity: The user to act as; the application service itself if None.
        log: The logger for requests.
        state_store: The state of rooms and users: a state store, or the URL of a database
            (``sqlite:///state.db``, ``postgresql+psycopg://user@host/name``; extra ``sql``), which
            is opened and closed with the API; in memory if None.
        client_session: A requests session, which is used unchanged; a new one if None.
        child: Make a stand-alone ghost, which acts as ``identity``.
        real_user: Make a stand-alone real user, whose own token is ``token``.
        real_user_content_key: A key set to true in the content of events that real users and users
            of non-exclusive namespaces send, to recognize these events when the homeserver pushes
            them; no key if None. The value of ``appservice_api.double_puppet_source``, which
            :class:`AppService` sets, is the ID of the registration.
        default_retry_count: How often a request is repeated when the homeserver isn't
            reachable; the ``repeats`` of ``retry`` if None.
        loop: Accepted and ignored; there is no event loop here.
        registration: The registration; users outside its namespaces are refused.
        device_id: The device that the bot and each ghost act as; intents create it if it is
            missing. For the bot it needs ``bot_mxid``. With a device, Synapse keeps transaction IDs
            in its database, so a repeat is harmless even after a restart; without one, it keeps
            them in memory for 30 to 60 minutes.
        as_token: With ``real_user``: ``token`` belongs to an application service, so ``user_id``
            is sent.
        retry: Waits between repeats, and the deadline of each call.
        timeout: Seconds to wait for data, or (to connect, to wait for data). The deadline limits
            it: to wait longer, set both.
        clock: The clock to wait and measure time with; for tests.

    Raises:
        ValueError: An argument can't be used.
    """

    __slots__ = ()
    #: The API that this one was created from, None if it stands alone.
    parent: AppServiceAPI | None

    def __init__(
        self,
        base_url: object,
        bot_mxid: str | None = None,
        token: str | None = None,
        identity: str | None = None,
        log: Any = None,
        state_store: ASStateStore | str | None = None,
        client_session: requests.Session | None = None,
        child: bool = False,
        real_user: bool = False,
        real_user_content_key: str | None = None,
        default_retry_count: int | None = None,
        loop: object = None,
        *,
        registration: appservice_api.Registration | None = None,
        device_id: str | None = None,
        as_token: bool = False,
        retry: RetryPolicy | None = None,
        timeout: Timeout = DEFAULT_TIMEOUT,
        clock: Clock | None = None,
    ) -> None:
        if child and real_user:
            raise ValueError("child and real_user exclude each other")
        if child and identity is None:
            raise ValueError("child=True needs identity, the user to act as")
        if real_user and token is None:
            raise ValueError("real_user=True needs token, the user's access token")
        if client_session is not None and not hasattr(client_session, "send"):
            raise ValueError(f"client_session must be a requests.Session, not {client_session!r}")
        if registration is not None and not hasattr(registration, "owns_user"):
            raise ValueError("registration must be a Registration; from_registration() reads one")
        if as_token and not (real_user and identity):
            raise ValueError("as_token=True needs real_user=True and identity")
        self._access = Access(base_url, token)
        self._shared = AppServiceShared(
            session=client_session,
            log=log if log is not None else trace_logger("appservice_api"),
            retry=retry_policy(retry, default_retry_count),
            timeout=timeout,
            clock=clock or SystemClock(),
            state_store=state_store,
            bot_mxid=UserID(bot_mxid) if bot_mxid is not None else None,
            registration=registration,
            real_user_content_key=real_user_content_key,
        )
        self._become(identity, device_id, real_user, asserts=as_token or not real_user)
        self.parent = None
        if identity is not None and not real_user:
            self._check_ours(identity)

    @classmethod
    def from_registration(
        cls,
        registration: appservice_api.Registration | Mapping[str, Any] | str | os.PathLike[str],
        base_url: object,
        *,
        server_name: str | None = None,
        **kwargs: Any,
    ) -> Self:
        """Make the API from a registration.

        Args:
            registration: A registration, its dict, or the path of its file.
            base_url: The URL of the homeserver.
            server_name: The homeserver's name, as in user IDs; if None, taken from the ``users``
                namespaces if they name one.
            kwargs: More arguments of the constructor.

        Raises:
            RegistrationError: The registration can't be read, or isn't valid.
        """
        if not isinstance(registration, appservice_api.Registration):
            registration = appservice_api.Registration.load(registration)
        kwargs.setdefault("bot_mxid", registration.bot_mxid(server_name))
        kwargs.setdefault("token", registration.as_token)
        return cls(base_url, registration=registration, **kwargs)

    @classmethod
    def from_env(cls, **kwargs: Any) -> Self:
        """Make the API from the environment variables ``APPSERVICE_BASE_URL`` and either
        ``APPSERVICE_REGISTRATION`` (a path) or ``APPSERVICE_TOKEN``; and, if needed,
        ``APPSERVICE_SERVER_NAME``, ``APPSERVICE_BOT_MXID`` and ``APPSERVICE_DEVICE_ID``.

        Args:
            kwargs: Arguments of the constructor; they override the environment.

        Raises:
            ValueError: A variable is missing or can't be used.
        """
        from .settings import Settings

        return cls._from_settings(Settings.of(os.environ), **kwargs)

    @classmethod
    def _from_settings(cls, settings: Settings, **kwargs: Any) -> Self:
        """Make the API from settings; ``kwargs`` override them.

        Raises:
            ValueError: A setting is missing or can't be used.
        """
        base_url = kwargs.pop("base_url", settings.base_url)
        missing = []
        if not base_url:
            missing.append("the homeserver's URL (APPSERVICE_BASE_URL)")
        if not (settings.registration or settings.token or "token" in kwargs):
            missing.append("APPSERVICE_REGISTRATION or APPSERVICE_TOKEN")
        if missing:
            raise ValueError("not set: " + ", and ".join(missing))
        kwargs.setdefault("device_id", settings.device_id)
        kwargs.setdefault("state_store", settings.state_store)
        if settings.registration:
            if settings.bot_mxid:
                kwargs.setdefault("bot_mxid", settings.bot_mxid)
            return cls.from_registration(
                settings.registration, base_url, server_name=settings.server_name, **kwargs
            )
        kwargs.setdefault("token", settings.token)
        kwargs.setdefault("bot_mxid", settings.bot_mxid)
        return cls(base_url, **kwargs)

    @property
    def children(self) -> Mapping[str, ChildAppServiceAPI]:
        """The ghosts to which a reference exists now, by user ID."""
        return self._shared.children

    @property
    def real_users(self) -> Mapping[str, AppServiceAPI]:
        """The real users to which a reference exists now, by user ID (the last one of each)."""
        return {user.identity: user for user in list(self._shared.real_users.values())
                if user.identity}  # fmt: skip

    def user(self, user: str, *, device_id: str | None = None) -> ChildAppServiceAPI:
        """Get the API of a ghost.

        Args:
            user: The user ID of the ghost, or the bot's.
            device_id: The device to act as; this API's if None.

        Returns:
            The ghost's API; the same object while a reference to it exists.

        Raises:
            ValueError: This is a real user, ``user`` isn't a user ID, or it is outside the
                namespaces of the registration.
        """
        if self.is_real_user:
            raise ValueError(f"{self.identity} is a real user, and has no ghosts")
        root = self.parent or self
        device_id = device_id or root.device_id
        if not isinstance(user, str):
            UserID(user)
        key: Any = (user, device_id) if device_id else user
        child = self._shared.children.get(key)
        if child is None:
            with self._shared.lock:
                child = self._shared.children.get(key)
                if child is None:
                    child = ChildAppServiceAPI(user, root, device_id=device_id)
                    self._shared.children[key] = child
        return child

    def real_user(
        self, mxid: str, token: str | None = None, base_url: object = None, *,
        as_token: bool = False,
    ) -> AppServiceAPI:  # fmt: skip
        """Get the API of a real user: one that the application service doesn't manage.

        Args:
            mxid: The user ID.
            token: The user's access token; with ``as_token``, the token of an application service
                whose namespaces contain the user, this API's token if None.
            base_url: The URL of the user's homeserver; this API's if None.
            as_token: ``token`` belongs to an application service: ``user_id`` is sent, and the
                homeserver accepts timestamps, which it ignores for a user's own token.

        Returns:
            The user's API; the same object for the same arguments while a reference to it exists.
            Another token gives another object.

        Raises:
            ValueError: This is a real user, or an argument can't be used.
        """
        if self.is_real_user:
            raise ValueError(f"{self.identity} is a real user, and can't make others")
        user = UserID(mxid)
        if token is None:
            if not as_token:
                raise ValueError(f"real_user({user}) needs the user's token, or as_token=True")
            if base_url is not None:
                raise ValueError("another homeserver must not get this one's token: give its own")
            self._check_ours(user)
        url = self.base_url if base_url is None else str(base_url).rstrip("/")
        key = (user, check_token(token), url, as_token)
        with self._shared.lock:
            found = self._shared.real_users.get(key)
            if found is None:
                found = self._make_real_user(*key)
                self._shared.real_users[key] = found
        return found

    def _make_real_user(
        self, user: str, token: str | None, url: str, as_token: bool
    ) -> AppServiceAPI:
        api = AppServiceAPI.__new__(AppServiceAPI)
        root = self.parent or self
        api._shared = self._shared
        api._access = root._access if token is None else Access(url, token)
        api._become(user, None, True, asserts=as_token)
        api.parent = root
        return api

    def bot_intent(self) -> IntentAPI:
        """Get the intent of the application service's bot.

        Raises:
            ValueError: This is a real user.
        """
        return IntentAPI.of(self._bot())

    def intent(
        self,
        user: str | None = None,
        token: str | None = None,
        base_url: object = None,
        *,
        real_user_as_token: bool = False,
        device_id: str | None = None,
        ensure_joined: bool = True,
    ) -> IntentAPI:
        """Get the intent of a ghost, of a real user, or of the bot.

        Args:
            user: The user ID; the bot's if None.
            token: The user's access token, for real users only.
            base_url: The URL of the homeserver, for real users only.
            real_user_as_token: ``token`` belongs to an application service (this one's if None),
                and the user isn't a ghost.
            device_id: The device to act as.
            ensure_joined: False makes an intent that never registers or joins by itself.

        Returns:
            The intent; the same object while a reference to it exists.

        Raises:
            ValueError: This is a real user, or an argument can't be used.
        """
        speaker = self._speaker_for(user, token, base_url, real_user_as_token, device_id)
        return IntentAPI.of(speaker, ensure_joined=ensure_joined)

    def warm_up(
        self, users: Iterable[str] = (), progress: Callable[[int, int], object] | None = None
    ) -> dict[RoomID, MatrixRequestError | None]:
        """Fill the state store: one request for the rooms of the bot and of each user, and one
        for the state of each of these rooms, which includes the memberships of all its members.
        Ghosts that are only in rooms of the bot need not be listed.

        Args:
            users: Ghosts whose rooms are requested, too.
            progress: Called with the number of requests done, and of those known to be needed.

        Returns:
            The rooms, each with the error that prevented reading its state, or None.

        Raises:
            ValueError: A user isn't in the namespaces of the registration.
            StateStoreError: The state of a room can't be stored.
            MatrixError: The homeserver refused to list the rooms of a user, or couldn't be reached.
        """
        from .intent.warm_up import warm_up

        return warm_up([self.bot_intent(), *(self.intent(user) for user in users)], progress)


class ChildAppServiceAPI(AppServiceAPI):
    """The API of a ghost: a flyweight that shares everything with its parent.

    Args:
        user: The user ID of the ghost.
        parent: The API of the application service, or of one of its ghosts.
        device_id: The device to act as, or None.

    Raises:
        ValueError: ``user`` isn't a user ID or is outside the namespaces of the registration, or
            ``parent`` is a real user.
    """

    __slots__ = ()
    parent: AppServiceAPI

    def __init__(self, user: str, parent: AppServiceAPI, *, device_id: str | None = None) -> None:
        if parent.is_real_user:
            raise ValueError(f"{parent.identity} is a real user, and has no ghosts")
        parent._check_ours(user)
        self._shared = parent._shared
        self._access = parent._access
        self._become(user, device_id, False, asserts=True)
        self.parent = parent.parent or parent

    def close(self) -> None:
        """Do nothing: the connections belong to the parent."""
