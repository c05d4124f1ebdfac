"""What was sent as people, to recognize it when the homeserver pushes it."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..errors import StateStoreError

if TYPE_CHECKING:
    from typing import Any, Protocol

    from ..clock import Clock
    from ..state_store import ASStateStore
    from ..state_store.keys import ClaimKey, NoteKey

    class _Shared(Protocol):
        clock: Clock
        closed: threading.Event
        log: Any
        state_store: ASStateStore


__all__ = ["PROFILE_KEYS", "Sent"]

#: The keys of a profile that membership events in all rooms contain.
PROFILE_KEYS = ("avatar_url", "displayname")

_KEPT = 10_000
_HOUR_MS = 3_600_000
_LONGEST = 10.0
_FIRST_LOOK, _LONGEST_LOOK = 0.02, 0.25
_FOR_EVER = float("inf")


class Sent:
    """What was sent as people and may be pushed without a sufficient mark.

    A limited number of items is in memory; those that no mark can identify are also in the state
    store, for all processes that share it.

    Args:
        shared: Has the clock, the log and the state store.
    """

    def __init__(self, shared: _Shared) -> None:
        self._shared = shared
        self._names: OrderedDict[object, float] = OrderedDict()
        # For each user, the requests that are under way, and when they began.
        self._under_way: dict[str, dict[threading.Event, float]] = {}
        self._lock = threading.Lock()

    @property
    def _store(self) -> ASStateStore:
        return self._shared.state_store

    def note(self, name: object, seconds: float = _FOR_EVER) -> None:
        """Note in memory that something was sent.

        Args:
            name: Identifies it: an event ID, or a tuple.
            seconds: How long it may still be pushed.
        """
        until = self._shared.clock.monotonic() + seconds
        with self._lock:
            self._names[name] = until
            if len(self._names) > _KEPT:
                self._names.popitem(last=False)

    def note_events(self, event_ids: Iterable[str], *, everywhere: bool = True) -> None:
        """Note events that were sent.

        Args:
            event_ids: Their IDs.
            everywhere: Whether for all processes.
        """
        keys = [_event(one) for one in event_ids]
        if everywhere:
            self._note_all(keys)
        else:
            for key in keys:
                self.note(key)

    def note_profile(self, user_id: str, key: str, value: object) -> None:
        """Note that a part of a profile is about to be set: each room then gets an event."""
        self._note_all([_profile(user_id, key, value, self._now() // _HOUR_MS)])

    def _note_all(self, keys: list[NoteKey]) -> None:
        from ..state_store.deliveries import Note

        for key in keys:
            self.note(key)
        try:
            self._store.deliveries.note_all_handled(map(Note, keys))
        except StateStoreError as error:
            self._shared.log.warning(
                "%s; other processes take what was sent as a person for that person's", error
            )

    def _now(self) -> int:
        return int(self._shared.clock.time() * 1000)

    @property
    def anything(self) -> bool:
        """Whether this process has sent anything as a person."""
        return bool(self._names)

    def knows(self, *names: object) -> bool:
        """Whether one of these was sent by this process."""
        present = self._shared.clock.monotonic()
        return any(self._names.get(name, 0.0) > present for name in names)

    def knows_event(self, event_id: str, *, everywhere: bool = True) -> bool:
        """Whether an event was sent.

        Args:
            event_id: Its ID.
            everywhere: Whether by any process.

        Raises:
            StateStoreError: The store can't be reached.
        """
        if not everywhere:
            return self.knows(_event(event_id))
        return self._any_knows([_event(event_id)])

    def knows_profile(self, user_id: str, changed: Mapping[str, object], ts: object) -> bool:
        """Whether all changes of a profile were made by any of the processes.

        Args:
            user_id: Whose profile.
            changed: The new values by key.
            ts: When the change was seen, in milliseconds since 1970.

        Raises:
            StateStoreError: The store can't be reached.
        """
        hour = (ts if isinstance(ts, int) else self._now()) // _HOUR_MS
        # Rooms get the change one after the other, and clocks differ.
        return bool(changed) and all(
            self._any_knows([_profile(user_id, key, value, hour - ago) for ago in (0, 1, -1)])
            for key, value in changed.items()
        )

    def _any_knows(self, keys: list[NoteKey]) -> bool:
        return self.knows(*keys) or bool(self._store.deliveries.handled(keys))

    # What is being sent now.

    @contextmanager
    def under_way(self, user_id: str) -> Iterator[None]:
        """Note, during the block, a request whose events may be pushed before it is answered.

        Args:
            user_id: The user who makes it.
        """
        from ..state_store.keys import ClaimKey, ClaimKind

        done = threading.Event()
        key = ClaimKey(ClaimKind.SENDING, _digest(user_id), os.urandom(8).hex())
        with self._lock:
            self._under_way.setdefault(user_id, {})[done] = self._shared.clock.monotonic()
        claimed = False
        try:
            claimed = self._claim(key)
            yield
        finally:
            with self._lock:
                mine = self._under_way[user_id]
                del mine[done]
                if not mine:
                    del self._under_way[user_id]
            done.set()
            if claimed:
                self._give_up(key)

    def _claim(self, key: ClaimKey) -> bool:
        from ..state_store.deliveries import Claim

        try:
            return self._store.deliveries.claim(key, _LONGEST) is Claim.MINE
        except StateStoreError as error:
            self._shared.log.warning("%s; other processes don't wait for what is sent now", error)
            return False

    def _give_up(self, key: ClaimKey) -> None:
        try:
            self._store.deliveries.give_up(key)
        except StateStoreError as error:
            self._shared.log.warning("%s; other processes may wait %g s", error, _LONGEST)

    def wait(self, user_id: str) -> None:
        """Wait until the requests of a user that are under way now have ended, in all processes;
        for each, at most until 10 s after it began.

        Raises:
            StateStoreError: The store can't be reached.
        """
        clock, closed = self._shared.clock, self._shared.closed
        with self._lock:
            begun = [*self._under_way.get(user_id, {}).items()]
        for done, since in begun:
            left = since + _LONGEST - clock.monotonic()
            if left > 0 and not closed.is_set():
                clock.wait(done, left)
        name, pause = _digest(user_id), _FIRST_LOOK
        others = self._claims(name)
        until = clock.monotonic() + _LONGEST
        while others and clock.monotonic() < until and not closed.is_set():
            clock.wait(closed, pause)
            pause = min(pause * 2, _LONGEST_LOOK)
            others &= self._claims(name)

    def _claims(self, name: str) -> set[ClaimKey]:
        from ..state_store.keys import ClaimKind

        claims = self._store.deliveries.in_flight(ClaimKind.SENDING)
        return {one for one in claims if one.name == name}

    def after_fork(self) -> None:
        """Forget what the parent is sending."""
        self._under_way = {}
        self._lock = threading.Lock()


def _event(event_id: str) -> NoteKey:
    from ..state_store.keys import NoteKey, NoteKind

    return NoteKey(NoteKind.SENT, event_id)


def _profile(user_id: str, key: str, value: object, hour: int) -> NoteKey:
    from ..state_store.keys import NoteKey, NoteKind

    name = _digest(json.dumps([user_id, key, value or "", hour]))
    return NoteKey(NoteKind.PROFILE, name)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]
