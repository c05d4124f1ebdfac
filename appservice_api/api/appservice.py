"""AppServiceAPI and its flyweights: who speaks.

All that is worth memory (session, token, lock, counter, store, registration) is one shared
object; an application service, its ghosts and its real users only point at it.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote, unquote

import requests

from ..clock import Clock, SystemClock
from ..ids import DeviceID, UserID, server_of
from ..log import TraceLogger, trace_logger
from .event import event_body, sent_kind, timestamp_ms, with_external_url
from .http import HTTPAPI
from .mark import Mark
from .path import Method, PathBuilder, as_method, as_path
from .request import as_body, encode_query
from .retry import RetryPolicy, retry_policy
from .shared import DEFAULT_TIMEOUT, Access, AppServiceShared, Timeout, check_token
from .warm_up import Progress, warm_up

if TYPE_CHECKING:
    from typing_extensions import Self

    from ..errors import MatrixRequestError
    from ..ids import RoomID
    from ..intent import IntentAPI
    from ..registration import Registration
    from ..state_store import ASStateStore

__all__ = ["AppServiceAPI", "ChildAppServiceAPI"]


@lru_cache(maxsize=4096)
def identity_query(user_id: str | None, device_id: str | None) -> str:
    user = f"user_id={quote(user_id, safe='')}" if user_id else ""
    device = f"device_id={quote(device_id, safe='')}" if device_id else ""
    return f"{user}&{device}" if user and device else user or device


def _event_ids(answer: object) -> list[str]:
    found = answer.get("event_id") if isinstance(answer, dict) else None
    return [found] if isinstance(found, str) else []


class AppServiceAPI(HTTPAPI):
    """The Client-Server API as an application service speaks it: as its bot, as any of its
    ghosts, and as real users.

    Thread-safe, and safe to be made before a fork. Ghosts and real users are flyweights: two
    calls give the same object while anyone holds it.

    Args:
        base_url: The URL of the homeserver: a str, or anything whose ``str()`` is one.
        bot_mxid: The user ID of the application service's bot.
        token: The ``as_token`` (with ``real_user``, the user's own).
        identity: The user to act as; the application service itself if None.
        log: The logger for requests.
        state_store: What is remembered of rooms and users: a state store, or the URL of a database
            (``sqlite:///state.db``, ``postgresql+psycopg://user@host/name``; extra ``sql``), which
            is opened and closed with the API; in memory if None.
        client_session: A requests session to use as it is; one of our own if None.
        child: Make a stand-alone ghost: acts as ``identity``, whatever the bot is.
        real_user: Make a stand-alone real user, whose own token is ``token``.
        real_user_content_key: A key set to true in the content of events that real users send, and
            users of namespaces that aren't exclusive, so that they are known again when they come
            back; nothing is set if None. The value of ``appservice_api.double_puppet_source``,
            which :class:`AppService` sets, is the ID of the registration.
        default_retry_count: How often a request is repeated when the homeserver isn't
            reachable; the ``repeats`` of ``retry`` if None.
        loop: Accepted and ignored; there is no event loop here.
        registration: The registration; users outside its namespaces are refused.
        device_id: The device to act as, the bot's and each ghost's; intents make it where it is
            missing. The bot's needs ``bot_mxid``. Synapse then keeps transaction IDs in its
            database, so that a repeat stays harmless over its restarts; without one it remembers
            them for 30 to 60 minutes, in memory.
        as_token: With ``real_user``: ``token`` is an application service's, and ``user_id`` is
            sent.
        retry: Waits between repeats, and the deadline of each call.
        timeout: Seconds to wait for data, or (to connect, to wait for data). Nothing is waited for
            beyond the deadline: to wait longer, give both.
        clock: What waits and tells the time; for tests.

    Raises:
        ValueError: An argument can't be used.
    """

    __slots__ = ("_asserts", "_identity", "_intent", "device_id", "is_real_user", "parent")
    _shared: AppServiceShared
    _intent: weakref.ref[IntentAPI] | None
    #: The device that requests are made as, None for none.
    device_id: DeviceID | None
    # The caller's own text: a copy for each ghost would cost more than the rest of it.
    _identity: str | None
    #: Whether this is a user whom the application service doesn't manage.
    is_real_user: bool
    #: The API that this one was made of, None if it stands alone.
    parent: AppServiceAPI | None

    #: Makes the intent of an API; set from above, since intents stand there.
    _intent_of: ClassVar[Callable[..., IntentAPI]]

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
        registration: Registration | None = None,
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

    def _become(
        self, identity: str | None, device_id: str | None, real_user: bool, *, asserts: bool
    ) -> None:
        if identity is not None:
            UserID(identity)
        self._identity = identity
        if device_id is not None and not isinstance(device_id, str):
            raise ValueError(f"device_id must be a str, not {device_id!r}")
        self.device_id = DeviceID(device_id) if device_id else None
        self.is_real_user = real_user
        self._asserts = asserts
        self._intent = None

    @classmethod
    def from_registration(
        cls,
        registration: Registration | Mapping[str, Any] | str | os.PathLike[str],
        base_url: object,
        *,
        server_name: str | None = None,
        **kwargs: Any,
    ) -> Self:
        """Make the API of a registration.

        Args:
            registration: A registration, its dict, or the path of its file.
            base_url: The URL of the homeserver.
            server_name: The homeserver's name, as in user IDs; read from the ``users``
                namespaces if None and they name one.
            kwargs: More arguments of the constructor.

        Raises:
            RegistrationError: The registration can't be read, or isn't valid.
        """
        from ..registration import Registration

        if not isinstance(registration, Registration):
            registration = Registration.load(registration)
        kwargs.setdefault("bot_mxid", registration.bot_mxid(server_name))
        kwargs.setdefault("token", registration.as_token)
        return cls(base_url, registration=registration, **kwargs)

    @classmethod
    def from_env(cls, **kwargs: Any) -> Self:
        """Make the API of the environment variables ``APPSERVICE_BASE_URL`` and either
        ``APPSERVICE_REGISTRATION`` (a path) or ``APPSERVICE_TOKEN``; and, where needed,
        ``APPSERVICE_SERVER_NAME``, ``APPSERVICE_BOT_MXID`` and ``APPSERVICE_DEVICE_ID``.

        Args:
            kwargs: Arguments of the constructor; they win over the environment.

        Raises:
            ValueError: A variable is missing or can't be used.
        """
        from ..settings import Settings

        return Settings.of(os.environ).make(cls, **kwargs)

    @property
    def bot_mxid(self) -> UserID | None:
        """The user ID of the application service's bot, None where it isn't known."""
        return self._shared.bot_mxid

    @property
    def state_store(self) -> ASStateStore:
        """What is remembered of rooms and users."""
        return self._shared.state_store

    @property
    def registration(self) -> Registration | None:
        """The registration, None where none was given."""
        return self._shared.registration

    @property
    def base_log(self) -> TraceLogger:
        """The logger that all objects of this application service log to."""
        return self.log

    @property
    def real_user_content_key(self) -> str | None:
        """The key in the content of events that real users send; None for no key."""
        return self._shared.mark.key if self._shared.mark is not None else None

    @property
    def children(self) -> Mapping[str, ChildAppServiceAPI]:
        """The ghosts that are held by anyone now, by user ID."""
        return self._shared.children

    @property
    def real_users(self) -> Mapping[str, AppServiceAPI]:
        """The real users that are held by anyone now, by user ID (the last of each)."""
        return {user.identity: user for user in list(self._shared.real_users.values())
                if user.identity}  # fmt: skip

    @property
    def identity(self) -> UserID | None:
        """The user to act as, None for the application service itself."""
        return UserID.read(self._identity) if self._identity is not None else None

    @property
    def acting_user(self) -> UserID | None:
        """The user whom requests of this object speak for, None where that isn't known."""
        speaker = self._speaker
        return UserID.read(speaker) if speaker is not None else None

    @property
    def _speaker(self) -> str | None:
        return self._identity or (None if self.is_real_user else self._shared.bot_mxid)

    @property
    def _root(self) -> AppServiceAPI:
        return self.parent if self.parent is not None else self

    def user(self, user: str, *, device_id: str | None = None) -> ChildAppServiceAPI:
        """Get the API of a ghost.

        Args:
            user: The user ID of the ghost, or the bot's.
            device_id: The device to act as; this API's if None.

        Returns:
            The ghost's API; the same object while anyone holds it.

        Raises:
            ValueError: This is a real user, ``user`` isn't a user ID, or it is outside the
                namespaces of the registration.
        """
        if self.is_real_user:
            raise ValueError(f"{self.identity} is a real user, and has no ghosts")
        root = self._root
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
        """Get the API of a real user, one whom the application service doesn't manage.

        Args:
            mxid: The user ID.
            token: The user's access token; with ``as_token``, an application service's in whose
                namespaces the user is, this one's if None.
            base_url: The URL of the user's homeserver; this API's if None.
            as_token: ``token`` is an application service's: ``user_id`` is sent, and the
                homeserver honours timestamps, which it ignores for a user's own token.

        Returns:
            The user's API; the same object for the same arguments while anyone holds it. Another
            token makes another object.

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
        root = self._root
        api._shared = self._shared
        api._access = root._access if token is None else Access(url, token)
        api._become(user, None, True, asserts=as_token)
        api.parent = root
        return api

    def _check_ours(self, user: str) -> None:
        """Refuse users whom the homeserver would refuse, before anything is sent."""
        UserID(user)
        bot, registration = self._shared.bot_mxid, self._shared.registration
        if user == bot:
            return
        if registration is not None and not registration.owns_user(user):
            raise ValueError(
                f"{user} is not this application service's: it matches none of "
                f"{registration.describe_users()}"
            )
        if bot is not None and server_of(user) != server_of(bot):
            raise ValueError(f"{user} is not on the application service's homeserver, as {bot} is")

    def bot_intent(self) -> IntentAPI:
        """Get the intent of the application service's bot.

        Raises:
            ValueError: This is a real user.
        """
        if self.is_real_user:
            raise ValueError(f"{self.identity} is a real user, and has no bot")
        root = self._root
        if root.identity is None or root.identity == self.bot_mxid or self.bot_mxid is None:
            return root._own_intent()
        return root.user(self.bot_mxid)._own_intent()

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
            real_user_as_token: ``token`` is an application service's (this one's if None), and
                the user isn't a ghost.
            device_id: The device to act as.
            ensure_joined: False makes an intent that never registers or joins by itself.

        Returns:
            The intent; the same object while anyone holds it.

        Raises:
            ValueError: This is a real user, or an argument can't be used.
        """
        if self.is_real_user:
            raise ValueError(f"{self.identity} is a real user, and can't make intents of others")
        api: AppServiceAPI
        if token is not None or real_user_as_token:
            if user is None:
                raise ValueError("a token needs the user ID of the user whose token it is")
            api = self.real_user(user, token, base_url, as_token=real_user_as_token)
        elif base_url is not None:
            raise ValueError("base_url is for real users: it needs their token")
        elif (user is None or user == self.bot_mxid) and device_id is None:
            bot = self.bot_intent()
            return bot if ensure_joined else type(bot)(bot.api, ensure_joined=False)
        else:
            if user is None and (user := self.bot_mxid) is None:
                raise ValueError("a device of the bot needs bot_mxid")
            api = self.user(user, device_id=device_id)
        return api._own_intent() if ensure_joined else api._intent_of(api, ensure_joined=False)

    def _own_intent(self) -> IntentAPI:
        """The intent of this very API; the same object while anyone holds it."""
        intent = self._intent() if self._intent is not None else None
        if intent is None:
            with self._shared.lock:
                intent = self._intent() if self._intent is not None else None
                if intent is None:
                    intent = self._intent_of(self)
                    self._intent = weakref.ref(intent)
        return intent

    def warm_up(
        self, users: Iterable[str] = (), progress: Progress | None = None
    ) -> dict[RoomID, MatrixRequestError | None]:
        """Fill the state store: one request for the rooms of the bot and of each user, and one
        for the state of each of these rooms, which tells the memberships of all who are in it.
        So the bot alone is enough for ghosts who are only where the bot is.

        Args:
            users: Ghosts whose rooms are asked for, too.
            progress: Called with how many requests are done, and how many are known to be needed.

        Returns:
            The rooms, each with the error that kept its state from being read, or None.

        Raises:
            ValueError: A user isn't in the namespaces of the registration.
            StateStoreError: The state of a room can't be remembered.
            MatrixError: The homeserver refused to tell the rooms of a user, or couldn't be reached.
        """
        return warm_up([self.bot_intent(), *(self.intent(user) for user in users)], progress)

    def request(  # type: ignore[override]  # The page of the API puts timestamp here.
        self,
        method: str | Method,
        path: str | PathBuilder,
        content: Any = None,
        timestamp: int | datetime | None = None,
        headers: Mapping[str, str] | None = None,
        query_params: Mapping[str, Any] | None = None,
        retry_count: int | None = None,
        metrics_method: str = "",
        *,
        external_url: str | None = None,
        timeout: Timeout | None = None,
        deadline: float | None = None,
    ) -> Any:
        """Make a request as the user of this API, and return the JSON of its answer.

        Args:
            method: The HTTP method.
            path: A path of :data:`Path`, or a text; one that doesn't start with ``/_matrix`` or
                ``/_synapse`` is taken below ``/_matrix/client/v3``.
            content: A dict is sent as JSON; bytes, text or a binary file as they are.
            timestamp: When the event happened: int milliseconds since 1970, or a datetime (local
                time if it has no zone). Sent only where the specification honours it: for message
                and state events, and not with a user's own token.
            headers: More headers.
            query_params: Query parameters; a list repeats its key, None is left out.
            retry_count: How often to repeat if the homeserver isn't reachable; 0 turns all
                repeating off, rate limits included. None takes the default.
            metrics_method: A name for logs and metrics instead of the path's template.
            external_url: The http(s) URL of the original message, put into the content.
            timeout: Seconds to wait for data, or (to connect, to wait for data).
            deadline: Seconds after which the call ends, with all repeats and waits; those of
                ``retry`` if None, which hold for a longer ``timeout``, too.

        Returns:
            The answer, a dict (for a few endpoints a list).

        Raises:
            ValueError: An argument can't be sent.
            MatrixRequestError: The homeserver refused; a subclass for each errcode.
            MatrixConnectionError: The homeserver couldn't be reached.
            MatrixResponseError: The answer wasn't JSON.

        Spec: Application Service API, "Identity assertion" and "Timestamp massaging".
        """
        wire_path, template = as_path(path)
        return self._speak(
            as_method(method), wire_path, template, content,
            query_params=query_params, timestamp=timestamp, external_url=external_url,
            headers=headers, retry_count=retry_count, name=metrics_method, timeout=timeout,
            deadline=deadline,
        )  # fmt: skip

    def _speak(
        self,
        method: str,
        path: str,
        template: str,
        content: Any,
        *,
        query_params: Mapping[str, Any] | None = None,
        timestamp: int | datetime | None = None,
        external_url: str | None = None,
        anonymous: bool = False,
        as_device: bool = True,
        **how: Any,
    ) -> Any:
        """Add who speaks (nobody if ``anonymous``), as the device (unless ``as_device`` is
        False), and send. ``how`` goes to :meth:`HTTPAPI._send`."""
        query = ""
        if self._asserts and not anonymous:
            device_id = self.device_id if as_device else None
            if device_id is None and not query_params:
                query = identity_query(self._identity, None)
            else:
                query = self._who(query_params or {}, device_id)
        if query_params:
            more = encode_query(query_params)
            self._check_query(query_params)
            query = f"{query}&{more}" if query and more else query or more
        kind = sent_kind(method, template)
        if timestamp is not None:
            milliseconds = timestamp_ms(timestamp)
            if kind in ("send", "state") and self._asserts:
                query = f"{query}&ts={milliseconds}" if query else f"ts={milliseconds}"
        content = with_external_url(content, external_url)
        mark = self._mark if kind and not anonymous else None
        if kind and isinstance(content, dict):
            body = event_body(content, mark)
        else:
            body = as_body(method, content)
        user = None if anonymous else self._speaker
        if mark is not None and user is not None:
            return self._send_as_person(
                kind, user, path, content,
                lambda: self._send(method, path, template, body, query=query, user=user, **how),
            )  # fmt: skip
        return self._send(
            method, path, template, body, query=query, user=user, anonymous=anonymous, **how
        )

    def _who(self, params: Mapping[str, Any], device_id: str | None) -> str:
        """The part of the query that says who speaks: never a device without its user, on which
        Synapse fails.

        Raises:
            ValueError: A device of the bot is to speak, and the bot isn't known.
        """
        user: str | None = self._identity
        given = params.get("device_id")
        # What the caller of a raw request says himself isn't said twice.
        if user is None and (given or device_id) and not params.get("user_id"):
            user = self._shared.bot_mxid
            if user is None:
                raise ValueError(
                    f"to act as a device of the bot, {str(given or device_id)!r}, bot_mxid must be "
                    "given"
                )
        return identity_query(user, None if given else device_id)

    @property
    def _mark(self) -> Mark | None:
        """What is put into the content of events; None where the sender tells that they are ours,
        or nobody could tell."""
        shared, user = self._shared, self._identity
        if self.is_real_user or (user is not None and shared.ghosts.is_shared(user)):
            return shared.mark
        return None

    def _send_as_person(
        self, kind: str, user: str, path: str, content: Any, send: Callable[[], Any]
    ) -> Any:
        """Send an event so that it is known again when the homeserver pushes it.

        Args:
            kind: What :func:`sent_kind` says.
            user: Who speaks.
            path: The path of the request.
            content: The content of the event.
            send: Sends it.
        """
        sent, mark = self._shared.sent, self._shared.mark
        if kind != "state":
            sent.note((user, unquote(path.rpartition("/")[2])))
        marked = mark is not None and isinstance(content, dict) and mark.is_on(mark.put_on(content))
        if kind == "send" and marked:
            answer = send()
            sent.note_events(_event_ids(answer), everywhere=False)
            return answer
        # Other clients copy the mark of what they change, and redactions may have none.
        with sent.under_way(user):
            answer = send()
            sent.note_events(_event_ids(answer))
        return answer

    def _check_query(self, params: Mapping[str, Any]) -> None:
        user = params.get("user_id")
        if user is not None and self._asserts and self.identity not in (None, user):
            raise ValueError(
                f"this API speaks as {self.identity}, so user_id can't be {user!r}: use api.user()"
            )

    def __repr__(self) -> str:
        kind = " real user" if self.is_real_user else ""
        return f"<{type(self).__name__}{kind} {self.acting_user or 'as itself'} at {self.base_url}>"


class ChildAppServiceAPI(AppServiceAPI):
    """The API of a ghost: a flyweight that shares everything with its parent.

    Args:
        user: The user ID of the ghost.
        parent: The application service's API, or one of its ghosts'.
        device_id: The device to act as, None for none.

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
        self.parent = parent._root

    def close(self) -> None:
        """Does nothing: the connections are the parent's, who may close them."""
