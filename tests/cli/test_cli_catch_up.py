"""``catch-up``: what it asks the homeserver, what the handlers get, and how it ends."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cli_runner import AS_TOKEN, Outcome, run, save_registration

from appservice_api.testing import StubHomeserver, answer

BOT, ALICE = "@bot:hs.test", "@alice:hs.test"
MODULE = """
from appservice_api import AppService

app = AppService.from_registration({registration!r}, {base_url!r}, server_name="hs.test")
for event_id, room_id in {handled!r}:
    app.state_store.deliveries.note_handled(event_id, room_id)

@app.on("m.room.message")
def handle(event):
    print("handled", event.content.body)
"""
_numbers = itertools.count()


@pytest.fixture
def hs() -> Iterator[StubHomeserver]:
    with StubHomeserver(AS_TOKEN, BOT) as made:
        yield made


@pytest.fixture
def catch_up(
    hs: StubHomeserver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Outcome]]:
    """Runs the command for a module that has handled what is in all rooms now."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    name = f"catching_up_{next(_numbers)}"
    handled = [(one["event_id"], room) for room in hs.memory.rooms for one in hs.events(room)]
    text = MODULE.format(
        registration=save_registration(tmp_path), base_url=hs.base_url, handled=handled
    )
    (tmp_path / f"{name}.py").write_text(text)
    yield lambda *args: run("catch-up", f"{name}:app", *args)
    sys.modules.pop(name, None)


@pytest.fixture
def rooms(hs: StubHomeserver) -> list[str]:
    return [hs.room(members=[BOT, ALICE]) for _ in range(2)]


def say(hs: StubHomeserver, room: str, body: str) -> None:
    hs.memory.rooms[room].append(ALICE, "m.room.message", {"msgtype": "m.text", "body": body})


def test_what_was_missed_is_handled(
    hs: StubHomeserver, rooms: list[str], catch_up: Callable[..., Outcome]
) -> None:
    say(hs, rooms[0], "one")
    say(hs, rooms[0], "two")
    told = "Rooms looked after: 2; events that were missed and are handled now: 2\n"
    assert catch_up() == Outcome(0, f"handled one\nhandled two\n{rooms[0]}  2\n", told)


def test_one_room(hs: StubHomeserver, rooms: list[str], catch_up: Callable[..., Outcome]) -> None:
    for room in rooms:
        say(hs, room, f"in {room}")
    outcome = catch_up(rooms[1])
    assert outcome.out == f"handled in {rooms[1]}\n{rooms[1]}  1\n"
    assert outcome.err == "Rooms looked after: 1; events that were missed and are handled now: 1\n"


def test_a_room_that_is_refused(
    hs: StubHomeserver, rooms: list[str], catch_up: Callable[..., Outcome]
) -> None:
    refusal = answer(400, {"errcode": "M_UNKNOWN", "error": "no \x1b[2J"})
    hs.script("GET", f"{rooms[0]}/messages", refusal)
    outcome = catch_up()
    assert outcome.code == 1
    assert outcome.err.startswith(f"{rooms[0]}: GET ")
    assert "\x1b" not in outcome.err


def test_a_store_in_memory_is_a_mistake(catch_up: Callable[..., Outcome]) -> None:
    done = catch_up()
    assert (done.code, done.out) == (2, "")
    assert "state_store='sqlite:///state.db'" in done.err


def test_what_is_no_room(catch_up: Callable[..., Outcome]) -> None:
    outcome = catch_up("#tea:hs.test")
    assert outcome.code == 2
    assert "'#tea:hs.test'" in outcome.err


def test_a_homeserver_that_is_away(
    hs: StubHomeserver, rooms: list[str], catch_up: Callable[..., Outcome]
) -> None:
    hs.script("GET", "joined_rooms", answer(429, {"errcode": "M_LIMIT_EXCEEDED",
              "retry_after_ms": 900_000}))  # fmt: skip
    assert catch_up().code == 75
