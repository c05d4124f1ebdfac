"""How a ghost comes to have the power that it needs."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from appservice_api import AppServiceAPI, IntentAPI
from appservice_api.errors import PowerLevelError
from appservice_api.testing import ManualClock, StubHomeserver
from tests.conftest import BOT, GHOST

LEVELS = "m.room.power_levels"


@pytest.fixture
def room(stub: StubHomeserver) -> str:
    stub.add_user(GHOST)
    return stub.room(members=[BOT, GHOST])


def levels_of(stub: StubHomeserver, room: str) -> dict[str, Any]:
    content: dict[str, Any] = stub.memory.rooms[room].content(LEVELS)
    return content


def changes(stub: StubHomeserver) -> list[str]:
    return [str(one) for one in stub.requests if one.method != "GET"]


def test_the_bot_raises_a_level(stub: StubHomeserver, api: AppServiceAPI, room: str) -> None:
    ghost = api.intent(GHOST)
    before = dict(levels_of(stub, room)["users"])
    assert ghost.ensure_power_level(room, "m.room.topic") is True
    assert levels_of(stub, room)["users"] == {**before, GHOST: 50}
    assert len(changes(stub)) == 1
    assert GHOST not in changes(stub)[0]
    ghost.set_room_topic(room, "Tea")
    stub.clear()
    assert ghost.ensure_power_level(room, "m.room.topic") is False
    assert stub.requests == []
    assert ghost.ensure_power_level(room, "m.room.encryption") is True
    assert levels_of(stub, room)["users"][GHOST] == 100


def test_enough_is_enough(stub: StubHomeserver, api: AppServiceAPI, room: str) -> None:
    ghost = api.intent(GHOST)
    assert ghost.ensure_power_level(room, "m.room.message") is False
    assert ghost.ensure_power_level(room, "m.x", state=False) is False
    levels_of(stub, room)["users"][GHOST] = 70  # what is remembered is old
    assert ghost.ensure_power_level(room, "m.x", state=True) is False
    assert changes(stub) == []
    create = stub.memory.rooms[room].state["m.room.create", ""]
    create.update(sender=GHOST, content={"room_version": "12"})
    with AppServiceAPI(stub.base_url, BOT, "as_token") as other:
        assert other.intent(GHOST).ensure_power_level(room, "m.room.encryption") is False
    assert changes(stub) == []


@pytest.mark.parametrize(
    "levels, reason",
    [
        ({"users": {GHOST: 0, BOT: 60}}, f"{BOT} has level 60, and {LEVELS} needs 100"),
        ({"users": {BOT: 100}, "events": {"m.room.topic": 101}}, "would become 101"),
        ({"users": {}}, f"{BOT} has level 0"),
    ],
)
def test_a_bot_that_may_not(
    levels: dict[str, Any], reason: str, stub: StubHomeserver, api: AppServiceAPI, room: str
) -> None:
    content = levels_of(stub, room)
    content.update(levels)
    content["events"] = {LEVELS: 100, **levels.get("events", {})}
    with pytest.raises(PowerLevelError, match=reason) as caught:
        api.intent(GHOST).ensure_power_level(room, "m.room.topic")
    needed = levels.get("events", {}).get("m.room.topic", 50)
    assert (caught.value.user_id, caught.value.level, caught.value.needed) == (GHOST, 0, needed)
    assert str(caught.value).startswith(
        f"{GHOST} has power level 0 in {room} and needs {needed}, but {BOT}"
    )
    assert changes(stub) == []
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.room_id) == (str(caught.value), room)


def test_where_there_is_no_bot(stub: StubHomeserver, api: AppServiceAPI, room: str) -> None:
    levels_of(stub, room)["users"][BOT] = 5
    with pytest.raises(PowerLevelError, match="no bot"):
        api.bot_intent().ensure_power_level(room, "m.room.topic")
    stub.add_user_token("own", "@real:hs.test")
    stub.memory.rooms[room].append(BOT, "m.room.member", {"membership": "join"}, "@real:hs.test")
    alone = AppServiceAPI(stub.base_url, token="own", identity="@real:hs.test", real_user=True,
                          clock=ManualClock())  # fmt: skip
    with alone, pytest.raises(PowerLevelError, match="no bot"):
        IntentAPI.of(alone).ensure_power_level(room, "m.room.topic")
    assert changes(stub) == []
