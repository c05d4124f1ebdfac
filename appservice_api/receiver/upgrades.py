"""Upgrades: a room is replaced by another one, and who was in it follows.

Spec: Client-Server API, "Room upgrades".
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from .. import events
from ..appservice import AppServiceAPI
from ..errors import MBadState, MForbidden, MNotFound
from ..events.membership import Membership
from ..ids import UserID, is_server_name
from ..intent import IntentAPI, Room
from ..state_store.keys import NoteKey, NoteKind
from .announcement import CREATE, MEMBER, TOMBSTONE, Announcement, predecessor, replacement
from .echoes import Echoes
from .handlers import Handler, Handlers, Step
from .progress import mark_of
from .rejoining import Rejoining
from .values import Values

__all__ = ["Upgrades"]

_JOINED = (Membership.JOIN,)


class Upgrades:
    """Finds what is to be done for events that announce upgrades.

    Args:
        wanted: Tells whether rooms are followed to those that replace them.
    """

    def __init__(
        self, wanted: Callable[[], bool], handlers: Handlers, api: AppServiceAPI, echoes: Echoes,
        rejoining: Rejoining,
    ) -> None:  # fmt: skip
        self._wanted = wanted
        self._handlers = handlers
        self.api = api
        self.bot = api.bot_intent()
        self.store = api.state_store
        self.echoes = echoes
        self.rejoining = rejoining

    def steps(self, event: Mapping[str, Any]) -> list[Step]:
        """What is to be done for an event of one of the types :data:`ANNOUNCING`, before its
        handlers are called."""
        announced = Announcement.read(event) if self._wanted() else None
        if announced is None:
            return []
        if announced.invited is not None and not self.echoes.is_ours(announced.invited):
            return []
        handlers = self._handlers.of("upgrade")
        upgrade = _Upgrade(self, announced, handlers)
        reporting = (_HandlerStep(upgrade, one) for one in handlers)
        return [_OwnStep(upgrade.follow), *reporting, _OwnStep(upgrade.note)]


class _OwnStep(Step):
    """A step that calls no handler."""

    __slots__ = ("_do",)

    def __init__(self, do: Callable[[Values], None]) -> None:
        self._do = do

    def __call__(self, values: Values) -> None:
        self._do(values)


class _HandlerStep(Step):
    """The step that calls a handler of upgrades. It is done once for an upgrade, whichever event
    announces that."""

    __slots__ = ("_handler", "_upgrade", "key", "name", "wanted")

    def __init__(self, upgrade: _Upgrade, handler: Handler) -> None:
        self._upgrade = upgrade
        self._handler = handler
        self.name, self.wanted, self.key = handler.name, handler.wanted, str(upgrade.key)

    def skips(self) -> bool:
        """Whether there is nothing to do: nobody follows, or the handler has succeeded."""
        return self._upgrade.skips(self._handler)

    def succeeded(self) -> None:
        """Keep that the handler has succeeded."""
        self._upgrade.succeeded(self._handler)

    def __call__(self, values: Values) -> None:
        self._upgrade.call(self._handler, values)


class _OfUpgrade(Values):
    """What handlers of an upgrade may ask for; the homeserver may have to be asked for ghosts."""

    __slots__ = ("_old_room", "_rejoining")

    def __init__(
        self, given: Mapping[str, Any], below: Values, rejoining: Rejoining, old_room: Room
    ) -> None:
        super().__init__(given, below)
        self._rejoining = rejoining
        self._old_room = old_room

    def get(self, name: str) -> Any:
        return self._rejoining.ghosts_in(self._old_room) if name == "ghosts" else super().get(name)


class _Upgrade:
    """One upgrade, followed at one event.

    Who follows is the bot or, where it isn't in the old room, one of the ghosts that are. Each of
    the steps may be taken several times.
    """

    def __init__(
        self, upgrades: Upgrades, announced: Announcement, handlers: list[Handler]
    ) -> None:
        self._api, self._bot, self._store = upgrades.api, upgrades.bot, upgrades.store
        self._echoes, self._rejoining = upgrades.echoes, upgrades.rejoining
        self._announced = announced
        self._left = set(handlers)
        self._tombstone = announced.tombstone
        self._follower: IntentAPI | None = None
        names = f"{announced.old} {announced.new}".encode()
        self.key = NoteKey(NoteKind.UPGRADE, hashlib.sha256(names).hexdigest())

    # The steps.

    def follow(self, values: Values) -> None:
        """Have the bot, or a ghost, join the new room, if the upgrade is one."""
        if self.key in self._store.deliveries.handled([self.key]):
            return
        user = self._who_follows() if self._announced.invited is None else self._who_is_awaited()
        if user is not None and self._come(user):
            self._follower = user
            old, new, *_ = self._announced
            self._api.base_log.info("%s is replaced by %s", old, new)

    def skips(self, handler: Handler) -> bool:
        """Whether there is nothing to call a handler for."""
        if self._follower is None:
            return True
        mark = mark_of(str(self.key), handler.name)
        if mark not in self._store.deliveries.handled([mark]):
            return False
        self._left.discard(handler)
        return True

    def call(self, handler: Handler, values: Values) -> None:
        """Call a handler, if somebody follows."""
        user, announced = self._follower, self._announced
        if user is None:
            return
        event, old_room = self._event(), user.room(announced.old)
        given = {
            "event": event, "mine": self._echoes.is_mine(event), "old_room": old_room,
            "room": user.room(announced.new),
        }  # fmt: skip
        handler(_OfUpgrade(given, values, self._rejoining, old_room))

    def succeeded(self, handler: Handler) -> None:
        """Keep that a handler has succeeded."""
        self._left.discard(handler)

    def note(self, values: Values) -> None:
        """Note that all handlers have succeeded: the same upgrade is nothing new any more."""
        if self._follower is not None and not self._left:
            self._store.deliveries.note_handled(self.key)

    # Who follows.

    def _who_follows(self) -> IntentAPI | None:
        """Who follows a tombstone: the bot or, where it isn't, a ghost: best one that is in the
        new room, else one that is invited to it, else the first by name."""
        old, new, *_ = self._announced
        if self._store.is_joined(new, self._bot.mxid) or self._is_in(self._bot, old):
            return self._bot
        ghosts = self._ghosts()
        for there in (_JOINED, (Membership.INVITE,)):
            ghosts = ghosts & set(self._store.get_members(new, there)) or ghosts
        return self._api.intent(min(ghosts)) if ghosts else None

    def _ghosts(self) -> set[UserID]:
        old = self._announced.old
        known = self._rejoining.known_ghosts(old)
        try:
            return set(known or self._rejoining.ghosts_in(self._bot.room(old)))
        except MForbidden:
            return set()

    def _who_is_awaited(self) -> IntentAPI | None:
        """Who is invited, if that is who follows, and the old room was replaced by the new one."""
        old, new, *_ = self._announced
        user = self._api.intent(str(self._announced.invited))
        if not self._is_in(user, old):
            return None
        if user.mxid != self._bot.mxid:
            there = self._store.get_members(new, _JOINED)
            if set(self._echoes.ours_among(there)) - {user.mxid}:
                return None
            if self._is_in(self._bot, old):
                return None
        self._tombstone = self._known_tombstone() or self._ask_tombstone(user)
        return user if self._tombstone is not None else None

    def _known_tombstone(self) -> dict[str, Any] | None:
        old, new, *_ = self._announced
        item = self._store.read_state(old, TOMBSTONE)
        if item is None or replacement(item.content) != new:
            return None
        event = {
            "type": TOMBSTONE, "state_key": "", "room_id": old, "sender": item.sender,
            "event_id": item.event_id, "origin_server_ts": item.ts, "content": item.content,
        }  # fmt: skip
        return {key: value for key, value in event.items() if value is not None}

    def _ask_tombstone(self, user: IntentAPI) -> Mapping[str, Any] | None:
        old, new, *_ = self._announced
        try:
            event = user.get_state_event(old, TOMBSTONE, format="event", ensure_joined=False)
        except (MForbidden, MNotFound):
            return None
        tombstone = {"room_id": old, **event}
        return tombstone if replacement(tombstone.get("content")) == new else None

    def _is_in(self, user: IntentAPI, room_id: str) -> bool:
        """Whether a user is in a room; the homeserver is asked if it isn't known."""
        known = self._store.is_joined(room_id, user.mxid)
        if known is not None:
            return known
        try:
            found = user.get_state_event(room_id, MEMBER, user.mxid, ensure_joined=False)
        except (MForbidden, MNotFound):
            return False
        return found.get("membership") == Membership.JOIN

    # How.

    def _come(self, user: IntentAPI) -> bool:
        """Have a user join the new room. Returns whether it is there, and replaces the old one."""
        old, new, *_ = self._announced
        log = self._api.base_log
        was_there = self._is_in(user, new)
        if not was_there:
            try:
                user.ensure_joined(new, bot=self._inviter(user), via=self._via())
            except (MForbidden, MBadState) as refused:
                log.warning(
                    "%s is replaced by %s, where %s can't go without being invited; invite it: %s",
                    old, new, user.mxid, refused,
                )  # fmt: skip
                return False
        create = self._store.get_create(new) or user.get_state_event(
            new, CREATE, format="event", ensure_joined=False
        )
        if predecessor(create.get("content")) == old:
            return True
        log.warning("%s is said to be replaced by %s, which doesn't say so itself", old, new)
        if not was_there:
            user.leave_room(new)
        return False

    def _inviter(self, user: IntentAPI) -> IntentAPI | None:
        """Who can invite a user: who made the new room, if that is one of us."""
        sender = self._event().get("sender")
        if sender == user.mxid or not self._echoes.is_ours(sender):
            return None
        return self._api.intent(str(sender))

    def _via(self) -> tuple[str, ...]:
        """The server to join through: that of who made the new room. Its ID may name none."""
        sender = self._event().get("sender")
        server = UserID.read(sender).server_name if isinstance(sender, str) else ""
        return (server,) if is_server_name(server) else ()

    def _event(self) -> events.Event:
        return events.Event.read(self._tombstone or {})
