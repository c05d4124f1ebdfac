"""AppService: registration, API, state store and receiver in one object."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from types import TracebackType
from typing import Any

from .api.event import SOURCE_KEY
from .appservice import AppServiceAPI
from .compat import Self
from .intent import IntentAPI, Room
from .receiver.arguments import check_count, check_flag, check_policy, check_room, check_seconds
from .receiver.backlog import CaughtUp, Progress
from .receiver.decorators import Decorators
from .receiver.dispatch import HandlerPolicy
from .receiver.echoes import Echoes
from .receiver.handlers import Handlers
from .receiver.receiver import MAX_BODY, Receiver
from .receiver.rejoining import Rejoined
from .receiver.units import UnitOfWork
from .registration import Registration
from .state_store import ASStateStore
from .wsgi import WSGI

__all__ = ["AppService"]

_COPY_TIMEOUT = 45.0


class AppService(Decorators):
    """An application service: speaks to its homeserver, and handles what that pushes.

    >>> app = AppService.from_registration("registration.yaml", "http://localhost:8008")
    >>> @app.on("m.room.message", msgtype="m.text")
    ... def echo(event, room):
    ...     room.send_notice(event.content.body)
    >>> app.run(port=29300)

    It can be used as a context manager.

    Args:
        registration: The registration.
        base_url: The URL of the homeserver.
        state_store: What is remembered of rooms, users and transactions; as for
            :class:`AppServiceAPI`. Processes that serve one application service must share it.
        server_name: The homeserver's name, where the registration doesn't name it.
        handler_policy: How often a handler that raises is called.
        lease: Seconds after which another process takes over the transaction of one that has died.
        copy_timeout: Seconds for which a copy of a transaction waits for the first; homeservers
            wait 60. In each process, two wait at once, and others are refused, to be repeated. Its
            former name ``patience`` is accepted, too.
        max_body: How many bytes the body of a request may have.
        catch_up_at_start: Whether each process that serves first does what :meth:`catch_up` does;
            what the homeserver pushes waits meanwhile. Under a WSGI server, the first request of
            any kind begins it, one for ``/readyz`` too.
        follow_upgrades: Whether the bot joins the room that replaces one it is in and, where it
            isn't, a ghost that is: at once or, if that is refused, when it is invited. Nothing is
            done unless both rooms name each other; a room that was joined for it is left again.
            Handlers of :meth:`on_upgrade` are called once for each pair of rooms.
        unit_of_work: A function that returns a context manager, entered around each attempt of
            each handler: what opens a database session, begins a transaction, and ends both. None
            takes that of the binding: an application context of the Flask site that has the
            blueprint; a transaction of Django's database.
        query_token: Whether the token may be in the query string, as old homeservers send it.
        api_options: More arguments of :class:`AppServiceAPI`. Without a ``real_user_content_key``
            what real users send is marked with ``appservice_api.double_puppet_source``, whose value
            is the ID of the registration; with an empty one, it isn't marked, and comes back to
            handlers as if that person had sent it.

    Raises:
        ValueError: An argument can't be used.
    """

    def __init__(
        self,
        registration: Registration,
        base_url: object,
        state_store: ASStateStore | str | None = None,
        *,
        server_name: str | None = None,
        handler_policy: HandlerPolicy | None = None,
        lease: float = 30.0,
        copy_timeout: float = _COPY_TIMEOUT,
        max_body: int = MAX_BODY,
        catch_up_at_start: bool = False,
        follow_upgrades: bool = True,
        query_token: bool = False,
        unit_of_work: UnitOfWork | None = None,
        **api_options: Any,
    ) -> None:
        if not isinstance(registration, Registration):
            raise ValueError(
                f"registration must be a Registration, not {type(registration).__name__}; "
                "AppService.from_registration() reads one"
            )
        policy = check_policy(handler_policy)
        check_seconds("lease", lease, positive=True)
        if "patience" in api_options:
            if copy_timeout != _COPY_TIMEOUT:
                raise TypeError("patience is the former name of copy_timeout: give one of them")
            copy_timeout = api_options.pop("patience")
        check_seconds("copy_timeout", copy_timeout)
        check_count("max_body", max_body)
        check_flag("query_token", query_token)
        check_flag("catch_up_at_start", catch_up_at_start)
        check_flag("follow_upgrades", follow_upgrades)
        if api_options.get("real_user_content_key") is None:
            api_options["real_user_content_key"] = SOURCE_KEY
        if unit_of_work is not None and not callable(unit_of_work):
            raise ValueError(
                "unit_of_work must be a function that returns a context manager, not "
                f"{unit_of_work!r}"
            )
        #: The registration.
        self.registration = registration
        #: The API.
        self.api = AppServiceAPI.from_registration(
            registration, base_url, server_name=server_name, state_store=state_store, **api_options
        )
        #: The logger.
        self.log = self.api.base_log
        #: The intent of the bot.
        self.bot: IntentAPI = self.api.bot_intent()
        #: Whether each process that serves catches up first.
        self.catch_up_at_start = catch_up_at_start
        #: Whether rooms are followed to those that replace them.
        self.follow_upgrades = follow_upgrades
        shared = self.api._shared
        self._echoes = Echoes(shared.ghosts, shared.sent, shared.mark)
        self._handlers = Handlers(lambda: self.state_store.deliveries.has_connection)
        #: Responds to the homeserver's requests, whatever server receives them.
        self.receiver = Receiver(
            self, registration, self.api, shared, self._handlers, self._echoes, policy,
            lease=lease, copy_timeout=copy_timeout, max_body=max_body, query_token=query_token,
            unit_of_work=unit_of_work, follow_upgrades=lambda: self.follow_upgrades,
            catch_up_at_start=lambda: self.catch_up_at_start,
        )  # fmt: skip

    @classmethod
    def from_registration(
        cls,
        registration: Registration | Mapping[str, Any] | str | os.PathLike[str],
        base_url: object,
        state_store: ASStateStore | str | None = None,
        **options: Any,
    ) -> Self:
        """Make the application service of a registration.

        Args:
            registration: A registration, its dict, or the path of its file.
            base_url, state_store, options: As for the class.

        Raises:
            RegistrationError: The registration can't be read, or isn't valid.
        """
        if not isinstance(registration, Registration):
            registration = Registration.load(registration)
        return cls(registration, base_url, state_store, **options)

    @property
    def state_store(self) -> ASStateStore:
        """What is remembered of rooms, users and transactions."""
        return self.api.state_store

    @property
    def unit_of_work(self) -> UnitOfWork | None:
        """What is entered around each attempt of each handler; None for nothing."""
        return self.receiver.units.unit_of_work

    def is_ours(self, user_id: str) -> bool:
        """Whether a user is the bot or a ghost: in an exclusive namespace or, in one that isn't,
        registered by this application service.

        Args:
            user_id: The user.

        Raises:
            StateStoreError: The store can't be reached.
        """
        return self._echoes.is_ours(user_id)

    def is_mine(self, event: Mapping[str, Any]) -> bool:
        """Whether an event was sent by the bot, a ghost, or a real user through this application
        service; typing and receipts: whether they are about nobody else.

        What real users send is known by its mark (:attr:`AppServiceAPI.real_user_content_key`) and,
        where it has none, by the homeserver's answers: for that, this may wait for a request that
        is under way as the same user, 10 s at most.

        Args:
            event: An event, or its view.

        Raises:
            StateStoreError: The store can't be reached.
        """
        return self._echoes.is_mine(event)

    def ping(self) -> int:
        """Have the homeserver ping this application service. That also makes it send what it
        holds back.

        Returns:
            How many milliseconds the homeserver waited for the response.

        Raises:
            MatrixError: As :meth:`IntentAPI.appservice_ping`.
        """
        return self.bot.appservice_ping(self.registration.id)

    # How it is served.

    @cached_property
    def wsgi(self) -> WSGI:
        """The receiver as a WSGI application, for any WSGI server; may be mounted below a path."""
        return WSGI(self.receiver)

    def run(
        self, host: str = "127.0.0.1", port: int = 29300, *, threads: int = 8, ping: bool = True,
        grace: float = 30.0,
    ) -> None:  # fmt: skip
        """Serve until SIGINT or SIGTERM comes; what is being handled then is finished first. The
        bot is registered in the background, unless it is known to be registered; under another
        server, with the homeserver's first request.

        Args:
            host: The address to listen at.
            port: The port.
            threads: How many transactions are handled at once. The homeserver's queries have
                half as many threads beside, and health checks have threads of their own.
            ping: Whether to have the homeserver ping at the start, which makes it send what it
                holds back; if that fails, the log says why.
            grace: Seconds that requests have to be finished at the end.

        Raises:
            MissingExtraError: The extra ``server`` isn't installed.
            OSError: The port is taken.
            RuntimeError: This was closed.
        """
        from .server import run

        run(self, host, port, threads=threads, ping=ping, grace=grace)

    def serve_in_thread(
        self, host: str = "127.0.0.1", port: int = 0, *, ping: bool = True, grace: float = 30.0
    ) -> AbstractContextManager[str]:
        """Serve as long as a ``with`` block runs, in notebooks and tests; its value is the URL.

        Args:
            port: The port; 0 takes a free one.
            host, ping, grace: As for :meth:`run`.

        Raises:
            OSError: The port is taken.
            RuntimeError: This was closed.
        """
        from .server import serve_in_thread

        return serve_in_thread(self, host, port, ping=ping, grace=grace)

    def catch_up(
        self, rooms: str | Iterable[str] | None = None, progress: Progress | None = None
    ) -> CaughtUp:
        """Handle what is in rooms and was never pushed: a homeserver that is restarted may forget
        what it has yet to push.

        It may be done at any time, in a cron job too, beside processes that serve, if they share
        the state store. Of each room, what was missed is handled once and in order, before events
        that come meanwhile. It begins where it ended the last time; the first time, with the first
        event of a room that was handled, or where the bot or the ghost joined by a request of this
        application service. Missed invitations aren't found, nor what was said in a room while
        neither the bot nor a ghost was in it, nor typing, receipts, and what was sent to devices.

        Args:
            rooms: One room, or several; None for all that the bot is in, and those that a ghost is
                known to be in, also if that comes of what was missed, as when a room was upgraded.
            progress: Called with how many rooms are done, and how many there are, which may grow
                if rooms are joined meanwhile. If it raises, this ends, and the next call goes on.

        Returns:
            How many events were missed, and which rooms the homeserver refused to show.

        Raises:
            ValueError: One isn't a room ID, or ``progress`` can't be called.
            RuntimeError: A handler called this: it would wait for itself.
            BusyError: Another process catches up in a room, or handles events, for too long.
            MatrixConnectionError: The homeserver can't be reached.
            StateStoreError: The store can't be reached.

        Spec: Client-Server API, ``GET /rooms/{roomId}/messages``.
        """
        return self.receiver.backlog.catch_up(rooms, progress)

    def rejoin_ghosts(self, old_room: Room | str, new_room: Room | str) -> Rejoined:
        """Have all ghosts that are in a room join the one that replaces it, one after the other;
        those whose join is refused are invited first. It may be repeated. In a handler, what is
        pushed meanwhile waits; for very many ghosts, use a thread or a job.

        Args:
            old_room: The old room, or its ID: the bot is asked then.
            new_room: The new room, as who invites sees it, or its ID: the bot invites then.

        Returns:
            Who is in the new room now, and whom the homeserver refused.

        Raises:
            ValueError: One isn't a room, nor a room ID.
            MForbidden: Nobody may see who is in the old room.
            MatrixConnectionError: The homeserver can't be reached.
            StateStoreError: The store can't be reached.
        """
        old = check_room(self.bot, "old_room", old_room)
        new = check_room(self.bot, "new_room", new_room)
        return self.receiver.rejoining.rejoin(old, new)

    def retry_parked(self, number: int) -> bool:
        """Call those handlers of a parked event again that haven't succeeded; it is parked again,
        under a new number, if one still fails.

        Args:
            number: Its number, as in ``state_store.deliveries.parked()``.

        Returns:
            Whether it was handled.

        Raises:
            KeyError: There is none of this number.
            BusyError: Somebody else is handling it at this moment.
            StateStoreError: The store can't be reached.
        """
        return self.receiver.parked.retry(number)

    def close(self) -> None:
        """End all waiting, and close what isn't the caller's: connections, the state store."""
        self.api.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<AppService {self.registration.id!r} at {self.api.base_url}>"
