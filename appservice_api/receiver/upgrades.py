"""Upgrades: a room is replaced by another one, and who was in it follows.

Spec: Client-Server API, "Room upgrades".
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import events
from ..errors import MatrixRequestError, MBadState, MForbidden, MNotFound
from ..events.membership import Membership
from ..ids import RoomID, UserID, is_server_name
from .checkpoint import mark_of
from .handler import Handler, Step, Values
from .transaction import name_of

if TYPE_CHECKING:
    from ..application import AppService
    from ..intent import IntentAPI, Room

__all__ = ["TELLING", "Rejoined", "Upgrades", "ghosts_in", "rejoin"]

_CREATE, _MEMBER, _TOMBSTONE = "m.room.create", "m.room.member", "m.room.tombstone"
#: The types of events that may tell of upgrades.
TELLING = (_TOMBSTONE, _MEMBER)
_JOINED = (Membership.JOIN,)


class Rejoined(NamedTuple):
    """What came of bringing ghosts from a room to the one that replaces it.

    Attributes:
        joined: Who is in the new room now.
        failed: Who isn't, and why.
    """

    joined: list[UserID]
    failed: dict[UserID, MatrixRequestError]


def ghosts_in(app: AppService, room: Room) -> list[UserID]:
    """The ghosts that are in a room. The homeserver is asked unless all members are known.

    Args:
        app: The application service.
        room: The room, as a user sees it who is asked first.

    Raises:
        MForbidden: Neither that user nor the bot nor a known ghost is in the room.
        MatrixError: The homeserver refused, or couldn't be reached.
    """
    room_id = room.room_id
    known = _known_ghosts(app, room_id)
    if app.state_store.has_full_member_list(room_id):
        return known
    # Some homeservers tell the bot if any ghost is in the room, others don't.
    readers = dict.fromkeys([room.intent, app.bot, *map(app.api.intent, known[:1])])
    error: MForbidden | None = None
    for reader in readers:
        try:
            members = reader.get_joined_members(room_id, ensure_joined=False)
        except MForbidden as refused:
            error = error or refused
        else:
            return _ghosts_of(app, members)
    assert error is not None
    raise error


def _known_ghosts(app: AppService, room_id: str) -> list[UserID]:
    return _ghosts_of(app, app.state_store.get_members(room_id, _JOINED))


def _ghosts_of(app: AppService, members: Iterable[str]) -> list[UserID]:
    bot = app.bot.mxid
    return [UserID.read(user) for user in app._echoes.ours_among(members) if user != bot]


def rejoin(app: AppService, old: Room, new: Room) -> Rejoined:
    """Have all ghosts that are in one room join another; see :meth:`AppService.rejoin_ghosts`."""
    done = Rejoined([], {})
    for ghost in ghosts_in(app, old):
        try:
            app.api.intent(ghost).ensure_joined(new.room_id, bot=new.intent)
        except MatrixRequestError as refused:
            done.failed[ghost] = refused
        else:
            done.joined.append(ghost)
    return done


class _Told(NamedTuple):
    """An upgrade that an event tells of.

    Attributes:
        old: The room that is replaced.
        new: The room that replaces it.
        tombstone: The event that says so in the old room; None if an invitation to the new room
            tells of it.
        invited: Who is invited, None for nobody.
    """

    old: RoomID
    new: RoomID
    tombstone: Mapping[str, Any] | None = None
    invited: str | None = None


class Upgrades:
    """Finds what is to be done for events that tell of upgrades.

    Args:
        app: The application service.
    """

    def __init__(self, app: AppService) -> None:
        self._app = app

    def steps(self, event: Mapping[str, Any]) -> list[Step]:
        """What is to be done for an event of one of the types :data:`TELLING`, before its handlers
        are called."""
        if not self._app.follow_upgrades:
            return []
        told = _told_by_tombstone(event) or self._told_by_invitation(event)
        if told is None:
            return []
        handlers = [handler for _, handler in self._app._handlers.get("upgrade", ())]
        upgrade = _Upgrade(self._app, told, handlers)
        telling = (_Telling(upgrade, one) for one in handlers)
        return [_Doing(upgrade.follow), *telling, _Doing(upgrade.note)]

    def _told_by_invitation(self, event: Mapping[str, Any]) -> _Told | None:
        content, user = event.get("content"), event.get("state_key")
        if event.get("type") != _MEMBER or not isinstance(content, Mapping):
            return None
        if content.get("membership") != Membership.INVITE or not self._app._echoes.is_ours(user):
            return None
        new = _room_id(event.get("room_id"))
        old = _predecessor(_shown_create(event))
        if new is None or old is None or old == new:
            return None
        return _Told(old, new, invited=user)


class _Doing(Step):
    """A step of ours."""

    __slots__ = ("_do",)

    def __init__(self, do: Callable[[Values], None]) -> None:
        self._do = do

    def __call__(self, values: Values) -> None:
        self._do(values)


class _Telling(Step):
    """The step that tells a handler of an upgrade. It is done once for the upgrade, whichever
    event tells of that."""

    __slots__ = ("_handler", "_upgrade", "key", "name", "wanted")

    def __init__(self, upgrade: _Upgrade, handler: Handler) -> None:
        self._upgrade = upgrade
        self._handler = handler
        self.name, self.wanted, self.key = handler.name, handler.wanted, upgrade.key

    def skips(self) -> bool:
        """Whether there is nothing to tell: nobody follows, or the handler was told."""
        return self._upgrade.skips(self._handler)

    def succeeded(self) -> None:
        """Take that the handler was told."""
        self._upgrade.told(self._handler)

    def __call__(self, values: Values) -> None:
        self._upgrade.call(self._handler, values)


class _OfUpgrade(Values):
    """What handlers of an upgrade may ask for; the homeserver may have to be asked for ghosts."""

    __slots__ = ("_app", "_old_room")

    def __init__(
        self, given: Mapping[str, Any], below: Values, app: AppService, old_room: Room
    ) -> None:
        super().__init__(given, below)
        self._app = app
        self._old_room = old_room

    def get(self, name: str) -> Any:
        return ghosts_in(self._app, self._old_room) if name == "ghosts" else super().get(name)


class _Upgrade:
    """One upgrade, followed at one event.

    Who follows is the bot or, where it isn't in the old room, one of the ghosts that are. Each of
    the steps may be taken several times.

    Args:
        app: The application service.
        told: What the event tells.
        handlers: The handlers of upgrades.
    """

    def __init__(self, app: AppService, told: _Told, handlers: list[Handler]) -> None:
        self._app = app
        self._told = told
        self._left = set(handlers)
        self._tombstone = told.tombstone
        self._follower: IntentAPI | None = None
        names = f"{told.old} {told.new}".encode()
        self.key = f"$upgrade:{hashlib.sha256(names).hexdigest()}"

    # The steps.

    def follow(self, values: Values) -> None:
        """Have the bot, or a ghost, join the new room, if the upgrade is one."""
        if self.key in self._app.state_store.deliveries.handled([self.key]):
            return
        user = self._who_follows() if self._told.invited is None else self._who_is_awaited()
        if user is not None and self._come(user):
            self._follower = user
            self._app.log.info("%s is replaced by %s", self._told.old, self._told.new)

    def skips(self, handler: Handler) -> bool:
        """Whether a handler needn't be told."""
        if self._follower is None:
            return True
        mark = mark_of(self.key, handler.name)
        if mark not in self._app.state_store.deliveries.handled([mark]):
            return False
        self._left.discard(handler)
        return True

    def call(self, handler: Handler, values: Values) -> None:
        """Tell a handler, if somebody follows."""
        user, told = self._follower, self._told
        if user is None:
            return
        event, old_room = self._event(), user.room(told.old)
        given = {
            "event": event, "mine": self._app.is_mine(event), "old_room": old_room,
            "room": user.room(told.new),
        }  # fmt: skip
        handler(_OfUpgrade(given, values, self._app, old_room))

    def told(self, handler: Handler) -> None:
        """Take that a handler was told."""
        self._left.discard(handler)

    def note(self, values: Values) -> None:
        """Note that all handlers were told: the same upgrade is nothing new any more."""
        if self._follower is not None and not self._left:
            self._app.state_store.deliveries.note_handled(self.key)

    # Who follows.

    def _who_follows(self) -> IntentAPI | None:
        """Who follows a tombstone: the bot or, where it isn't, a ghost: best one that is in the
        new room, else one that is invited to it, else the first by name."""
        app, (old, new, *_) = self._app, self._told
        if app.state_store.is_joined(new, app.bot.mxid) or self._is_in(app.bot, old):
            return app.bot
        ghosts = self._ghosts()
        for there in (_JOINED, (Membership.INVITE,)):
            ghosts = ghosts & set(app.state_store.get_members(new, there)) or ghosts
        return app.api.intent(min(ghosts)) if ghosts else None

    def _ghosts(self) -> set[UserID]:
        app, (old, *_) = self._app, self._told
        known = _known_ghosts(app, old)
        try:
            return set(known or ghosts_in(app, app.bot.room(old)))
        except MForbidden:
            return set()

    def _who_is_awaited(self) -> IntentAPI | None:
        """Who is invited, if that is who follows, and the old room was replaced by the new one."""
        app, (old, new, *_) = self._app, self._told
        user = app.api.intent(str(self._told.invited))
        if not self._is_in(user, old):
            return None
        if user.mxid != app.bot.mxid:
            there = app.state_store.get_members(new, _JOINED)
            if set(app._echoes.ours_among(there)) - {user.mxid}:
                return None
            if self._is_in(app.bot, old):
                return None
        self._tombstone = self._known_tombstone() or self._ask_tombstone(user)
        return user if self._tombstone is not None else None

    def _known_tombstone(self) -> dict[str, Any] | None:
        old, new, *_ = self._told
        item = self._app.state_store.read_state(old, _TOMBSTONE)
        if item is None or _replacement(item.content) != new:
            return None
        event = {
            "type": _TOMBSTONE, "state_key": "", "room_id": old, "sender": item.sender,
            "event_id": item.event_id, "origin_server_ts": item.ts, "content": item.content,
        }  # fmt: skip
        return {key: value for key, value in event.items() if value is not None}

    def _ask_tombstone(self, user: IntentAPI) -> Mapping[str, Any] | None:
        old, new, *_ = self._told
        try:
            event = user.get_state_event(old, _TOMBSTONE, format="event", ensure_joined=False)
        except (MForbidden, MNotFound):
            return None
        told = {"room_id": old, **event}
        return told if _replacement(told.get("content")) == new else None

    def _is_in(self, user: IntentAPI, room_id: str) -> bool:
        """Whether a user is in a room; the homeserver is asked if it isn't known."""
        known = self._app.state_store.is_joined(room_id, user.mxid)
        if known is not None:
            return known
        try:
            found = user.get_state_event(room_id, _MEMBER, user.mxid, ensure_joined=False)
        except (MForbidden, MNotFound):
            return False
        return found.get("membership") == Membership.JOIN

    # How.

    def _come(self, user: IntentAPI) -> bool:
        """Have a user join the new room. Returns whether it is there, and replaces the old one."""
        old, new, *_ = self._told
        log = self._app.log
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
        create = self._app.state_store.get_create(new) or user.get_state_event(
            new, _CREATE, format="event", ensure_joined=False
        )
        if _predecessor(create.get("content")) == old:
            return True
        log.warning("%s is said to be replaced by %s, which doesn't say so itself", old, new)
        if not was_there:
            user.leave_room(new)
        return False

    def _inviter(self, user: IntentAPI) -> IntentAPI | None:
        """Who can invite a user: who made the new room, if that is one of us."""
        sender = self._event().get("sender")
        if sender == user.mxid or not self._app._echoes.is_ours(sender):
            return None
        return self._app.api.intent(str(sender))

    def _via(self) -> tuple[str, ...]:
        """The server to join through: that of who made the new room. Its ID may name none."""
        sender = self._event().get("sender")
        server = UserID.read(sender).server_name if isinstance(sender, str) else ""
        return (server,) if is_server_name(server) else ()

    def _event(self) -> events.Event:
        return events.Event.read(self._tombstone or {})


def _told_by_tombstone(event: Mapping[str, Any]) -> _Told | None:
    if event.get("type") != _TOMBSTONE or event.get("state_key") != "":
        return None
    old, new = _room_id(event.get("room_id")), _replacement(event.get("content"))
    if old is None or new is None or old == new:
        return None
    return _Told(old, new, tombstone=event)


def _replacement(content: object) -> RoomID | None:
    """The room that a tombstone names."""
    return _room_id(content.get("replacement_room")) if isinstance(content, Mapping) else None


def _predecessor(content: object) -> RoomID | None:
    """The room that a room says to replace, by the content of its create event."""
    found = content.get("predecessor") if isinstance(content, Mapping) else None
    return _room_id(found.get("room_id")) if isinstance(found, Mapping) else None


def _shown_create(event: Mapping[str, Any]) -> object:
    """The content of the create event that an invitation shows."""
    unsigned = event.get("unsigned")
    shown = unsigned.get("invite_room_state") if isinstance(unsigned, Mapping) else None
    for one in shown if isinstance(shown, list) else ():
        if isinstance(one, Mapping) and one.get("type") == _CREATE and one.get("state_key") == "":
            return one.get("content")
    return None


def _room_id(found: object) -> RoomID | None:
    try:
        return RoomID(found) if isinstance(found, str) and name_of(found) else None
    except ValueError:
        return None
