"""A homeserver in memory: it authenticates requests, and answers as Synapse does."""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from .http import Recorded, Refused, Response, answer, forbidden, refusal
from .rooms import Event, Room

_UNRECOGNIZED = refusal(404, "M_UNRECOGNIZED", "Unrecognized request")
_VERSIONS = {"versions": ["r0.6.1", *(f"v1.{n}" for n in range(1, 13))], "unstable_features": {}}


@dataclass
class Call:
    """One authenticated request.

    `user` is who acts, `parts` the decoded variable parts of the path.
    """

    request: Recorded
    user: str
    by_appservice: bool
    parts: list[str]

    @property
    def body(self) -> dict[str, Any]:
        """The body as a JSON object."""
        content = self.request.json
        if not isinstance(content, dict):
            raise Refused(400, "M_NOT_JSON", "Content not JSON.")
        return content

    @property
    def ts(self) -> int | None:
        """The timestamp to give to an event; only an application service may choose one."""
        given = self.request.query.get("ts")
        return int(given[0]) if given and self.by_appservice else None


@dataclass
class Media:
    """One item of the media repository.

    Attributes:
        owner: The user who created it.
        body: The bytes, None until they are uploaded.
        content_type: The media type.
        filename: The file name, or None.
        authenticated: Whether the old endpoints, which need no token, refuse it.
    """

    owner: str
    body: bytes | None = None
    content_type: str = "application/octet-stream"
    filename: str | None = None
    authenticated: bool = True


Endpoint = Callable[["MemoryHomeserver", Call], Any]
_endpoints: dict[tuple[str, int], list[tuple[list[str], Endpoint]]] = {}


def endpoint(method: str, *templates: str) -> Callable[[Endpoint], Endpoint]:
    """Register an endpoint.

    Args:
        method: The HTTP method.
        templates: Paths below /_matrix/; a segment "{}" is variable.

    Returns:
        The decorator.
    """

    def register(function: Endpoint) -> Endpoint:
        for template in templates:
            segments = template.split("/")
            _endpoints.setdefault((method, len(segments)), []).append((segments, function))
        return function

    return register


def _find(method: str, path: str) -> tuple[Endpoint, list[str]] | None:
    segments = path.removeprefix("/_matrix/").replace("client/r0/", "client/v3/", 1).split("/")
    for template, function in _endpoints.get((method, len(segments)), ()):
        pairs = list(zip(template, segments, strict=True))
        if all(wanted in ("{}", segment) for wanted, segment in pairs):
            return function, [unquote(segment) for wanted, segment in pairs if wanted == "{}"]
    return None


class MemoryHomeserver:
    """Users, rooms and all else that is kept, behind one lock.

    Args:
        as_token: The application service's token.
        sender: The bot's user ID.
        server_name: The homeserver's name.
        namespace: A regular expression for the users as whom the application service may act.
    """

    def __init__(self, as_token: str, sender: str, server_name: str, namespace: str) -> None:
        self.as_token = as_token
        self.sender = sender
        self.server_name = server_name
        self.namespace = re.compile(namespace)
        self.users: set[str] = set()
        self.tokens: dict[str, str] = {}
        self.rooms: dict[str, Room] = {}
        self.aliases: dict[str, str] = {}
        self.profiles: dict[str, dict[str, Any]] = {}
        self.devices: dict[str, dict[str, str | None]] = {}
        self.to_device: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.receipts: dict[tuple[str, str, str], str] = {}
        self.presence: dict[str, dict[str, Any]] = {}
        self.account_data: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.tags: dict[tuple[str, str], dict[str, Any]] = {}
        self.filters: dict[str, list[dict[str, Any]]] = {}
        self.alias_namespace = re.compile(rf"#.*:{re.escape(server_name)}")
        self.listed: set[tuple[str | None, str]] = set()
        self.media: dict[str, Media] = {}
        self.upload_size = 50 * 1024**2
        self.numbers = itertools.count(1)
        self._done: dict[tuple[str, str], Response] = {}
        self._lock = threading.RLock()

    def answer(self, request: Recorded) -> Response:
        """Handle a request, and return the response."""
        found = _find(request.method, request.path)
        if found is None:
            return _UNRECOGNIZED
        function, parts = found
        with self._lock:
            try:
                return self._dispatch(request, function, parts)
            except Refused as refused:
                return refused.response

    def _dispatch(self, request: Recorded, function: Endpoint, parts: list[str]) -> Response:
        if request.path.endswith("/client/versions"):
            return answer(200, _VERSIONS)
        user, by_appservice = self._authenticate(request)
        call = Call(request, user, by_appservice, parts)
        # As in Synapse, the key is the raw path, and all ghosts share one cache: if two of them
        # use the same transaction ID, the second message is lost.
        key = ("appservice" if by_appservice else user, request.path)
        once = function in _ONCE
        if once and key in self._done:
            return self._done[key]
        result = function(self, call)
        reply = result if isinstance(result, Response) else answer(200, result)
        if once:
            self._done[key] = reply
        return reply

    def _authenticate(self, request: Recorded) -> tuple[str, bool]:
        token = request.token or request.query.get("access_token", [""])[0]
        if not token:
            raise Refused(401, "M_MISSING_TOKEN", "Missing access token")
        if token in self.tokens:
            return self.tokens[token], False
        if token != self.as_token:
            raise Refused(401, "M_UNKNOWN_TOKEN", "Invalid access token passed.")
        user = request.user_id or self.sender
        if user != self.sender and not request.path.endswith("/register"):
            if not self.namespace.fullmatch(user):
                text = f"Application service cannot masquerade as this user ({user})."
                raise forbidden(text)
            if user not in self.users:
                raise forbidden(f"Application service has not registered this user ({user})")
        device = request.query.get("device_id")
        if device and not request.user_id:
            raise Refused(500, "M_UNKNOWN", "Internal server error")
        if device and device[0] not in self.devices.get(user, ()):
            text = f"Application service trying to use a device that doesn't exist ({device[0]!r}"
            raise Refused(400, "M_UNKNOWN_DEVICE", f"{text} for {user})")
        return user, True

    def add_user(self, user_id: str, token: str | None = None) -> None:
        """Register a user, with an access token if one is given."""
        with self._lock:
            self.users.add(user_id)
            if token is not None:
                self.tokens[token] = user_id

    def new_room(self, creator: str, preset: str, invitees: list[str] | None = None) -> Room:
        """Make a room; the arguments are those of `Room`."""
        room_id = f"!room{next(self.numbers)}:{self.server_name}"
        room = self.rooms[room_id] = Room(room_id, creator, preset, invitees)
        return room

    def make(self, public: bool, members: Sequence[str]) -> str:
        """Make a room for a test, and return its ID. The bot has level 100, and is in it only if
        it is one of the members."""
        with self._lock:
            owner = f"@owner:{self.server_name}"
            room = self.new_room(owner, "public_chat" if public else "private_chat")
            room.content("m.room.power_levels")["users"][self.sender] = 100
            for user in members:
                room.append(user, "m.room.member", {"membership": "join"}, user)
            return room.id

    def events(self, room_id: str) -> list[Event]:
        """Copies of a room's events, oldest first; none for an unknown room."""
        with self._lock:
            return self.rooms[room_id].copy_events() if room_id in self.rooms else []

    def membership(self, room_id: str, user: str) -> str | None:
        """A user's membership in a room, None if there is none."""
        with self._lock:
            return self.rooms[room_id].membership(user) if room_id in self.rooms else None

    def joined(self, call: Call) -> Room:
        """The room that a path names first, for a member of it.

        Raises:
            Refused: The acting user isn't a member, or there is no such room.
        """
        room = self.rooms.get(call.parts[0])
        if room is None or room.membership(call.user) != "join":
            raise forbidden(f"User {call.user} not in room {call.parts[0]}")
        return room

    def visible(self, call: Call) -> Room:
        """As :meth:`joined`, for endpoints that read."""
        room = self.rooms.get(call.parts[0])
        if room is None or room.membership(call.user) != "join":
            raise forbidden(
                f"User {call.user} not in room {call.parts[0]}, and room previews are disabled"
            )
        return room


_ONCE: set[Endpoint] = set()


def once(function: Endpoint) -> Endpoint:
    """Mark an endpoint whose path holds a transaction ID: a repeat gets the first response."""
    _ONCE.add(function)
    return function
