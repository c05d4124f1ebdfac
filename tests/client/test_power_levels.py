"""Power levels of rooms: what is asked, what is sent, what is remembered, who waits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from appservice_api import AppServiceAPI, IntentAPI, MatrixResponseError, MForbidden
from appservice_api.testing import StubHomeserver, answer, hang
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


def test_a_room_without_power_levels(stub: StubHomeserver, api: AppServiceAPI, room: str) -> None:
    del stub.memory.rooms[room].state[LEVELS, ""]
    ghost = api.intent(GHOST)
    levels = ghost.get_power_levels(room)
    assert levels == {}
    assert (levels.state_default, levels.invite, levels.get_user_level(GHOST)) == (50, 0, 0)
    assert api.state_store.get_power_levels(room) == {}
    assert ghost.get_power_levels(room) == {}
    assert len(stub.requests) == 1


def test_reading_when_the_answer_is_no_object(
    stub: StubHomeserver, bot: IntentAPI, room: str
) -> None:
    stub.script("GET", "/state/", answer(200, [1]), forever=True)
    for ask in (
        lambda: bot.get_power_levels(room),
        lambda: bot.get_create(room),
        lambda: bot.set_event_power_level(room, "m.x", 5),
        lambda: bot.set_power_levels(room, {"users": {BOT: 100}}),
    ):
        with pytest.raises(MatrixResponseError):
            ask()
    assert sent(stub) == []


def test_reading_without_being_in_the_room(
    stub: StubHomeserver, api: AppServiceAPI, room: str
) -> None:
    stub.add_user(USER)
    with pytest.raises(MForbidden):
        api.intent(USER).get_power_levels(room, False, False)
    assert len(stub.requests) == 1
    assert api.intent(USER).get_power_levels(room).ban == 50
    assert stub.membership(room, USER) == "join"
    with pytest.raises(ValueError, match="room ID"):
        api.intent(USER).get_power_levels("#alias:hs.test")


def test_threads_that_read_at_once_ask_once(
    stub: StubHomeserver, bot: IntentAPI, room: str
) -> None:
    gate = threading.Event()
    stub.script("GET", f"/{LEVELS}", hang(gate))
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda: found.append(bot.get_power_levels(room))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    stub.wait_for_calls(1)
    gate.set()
    for thread in threads:
        thread.join(30)
    assert len(stub.requests) == 1
    assert len(found) == 4
    assert len({id(one) for one in found} | {id(one["users"]) for one in found}) == 8


def test_a_change_keeps_what_it_does_not_name(
    stub: StubHomeserver, bot: IntentAPI, room: str
) -> None:
    before = dict(levels_of(stub, room))
    content: dict[str, Any] = {"ban": 60, "events": {"m.x": 1}}
    event_id = bot.set_power_levels(room, content)
    after = {**before, "ban": 60, "events": {"m.x": 1}}
    assert sent(stub) == [(None, after)]
    assert levels_of(stub, room) == after
    assert stub.events(room)[-1]["event_id"] == event_id
    assert content == {"ban": 60, "events": {"m.x": 1}}
    content["events"]["m.x"] = 99
    assert bot.get_power_levels(room).events == {"m.x": 1}
    stub.clear()
    assert bot.set_power_levels(room, {"ban": 60, "notifications": {}}) == event_id
    assert [one.method for one in stub.requests] == ["GET", "GET"]  # the membership first
    assert stub.requests[-1].query["format"] == ["event"]


def test_what_others_changed_is_kept(stub: StubHomeserver, bot: IntentAPI, room: str) -> None:
    mine = bot.get_power_levels(room)
    levels_of(stub, room)["kick"] = 77
    bot.set_power_levels(room, {"events": {**mine.events, "m.x": 1}})
    assert levels_of(stub, room)["kick"] == 77
    assert bot.get_power_levels(room).kick == 77


def test_nobody_wipes_itself(stub: StubHomeserver, bot: IntentAPI, room: str) -> None:
    with pytest.raises(ValueError, match=f"{BOT} would lose its own power level"):
        bot.set_power_levels(room, {"users": {OTHER: 50}})
    assert sent(stub) == []
    bot.set_power_levels(room, {"users": {BOT: 100, OTHER: 50}})
    assert levels_of(stub, room)["users"] == {BOT: 100, OTHER: 50}
    bot.set_user_power_level(room, BOT, None)
    assert levels_of(stub, room)["users"] == {OTHER: 50}
    wrong: Any
    for wrong in ({"users": [BOT]}, {"users": None}, [], None):
        with pytest.raises(ValueError, match="must be a dict"):
            bot.set_power_levels(room, wrong)


@pytest.mark.parametrize("version", ["11", "12"])
def test_the_creator_of_a_room_without_power_levels(
    version: str, stub: StubHomeserver, bot: IntentAPI, room: str
) -> None:
    make_version(stub, room, version)
    old = version == "11"
    del stub.memory.rooms[room].state[LEVELS, ""]
    stub.script("PUT", "/state/", answer(200, {"event_id": "$sent"}), forever=True)
    if old:
        with pytest.raises(ValueError, match="would lose"):
            bot.set_power_levels(room, {"users": {OTHER: 50}})
    bot.set_power_levels(room, {"ban": 60})
    bot.set_user_power_level(room, OTHER, 5)
    mine = {BOT: 100} if old else {}
    assert [content for _, content in sent(stub)] == [
        {**({"users": mine} if old else {}), "ban": 60}, {"users": {**mine, OTHER: 5}},
    ]  # fmt: skip


def test_creators_are_never_listed(stub: StubHomeserver, bot: IntentAPI, room: str) -> None:
    make_version(stub, room, "12")
    del levels_of(stub, room)["users"][BOT]
    stub.script("PUT", "/state/", answer(200, {"event_id": "$sent"}), forever=True)
    present = stub.memory.rooms[room].state[LEVELS, ""]["event_id"]
    assert (
        bot.set_power_levels(room, {"users": {**levels_of(stub, room)["users"], BOT: 1}}) == present
    )
    bot.set_power_levels(room, {"users": {BOT: 100, OTHER: 50}})
    assert [content["users"] for _, content in sent(stub)] == [{OTHER: 50}]
    with pytest.raises(ValueError, match=f"{BOT} is a creator"):
        bot.set_user_power_level(room, BOT, 100)
    assert len(stub.calls("m.room.create")) == 1


def test_the_create_event(stub: StubHomeserver, api: AppServiceAPI, room: str) -> None:
    ghost = api.intent(GHOST)
    event = ghost.get_create(room)
    assert (event["type"], event["sender"]) == ("m.room.create", event["content"]["creator"])
    known = {key: event[key] for key in event.keys() - {"unsigned"}}
    assert ghost.get_create(room) == known
    assert len(stub.requests) == 1
    assert api.state_store.get_create(room) == known


def test_a_homeserver_that_tells_contents_only(
    stub: StubHomeserver, bot: IntentAPI, room: str
) -> None:
    make_version(stub, room, "12")
    stub.script("GET", "/state/m.room.create", answer(200, {"room_version": "12"}), forever=True)
    stub.script(
        "GET", f"/state/{LEVELS}", lambda _: answer(200, levels_of(stub, room)), forever=True
    )
    assert bot.get_create(room)["sender"] == BOT
    bot.set_event_power_level(room, "m.x", 5)
    assert levels_of(stub, room)["events"]["m.x"] == 5
    assert levels_of(stub, room)["users"][BOT] == 100


def test_single_entries(stub: StubHomeserver, bot: IntentAPI, room: str) -> None:
    before = dict(levels_of(stub, room)["users"])
    first = bot.set_user_power_level(room, OTHER, 50)
    assert levels_of(stub, room)["users"] == {**before, OTHER: 50}
    assert bot.set_user_power_level(room, OTHER, 50) == first
    assert len(sent(stub)) == 1
    bot.set_user_power_level(room, OTHER, None)
    assert levels_of(stub, room)["users"] == before
    bot.set_user_power_level(room, OTHER, None)
    assert len(sent(stub)) == 2
    bot.set_event_power_level(room, "m.x", 7, timestamp=5)
    assert levels_of(stub, room)["events"]["m.x"] == 7
    assert stub.requests[-1].query["ts"] == ["5"]
    bot.set_event_power_level(room, "m.x", None)
    assert "m.x" not in levels_of(stub, room)["events"]
    wrong: Any
    for wrong in ("50", True, 5.0, 2**53):
        with pytest.raises(ValueError, match="power level"):
            bot.set_user_power_level(room, OTHER, wrong)
    for wrong in ("", None):
        with pytest.raises(ValueError, match="event_type"):
            bot.set_event_power_level(room, wrong, 5)
    with pytest.raises(ValueError, match="user ID"):
        bot.set_user_power_level(room, "other", 5)


def test_threads_lose_no_change(stub: StubHomeserver, api: AppServiceAPI, room: str) -> None:
    users = [f"@u{number}:hs.test" for number in range(12)]
    levels_of(stub, room)["users"][GHOST] = 100
    intents = [api.bot_intent(), api.intent(GHOST)]

    def work(number: int) -> None:
        intent = intents[number % 2]
        intent.set_user_power_level(room, users[number], number)
        intent.set_event_power_level(room, f"m.{number}", number)

    in_threads(12, work)
    levels = levels_of(stub, room)
    assert {user: levels["users"][user] for user in users} == {
        user: number for number, user in enumerate(users)
    }
    assert [levels["events"][f"m.{number}"] for number in range(12)] == list(range(12))
    assert len(sent(stub)) == 24
    assert len(stub.calls("m.room.create")) <= 2


def test_an_error_is_only_its_own_threads(stub: StubHomeserver, bot: IntentAPI, room: str) -> None:
    gate = threading.Event()
    stub.script("GET", f"/{LEVELS}", hang(gate))
    errors: list[Exception] = []

    def wipe() -> None:
        try:
            bot.set_power_levels(room, {"users": {OTHER: 1}})
        except ValueError as error:
            errors.append(error)

    first = threading.Thread(target=wipe)
    first.start()
    stub.wait_for_calls(1, LEVELS)
    second = threading.Thread(target=bot.set_user_power_level, args=(room, OTHER, 5))
    second.start()
    gate.set()
    first.join(30)
    second.join(30)
    assert len(errors) == 1
    assert levels_of(stub, room)["users"][OTHER] == 5
