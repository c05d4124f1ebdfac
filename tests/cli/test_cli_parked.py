"""``parked``: what it prints, and how it ends."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_runner import Outcome, run, save_registration

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
    (["drop"], "give either the numbers of events or --all"),
    (["drop", "1", "--all"], "give either the numbers of events or --all"),
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
        for table in ("claim", "handled", "noted", "parked", "begun", "checkpoint", "caught_up"):
            connection.exec_driver_sql(f"DROP TABLE as_{table}")
        connection.exec_driver_sql("UPDATE as_schema SET version = 1")
    assert parked(url, "list") == Outcome(0, "", "Nothing is parked.\n")


MODULE = """
from appservice_api import AppService, HandlerPolicy

app = AppService.from_registration(
    {registration!r}, "http://127.0.0.1:9", {url!r}, server_name="hs.test",
    handler_policy=HandlerPolicy(attempts=1),
)

@app.on("m.room.message")
def handle(event):
    if event.content.body == "bad":
        raise ValueError("still \\x1b[2J bad")
    print("got", event.content.body)
"""
_modules = itertools.count()


@pytest.fixture
def retry(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Outcome]]:
    """Runs ``retry`` for a module with a handler that can't handle what is bad."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    name = f"retrying_{next(_modules)}"

    def retry(*args: str) -> Outcome:
        sys.modules.pop(name, None)
        return run("parked", "retry", f"{name}:app", *args)

    text = MODULE.format(registration=save_registration(tmp_path), url=url)
    (tmp_path / f"{name}.py").write_text(text)
    yield retry
    sys.modules.pop(name, None)


def message(body: str) -> dict[str, Any]:
    return {**EVENT, "event_id": f"${body}", "content": {"msgtype": "m.text", "body": body}}


def test_events_are_retried(store: SQLStateStore, url: str, retry: Callable[..., Outcome]) -> None:
    one, bad, two, three = (
        store.deliveries.park(message(body), ERROR) for body in ("one", "bad", "two", "three")
    )
    told = "Handled: 1; parked again: 0\n"
    assert retry(str(two)) == Outcome(0, f"got two\n{two}  handled\n", told)
    outcome = retry("--all")
    assert outcome.code == 1
    [left] = store.deliveries.parked()
    assert left.event == message("bad")
    assert outcome.out.splitlines() == [
        "got one", f"{one}  handled", "got three", f"{three}  handled",
        f"{bad}  parked again as {left.id}: ValueError: still \N{REPLACEMENT CHARACTER}[2J bad",
    ]  # fmt: skip
    assert outcome.err == "Handled: 2; parked again: 1\n"
    assert "still" in parked(url, "list").out


def test_retrying_what_is_not_there(store: SQLStateStore, retry: Callable[..., Outcome]) -> None:
    assert retry("--all") == Outcome(0, "", "Handled: 0; parked again: 0\n")
    number = store.deliveries.park(message("one"), ERROR)
    outcome = retry("99", str(number))
    assert (outcome.code, outcome.out) == (2, f"got one\n{number}  handled\n")
    assert "no event is parked of the number 99" in outcome.err
    assert retry().code == 2
    assert "there is no module 'nowhere' here" in run("parked", "retry", "nowhere:app", "1").err


def test_help() -> None:
    assert all(name in run("parked", "--help").out for name in ("list", "show", "drop", "retry"))
    assert "--state-store" in run("parked", "drop", "--help").out
