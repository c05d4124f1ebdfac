"""People are people, and what we say as one of them is ours."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from appservice_api import AppService, IntentAPI, MemoryStateStore
from appservice_api.api.event import SOURCE_KEY
from appservice_api.state_store import ClaimKind
from appservice_api.testing import ManualClock, StubHomeserver

from .conftest import ALICE, BOT, GHOST, ROOM, Pusher, event, registration, store_with_bot

DORA = "@dora:hs.test"
SHARED = {"users": [{"exclusive": False, "regex": r"@.*:hs\.test"}]}
OURS = {SOURCE_KEY: "irc"}


@pytest.fixture
def stub() -> Iterator[StubHomeserver]:
    """A homeserver that has the registration."""
    with StubHomeserver(sender=BOT, namespace="@(_irc_|dora:).*") as made:
        yield made


def member(sender: str = DORA, before: Any = None, **changes: Any) -> dict[str, Any]:
    """A member event of somebody's own."""
    content = {"membership": "join", **changes}
    unsigned = {"prev_content": before} if before is not None else {}
    return event(1, type="m.room.member", sender=sender, state_key=sender, content=content,
                 unsigned=unsigned)  # fmt: skip


def topic(before: Any = None, **changes: Any) -> dict[str, Any]:
    unsigned = {"prev_content": before} if before is not None else {}
    return event(1, type="m.room.topic", sender=DORA, state_key="", unsigned=unsigned, **changes)


# Who is a ghost.


def test_what_people_write_is_handled(stub: StubHomeserver, clock: ManualClock) -> None:
    with AppService(registration(namespaces=SHARED), stub.base_url, clock=clock) as app:
        seen: list[Any] = []
        app.on("m.room.message")(lambda event: seen.append(event.sender))
        Pusher(app).push(event(1), event(2, sender=GHOST), event(3, sender=BOT))
        assert seen == [ALICE, GHOST]
        assert not app.is_ours(GHOST)
        # What the store knows counts from the moment that it knows.
        app.state_store.registered(GHOST)
        assert app.is_ours(GHOST)
        Pusher(app).push(event(4, sender=GHOST), event(5), id="2")
        assert seen == [ALICE, GHOST, ALICE]


def test_the_first_namespace_that_matches_counts(stub: StubHomeserver) -> None:
    users = [*SHARED["users"], {"exclusive": True, "regex": r"@_irc_.*:hs\.test"}]
    with AppService(registration(namespaces={"users": users}), stub.base_url) as app:
        assert not app.is_ours(GHOST)
    with AppService(registration(namespaces={"users": users[::-1]}), stub.base_url) as app:
        assert app.is_ours(GHOST)
        assert not app.is_ours(ALICE)


def test_the_store_is_asked_only_of_shared_namespaces(stub: StubHomeserver) -> None:
    asked: list[str] = []

    class Store(MemoryStateStore):
        def is_registered(self, user_id: str) -> bool:
            asked.append(user_id)
            return super().is_registered(user_id)

    store = Store()
    store.registered(BOT)
    with AppService(registration(), stub.base_url, store) as app:
        app.on("*")(lambda: None)
        Pusher(app).push(event(1), event(2, sender=GHOST), event(3, sender=DORA))
    assert [user for user in asked if user != BOT] == [DORA]


def test_nobody_follows_as_a_person(stub: StubHomeserver, clock: ManualClock) -> None:
    new = "!new:hs.test"
    given, store = registration(namespaces=SHARED), store_with_bot()
    with AppService(given, stub.base_url, store, clock=clock) as app:
        app.state_store.joined(ROOM, DORA)
        app.state_store.joined(ROOM, ALICE)
        stone = event(1, type="m.room.tombstone", state_key="", content={"replacement_room": new})
        invitation = {**member(ALICE), "room_id": new, "event_id": "$i"}
        invitation["state_key"], invitation["content"] = DORA, {"membership": "invite"}
        invitation["unsigned"] = {"invite_room_state": [
            {"type": "m.room.create", "state_key": "",
             "content": {"predecessor": {"room_id": ROOM}}}
        ]}  # fmt: skip
        assert Pusher(app).push(stone, invitation).status == 200
        assert not [one for one in stub.calls() if one.startswith("POST")]
        assert app.state_store.deliveries.parked() == []


def test_a_person_is_no_ghost_of_a_handler(stub: StubHomeserver) -> None:
    with AppService(registration(namespaces=SHARED), stub.base_url) as app:
        ghosts: list[Any] = []
        app.on_state("m.room.member")(lambda ghost: ghosts.append(ghost))
        Pusher(app).push(member())
        assert ghosts == [None]


# What is marked.


def test_a_mark_is_ours_only_with_our_id(app: AppService) -> None:
    assert app.is_mine(event(1, sender=DORA, content=OURS))
    for other in ({SOURCE_KEY: "other"}, {SOURCE_KEY: True}, {}):
        assert not app.is_mine(event(1, sender=DORA, content=other))
    assert app.api.real_user_content_key == SOURCE_KEY


def test_a_key_of_ones_own_is_true(stub: StubHomeserver) -> None:
    with AppService(registration(), stub.base_url, real_user_content_key="our.key") as app:
        assert app.is_mine(event(1, sender=DORA, content={"our.key": True}))
        assert not app.is_mine(event(1, sender=DORA, content={"our.key": False}))
        assert not app.is_mine(event(1, sender=DORA, content=OURS))


def test_no_mark_at_all(stub: StubHomeserver) -> None:
    stub.add_user_token("own", DORA)
    room = stub.room(members=[DORA])
    with AppService(registration(), stub.base_url, real_user_content_key="") as app:
        app.api.intent(DORA, token="own").send_text(room, "hi")
        assert stub.requests[-1].json == {"msgtype": "m.text", "body": "hi"}
        assert app.api.real_user_content_key is None
        assert not app.is_mine(stub.events(room)[-1])


def test_people_of_shared_namespaces_are_marked_and_ghosts_arent(
    stub: StubHomeserver, app: AppService
) -> None:
    stub.add_user_token("own", ALICE)
    room = stub.room(members=[ALICE, DORA, GHOST, BOT])
    for intent, marked in (
        (app.api.intent(ALICE, token="own"), True), (app.api.intent(DORA), True),
        (app.api.intent(DORA, real_user_as_token=True), True), (app.api.intent(GHOST), False),
        (app.bot, False),
    ):  # fmt: skip
        intent.send_text(room, "hi")
        assert (stub.requests[-1].json.get(SOURCE_KEY) == "irc") is marked


def test_who_copies_a_mark_isnt_us(app: AppService) -> None:
    content = {"topic": "t", **OURS}
    assert app.is_mine(topic(content=content))
    assert app.is_mine(topic({"topic": "before"}, content=content))
    copied = topic({"topic": "before", **OURS}, content=content)
    assert not app.is_mine(copied)
    # Unless the homeserver has said that it is ours.
    app.api._shared.sent.note_events([copied["event_id"]])
    assert app.is_mine(copied)


# What can't be marked.


def test_events_that_the_homeserver_has_answered(app: AppService) -> None:
    sent = app.api._shared.sent
    sent.note_events(["$event1"])
    assert app.is_mine(topic(content={}))
    assert app.is_mine(event(1, sender=DORA))
    assert not app.is_mine(event(2, sender=DORA))


def test_transaction_ids_that_a_homeserver_shows(stub: StubHomeserver, app: AppService) -> None:
    stub.add_user_token("own", ALICE)
    room = stub.room(members=[ALICE])
    app.api.intent(ALICE, token="own").send_text(room, "hi", txn_id="remote/1")
    shown = {"transaction_id": unquote(stub.requests[-1].path.rpartition("/")[2])}
    assert shown["transaction_id"].startswith("remote/1.")
    assert app.is_mine(event(7, sender=ALICE, unsigned=shown))
    assert not app.is_mine(event(7, sender=DORA, unsigned=shown))
    assert not app.is_mine(event(7, sender=ALICE, unsigned={"transaction_id": "1"}))


def test_what_is_on_its_way_is_waited_for(stub: StubHomeserver) -> None:
    with AppService(registration(), stub.base_url) as app:
        sent, told = app.api._shared.sent, []
        with sent.under_way(DORA):
            asks = threading.Thread(target=lambda: told.append(app.is_mine(topic(content={}))))
            asks.start()
            # Of others, and of what carries a mark, nothing is waited for.
            assert not app.is_mine({**topic(content={}), "sender": ALICE})
            assert not app.is_mine(event(1, sender=DORA))
            sent.note_events(["$event1"])
        asks.join(20)
        assert told == [True]


def test_nothing_is_waited_for_without_end(app: AppService, clock: ManualClock) -> None:
    with app.api._shared.sent.under_way(DORA):
        assert not app.is_mine(topic(content={}))
    assert sum(clock.waits) < 40


@pytest.fixture
def two(stub: StubHomeserver, tmp_path: Path) -> Any:
    """Two processes that share a state store."""
    pytest.importorskip("sqlalchemy", reason="the extra sql isn't installed")
    url = f"sqlite:///{tmp_path}/state.db"
    with (
        AppService(registration(), stub.base_url, url) as one,
        AppService(registration(), stub.base_url, url) as other,
    ):
        yield one, other


def dora_of(app: AppService, stub: StubHomeserver) -> IntentAPI:
    stub.add_user(DORA)
    return app.api.intent(DORA, real_user_as_token=True)


def test_what_another_process_has_made(stub: StubHomeserver, two: Any) -> None:
    one, other = two
    dora = dora_of(one, stub)
    room = dora.create_room(name="Tea", invitees=[ALICE])
    events = [found for found in stub.events(room) if found["sender"] == DORA]
    assert len(events) > 3
    assert all(SOURCE_KEY not in found["content"] for found in events)
    assert all(other.is_mine(found) for found in events)
    assert not other.is_mine({**events[-1], "event_id": "$else"})


def test_what_another_process_is_sending_is_waited_for(stub: StubHomeserver, two: Any) -> None:
    one, other = two
    sent, told = one.api._shared.sent, []
    with sent.under_way(DORA):
        asks = threading.Thread(target=lambda: told.append(other.is_mine(topic(content={}))))
        asks.start()
        sent.note_events(["$event1"])
    asks.join(20)
    assert told == [True]
    assert not one.state_store.deliveries.in_flight(ClaimKind.SENDING)


def test_a_profile_that_was_set(stub: StubHomeserver, two: Any) -> None:
    one, other = two
    before = {"membership": "join", "displayname": "Dora", "avatar_url": "mxc://x/y"}
    dora_of(one, stub).set_displayname("Dolly", check_current=False)
    now = one.api._shared.clock.time() * 1000
    renamed = {**member(before=before, displayname="Dolly", avatar_url="mxc://x/y"),
               "origin_server_ts": int(now)}  # fmt: skip
    for app in (one, other):
        assert app.is_mine(renamed)
        # Somebody else of that name, another name, more than the name, and a day later.
        assert not app.is_mine({**renamed, "sender": ALICE, "state_key": ALICE})
        changed: list[dict[str, Any]] = [
            {"content": {**renamed["content"], "displayname": "Dot"}},
            {"content": {**renamed["content"], "avatar_url": "mxc://x/z"}},
            {"unsigned": {}}, {"origin_server_ts": int(now) + 86_400_000},
        ]  # fmt: skip
        for changes in changed:
            assert not app.is_mine({**renamed, **changes})


def test_typing_and_receipts_of_real_users(stub: StubHomeserver, app: AppService) -> None:
    dora = dora_of(app, stub)
    room = stub.room(members=[DORA, GHOST])
    typing = {"type": "m.typing", "room_id": room, "content": {"user_ids": [DORA, GHOST]}}
    receipts = {"$e": {"m.read": {DORA: {"ts": 1}}}}
    read = {"type": "m.receipt", "room_id": room, "content": receipts}
    assert not app.is_mine(typing)
    dora.set_typing(room, 5_000)
    dora.send_receipt(room, "$e")
    assert app.is_mine(typing)
    assert app.is_mine(read)
    assert not app.is_mine({**typing, "room_id": ROOM})
    assert not app.is_mine({**typing, "content": {"user_ids": [DORA, ALICE]}})
    assert not app.is_mine({**read, "content": {"$f": {"m.read": {DORA: {"ts": 1}}}}})
