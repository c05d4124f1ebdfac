"""Values: what handlers may ask for by the names of their parameters."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from .. import events
from ..appservice import AppServiceAPI
from ..intent import IntentAPI, Room
from .echoes import Echoes
from .transaction import Item

__all__ = ["CommonValues", "EventValues", "Values"]


class Values:
    """What handlers may ask for by name, each made when it is asked for.

    Args:
        given: What there is by name.
        below: What there is beside.
    """

    __slots__ = ("_below", "_given")

    def __init__(self, given: Mapping[str, Any], below: Values | None = None) -> None:
        self._given = given
        self._below = below

    def get(self, name: str) -> Any:
        """The value of a name.

        Raises:
            KeyError: There is none.
        """
        if name in self._given:
            return self._given[name]
        if self._below is None:
            raise KeyError(name)
        return self._below.get(name)


class CommonValues(Values):
    """What handlers of any kind may ask for.

    Args:
        app: The application service.
        api: The API.
        echoes: Tells what this application service has sent itself.
    """

    __slots__ = ("api", "bot", "echoes")

    def __init__(self, app: object, api: AppServiceAPI, echoes: Echoes) -> None:
        self.api = api
        self.bot = api.bot_intent()
        self.echoes = echoes
        super().__init__({"app": app, "api": api, "intent": self.bot})


class EventValues(Values):
    """What handlers of an event may ask for.

    Args:
        item: The event.
        common: What there is beside.
    """

    __slots__ = ("_event", "_item")
    _below: CommonValues

    def __init__(self, item: Item, common: CommonValues) -> None:
        self._item = item
        self._below = common
        self._event: events.Event | None = None

    def get(self, name: str) -> Any:
        if name == "event":
            return self.event
        if name == "room":
            return self._room()
        if name == "mine":
            return self._below.echoes.is_mine(self._item.content)
        if name == "ghost":
            return self._ghost()
        return self._below.get(name)

    @property
    def event(self) -> events.Event:
        """The event, for all handlers the same."""
        if self._event is None:
            self._event = _view_of(self._item.kind).read(self._item.content)
        return self._event

    def _room(self) -> Room | None:
        room_id = self.event.room_id
        try:
            return self._below.bot.room(room_id) if room_id is not None else None
        except ValueError:
            return None

    def _ghost(self) -> IntentAPI | None:
        event: Mapping[str, Any] = self._item.content
        about = event.get("state_key") if event.get("type") == "m.room.member" else None
        user_id = event.get("to_user_id") if self._item.kind == "to_device" else about
        try:
            return self._below.api.intent(user_id) if self._below.echoes.is_ghost(user_id) else None
        except ValueError:
            return None


@cache
def _view_of(kind: str) -> type[events.Event]:
    """The view of events of a kind, loaded when the first one is looked at."""
    return events.ToDeviceEvent if kind == "to_device" else events.Event
