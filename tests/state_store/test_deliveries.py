"""The deliveries of our state stores keep to the contract, and forget what is old."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from appservice_api import StateStoreError
from appservice_api.state_store import (
    Claim,
    Deliveries,
    Note,
    NoteKey,
    NoteKind,
    ParkedNote,
    open_state_store,
)
from appservice_api.state_store.database_deliveries import Turns
from appservice_api.state_store.memory_deliveries import MemoryDeliveries
from appservice_api.testing.contract import (
    DeliveriesContract,
    Opening,
    SharedDeliveriesContract,
)
from appservice_api.testing.contract.deliveries import txn

if TYPE_CHECKING:
    from appservice_api.django.state_store import DjangoStateStore

DONE, BUSY, MINE = Claim.DONE, Claim.BUSY, Claim.MINE
ROOM, OTHER = "!r:hs.test", "!o:hs.test"


def _sql(url: str) -> Iterator[Opening]:
    stores: list[Any] = []

    def another() -> Deliveries:
        stores.append(open_state_store(url))
        made: Deliveries = stores[-1].deliveries
        return made

    yield another
    for store in stores:
        store.close()


@pytest.fixture(params=["sqlite", "postgresql", "django", "django-postgresql"])
def another(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opening]:
    """Opens the deliveries of one database again and again, each time as a new process does."""
    if request.param.startswith("django"):
        kind = "postgresql" if request.param == "django-postgresql" else "sqlite"
        store: DjangoStateStore = request.getfixturevalue(f"django_{kind}")
        yield lambda: type(store)(store._database.using).deliveries
        return
    pytest.importorskip("sqlalchemy", reason="the extra sql isn't installed")
    if request.param == "sqlite":
        yield from _sql(f"sqlite:///{tmp_path}/state.db")
    else:
        yield from _sql(request.getfixturevalue("postgres").new_database())


class Deaths:
    """Processes that died: a store of somebody else's need not know of them."""

    def test_a_claim_that_is_taken_over_tells_so(self, deliveries: Deliveries) -> None:
        assert deliveries.claim(txn("1", "x"), 60) is MINE
        assert deliveries.takeovers(txn("1", "x")) == 0
        for times in (1, 2):
            deliveries.renew(txn("1", "x"), 0)
            assert deliveries.claim(txn("1", "x"), 60) is MINE
            assert deliveries.takeovers(txn("1", "x")) == times
        deliveries.finish(txn("1", "x"))
        assert deliveries.claim(txn("1", "x"), 60) is DONE
        assert deliveries.takeovers(txn("1", "x")) == 0

    def test_a_parked_event_that_is_retried_is_no_event(self, deliveries: Deliveries) -> None:
        parked = NoteKey(NoteKind.PARKED, "$a")
        deliveries.begin("$a", 1)
        assert deliveries.begun([parked]) == {}
        deliveries.begin(parked, 2)
        found = deliveries.begun(["$a", parked])
        assert {key: one.times for key, one in found.items()} == {"$a": 1, parked: 2}
        deliveries.ended("$a")
        assert set(deliveries.begun(["$a", parked])) == {parked}

    def test_events_that_were_begun(self, deliveries: Deliveries) -> None:
        assert deliveries.begun(["$a", "$b"]) == {}
        deliveries.begin("$a", 1)
        deliveries.begin("$a", 2)
        deliveries.begin("$" + "long" * 100, 1)
        found = deliveries.begun(["$a", "$b", "$" + "long" * 100])
        assert {key: one.times for key, one in found.items()} == {"$a": 2, "$" + "long" * 100: 1}
        assert found["$a"].begun_at > 1_600_000_000_000
        deliveries.ended("$a")
        deliveries.ended("$b")
        assert deliveries.begun(["$a"]) == {}


class Progress:
    """How far handlers are."""

    def test_a_note_tells_which_handlers_are_done(self, deliveries: Deliveries) -> None:
        assert not deliveries.is_noted(Note("$a"))
        deliveries.note(Note("$a"))
        assert deliveries.is_noted(Note("$a"))
        number = deliveries.park({"event_id": "$b"}, "boom", key="$b", done=["one"])
        one = ParkedNote(number, (), ("one",))
        both = ParkedNote(number, ("one",), ("one", "two"))
        all_ = ParkedNote(number, ("one", "two"), None)
        assert [deliveries.is_noted(note) for note in (one, both, all_)] == [True, False, False]
        deliveries.note(both)
        assert [deliveries.is_noted(note) for note in (one, both, all_)] == [True, True, False]
        deliveries.note(all_)
        assert [deliveries.is_noted(note) for note in (one, both, all_)] == [True, True, True]
        assert deliveries.parked() == []


class TestInMemory(Deaths, Progress, DeliveriesContract):
    @pytest.fixture
    def deliveries(self) -> Deliveries:
        return MemoryDeliveries()


class TestInDatabases(Deaths, Progress, SharedDeliveriesContract):
    @pytest.fixture
    def another(self, another: Opening) -> Opening:
        return another

    def leave_thread(self) -> None:
        close_connections()


def close_connections() -> None:
    """Close those of this thread, as Django wants it."""
    try:
        from django.conf import settings
        from django.db import connections
    except ImportError:
        return
    if settings.configured:
        connections.close_all()


def bounded(deliveries: Any, most: int, every: int = 1) -> Any:
    deliveries._most_transactions = deliveries._most_handled = most
    deliveries._finished = deliveries._noted = Turns(every)
    return deliveries


def test_old_transactions_are_forgotten(another: Opening) -> None:
    deliveries = bounded(another(), 5)
    assert deliveries.claim(txn("busy", "x"), 60) is MINE
    for number in range(60):
        deliveries.finish(txn(str(number), "x"))
    known = [number for number in range(60) if deliveries.claim(txn(str(number), "x"), 60) is DONE]
    assert 5 <= len(known) < 60  # those of one millisecond are kept together
    assert known == list(range(60 - len(known), 60))
    assert deliveries.claim(txn("busy", "x"), 60) is BUSY


def test_old_events_are_forgotten_but_the_last_of_each_room(another: Opening) -> None:
    deliveries = bounded(another(), 5)
    deliveries.note_handled("$quiet-1", OTHER)
    deliveries.note_handled("$quiet-2", OTHER)
    deliveries.note_handled("no-room")
    for number in range(20):
        deliveries.note_handled(f"${number}", ROOM)
    assert deliveries.handled([f"${number}" for number in range(20)]) == {
        "$15", "$16", "$17", "$18", "$19",
    }  # fmt: skip
    assert deliveries.handled(["$quiet-1", "$quiet-2", "no-room"]) == {"$quiet-2"}
    notes = [NoteKey(NoteKind.HANDLER, str(number)) for number in range(20)]
    for note in notes:
        deliveries.note_handled(note)
    assert deliveries.handled(notes) == set(notes[-5:])
    assert deliveries.last_handled(OTHER) == "$quiet-2"
    assert deliveries.last_handled(ROOM) == "$19"


def test_old_rows_are_removed_now_and_then() -> None:
    turns = Turns(10)
    assert sum(turns.due() for _ in range(100)) == 10
    assert turns.due(10)
    assert sum(turns.due(5) for _ in range(20)) == 10
    # Processes that end after a few writes remove some, too.
    assert len({next(n for n in range(1000) if turn.due()) for turn in map(Turns, [1000] * 20)}) > 1


def test_a_write_that_is_done_does_not_fail_for_old_rows(
    another: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliveries = bounded(another(), 5)
    database = type(getattr(deliveries, "_database", None) or deliveries._ready())
    if hasattr(database, "write_for_good"):
        monkeypatch.setattr(deliveries._database, "read", fail)
    else:
        for name in ("_prune_handled", "_prune_claims"):
            monkeypatch.setattr(deliveries, name, fail)
    deliveries.note_handled("$a", ROOM)
    deliveries.finish(txn("1", "x"))
    monkeypatch.undo()
    assert deliveries.handled(["$a"]) == {"$a"}
    assert deliveries.claim(txn("1", "x"), 60) is DONE


def fail(*_: object) -> None:
    raise StateStoreError("no")
