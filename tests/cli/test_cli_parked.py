"""``parked``: what it prints, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_runner import Outcome, run

pytest.importorskip("sqlalchemy", reason="the extra sql isn't installed")

from appservice_api.state_store.sql import SQLStateStore

EVENT = {
    "type": "m.room.message", "sender": "@a:h", "room_id": "!r:h", "content": {"body": "Ü"},
}  # fmt: skip
ERROR = "Traceback (most recent call last):\n  File x\nValueError: boom"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/state.db"


@pytest.fixture
def store(url: str) -> Iterator[SQLStateStore]:
    with SQLStateStore(url) as store:
        yield store


def parked(url: str, *args: str) -> Outcome:
    return run("parked", *args, env={"APPSERVICE_STATE_STORE": url})


def test_the_oldest_is_listed_first(store: SQLStateStore, url: str) -> None:
    assert parked(url, "list") == Outcome(0, "", "Nothing is parked.\n")
    store.deliveries.park(EVENT, ERROR)
    store.deliveries.park({"type": ["odd"], "sender": "a\n\x1b[2Jb"}, "x" * 500)
    store.deliveries.park({}, "")
    outcome = parked(url, "list")
    assert outcome.code == 0
    first, second, third = (line.split(None, 3) for line in outcome.out.splitlines())
    assert first[0] == "1"
    assert first[3] == "m.room.message  @a:h  !r:h  ValueError: boom"
    assert second[3] == f"-  a \N{REPLACEMENT CHARACTER}[2Jb  -  {'x' * 99}…"
    assert third[3] == "-  -  -  -"
    assert run("parked", "list", "--state-store", url).out == outcome.out


def test_an_event_is_shown_with_its_traceback(store: SQLStateStore, url: str) -> None:
    odd: dict[str, Any] = {"body": "a\x1b[2J\x9b\N{RIGHT-TO-LEFT OVERRIDE}\ud83d 🎉\n", "n": [1]}
    number = store.deliveries.park(odd, ERROR + " \x1b[2J\n")
    outcome = parked(url, "show", str(number))
    assert outcome.code == 0
    shown, _, error = outcome.out.partition("\n\n")
    assert json.loads(shown) == odd
    assert error == ERROR + " \\u001b[2J\n"
    assert not any(char in outcome.out for char in "\x1b\x9b\N{RIGHT-TO-LEFT OVERRIDE}")
    assert "🎉" in shown


def test_events_are_dropped(store: SQLStateStore, url: str) -> None:
    numbers = [store.deliveries.park({"n": number}, "") for number in range(5)]
    assert parked(url, "drop", str(numbers[0]), str(numbers[3])).out == "Dropped: 2\n"
    assert [event.event["n"] for event in store.deliveries.parked()] == [1, 2, 4]
    again = parked(url, "drop", str(numbers[0]), str(numbers[1]))
    assert (again.code, again.out) == (2, "Dropped: 1\n")
    assert f"no event is parked of the number {numbers[0]}" in again.err
    assert parked(url, "drop", "--all") == Outcome(0, "Dropped: 2\n", "")
    assert parked(url, "drop", "--all") == Outcome(0, "Dropped: 0\n", "")
    assert store.deliveries.parked() == []


@pytest.mark.parametrize("args, said", [
    (["show", "7"], "no event of the number 7 is parked"),
    (["show", "seven"], "'seven' is not a valid integer"),
    (["drop"], "give the numbers of events, or --all"),
    (["drop", "1", "--all"], "give the numbers of events, or --all"),
    (["drop", "9" * 40], "no event is parked of the number 999"),
    (["list", "--state-store", "nonsense"], "the state store's URL can't be read"),
])  # fmt: skip
def test_wrong_usage(args: list[str], said: str, store: SQLStateStore, url: str) -> None:
    store.deliveries.park(EVENT, ERROR)
    outcome = parked(url, *args)
    assert outcome.code == 2
    assert said in outcome.err
    assert len(store.deliveries.parked()) == 1


def test_no_database_is_made(tmp_path: Path) -> None:
    outcome = parked(f"sqlite:///{tmp_path}/missing.db", "list")
    assert outcome.code == 2
    assert "missing.db': No such file" in outcome.err
    assert list(tmp_path.iterdir()) == []
    assert "give the database of the state store" in parked("", "list").err


def test_a_store_of_an_older_version_has_nothing_parked(store: SQLStateStore, url: str) -> None:
    with store._database.writing() as connection:
        for table in ("as_transaction", "as_handled", "as_parked"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
        connection.exec_driver_sql("UPDATE as_schema SET version = 1")
    assert parked(url, "list") == Outcome(0, "", "Nothing is parked.\n")


def test_help() -> None:
    assert all(name in run("parked", "--help").out for name in ("list", "show", "drop"))
    assert "--state-store" in run("parked", "drop", "--help").out
