"""Deliveries in memory: what is forgotten, and when."""

from __future__ import annotations

from appservice_api import MemoryStateStore
from appservice_api.state_store.deliveries import Claim
from appservice_api.state_store.memory_deliveries import MemoryDeliveries
from appservice_api.testing import ManualClock
from appservice_api.testing.contract.deliveries import txn


def test_a_claim_is_nobodys_after_its_lease() -> None:
    clock = ManualClock()
    known = MemoryDeliveries(monotonic=clock.monotonic)
    assert known.claim(txn("1", "a"), 10) is Claim.MINE
    assert known.claim(txn("1", "a"), 10) is Claim.BUSY
    assert known.claim(txn("1", "b"), 10) is Claim.MINE
    clock.advance(9)
    known.renew(txn("1", "a"), 10)
    clock.advance(9)
    assert known.claim(txn("1", "a"), 10) is Claim.BUSY
    assert known.claim(txn("1", "b"), 10) is Claim.MINE
    clock.advance(10)
    assert known.claim(txn("1", "a"), 10) is Claim.MINE


def test_what_is_done_stays_done() -> None:
    known = MemoryDeliveries()
    known.claim(txn("1", "a"), 10)
    known.give_up(txn("1", "a"))
    assert known.claim(txn("1", "a"), 10) is Claim.MINE
    known.finish(txn("1", "a"))
    known.renew(txn("1", "a"), 0)
    known.give_up(txn("1", "a"))
    assert known.claim(txn("1", "a"), 10) is Claim.DONE


def test_what_is_old_is_forgotten_but_no_claim_in_force() -> None:
    known = MemoryDeliveries(transactions=2, events=2, parked=2)
    known.claim(txn("held", ""), 1000)
    for number in "123":
        known.claim(txn(number, ""), 10)
        known.finish(txn(number, ""))
        known.note_handled(f"${number}", f"!{number}")
        known.park({"type": number}, "error")
    assert known.claim(txn("held", ""), 10) is Claim.BUSY
    assert known.claim(txn("3", ""), 10) is Claim.DONE
    assert known.claim(txn("1", ""), 10) is Claim.MINE
    assert known.handled(["$1", "$2", "$3"]) == {"$2", "$3"}
    assert [known.last_handled(f"!{number}") for number in "123"] == [None, "$2", "$3"]
    assert [one.event for one in known.parked()] == [{"type": "2"}, {"type": "3"}]


def test_what_is_parked_is_a_copy() -> None:
    known = MemoryDeliveries()
    event = {"content": {"a": 1}}
    number = known.park(event, "error")
    event["content"]["a"] = 2
    [parked] = known.parked()
    assert (parked.id, parked.error, parked.event) == (number, "error", {"content": {"a": 1}})
    assert known.unpark(number) == parked
    assert known.unpark(number) is None


def test_a_store_has_one() -> None:
    store = MemoryStateStore()
    assert store.deliveries is store.deliveries
    assert store.deliveries is not MemoryStateStore().deliveries
