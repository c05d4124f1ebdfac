"""A stub homeserver: fast, in-process and scriptable. It records what it receives."""

from __future__ import annotations

import re
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeAlias

from ..compat import Self
from . import accounts, directory, endpoints, history, media  # noqa: F401  they register endpoints
from .http import Broken, Recorded, Response, answer
from .loopback import LoopbackServer
from .memory import MemoryHomeserver

__all__ = ["StubHomeserver", "after_applying", "hang"]


@dataclass(frozen=True)
class Hang:
    """Wait for an event, then respond by default."""

    event: threading.Event


@dataclass(frozen=True)
class AfterApplying:
    """Apply the request, then respond otherwise."""

    reply: Any


Reply: TypeAlias = "Response | Broken | Hang | AfterApplying | Callable[[Recorded], Any]"


def hang(event: threading.Event) -> Hang:
    """Script: wait for an event, then respond by default.

    Args:
        event: The event.

    Returns:
        The scripted response.
    """
    return Hang(event)


def after_applying(reply: Reply) -> AfterApplying:
    """Script: the homeserver applies the request, but the client gets another response.

    Args:
        reply: The response; with DROP, the client doesn't learn that it was applied.

    Returns:
        The scripted response.
    """
    return AfterApplying(reply)


class _Script:
    """Responses to the requests that match, used one after the other."""

    def __init__(self, method: str, path: str, replies: tuple[Reply, ...], forever: bool) -> None:
        self.method = method.upper()
        self.path = re.compile(path)
        self.replies = list(replies)
        self.forever = forever

    def matches(self, request: Recorded) -> bool:
        return (
            bool(self.replies)
            and self.method in ("*", request.method)
            and self.path.search(request.decoded_path) is not None
        )

    def take(self) -> Reply:
        if self.forever and len(self.replies) == 1:
            return self.replies[0]
        return self.replies.pop(0)


class StubHomeserver:
    """An in-memory homeserver on a loopback port that behaves like Synapse unless scripted.

    It can be used as a context manager. Users, rooms, media and all else that it keeps are in
    `memory`. End-to-end encryption, push rules and /sync are missing: such requests get 404
    M_UNRECOGNIZED unless they are scripted.

    Args:
        as_token: The application service's token.
        sender: The bot's user ID.
        server_name: The homeserver's name.
        namespace: A regular expression for the users as whom the application service may act.
    """

    def __init__(
        self,
        as_token: str = "as_token",
        sender: str = "@bot:hs.test",
        server_name: str = "hs.test",
        *,
        namespace: str = "@_.*",
    ) -> None:
        self.as_token = as_token
        self.sender = sender
        self.server_name = server_name
        self.requests: list[Recorded] = []
        self.memory = MemoryHomeserver(as_token, sender, server_name, namespace)
        self._server = LoopbackServer(self._handle)
        self._scripts: list[_Script] = []
        self._arrived = threading.Condition()

    def start(self) -> None:
        """Listen; after a stop, on the same port as before, with rooms and records kept."""
        self._server.start()

    def stop(self) -> None:
        """Stop listening and cut every connection. Harmless when already stopped."""
        self._server.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def base_url(self) -> str:
        """The homeserver's base URL, without a trailing slash."""
        return self._server.url

    def calls(self, *only: str) -> list[str]:
        """The requests so far, one readable line each.

        Args:
            only: Keep the lines that contain any of these; none given: all.

        Returns:
            Lines like "PUT /rooms/!r:hs.test/send/m.room.message/TXN as @_g:hs.test".
        """
        with self._arrived:
            lines = [str(request) for request in self.requests]
        return [line for line in lines if not only or any(text in line for text in only)]

    def wait_for_calls(self, count: int, *only: str, timeout: float = 5.0) -> list[str]:
        """Wait until so many requests have arrived.

        Args:
            count: At least so many.
            only: As for `calls`.
            timeout: In seconds of real time.

        Returns:
            The lines, as `calls` gives them.

        Raises:
            AssertionError: Fewer arrived in time.
        """
        with self._arrived:
            enough = self._arrived.wait_for(lambda: len(self.calls(*only)) >= count, timeout)
        calls = self.calls(*only)
        if not enough:
            raise AssertionError(f"{len(calls)} of {count} requests in {timeout} s: {calls}")
        return calls

    def clear(self) -> None:
        """Forget the requests so far; scripts and rooms stay."""
        with self._arrived:
            self.requests.clear()

    def script(self, method: str, path: str, *answers: Reply, forever: bool = False) -> None:
        """Set the responses to the next requests that match.

        Args:
            method: The HTTP method, or "*" for any.
            path: A regular expression, searched in the percent-decoded path.
            answers: The responses, used one after the other; after the last one, requests are
                handled by default. A callable gets the request and returns a response, or None
                for the default.
            forever: Whether the last response is used without end.

        Raises:
            ValueError: No response was given.
        """
        if not answers:
            raise ValueError("a script needs at least one answer")
        with self._arrived:
            self._scripts.append(_Script(method, path, answers, forever))

    def unscript(self) -> None:
        """Forget all scripts."""
        with self._arrived:
            self._scripts.clear()

    def add_user(self, user_id: str, token: str | None = None) -> None:
        """Register a user without a request.

        Args:
            user_id: A ghost or a real user.
            token: An access token of the user; requests with it ignore the query's `user_id`.
        """
        self.memory.add_user(user_id, token)

    def add_user_token(self, token: str, user_id: str) -> None:
        """Register a real user with an access token.

        Args:
            token: The user's access token.
            user_id: The user.
        """
        self.memory.add_user(user_id, token)

    @property
    def registered(self) -> set[str]:
        """The registered users. The bot is listed only if it was registered."""
        return self.memory.users

    def room(self, public: bool = False, members: Sequence[str] = ()) -> str:
        """Make a room, owned by a real user who takes no part in the test.

        Args:
            public: Whether anyone may join.
            members: Users who are in it, registered or not. Their level is 0, the bot's is 100.

        Returns:
            The room's ID.
        """
        return self.memory.make(public, members)

    def events(self, room_id: str) -> list[dict[str, Any]]:
        """A room's events, oldest first.

        Args:
            room_id: The room.

        Returns:
            Copies of the events; none for an unknown room.
        """
        return self.memory.events(room_id)

    def membership(self, room: str, user: str) -> str | None:
        """A user's membership.

        Args:
            room: The room's ID.
            user: The user's ID.

        Returns:
            "join", "invite", "leave", "ban", "knock", or None if there is none.
        """
        return self.memory.membership(room, user)

    def _handle(self, request: Recorded) -> Response | Broken:
        with self._arrived:
            self.requests.append(request)
            script = next((one for one in self._scripts if one.matches(request)), None)
            reply: Any = script.take() if script else None
            self._arrived.notify_all()
        try:
            return self._resolve(request, reply)
        # A bug in a script must not look like a homeserver that can't be reached.
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            return answer(500, {"errcode": "M_UNKNOWN", "error": f"stub: {error!r}"})

    def _resolve(self, request: Recorded, reply: Any) -> Response | Broken:
        if reply is None:
            return self.memory.answer(request)
        if isinstance(reply, (Response, Broken)):
            return reply
        if isinstance(reply, Hang):
            reply.event.wait()
            return self.memory.answer(request)
        if isinstance(reply, AfterApplying):
            self.memory.answer(request)
            return self._resolve(request, reply.reply)
        return self._resolve(request, reply(request))
