"""How a user gets the power level that an event needs: the bot grants it."""

from __future__ import annotations

from typing import Any

from .. import events
from ..api.options import CallOptions
from ..client.power_levels import POWER_LEVELS, PowerLevelMethods
from ..client.state import StateMethods
from ..compat import Unpack
from ..errors import PowerLevelError
from ..ids import RoomID

__all__ = ["EnsuringPower"]


class EnsuringPower(PowerLevelMethods):
    """Raises the power level of a user, as the bot, when that is needed."""

    __slots__ = ()

    def ensure_power_level(
        self,
        room_id: str,
        event_type: str,
        state: bool | None = None,
        **options: Unpack[CallOptions],
    ) -> bool:
        """Ensure that the user may send events of a type: if the user's power level is too low,
        the bot raises it to the level that is needed.

        If the state store knows that the level is enough, nothing is sent. Otherwise the
        homeserver is asked for the present levels first.

        Args:
            room_id: The room.
            event_type: The type of the event.
            state: Whether it is a state event; if None, decided by the specification's event types.
            options: See :class:`CallOptions`.

        Returns:
            Whether the bot had to raise the level.

        Raises:
            PowerLevelError: The level is too low, and there is no bot that may raise it.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``m.room.power_levels``.
        """
        kind = events.EventType(event_type).is_state if state is None else state
        store = self.api.state_store
        if store.has_power_level(RoomID(room_id), self.mxid, event_type, state=kind):
            return False

        def work() -> bool:
            self._is_here(room_id, options)
            present, _ = self._present(room_id, POWER_LEVELS, options)
            levels = self._or_unwritten(room_id, present, options)
            powers = self._powers(room_id, levels, options)
            needed = powers.needed(event_type, state=kind)
            if powers.level(self.mxid) >= needed:
                return False
            self._raise_level(room_id, powers, levels, needed, options)
            return True

        raised: bool = self._in_turn(room_id, POWER_LEVELS, work)
        return raised

    def _raise_level(
        self,
        room_id: str,
        powers: events.RoomPowers,
        levels: dict[str, Any],
        needed: int,
        options: CallOptions,
    ) -> None:
        me, bot = self.mxid, self._bot_if_any()
        listed = levels.get("users")
        users = {**(listed if isinstance(listed, dict) else {}), me: needed}
        new = {**levels, "users": users}
        if bot is None or bot.mxid == me:
            problems = ["there is no bot that could raise it"]
        else:
            problems = powers.objections(bot.mxid, new)
        if bot is None or problems:
            raise PowerLevelError(
                f"{me} has power level {powers.level(me)} in {room_id} and needs {needed}, but "
                + "; ".join(problems),
                room_id=room_id, user_id=me, level=powers.level(me), needed=needed,
            )  # fmt: skip
        bot.send_state_event(room_id, POWER_LEVELS, new, **options)

    def _bot_if_any(self) -> StateMethods | None:
        """The bot's intent, or None; :class:`IntentAPI` implements it."""
        raise NotImplementedError
