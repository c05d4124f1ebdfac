"""Import of the state that mautrix-python has stored: its JSON file, and its SQL tables.

The source is only read. What is imported counts as older than all that this package notes itself:
it fills gaps, and replaces nothing but an earlier import.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from ..events.membership import Membership
from ..ids import RoomID, UserID
from .abstract import ASStateStore
from .items import MemberItem, RoomItems, Source, StateItem
from .storable import storable_text

__all__ = ["Imported", "import_json", "import_sql"]

# Before everything: a create event that was received has the time 0.
_TS: Final = -1
_BATCH = 5000
_MEMBERSHIPS = frozenset(Membership)
_KEYS = ("members", "full_member_list", "power_levels", "encryption", "create")
_REGISTERED_KEYS = ("registered", "registrations")
_TABLES = ("mx_user_profile", "mx_room_state", "mx_registrations")

OnProgress = Callable[[int], None]
Columns = Mapping[str, Any]


class Imported(NamedTuple):
    """What was found in a source.

    Attributes:
        rooms: How many rooms.
        members: How many memberships.
        states: How many state events, or rooms known to have none of a kind.
        registered: How many registered users.
        unread: How many items couldn't be read and were left out, by their kind.
    """

    rooms: int
    members: int
    states: int
    registered: int
    unread: dict[str, int]


def import_json(path: str, store: ASStateStore, on_progress: OnProgress | None = None) -> Imported:
    """Import the JSON file of a file store.

    Args:
        path: The file.
        store: Where it goes.
        on_progress: Called now and then with the number of items so far.

    Raises:
        ValueError: The file isn't one.
        OSError: It can't be read.
        StateStoreError: The store can't be written; importing again does no harm.
    """
    try:
        with open(path, encoding="utf-8-sig") as file:
            data = json.load(file)
    except (ValueError, RecursionError):
        raise ValueError(
            f"{path!r} is neither the JSON file nor the SQLite database of a state store"
        ) from None
    if not isinstance(data, dict) or not data.keys() & {*_KEYS, *_REGISTERED_KEYS}:
        raise ValueError(
            f"{path!r} is JSON, but no state store: it has none of the keys {', '.join(_KEYS)}"
        )
    importer = _Importer(store, on_progress)
    for room_id, members in importer.items(data, "members", "member"):
        for user_id, content in importer.items(members, None, "member"):
            importer.member(room_id, user_id, content)
    for room_id, full in importer.items(data, "full_member_list", "member list"):
        if full is True:
            importer.full(room_id)
    for room_id, content in importer.items(data, "power_levels", "power levels"):
        if content is not None:
            importer.state(room_id, "m.room.power_levels", content, "power levels")
    for room_id, content in importer.items(data, "encryption", "encryption"):
        importer.state(room_id, "m.room.encryption", content, "encryption")
    for room_id, event in importer.items(data, "create", "create event"):
        if event is not None:
            importer.create(room_id, event)
    for key in _REGISTERED_KEYS:
        users = data.get(key)
        if isinstance(users, list):
            users = dict.fromkeys(filter(importer.is_text, users), True)
        for user_id, registered in importer.items({key: users}, key, "registered user"):
            if registered:
                importer.registered(user_id)
    return importer.finish()


def import_sql(url: str, store: ASStateStore, on_progress: OnProgress | None = None) -> Imported:
    """Import the SQL tables ``mx_user_profile``, ``mx_room_state`` and ``mx_registrations``.

    Args:
        url: The database: ``sqlite:///bridge.db``, ``postgresql://user@host/name``.
        store: Where it goes.
        on_progress: Called now and then with the number of items so far.

    Raises:
        ValueError: The URL can't be used, or the database has none of these tables.
        OSError: There is no such SQLite file, or it can't be opened.
        MissingExtraError: The extra ``sql`` isn't installed.
        StateStoreError: The source can't be read, or the store can't be written; importing again
            does no harm.
    """
    from .sql.source import reading

    with reading(url) as source:
        tables = source.tables() & set(_TABLES)
        if not tables:
            raise ValueError(f"{source.name} has none of the tables {', '.join(_TABLES)}")
        importer = _Importer(store, on_progress)
        if "mx_user_profile" in tables:
            for row in source.rows("mx_user_profile"):
                importer.member(row.get("room_id"), row.get("user_id"), row)
        if "mx_room_state" in tables:
            for row in source.rows("mx_room_state"):
                _import_room(importer, row)
        if "mx_registrations" in tables:
            for row in source.rows("mx_registrations"):
                importer.registered(row.get("user_id"))
    return importer.finish()


def _import_room(importer: _Importer, row: Columns) -> None:
    room_id = row.get("room_id")
    if row.get("has_full_member_list"):
        importer.full(room_id)
    if (text := row.get("power_levels")) is not None:
        importer.state(room_id, "m.room.power_levels", _parsed(text), "power levels")
    encrypted = row.get("is_encrypted")
    if encrypted:
        # The room is known to be encrypted even if the content isn't known.
        content = _parsed(row.get("encryption"))
        content = content if isinstance(content, dict) else {}
        importer.state(room_id, "m.room.encryption", content, "encryption")
    elif encrypted is not None:
        importer.state(room_id, "m.room.encryption", None, "encryption")
    if (text := row.get("create_event")) is not None:
        importer.create(room_id, _parsed(text))


def _parsed(text: object) -> Any:
    """The value of a column that holds JSON; a text that isn't JSON is returned as it is."""
    if not isinstance(text, (str, bytes)):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


class _Importer:
    """Checks what was read, and writes it in batches."""

    def __init__(self, store: ASStateStore, on_progress: OnProgress | None) -> None:
        self._store = store
        self._on_progress = on_progress
        self._rooms: dict[str, RoomItems] = {}
        self._users: list[str] = []
        self._waiting = 0
        self._seen: set[str] = set()
        self._counted: Counter[str] = Counter()
        self._unread: Counter[str] = Counter()

    def items(
        self, data: Mapping[str, Any] | Any, key: str | None, what: str
    ) -> Iterable[tuple[str, Any]]:
        """The items of an object, or of the one at its key; none if that isn't an object."""
        value = data.get(key) if key is not None else data
        if isinstance(value, dict):
            return list(value.items())
        if value is not None or key is None:
            self._unread[what] += 1
        return ()

    def is_text(self, value: object) -> bool:
        """Whether an entry of a list of users is a text."""
        if isinstance(value, str):
            return True
        self._unread["registered user"] += 1
        return False

    def member(self, room_id: object, user_id: object, content: object) -> None:
        """A member's membership and profile."""
        membership = content.get("membership") if isinstance(content, Mapping) else None
        if (
            not (_is_room(room_id) and _is_user(user_id))
            or not isinstance(membership, str)
            or membership not in _MEMBERSHIPS
        ):
            self._unread["member"] += 1
            return
        item = MemberItem(
            Membership(membership), _TS, Source.FETCHED, None,
            _profile(content, "displayname"), _profile(content, "avatar_url"),
        )  # fmt: skip
        self._room(room_id).members[str(user_id)] = item
        self._count("members")

    def state(
        self, room_id: object, kind: str, content: object, what: str, sender: str | None = None
    ) -> None:
        """A state event's content; None for "there is none"."""
        if not _is_room(room_id) or not (content is None or isinstance(content, dict)):
            self._unread[what] += 1
            return
        item = StateItem(content, _TS, Source.FETCHED, None, sender)
        self._room(room_id).states[kind] = item
        self._count("states")

    def create(self, room_id: object, event: object) -> None:
        """A create event. Without its sender it would make nobody the creator."""
        content: object = event
        sender: object = None
        if isinstance(event, dict):
            inner = event.get("content")
            content = inner if isinstance(inner, dict) else event
            sender = event.get("sender") or event.get("creator")
        if isinstance(content, dict) and _is_user(sender):
            self.state(room_id, "m.room.create", content, "create event", str(sender))
        else:
            self._unread["create event"] += 1

    def full(self, room_id: object) -> None:
        """A room of which all members are known."""
        if _is_room(room_id):
            room = self._room(room_id)
            self._rooms[str(room_id)] = room._replace(full=True)
            self._count("full")
        else:
            self._unread["member list"] += 1

    def registered(self, user_id: object) -> None:
        """A registered user."""
        if _is_user(user_id):
            self._users.append(str(user_id))
            self._count("registered")
        else:
            self._unread["registered user"] += 1

    def _room(self, room_id: object) -> RoomItems:
        room = self._rooms.get(str(room_id))
        if room is None:
            room = self._rooms[str(room_id)] = RoomItems({}, {})
        return room

    def _count(self, what: str) -> None:
        self._counted[what] += 1
        self._waiting += 1
        if self._waiting >= _BATCH:
            self._write()

    def _write(self) -> None:
        self._seen.update(self._rooms)
        if self._rooms:
            self._store.write_rooms(self._rooms)
        if self._users:
            self._store.write_registered(self._users)
        self._rooms, self._users, self._waiting = {}, [], 0
        if self._on_progress is not None:
            self._on_progress(self._counted.total())

    def finish(self) -> Imported:
        """Write the rest. Returns what was found."""
        self._write()
        self._store.flush()
        counted = self._counted
        return Imported(
            len(self._seen), counted["members"], counted["states"], counted["registered"],
            dict(self._unread),
        )  # fmt: skip


def _profile(content: Any, key: str) -> str | None:
    value = content.get(key)
    return storable_text(value) if isinstance(value, str) else None


def _is_room(value: Any) -> bool:
    try:
        return "\0" not in RoomID(value)
    except ValueError:
        return False


def _is_user(value: Any) -> bool:
    try:
        return bool(UserID(value))
    except ValueError:
        return False
