"""Backlog: events that are in a room and were never pushed, since the homeserver was restarted.

Spec: Client-Server API, ``GET /rooms/{roomId}/messages``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeAlias

from ..api.path import Path
from ..appservice import AppServiceAPI
from ..errors import MatrixRequestError, MForbidden
from ..events.membership import Membership
from ..ids import RoomID, UserID
from ..intent import IntentAPI
from ..state_store.deliveries import Deliveries
from ..state_store.items import Source
from .arguments import check_room_ids
from .claims import Claims
from .deduplication import Deduplication
from .echoes import Echoes
from .transaction import Item, name_of

__all__ = ["Backlog", "CaughtUp", "Progress"]

#: Called with how many rooms are done, and how many there are.
Progress: TypeAlias = Callable[[int, int], object]

_PAGE = 100
# After so many events, it is checked whether to stop.
_PORTION = 10


class CaughtUp(NamedTuple):
    """The outcome of catching up.

    Attributes:
        events: By room, how many events were missed and are handled now; rooms without any are
            left out.
        failed: The rooms that the homeserver refused to show, and why; the next time tries again.
    """

    events: dict[RoomID, int]
    failed: dict[RoomID, MatrixRequestError]


class _Timeline(NamedTuple):
    """What a room's timeline holds.

    Attributes:
        newest: The last event of it; None if there is none.
        missed: The events that were never handled, the oldest first.
    """

    newest: str | None
    missed: list[dict[str, Any]]


class Backlog:
    """Finds events that were never pushed, and has them handled.

    Each room has a checkpoint: the event up to which nothing was missed. Without one, a room is
    read back to the first event that was handled or, if none was, to where the reader joined it
    through this application service; else nothing counts as missed.
    """

    def __init__(
        self, api: AppServiceAPI, echoes: Echoes, claims: Claims, deduplication: Deduplication
    ) -> None:
        self._api = api
        self._bot = api.bot_intent()
        self._store = api.state_store
        self._echoes = echoes
        self._claims = claims
        self._deduplication = deduplication

    @property
    def _deliveries(self) -> Deliveries:
        return self._store.deliveries

    def catch_up(
        self,
        rooms: Iterable[str] | None = None,
        progress: Progress | None = None,
        stopping: threading.Event | None = None,
    ) -> CaughtUp:
        """See :meth:`AppService.catch_up`.

        Args:
            rooms, progress: As there.
            stopping: Set by who wants this to stop soon.
        """
        if self._deduplication.is_handling:
            raise RuntimeError(
                "a handler can't catch up: it would wait for the event that it handles; do it in "
                "another thread, or by the command line"
            )
        wanted = None if rooms is None else check_room_ids("rooms", rooms)
        if progress is not None and not callable(progress):
            raise ValueError(f"progress must be a function of two numbers, not {progress!r}")
        done = CaughtUp({}, {})
        looked: set[RoomID] = set()
        while True:
            readers = self._readers(wanted)
            left = [room_id for room_id in readers if room_id not in looked]
            before = len(done.events)
            for number, room_id in enumerate(left, 1):
                if stopping is not None and stopping.is_set():
                    return done
                self._note(done, room_id, readers[room_id], stopping, named=wanted is not None)
                if progress is not None:
                    progress(len(looked) + number, len(looked) + len(left))
            looked.update(left)
            # What was missed may have made somebody join a room, as upgrades do.
            if wanted is not None or len(done.events) == before:
                return done

    def _note(
        self, done: CaughtUp, room_id: RoomID, users: list[UserID],
        stopping: threading.Event | None, *, named: bool,
    ) -> None:  # fmt: skip
        """Catch up in a room, and note the outcome."""
        try:
            missed = self._catch_up(room_id, users, stopping)
        except MatrixRequestError as error:
            # Where nobody is in a room any more, that is no failure, unless the room was named.
            if named or not isinstance(error, MForbidden):
                done.failed[room_id] = error
        else:
            if missed:
                done.events[room_id] = missed

    def _readers(self, rooms: list[RoomID] | None) -> dict[RoomID, list[UserID]]:
        """Who can read each room: the bot or, where it isn't, ghosts."""

        bot = self._bot
        try:
            # Not by a method that remembers the answer: who has joined by us must stay known.
            joined = bot.api.request("GET", Path.v3.joined_rooms)["joined_rooms"]
        except MForbidden:
            joined = []  # a bot that isn't registered is in no room
        found = {RoomID.read(room_id): [bot.mxid] for room_id in joined}
        wanted = self._store.rooms() if rooms is None else rooms
        for room_id in wanted:
            if room_id not in found:
                members = self._store.read_members(room_id, (Membership.JOIN,))
                ghosts = [UserID.read(user) for user in self._echoes.ours_among(members)]
                if ghosts or rooms is not None:
                    found[room_id] = ghosts or [bot.mxid]
        return found if rooms is None else {room_id: found[room_id] for room_id in wanted}

    def _catch_up(
        self, room_id: RoomID, users: list[UserID], stopping: threading.Event | None
    ) -> int:
        """Handle what was missed in a room.

        Returns:
            How many events that was.

        Raises:
            MForbidden: None of the users may see it.
        """
        refused: MForbidden | None = None
        for user in users:
            try:
                return self._look_as(self._api.intent(user), room_id, stopping)
            except MForbidden as error:
                self._store.invalidate(room_id, user)
                refused = error
        assert refused is not None
        raise refused

    def _look_as(self, reader: IntentAPI, room_id: RoomID, stopping: threading.Event | None) -> int:
        [*last] = reader.get_messages(room_id, limit=1, ensure_joined=False)["chunk"]
        checkpoint = self._deliveries.checkpoint(room_id)
        if checkpoint is not None and [one.get("event_id") for one in last] == [checkpoint]:
            return 0
        timeline = self._read(reader, room_id)
        if timeline.missed:
            # What is being handled at this moment isn't noted yet: the room is claimed first.
            with self._claims.alone(room_id) as taken_over:
                timeline = self._read(reader, room_id)
                if not self._handle(timeline.missed, taken_over, stopping):
                    return 0
        if timeline.newest is not None:
            self._deliveries.set_checkpoint(room_id, timeline.newest)
        return len(timeline.missed)

    def _handle(
        self, missed: list[dict[str, Any]], taken_over: bool, stopping: threading.Event | None
    ) -> bool:
        """Handle events. Returns whether all were."""
        for start in range(0, len(missed), _PORTION):
            if stopping is not None and stopping.is_set():
                return False
            portion = missed[start : start + _PORTION]
            items = [Item("event", one["event_id"], one) for one in portion]
            self._deduplication.handle(items, taken_over)
        return True

    def _read(self, reader: IntentAPI, room_id: RoomID) -> _Timeline:
        """Read a room's timeline back to its checkpoint."""
        deliveries = self._deliveries
        others = self._store.get_members(room_id, (Membership.JOIN,))
        alone = not set(self._echoes.ours_among(others)) - {reader.mxid}
        ends = {deliveries.checkpoint(room_id), deliveries.first_handled(room_id)} - {None}
        since_join = not ends and self._has_joined_by_us(room_id, reader.mxid)
        newest: str | None = None
        missed: list[dict[str, Any]] = []
        token: str | None = None
        while True:
            page = reader.get_messages(room_id, "b", token, limit=_PAGE, ensure_joined=False)
            events = [one for one in page["chunk"] if _has_name(one)]
            if newest is None and events:
                newest = events[0]["event_id"]
            if not ends and not since_join:
                return _Timeline(newest, [])
            done = deliveries.handled([one["event_id"] for one in events])
            for event in events:
                if event["event_id"] in ends:
                    return _Timeline(newest, missed[::-1])
                absent = alone and _was_absent(event, reader.mxid)
                if event["event_id"] not in done and not absent:
                    missed.append(event)
                if since_join and _is_join_of(event, reader.mxid):
                    return _Timeline(newest, missed[::-1])
            before, token = token, page.end
            if token is None or token == before:
                return _Timeline(newest, missed[::-1])

    def _has_joined_by_us(self, room_id: str, user_id: str) -> bool:
        """Whether a user joined by a request of this application service, not by a pushed event."""
        member = self._store.read_member(room_id, user_id)
        return (
            member is not None
            and member.membership is Membership.JOIN
            and member.source is Source.SENT
        )


def _has_name(event: Any) -> bool:
    return isinstance(event, dict) and name_of(event.get("event_id")) is not None


def _was_absent(event: dict[str, Any], user_id: str) -> bool:
    """Whether a user wasn't in the room when an event came, so that it wasn't to be pushed."""
    unsigned = event.get("unsigned")
    membership = unsigned.get("membership") if isinstance(unsigned, dict) else None
    return (
        isinstance(membership, str)
        and membership != "join"
        and not (event.get("type") == "m.room.member" and event.get("state_key") == user_id)
    )


def _is_join_of(event: dict[str, Any], user_id: str) -> bool:
    content = event.get("content")
    return (
        event.get("type") == "m.room.member"
        and event.get("state_key") == user_id
        and isinstance(content, dict)
        and content.get("membership") == "join"
    )
