"""What intents remember, and what happens when that fails."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from appservice_api import (
    AppServiceAPI,
    Membership,
    MemoryStateStore,
    MForbidden,
    StateStoreError,
)
from appservice_api.clock import now
from appservice_api.state_store import MemberItem
from appservice_api.testing import ManualClock, Recorded, Response, StubHomeserver, answer
from tests.conftest import BOT, GHOST

OTHER = "@_other:hs.test"


class Broken(MemoryStateStore):
    """A store that loses its database."""

    reads = writes = False

    def read_member(self, room_id: str, user_id: str) -> MemberItem | None:
        if self.reads:
            raise StateStoreError("can't read the state store")
        return super().read_member(room_id, user_id)

    def write_members(self, *args: Any, **kwargs: Any) -> None:
        if self.writes:
            raise StateStoreError("can't write the state store: disk is full")
        super().write_members(*args, **kwargs)

    def write_state(self, *args: Any, **kwargs: Any) -> None:
        if self.writes:
            raise StateStoreError("can't write the state store: disk is full")
        super().write_state(*args, **kwargs)


@pytest.fixture
def room(api: AppServiceAPI) -> str:
    return api.bot_intent().create_room(preset="public_chat")


def test_the_first_send_tells_that_the_user_is_in(
    stub: StubHomeserver, clock: ManualClock, api: AppServiceAPI, room: str
) -> None:
    api.intent(GHOST).ensure_joined(room)
    with AppServiceAPI(stub.base_url, BOT, "as_token", clock=clock) as fresh:
        ghost = fresh.intent(GHOST)
        assert fresh.state_store.is_joined(room, GHOST) is None
        ghost.get_messages(room)
        assert fresh.state_store.is_joined(room, GHOST) is None  # others may read, too
        ghost.send_text(room, "hi")
        assert fresh.state_store.is_joined(room, GHOST) is True


def test_a_full_disk_keeps_no_message_back(
    stub: StubHomeserver, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    store = Broken()
    with AppServiceAPI(stub.base_url, BOT, "as_token", state_store=store, clock=clock) as api:
        store.writes = True
        with caplog.at_level(logging.WARNING):
            room = api.bot_intent().create_room(preset="public_chat")
            event_id = api.intent(GHOST).send_text(room, "hi")
            api.bot_intent().set_room_topic(room, "x")
        assert [e["event_id"] for e in stub.events(room) if e["sender"] == GHOST
                and e["type"] == "m.room.message"] == [event_id]  # fmt: skip
        assert "disk is full; what the homeserver has answered isn't remembered" in caplog.text
        with pytest.raises(StateStoreError, match="disk is full"):
            api.bot_intent().sync_state(room)
        with pytest.raises(StateStoreError, match="disk is full"):
            api.warm_up()


def test_a_lost_database_is_told_before_anything_is_sent(
    stub: StubHomeserver, clock: ManualClock
) -> None:
    store = Broken()
    with AppServiceAPI(stub.base_url, BOT, "as_token", state_store=store, clock=clock) as api:
        room = api.bot_intent().create_room(preset="public_chat")
        stub.requests.clear()
        store.reads = True
        with pytest.raises(StateStoreError, match="can't read"):
            api.intent(GHOST).send_text(room, "hi")
        assert stub.requests == []


def test_the_whole_state_of_a_room(stub: StubHomeserver, api: AppServiceAPI, room: str) -> None:
    bot = api.bot_intent()
    for user in (GHOST, OTHER):
        api.intent(user).ensure_joined(room)
    store = api.state_store
    store.joined(room, "@gone:hs.test")
    store.set_encryption_info(room, {"algorithm": "x"})
    stub.requests.clear()
    bot.sync_state(room)
    assert stub.calls() == [f"GET /rooms/{room}/state"]
    assert store.has_full_member_list(room)
    assert sorted(store.get_members(room, ("join",))) == sorted([BOT, GHOST, OTHER])
    assert store.get_membership(room, "@gone:hs.test") is Membership.LEAVE
    assert store.is_encrypted(room) is False
    assert store.get_tombstone(room) is None
    assert store.get_join_rules(room) == {"join_rule": "public"}
    assert store.has_power_level(room, GHOST, "m.room.topic", state=True) is False
    create = store.get_create(room)
    assert create is not None
    assert create["sender"] == BOT


def test_the_state_that_somebody_who_left_is_told_is_old(
    stub: StubHomeserver, api: AppServiceAPI, room: str
) -> None:
    ghost = api.intent(GHOST)
    ghost.ensure_joined(room)
    old = [
        {"type": "m.room.member", "state_key": GHOST, "sender": GHOST, "event_id": "$leave",
         "origin_server_ts": 5, "content": {"membership": "leave"}},
        {"type": "m.room.member", "state_key": OTHER, "sender": OTHER, "event_id": "$join",
         "origin_server_ts": 4, "content": {"membership": "join"}},
    ]  # fmt: skip
    api.state_store.left(room, OTHER)
    stub.script("GET", "/state$", answer(200, old))
    ghost.get_state(room)
    assert api.state_store.is_joined(room, OTHER) is False
    assert not api.state_store.has_full_member_list(room)


def test_rooms_that_are_not_named_were_left(
    stub: StubHomeserver, api: AppServiceAPI, room: str
) -> None:
    api.state_store.joined("!old:hs.test", BOT)
    assert api.bot_intent().get_joined_rooms() == [room]
    assert api.state_store.is_joined("!old:hs.test", BOT) is False
    assert api.state_store.rooms_of(BOT) == [room]


def test_warming_up(stub: StubHomeserver, api: AppServiceAPI, clock: ManualClock) -> None:
    bot = api.bot_intent()
    rooms = [bot.create_room(preset="public_chat") for _ in range(2)]
    ghost = api.intent(GHOST)
    ghost.ensure_joined(rooms[0])
    alone = ghost.create_room()
    with AppServiceAPI(stub.base_url, BOT, "as_token", clock=clock) as fresh:
        stub.requests.clear()
        seen: list[tuple[int, int]] = []
        outcome = fresh.warm_up(progress=lambda done, total: seen.append((done, total)))
        assert outcome == dict.fromkeys(rooms)
        assert stub.calls() == ["GET /joined_rooms", *(f"GET /rooms/{r}/state" for r in rooms)]
        assert seen == [(1, 3), (2, 3), (3, 3)]
        assert fresh.state_store.is_joined(rooms[0], GHOST) is True
        stub.requests.clear()
        stub.script("GET", f"{rooms[1]}/state", answer(403, {"errcode": "M_FORBIDDEN"}))
        outcome = fresh.warm_up([GHOST])
        assert list(outcome) == [*rooms, alone]
        assert isinstance(outcome[rooms[1]], MForbidden)
        assert outcome[alone] is None
        assert stub.requests[-1].query["user_id"] == [GHOST]
        assert len(stub.requests) == 5
        assert fresh.state_store.is_joined(alone, GHOST) is True


def test_a_url_is_opened_and_closed_with_the_api(stub: StubHomeserver, tmp_path: Path) -> None:
    pytest.importorskip("sqlalchemy", reason="the extra sql isn't installed")
    url = f"sqlite:///{tmp_path}/state.db"
    with AppServiceAPI(stub.base_url, BOT, "as_token", state_store=url) as api:
        room = api.bot_intent().create_room(preset="public_chat")
        api.intent(GHOST).send_text(room, "hi")
    stub.requests.clear()
    with AppServiceAPI(stub.base_url, BOT, "as_token", state_store=url) as api:
        assert api.state_store.is_registered(GHOST)
        assert api.state_store.is_joined(room, GHOST) is True
        assert api.intent(GHOST).ensure_joined(room) is False
        api.intent(GHOST).send_text(room, "again")
    assert [call for call in stub.calls() if "/send/" not in call] == []


def test_another_process_made_the_ghost_leave(
    stub: StubHomeserver, clock: ManualClock, tmp_path: Path
) -> None:
    pytest.importorskip("sqlalchemy", reason="the extra sql isn't installed")
    url = f"sqlite:///{tmp_path}/state.db"
    first = AppServiceAPI(stub.base_url, BOT, "as_token", state_store=url, clock=clock)
    second = AppServiceAPI(stub.base_url, BOT, "as_token", state_store=url, clock=clock)
    with first, second:
        room = first.bot_intent().create_room()
        first.intent(GHOST).send_text(room, "hi")
        assert first.state_store.is_joined(room, GHOST)
        second.bot_intent().kick_user(room, GHOST)
        assert first.state_store.is_joined(room, GHOST)  # from the cache
        first.intent(GHOST).send_text(room, "again")  # refused, invited, joined, sent
        assert [e["content"].get("body") for e in stub.events(room)
                if e["type"] == "m.room.message"] == ["hi", "again"]  # fmt: skip
        assert second.state_store.is_joined(room, GHOST) is True


def test_a_refusal_has_what_is_known_read_again(
    stub: StubHomeserver, clock: ManualClock, tmp_path: Path
) -> None:
    pytest.importorskip("sqlalchemy", reason="the extra sql isn't installed")
    url, dora = f"sqlite:///{tmp_path}/state.db", "@dora:hs.test"
    stub.add_user_token("doras", dora)
    first = AppServiceAPI(stub.base_url, BOT, "as_token", state_store=url, clock=clock)
    second = AppServiceAPI(stub.base_url, BOT, "as_token", state_store=url, clock=clock)
    with first, second:
        room = first.bot_intent().create_room(preset="public_chat")
        person = first.intent(dora, token="doras")
        person.join_room(room)
        assert first.state_store.is_joined(room, dora)
        second.bot_intent().kick_user(room, dora)
        assert first.state_store.is_joined(room, dora)  # from the cache
        with pytest.raises(MForbidden):
            person.send_text(room, "nobody has a person come back")
        assert first.state_store.is_joined(room, dora) is False


def test_what_happens_while_the_homeserver_answers_is_newer(
    stub: StubHomeserver, api: AppServiceAPI, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = api.state_store
    # The homeserver takes its time.
    for module in ("intent.joining", "client.membership"):
        monkeypatch.setattr(f"appservice_api.{module}.now", lambda: now() - 1000)

    def kicked_meanwhile(request: Recorded) -> Response:
        store.update_state(
            {"type": "m.room.member", "room_id": room, "state_key": GHOST, "sender": OTHER,
             "origin_server_ts": now() - 500, "content": {"membership": "leave"}}
        )  # fmt: skip
        return answer(200, {"event_id": "$sent"})

    stub.script("PUT", "/send/", kicked_meanwhile)
    api.intent(GHOST).send_text(room, "hi")
    assert store.is_joined(room, GHOST) is False

    def joins_at_once(request: Recorded) -> Response:
        store.set_membership(room, OTHER, "join", ts=now() - 500)
        return answer(200, {})

    stub.script("POST", "/invite", joins_at_once)
    api.bot_intent().invite_user(room, OTHER)
    assert store.is_joined(room, OTHER) is True


def test_who_has_left_overwrites_nothing(
    stub: StubHomeserver, api: AppServiceAPI, room: str
) -> None:
    ghost, store = api.intent(GHOST), api.state_store
    store.left(room, OTHER)
    store.set_power_levels(room, {"ban": 5})
    stub.script("GET", "/m.room.member/", answer(200, {"membership": "join"}))
    ghost.get_state_event(room, "m.room.member", OTHER, ensure_joined=False)
    assert store.is_joined(room, OTHER) is False
    stub.script("GET", "/m.room.power_levels/", answer(200, {"ban": 99}))
    assert ghost.get_power_levels(room, ignore_cache=True, ensure_joined=False).ban == 99
    assert store.get_power_levels(room) == {"ban": 5}


def test_the_members_are_asked_again_if_wanted(
    stub: StubHomeserver, api: AppServiceAPI, room: str
) -> None:
    bot = api.bot_intent()
    assert bot.get_room_members(room) == [BOT]
    stub.clear()
    assert bot.get_room_members(room) == [BOT]
    assert stub.requests == []
    assert bot.get_room_members(room, ignore_cache=True) == [BOT]
    assert stub.calls() == [f"GET /rooms/{room}/joined_members"]
