"""Backlog: events that are in a room and were never pushed, for the homeserver was restarted.

Spec: Client-Server API, ``GET /rooms/{roomId}/messages``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from ..api.path import Path
from ..errors import MatrixRequestError, MForbidden
from ..events.membership import Membership
from ..state_store.items import Source
from .arguments import check_room_ids
from .delivery import Delivery
from .transaction import Item, name_of

if TYPE_CHECKING:
    from ..application import AppService
    from ..ids import RoomID, UserID
    from ..intent import IntentAPI
    from ..state_store.deliveries import Deliveries

__all__ = ["Backlog", "CaughtUp", "Progress"]

#: Called with how many rooms are looked after, and how many there are.
Progress: TypeAlias = Callable[[int, int], object]

_PAGE = 100
# After so many events is seen whether to stop.
_PORTION = 10


class CaughtUp(NamedTuple):
    """What came of looking after events that were missed.

    Attributes:
        events: By room, how many events were missed and are handled now; rooms without any aren't
            there.
        failed: The rooms that the homeserver refused to show, and why; they are looked after
            again the next time.
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

    Of each room is kept up to which event it was looked after. Of a room that is looked after for
    the first time, what counts is what came after the first event that was handled; if none was,
    after who looks has joined it through this application service; else nothing.

    Args:
        app: The application service.
        delivery: Who has events handled.
    """

    def __init__(self, app: AppService, delivery: Delivery) -> None:
        self._app = app
        self._delivery = delivery

    @property
    def _deliveries(self) -> Deliveries:
        return self._app.state_store.deliveries

    def catch_up(
        self,
        rooms: Iterable[str] | None = None,
        progress: Progress | None = None,
        stopping: threading.Event | None = None,
    ) -> CaughtUp:
        """See :meth:`AppService.catch_up`.

        Args:
            rooms, progress: As there.
            stopping: What is set to have this stop soon; None for nothing.
        """
        if self._delivery.is_handling:
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
        """Look after a room, and note what came of it."""
        try:
            missed = self._look_after(room_id, users, stopping)
        except MatrixRequestError as error:
            # Of all rooms, only those count that somebody is still in.
            if named or not isinstance(error, MForbidden):
                done.failed[room_id] = error
        else:
            if missed:
                done.events[room_id] = missed

    def _readers(self, rooms: list[RoomID] | None) -> dict[RoomID, list[UserID]]:
        """Who can read each room: the bot or, where it isn't, ghosts."""
        from ..ids import RoomID, UserID

        bot = self._app.bot
        try:
            # Not by a method that has the answer remembered: who has joined by us must stay known.
            joined = bot.api.request("GET", Path.v3.joined_rooms)["joined_rooms"]
        except MForbidden:
            joined = []  # who isn't registered is nowhere
        found = {RoomID.read(room_id): [bot.mxid] for room_id in joined}
        wanted = self._app.state_store.rooms() if rooms is None else rooms
        for room_id in wanted:
            if room_id not in found:
                members = self._app.state_store.read_members(room_id, (Membership.JOIN,))
                ghosts = [UserID.read(user) for user in self._app._echoes.ours_among(members)]
                if ghosts or rooms is not None:
                    found[room_id] = ghosts or [bot.mxid]
        return found if rooms is None else {room_id: found[room_id] for room_id in wanted}

    def _look_after(
        self, room_id: RoomID, users: list[UserID], stopping: threading.Event | None
    ) -> int:
        """Have what was missed in a room handled.

        Returns:
            How many events that were.

        Raises:
            MForbidden: None of the users may see it.
        """
        refused: MForbidden | None = None
        for user in users:
            try:
                return self._look_as(self._app.api.intent(user), room_id, stopping)
            except MForbidden as error:
                self._app.state_store.invalidate(room_id, user)
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
            # What is being handled at this moment isn't noted yet: only alone one can tell.
            with self._delivery.alone(room_id):
                timeline = self._read(reader, room_id)
                if not self._handle(timeline.missed, stopping):
                    return 0
        if timeline.newest is not None:
            self._deliveries.set_checkpoint(room_id, timeline.newest)
        return len(timeline.missed)

    def _handle(self, missed: list[dict[str, Any]], stopping: threading.Event | None) -> bool:
        """Have events handled. Returns whether all were."""
        for start in range(0, len(missed), _PORTION):
            if stopping is not None and stopping.is_set():
                return False
            portion = missed[start : start + _PORTION]
            self._delivery.handle(Item("event", one["event_id"], one) for one in portion)
        return True

    def _read(self, reader: IntentAPI, room_id: RoomID) -> _Timeline:
        """Read a room's timeline back to where it was looked after."""
        deliveries = self._deliveries
        others = self._app.state_store.get_members(room_id, (Membership.JOIN,))
        alone = not set(self._app._echoes.ours_among(others)) - {reader.mxid}
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
        """Whether a user is known to have joined by what was sent, not by what was seen."""
        member = self._app.state_store.read_member(room_id, user_id)
        return (
            member is not None
            and member.membership is Membership.JOIN
            and member.source is Source.SENT
        )


def _has_name(event: Any) -> bool:
    return isinstance(event, dict) and name_of(event.get("event_id")) is not None


def _was_absent(event: dict[str, Any], user_id: str) -> bool:
    """Whether a user wasn't in the room when an event came, so that it was never to be pushed."""
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
