"""Power levels of rooms: what is asked, what is sent, what is remembered, who waits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from appservice_api import AppServiceAPI, IntentAPI
from appservice_api.testing import StubHomeserver
from tests.conftest import BOT, GHOST

USER, OTHER = "@_user:hs.test", "@other:hs.test"
LEVELS = "m.room.power_levels"


@pytest.fixture
def bot(api: AppServiceAPI) -> IntentAPI:
    return api.bot_intent()


@pytest.fixture
def room(stub: StubHomeserver) -> str:
    stub.add_user(GHOST)
    return stub.room(members=[BOT, GHOST])


def levels_of(stub: StubHomeserver, room: str) -> dict[str, Any]:
    content: dict[str, Any] = stub.memory.rooms[room].content(LEVELS)
    return content


def make_version(stub: StubHomeserver, room: str, version: str, sender: str = BOT) -> None:
    create = stub.memory.rooms[room].state["m.room.create", ""]
    create["content"] = {"room_version": version}
    create["sender"] = sender


def sent(stub: StubHomeserver) -> list[tuple[str | None, Any]]:
    return [(one.user_id, one.json) for one in stub.requests if one.method == "PUT"]


def in_threads(count: int, work: Callable[[int], object]) -> None:
    errors: list[Exception] = []

    def run(number: int) -> None:
        try:
            work(number)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []


def test_reading(stub: StubHomeserver, api: AppServiceAPI, room: str) -> None:
    ghost = api.intent(GHOST)
    levels = ghost.get_power_levels(room)
    assert (levels.users[BOT], levels.ban, levels.invite, levels.events["m.room.name"]) == (
        100, 50, 0, 50,
    )  # fmt: skip
    assert (
        stub.calls() == [f"GET /rooms/{room}/state/{LEVELS}/ as {GHOST}"] or len(stub.calls()) == 1
    )
    assert levels == levels_of(stub, room)
    levels.users[OTHER] = 7
    assert ghost.get_power_levels(room) == levels_of(stub, room)
    assert len(stub.requests) == 1
    ghost.get_power_levels(room, ignore_cache=True)
    assert len(stub.requests) == 2
