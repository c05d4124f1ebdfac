"""Speaker: a user who makes requests, with a token; the base class of `AppServiceAPI`.

Spec: Application Service API, "Identity assertion" and "Timestamp massaging".
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote

import appservice_api

from ..ids import DeviceID, UserID, server_of
from ..log import TraceLogger
from ..state_store import ASStateStore
from .call import Timeout
from .event import Mark, event_body, sent_kind, timestamp_ms, with_external_url
from .http import HTTPAPI
from .path import Method, PathBuilder, as_method, as_path
from .request import as_body, encode_query
from .shared import AppServiceShared

__all__ = ["Speaker", "identity_query"]


@lru_cache(maxsize=4096)
def identity_query(user_id: str | None, device_id: str | None) -> str:
    """The part of a query that names the acting user and device."""
    user = f"user_id={quote(user_id, safe='')}" if user_id else ""
    device = f"device_id={quote(device_id, safe='')}" if device_id else ""
    return f"{user}&{device}" if user and device else user or device


class Speaker(HTTPAPI):
    """A user who makes requests: the application service's bot, a ghost, or a real user.

    A flyweight: session, lock, state store and registration are shared by all users of an
    application service. :class:`AppServiceAPI` makes it.
    """

    __slots__ = ("_asserts", "_identity", "_intent", "device_id", "is_real_user", "parent")
    _shared: AppServiceShared
    #: The intent of this speaker, while anyone holds it; intents set it.
    _intent: weakref.ref[Any] | None
    #: The device that requests are made as, None for none.
    device_id: DeviceID | None
    # The caller's own text: a copy for each ghost would need more memory than all else.
    _identity: str | None
    #: Whether this is a user whom the application service doesn't manage.
    is_real_user: bool
    #: The API that this one was made from, None if there is none.
    parent: Speaker | None

    @property
    def bot_mxid(self) -> UserID | None:
        """The user ID of the application service's bot, None if it isn't known."""
        return self._shared.bot_mxid

    @property
    def state_store(self) -> ASStateStore:
        """The state store, with what is known of rooms and users."""
        return self._shared.state_store

    @property
    def registration(self) -> appservice_api.Registration | None:
        """The registration, None if none was given."""
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
    def identity(self) -> UserID | None:
        """The user to act as, None for the application service itself."""
        return UserID.read(self._identity) if self._identity is not None else None

    @property
    def acting_user(self) -> UserID | None:
        """The user who makes this object's requests, None if it isn't known."""
        acting = self._acting
        return UserID.read(acting) if acting is not None else None

    @property
    def _acting(self) -> str | None:
        return self._identity or (None if self.is_real_user else self._shared.bot_mxid)

    @property
    def _root(self) -> Speaker:
        return self.parent if self.parent is not None else self

    def user(self, user: str, *, device_id: str | None = None) -> Speaker:
        """The speaker of a ghost; :class:`AppServiceAPI` makes it."""
        raise NotImplementedError

    def real_user(
        self, mxid: str, token: str | None = None, base_url: object = None, *,
        as_token: bool = False,
    ) -> Speaker:  # fmt: skip
        """The speaker of a real user; :class:`AppServiceAPI` makes it."""
        raise NotImplementedError

    def _bot(self) -> Speaker:
        """The speaker of the application service's bot.

        Raises:
            ValueError: This is a real user.
        """
        if self.is_real_user:
            raise ValueError(f"{self.identity} is a real user, and has no bot")
        root, bot = self._root, self.bot_mxid
        return root if bot is None or root._identity in (None, bot) else root.user(bot)

    def _speaker_for(
        self, user: str | None, token: str | None, base_url: object, as_token: bool,
        device_id: str | None,
    ) -> Speaker:  # fmt: skip
        """The speaker that :meth:`AppServiceAPI.intent` describes.

        Raises:
            ValueError: This is a real user, or an argument can't be used.
        """
        if self.is_real_user:
            raise ValueError(f"{self.identity} is a real user, and can't make intents of others")
        if token is not None or as_token:
            if user is None:
                raise ValueError("a token needs the user ID of the user whose token it is")
            return self.real_user(user, token, base_url, as_token=as_token)
        if base_url is not None:
            raise ValueError("base_url is for real users: it needs their token")
        if (user is None or user == self.bot_mxid) and device_id is None:
            return self._bot()
        if user is None and (user := self.bot_mxid) is None:
            raise ValueError("a device of the bot needs bot_mxid")
        return self.user(user, device_id=device_id)

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
            path: A path of :data:`Path`, or a text; ``/_matrix/client/v3`` is put before a text
                that doesn't start with ``/_matrix`` or ``/_synapse``.
            content: A dict is sent as JSON; bytes, text or a binary file as they are.
            timestamp: When the event happened: int milliseconds since 1970, or a datetime (local
                time if it has no zone). Sent only where the specification allows it: for message
                and state events, and not with a user's own token.
            headers: More headers.
            query_params: Query parameters; a list repeats its key, None is left out.
            retry_count: How often to repeat if the homeserver isn't reachable; 0 turns all
                repeating off, rate limits included. None for the default.
            metrics_method: A name for logs and metrics instead of the path's template.
            external_url: The http(s) URL of the original message, put into the content.
            timeout: Seconds to wait for data, or (to connect, to wait for data).
            deadline: Seconds after which the call ends, with all repeats and waits; None for the
                deadline of ``retry``, even if ``timeout`` is longer.

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
        """Add the acting user (none if ``anonymous``) and the device (unless ``as_device`` is
        False), and send. ``how`` is passed to :meth:`HTTPAPI._send`."""
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
        user = None if anonymous else self._acting
        if mark is not None and user is not None:
            return self._send_as_person(
                kind, user, path, content,
                lambda: self._send(method, path, template, body, query=query, user=user, **how),
            )  # fmt: skip
        return self._send(
            method, path, template, body, query=query, user=user, anonymous=anonymous, **how
        )

    def _who(self, params: Mapping[str, Any], device_id: str | None) -> str:
        """The part of the query that names the acting user and device: never a device without its
        user, since Synapse fails then.

        Raises:
            ValueError: The device is the bot's, and the bot isn't known.
        """
        user: str | None = self._identity
        given = params.get("device_id")
        # What the caller of a raw request gives isn't added again.
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
        """The mark for the content of events; None if the sender already shows that they are ours,
        or no mark is set."""
        shared, user = self._shared, self._identity
        if self.is_real_user or (user is not None and shared.ghosts.is_shared(user)):
            return shared.mark
        return None

    def _send_as_person(
        self, kind: str, user: str, path: str, content: Any, send: Callable[[], Any]
    ) -> Any:
        """Send an event so that it is recognized when the homeserver pushes it.

        Args:
            kind: As :func:`sent_kind` returns it.
            user: The acting user.
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
        # Other clients copy the mark of an event that they change, and redactions may have none.
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

    def __repr__(self) -> str:
        kind = " real user" if self.is_real_user else ""
        return f"<{type(self).__name__}{kind} {self.acting_user or 'as itself'} at {self.base_url}>"


def _event_ids(answer: object) -> list[str]:
    found = answer.get("event_id") if isinstance(answer, dict) else None
    return [found] if isinstance(found, str) else []
