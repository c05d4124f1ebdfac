"""Changes of a part of a room's state.

A new state event replaces the whole content. To change a part, the rest must be read first, and
concurrent changes must be made one after the other, or one of them is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .. import errors
from ..api.options import CallOptions, EventOptions, RetryOptions, call_options, retry_options
from ..clock import now
from ..events.membership import Membership
from ..ids import EventID, RoomID
from ..state_store.items import Source
from .state import GET_STATE, StateMethods

__all__ = ["StateChangeMethods"]

Json = dict[str, Any]


class StateChangeMethods(StateMethods):
    """Reads and then changes state, in one thread at a time."""

    __slots__ = ()

    def _in_turn(self, room_id: str, event_type: str, work: Callable[[], Any]) -> Any:
        """Run a change of a state event while no other thread of this process changes it."""
        key = ("state", RoomID(room_id), event_type)
        return self.api._shared.flights.in_turn(key, work)

    def _present(
        self, room_id: str, event_type: str, options: CallOptions
    ) -> tuple[Json | None, EventID | None]:
        """Ask the homeserver for the content and the event ID of a state event; None and None if
        there is none. The ID is None if the homeserver sends the content only.

        A user that has left a room gets the state of then, so a change must call :meth:`_is_here`
        first."""
        values, query = (room_id, event_type, ""), {"format": "event"}
        asked_at = now()
        try:
            answer = self._call(GET_STATE, values, options=options, query_params=query)
        except errors.MNotFound:
            self._remember_asked(room_id, event_type, {}, asked_at)
            return None, None
        if not isinstance(answer, dict) or ("type" in answer and "event_id" in answer):
            content: Json = self._field(GET_STATE, answer, "content", dict)
            event_id = EventID.read(self._field(GET_STATE, answer, "event_id", str))
        else:
            content, event_id = answer, None
        self._remember_asked(room_id, event_type, content, asked_at)
        return content, event_id

    def _remember_asked(
        self, room_id: str, event_type: str, content: Mapping[str, Any], asked_at: int
    ) -> None:
        """Store an answer with the time of its request: events sent since then are newer."""
        self._best_effort.update_state(
            {"room_id": room_id, "type": event_type, "state_key": "", "content": content},
            source=Source.FETCHED,
            ts=asked_at if self._is_known_joined(room_id) else 0,
        )

    def _change_state(
        self,
        room_id: str,
        event_type: str,
        change: Callable[[Json | None], Json | None],
        options: EventOptions,
    ) -> EventID | None:
        """Read the content of a state event, change it and send it; nothing is sent if nothing
        changes.

        Args:
            room_id: The room.
            event_type: The type of the state event, whose state key is empty.
            change: Called with the present content, or None; returns the new content, or None for
                no change.
            options: The caller's options.

        Returns:
            The event ID of the new event, or of the present one; None if there is none, or its ID
            isn't known.
        """

        reading = call_options(options)

        def work() -> EventID | None:
            here = self._is_here(room_id, reading)
            try:
                return attempt(here)
            except errors.MForbidden:
                # If the user was removed meanwhile, the state that was read is outdated.
                if not here or self._membership(room_id, reading) == "join":
                    raise
            return attempt(self._is_here(room_id, reading))

        def attempt(here: bool) -> EventID | None:
            present, event_id = self._present(room_id, event_type, reading)
            new = change(present)
            if new is None or (here and new == present and event_id is not None):
                return event_id
            # Joining and sending this again would restore outdated state.
            sending = {**options, "ensure_joined": False}
            return self.send_state_event(room_id, event_type, new, **sending)  # type: ignore[arg-type]

        found: EventID | None = self._in_turn(room_id, event_type, work)
        return found

    def _is_here(self, room_id: str, options: CallOptions) -> bool:
        """Ensure that the user is in the room: otherwise the state read is outdated. Returns
        whether the user is in it."""
        asked_at = now()
        if self._membership(room_id, options) == "join":
            self._best_effort.set_membership(
                room_id, self.mxid, Membership.JOIN, source=Source.FETCHED, ts=asked_at
            )
            return True
        if not options.get("ensure_joined", True):
            return False
        return self._come_back(room_id, retry_options(options))

    def _come_back(self, room_id: str, retry: RetryOptions) -> bool:
        """Join a room that the user isn't in; intents override this."""
        return False

    def _membership(self, room_id: str, options: CallOptions) -> object:
        """The user's membership in a room, from the homeserver."""
        values = (room_id, "m.room.member", self.mxid)
        try:
            found = self._call(GET_STATE, values, options=options)
        except errors.MNotFound:
            return None
        return found.get("membership") if isinstance(found, dict) else None
