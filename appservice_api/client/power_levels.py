"""Power levels: who may do what in a room."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from .. import errors, events
from ..api.options import CallOptions, EventOptions, RetryOptions, call_options
from ..clock import now
from ..compat import Unpack
from ..events.content import content_of
from ..ids import EventID, RoomID, UserID
from ..state_store.items import copied
from .state import GET_STATE
from .state_change import StateChangeMethods

__all__ = ["PowerLevelMethods"]

POWER_LEVELS = "m.room.power_levels"
_CREATE = "m.room.create"
Json = dict[str, Any]


class PowerLevelMethods(StateChangeMethods):
    """Reading and changing power levels.

    A change keeps all other levels. Threads that change the power levels of one room do so one
    after the other, so that no change is lost.
    """

    __slots__ = ()

    def get_power_levels(
        self,
        room_id: str,
        ignore_cache: bool = False,
        ensure_joined: bool = True,
        **options: Unpack[RetryOptions],
    ) -> events.PowerLevelStateEventContent:
        """Get the power levels of a room, and store them in the state store.

        Args:
            room_id: The room.
            ignore_cache: Ask the homeserver even if they are known.
            ensure_joined: False: don't register or join the user.
            options: See :class:`CallOptions`.

        Returns:
            A copy of the content of the room's ``m.room.power_levels``; if the room has none, an
            empty one, whose properties are the defaults.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``m.room.power_levels``.
        """
        known = None if ignore_cache else self.api.state_store.get_power_levels(RoomID(room_id))
        if known is None:
            known = self._shared_answer(
                (POWER_LEVELS, room_id, ensure_joined),
                lambda: self._ask_power_levels(
                    room_id, {**options, "ensure_joined": ensure_joined}
                ),
            )
        return events.PowerLevelStateEventContent(copied(known))

    def _ask_power_levels(self, room_id: str, options: CallOptions) -> Json:
        asked_at = now()
        try:
            answer = self._call(GET_STATE, (room_id, POWER_LEVELS, ""), options=options)
        except errors.MNotFound:
            answer = {}
        content: Json = self._field(GET_STATE, {"content": answer}, "content", dict)
        self._remember_asked(room_id, POWER_LEVELS, content, asked_at)
        return content

    def get_create(self, room_id: str, **options: Unpack[CallOptions]) -> Json:
        """Get the event that created a room, with its creator and room version. It never changes,
        so the homeserver is asked once.

        Args:
            room_id: The room.
            options: See :class:`CallOptions`.

        Returns:
            The whole ``m.room.create`` event.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``m.room.create``.
        """
        known = self.api.state_store.get_create(RoomID(room_id))
        if known is None:
            ensures = options.get("ensure_joined", True)
            key = (_CREATE, room_id, ensures)
            known = self._shared_answer(key, lambda: self._ask_create(room_id, options))
        return known

    def _ask_create(self, room_id: str, options: CallOptions) -> Json:
        values, query = (room_id, _CREATE, ""), {"format": "event"}
        answer = self._call(GET_STATE, values, options=options, query_params=query)
        if isinstance(answer, dict) and "sender" not in answer:
            # The homeserver doesn't support the format: the content alone lacks the creator.
            answer = next(
                (one for one in self.get_state(room_id, **options) if one.get("type") == _CREATE),
                answer,
            )
        self._field(GET_STATE, answer, "sender", str)
        event: Json = {**answer, "room_id": room_id, "type": _CREATE, "state_key": ""}
        self._best_effort.set_create(event)
        return event

    def _shared_answer(self, key: tuple[object, ...], ask: Callable[[], Json]) -> Json:
        """Ask once for all threads that need the same answer as the same user."""
        api = self.api
        key = (*key, api.acting_user, api._access.base_url, api._access.key)
        return dict(cast(Json, api._shared.flights.run(key, ask)))

    def set_power_levels(
        self, room_id: str, content: Mapping[str, Any], **options: Unpack[EventOptions]
    ) -> EventID:
        """Change the power levels of a room. The keys in ``content`` are replaced, ``users`` and
        ``events`` as a whole; all others stay as they are. To change one user or one type, use
        :meth:`set_user_power_level` or :meth:`set_event_power_level`.

        Nothing is sent if nothing changes. Creators of rooms of version 12 or newer, who must not
        be listed, are removed from ``users``.

        Args:
            room_id: The room.
            content: The new levels; it isn't changed.
            options: See :class:`EventOptions`.

        Returns:
            The event ID; that of the present event if nothing changes.

        Raises:
            ValueError: The acting user would lose its own level because ``users`` lacks it, or
                the content can't be sent.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``m.room.power_levels``.
        """
        given = copied(content_of(content))
        creators: frozenset[str] = frozenset()
        if "users" in given:
            if not isinstance(given["users"], Mapping):
                raise ValueError(f"users must be a dict, not {given['users']!r}")
            creators = self._powers(room_id, None, call_options(options)).creators
            given["users"] = {
                user: level for user, level in given["users"].items() if user not in creators
            }

        def change(present: Json) -> Json:
            new = {key: value for key, value in given.items() if value != {} or key in present}
            if "users" in given and self.mxid in _entries(present, "users"):
                self._check_own_level(given["users"])
            return {**present, **new}

        return self._change_power_levels(room_id, change, options)

    def _check_own_level(self, users: Mapping[str, Any]) -> None:
        if self.mxid not in users:
            raise ValueError(
                f"{self.mxid} would lose its own power level, since users doesn't list it; to "
                "give it up, call set_user_power_level() with None"
            )

    def set_user_power_level(
        self, room_id: str, user_id: str, level: int | None, **options: Unpack[EventOptions]
    ) -> EventID:
        """Set a user's power level; all others stay as they are. Nothing is sent if the user is
        listed with it already.

        Args:
            room_id: The room.
            user_id: The user.
            level: The level; None removes the user's entry, so that ``users_default`` applies.
            options: See :class:`EventOptions`.

        Returns:
            The event ID; that of the present event if nothing changes.

        Raises:
            ValueError: The user is a creator of a room of version 12 or newer, whose level is
                infinite, or an argument can't be sent.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``m.room.power_levels``.
        """
        UserID(user_id)
        if user_id in self._powers(room_id, None, call_options(options)).creators:
            raise ValueError(
                f"{user_id} is a creator of {room_id}: a creator's power level can't be set"
            )
        return self._set_entry(room_id, "users", user_id, level, options)

    def set_event_power_level(
        self, room_id: str, event_type: str, level: int | None, **options: Unpack[EventOptions]
    ) -> EventID:
        """Set the power level needed for events of a type; see :meth:`set_user_power_level`.

        Args:
            room_id: The room.
            event_type: The type of the events.
            level: The level; None removes the type's entry, so that ``events_default`` or
                ``state_default`` applies.
            options: See :class:`EventOptions`.
        """
        if not isinstance(event_type, str) or not event_type:
            raise ValueError(f"event_type must be a str, not {event_type!r}")
        return self._set_entry(room_id, "events", event_type, level, options)

    def _set_entry(
        self, room_id: str, table: str, name: str, level: int | None, options: EventOptions
    ) -> EventID:
        if level is not None:
            _check_level(level)

        def change(present: Json) -> Json:
            entries = _entries(present, table)
            if level is None and name not in entries:
                return present
            entries.pop(name, None)
            return {**present, table: entries if level is None else {**entries, name: level}}

        return self._change_power_levels(room_id, change, options)

    def _change_power_levels(
        self, room_id: str, change: Callable[[Json], Json], options: EventOptions
    ) -> EventID:
        def full_change(present: Json | None) -> Json:
            return change(self._or_unwritten(room_id, present, call_options(options)))

        return cast(EventID, self._change_state(room_id, POWER_LEVELS, full_change, options))

    def _or_unwritten(self, room_id: str, present: Json | None, options: CallOptions) -> Json:
        """The power levels, or those that apply if the room has none: its creator has 100, and
        would lose that with the first power levels event that doesn't list it."""
        if present is not None:
            return present
        powers = self._powers(room_id, None, options)
        founder = None if powers.creators else powers.founder
        return {"users": {founder: powers.level(founder)}} if founder is not None else {}

    def _powers(
        self, room_id: str, power_levels: Mapping[str, Any] | None, options: CallOptions
    ) -> events.RoomPowers:
        return events.RoomPowers(self.get_create(room_id, **options), power_levels)


def _entries(content: Mapping[str, Any], table: str) -> Json:
    """A copy of the levels of users or events; an empty dict if they are malformed."""
    found = content.get(table)
    return dict(found) if isinstance(found, Mapping) else {}


def _check_level(level: object) -> None:
    if not isinstance(level, int) or isinstance(level, bool) or abs(level) >= 2**53:
        raise ValueError(f"a power level must be an int between -2^53 and 2^53, not {level!r}")
