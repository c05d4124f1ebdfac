"""Deliveries in Django projects: nothing is rolled back with a transaction of somebody else's."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("django", reason="the extra django isn't installed")

from django.db import connections, transaction

from appservice_api import StateStoreError
from appservice_api.state_store import Claim
from appservice_api.testing.contract.deliveries import txn

if TYPE_CHECKING:
    from appservice_api.django.deliveries import DjangoDeliveries
    from appservice_api.django.state_store import DjangoStateStore

ROOM = "!r:hs.test"


@pytest.fixture
def alias(django_store: DjangoStateStore) -> str:
    return django_store._database.using


@pytest.fixture
def deliveries(django_store: DjangoStateStore) -> DjangoDeliveries:
    return django_store.deliveries


def writes(deliveries: DjangoDeliveries) -> list[Any]:
    return [
        lambda: deliveries.claim(txn("1", "x"), 60),
        lambda: deliveries.renew(txn("1", "x"), 60),
        lambda: deliveries.finish(txn("1", "x")),
        lambda: deliveries.give_up(txn("1", "x")),
        lambda: deliveries.note_handled("$a", ROOM),
        lambda: deliveries.park({}, ""),
        lambda: deliveries.unpark(deliveries.parked()[0].id),
    ]


def test_what_could_be_rolled_back_is_refused(deliveries: DjangoDeliveries, alias: str) -> None:
    deliveries.park({"type": "m"}, "")
    with transaction.atomic(using=alias):
        for write in writes(deliveries):
            with pytest.raises(StateStoreError, match=r"leave atomic\(\).*non_atomic_requests"):
                write()
        # What only reads is allowed, and the transaction goes on.
        assert deliveries.handled(["$a"]) == set()
        assert deliveries.last_handled(ROOM) is None
        assert len(deliveries.parked()) == 1
    for write in writes(deliveries):
        write()
    assert deliveries.handled(["$a"]) == {"$a"}
    assert deliveries.claim(txn("1", "x"), 60) is Claim.DONE


def test_a_transaction_of_another_database_is_none(
    django_sqlite: DjangoStateStore, django_postgresql: DjangoStateStore
) -> None:
    with transaction.atomic(using="postgresql"):
        assert django_sqlite.deliveries.claim(txn("1", "x"), 60) is Claim.MINE
        transaction.set_rollback(True, using="postgresql")
    assert django_sqlite.deliveries.claim(txn("1", "x"), 60) is Claim.BUSY


def test_transactions_begun_by_hand(django_postgresql: DjangoStateStore) -> None:
    deliveries = django_postgresql.deliveries
    transaction.set_autocommit(False, using="postgresql")
    try:
        with pytest.raises(StateStoreError, match="a transaction has begun in the database"):
            deliveries.claim(txn("1", "x"), 60)
        transaction.rollback(using="postgresql")
    finally:
        transaction.set_autocommit(True, using="postgresql")
    assert deliveries.claim(txn("1", "x"), 60) is Claim.MINE


def test_a_test_case_of_django_may_write(deliveries: DjangoDeliveries, alias: str) -> None:
    block = transaction.atomic(using=alias)
    block._from_testcase = True
    with block:
        assert deliveries.claim(txn("1", "x"), 60) is Claim.MINE
        assert deliveries.claim(txn("1", "x"), 60) is Claim.BUSY
        deliveries.note_handled("$a", ROOM)
        deliveries.finish(txn("1", "x"))
        transaction.set_rollback(True, using=alias)
    assert deliveries.claim(txn("1", "x"), 60) is Claim.MINE


def test_leases_run_by_the_clock_of_the_database(
    django_postgresql: DjangoStateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    from appservice_api.django import deliveries as module

    deliveries = django_postgresql.deliveries
    assert deliveries.claim(txn("1", "x"), 60) is Claim.MINE
    monkeypatch.setattr(module, "now", lambda: 2**50)
    assert deliveries.claim(txn("1", "x"), 60) is Claim.BUSY


def test_a_lost_connection_is_made_anew(django_postgresql: DjangoStateStore) -> None:
    deliveries = django_postgresql.deliveries
    assert deliveries.claim(txn("1", "x"), 60) is Claim.MINE
    connection = connections["postgresql"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone()
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    other.close()
    deliveries.finish(txn("1", "x"))
    assert deliveries.claim(txn("1", "x"), 60) is Claim.DONE


def test_a_forked_child_uses_a_connection_of_its_own(deliveries: DjangoDeliveries) -> None:
    assert deliveries.claim(txn("1", "x"), 60) is Claim.MINE
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = 0 if deliveries.claim(txn("1", "x"), 60) is Claim.BUSY else 2
            deliveries.note_handled("$child", ROOM)
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0
    assert deliveries.last_handled(ROOM) == "$child"
