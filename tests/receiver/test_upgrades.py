"""Upgrades: who follows a room to the one that replaces it, and what handlers are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from appservice_api import (
    AppService,
    AppServiceAPI,
    IntentAPI,
    MatrixConnectionError,
    MForbidden,
)
from appservice_api.intent import Room
from appservice_api.testing import DROP, ManualClock, StubHomeserver, answer

from .conftest import ALICE, BOT, GHOST, Pusher, registration, store_with_bot

GHOST_2 = "@_irc_carl:hs.test"
FORBIDDEN = answer(403, {"errcode": "M_FORBIDDEN", "error": "You are not invited to this room."})


def person(stub: StubHomeserver) -> IntentAPI:
    """Somebody whose client has nothing to do with the application service."""
    return IntentAPI(AppServiceAPI(stub.base_url, None, "alice_token", ALICE, real_user=True))


class World:
    """An old room and what replaces it, both made by an ordinary user."""

    def __init__(self, app: AppService, stub: StubHomeserver) -> None:
        self.app, self.stub, self.pusher = app, stub, Pusher(app)
        stub.add_user(ALICE, "alice_token")
        self.alice = person(stub)
        self.told: list[dict[str, Any]] = []
        self.listen(app)

    def listen(self, app: AppService) -> None:
        """Keep what handlers of upgrades are told."""

        @app.on_upgrade
        def moved(event, mine, old_room, room, ghosts, intent, app, api):  # type: ignore[no-untyped-def]
            self.told.append(dict(locals()))

    def make(self, *members: str, public: bool = True) -> str:
        """Make the old room; the store knows its members."""
        self.old = str(
            self.alice.create_room(
                preset="public_chat" if public else "private_chat", invitees=members
            )
        )
        for user in members:
            self.app.api.intent(user).ensure_joined(self.old)
        return self.old

    def upgrade(self, by: IntentAPI | None = None) -> dict[str, Any]:
        """Upgrade the room. Returns the tombstone, which isn't pushed yet."""
        self.new = str((by or self.alice).upgrade_room(self.old, "11"))
        self.stub.clear()
        events = self.stub.events(self.old)
        return next(one for one in reversed(events) if one["type"] == "m.room.tombstone")

    def invitation(self, user: str = BOT, **changes: Any) -> dict[str, Any]:
        """Invite somebody to the new room. Returns the event as it is pushed."""
        if self.stub.membership(self.new, user) != "invite":
            self.alice.invite_user(self.new, user)
        create, *_, event = self.stub.events(self.new)
        shown = {key: create[key] for key in ("type", "state_key", "content", "sender")}
        return {**event, "unsigned": {"invite_room_state": [{}, shown]}, **changes}

    def push(self, *events: dict[str, Any]) -> list[str]:
        """Push events. Returns the requests that were made for them."""
        self.stub.clear()
        assert self.pusher.push(*events, id=events[0]["event_id"]).status == 200
        return self.stub.calls()


@pytest.fixture
def stub() -> Iterator[StubHomeserver]:
    """A homeserver that knows the bot by its name."""
    with StubHomeserver(sender=BOT) as made:
        yield made


@pytest.fixture
def world(app: AppService, stub: StubHomeserver) -> World:
    """Rooms."""
    return World(app, stub)


def parked(app: AppService) -> list[str]:
    """Why events were put aside."""
    return [one.error.strip().rpartition("\n")[2] for one in app.state_store.deliveries.parked()]


def test_the_bot_follows_and_handlers_are_told(world: World, app: AppService) -> None:
    world.make(BOT, GHOST, GHOST_2)
    tombstone = world.upgrade()
    state = f"GET /rooms/{world.new}/state"
    assert world.push(tombstone)[:3] == [
        f"{state}/m.room.member/{BOT}",
        f"POST /join/{world.new}",
        f"{state}/m.room.create/",
    ]
    [join] = [one for one in world.stub.requests if "/join/" in one.path]
    assert join.query["via"] == ["hs.test"]
    [told] = world.told
    assert dict(told["event"]) == tombstone
    assert told["event"].content.replacement_room == world.new
    assert told["old_room"] == Room(app.bot, world.old)
    assert told["room"] == Room(app.bot, world.new)
    assert set(told["ghosts"]) == {GHOST, GHOST_2}
    always = [told[name] for name in ("mine", "intent", "app", "api")]
    assert always == [False, app.bot, app, app.api]
    assert app.state_store.is_joined(world.new, BOT)
    assert parked(app) == []


def test_a_room_without_handlers_is_followed(app: AppService, stub: StubHomeserver) -> None:
    world = World(app, stub)
    app._handlers._others.clear()
    world.make(BOT)
    world.push(world.upgrade())
    assert stub.membership(world.new, BOT) == "join"


def test_nothing_is_followed_unless_that_is_wanted(
    stub: StubHomeserver, clock: ManualClock
) -> None:
    with AppService(registration(), stub.base_url, follow_upgrades=False, clock=clock) as app:
        world = World(app, stub)
        seen: list[str] = []
        app.on_state("m.room.tombstone")(lambda event: seen.append(event.content.replacement_room))
        world.make(BOT)
        assert world.push(world.upgrade()) == []
        assert world.push(world.invitation()) == []
        assert (world.told, seen) == ([], [world.new])


MALFORMED: list[Callable[[dict[str, Any]], dict[str, Any]]] = [
    lambda event: {"state_key": "x"},
    lambda event: {"state_key": None},
    lambda event: {"type": "m.room.topic"},
    lambda event: {"content": None},
    lambda event: {"content": {}},
    lambda event: {"content": {"replacement_room": 5}},
    lambda event: {"content": {"replacement_room": ""}},
    lambda event: {"content": {"replacement_room": "#alias:hs.test"}},
    lambda event: {"content": {"replacement_room": "!" + 255 * "x"}},
    lambda event: {"content": {"replacement_room": "!é"}},
    lambda event: {"content": {"replacement_room": event["room_id"]}},
    lambda event: {"room_id": None},
]


@pytest.mark.parametrize("change", MALFORMED)
def test_what_is_no_upgrade(world: World, app: AppService, change: Any) -> None:
    world.make(BOT)
    tombstone = world.upgrade()
    assert world.push({**tombstone, **change(tombstone)}) == []
    assert (world.told, parked(app)) == ([], [])


@pytest.mark.parametrize(
    "sender, via", [(5, None), ("@x", None), ("@x:a b", None), ("@x:far:8448", ["far:8448"])]
)
def test_the_server_to_join_through_is_the_senders(world: World, sender: Any, via: Any) -> None:
    world.make(BOT)
    world.push({**world.upgrade(), "sender": sender})
    [join] = [one for one in world.stub.requests if "/join/" in one.path]
    assert join.query.get("via") == via
    assert len(world.told) == 1


def test_room_ids_without_a_domain(world: World) -> None:
    world.make(BOT)
    tombstone = world.upgrade()
    new = "!opaque31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3"
    world.stub.script("POST", "/join/", answer(200, {"room_id": new}))
    create = {"type": "m.room.create", "state_key": "", "sender": ALICE, "room_id": new}
    create["content"] = {"room_version": "12", "predecessor": {"room_id": world.old}}  # type: ignore[assignment]
    world.stub.script("GET", "/state/m.room.create", answer(200, create))
    tombstone["content"]["replacement_room"] = new
    world.push(tombstone)
    assert [told["room"].room_id for told in world.told] == [new]


def test_where_the_bot_isnt_is_nothing_to_follow(world: World, app: AppService) -> None:
    world.make()
    assert world.push(world.upgrade()) == [
        f"GET /rooms/{world.old}/state/m.room.member/{BOT}",
        f"GET /rooms/{world.old}/joined_members",
    ]
    assert (world.told, parked(app)) == ([], [])


def test_a_store_that_knows_nothing_asks(stub: StubHomeserver, clock: ManualClock) -> None:
    with AppService(registration(), stub.base_url, store_with_bot(), clock=clock) as app:
        world = World(app, stub)
        world.make(BOT, GHOST)
        tombstone = world.upgrade()
    with AppService(registration(), stub.base_url, store_with_bot(), clock=clock) as app:
        world.app, world.pusher = app, Pusher(app)
        world.listen(app)
        calls = world.push(tombstone)
        assert calls[0] == f"GET /rooms/{world.old}/state/m.room.member/{BOT}"
        assert [told["ghosts"] for told in world.told] == [[GHOST]]


# Rooms that pose.


@pytest.mark.parametrize(
    "predecessor", [None, {}, 5, {"room_id": 5}, {"room_id": "!third:hs.test"}]
)
def test_a_room_that_doesnt_say_so_is_left_again(
    world: World, app: AppService, predecessor: Any, caplog: pytest.LogCaptureFixture
) -> None:
    world.make(BOT)
    tombstone = world.upgrade()
    world.stub.memory.rooms[world.new].content("m.room.create")["predecessor"] = predecessor
    calls = world.push(tombstone)
    assert calls[-1] == f"POST /rooms/{world.new}/leave"
    assert world.stub.membership(world.new, BOT) == "leave"
    assert "which doesn't say so itself" in caplog.text
    assert (world.told, parked(app)) == ([], [])


@pytest.mark.parametrize("known", [True, False])
def test_a_room_that_the_bot_was_in_is_not_left(world: World, known: bool) -> None:
    """Nobody can throw the bot out of a room by a tombstone in another one."""
    world.make(BOT)
    tombstone = world.upgrade()
    other = world.stub.room(members=[BOT])
    if known:
        world.app.state_store.joined(other, BOT)
    tombstone["content"]["replacement_room"] = other
    calls = world.push(tombstone)
    assert not [call for call in calls if call.startswith("POST")]
    assert world.stub.membership(other, BOT) == "join"
    assert world.told == []


# Invitations.


def test_where_the_bot_isnt_invited_it_waits_for_that(
    world: World, app: AppService, caplog: pytest.LogCaptureFixture
) -> None:
    world.make(BOT, GHOST, public=False)
    tombstone = world.upgrade()
    world.push(tombstone)
    assert "without being invited" in caplog.text
    assert (world.told, parked(app)) == ([], [])
    calls = world.push(world.invitation())
    assert calls[0] == f"POST /join/{world.new}"
    [told] = world.told
    assert told["event"].event_id == tombstone["event_id"]
    assert told["event"].sender == ALICE
    assert told["event"].content.replacement_room == world.new
    assert (told["old_room"].room_id, told["room"].room_id) == (world.old, world.new)


def test_another_process_follows(stub: StubHomeserver, clock: ManualClock, tmp_path: Path) -> None:
    pytest.importorskip("sqlalchemy", reason="the extra sql isn't installed")
    store = f"sqlite:///{tmp_path}/state.db"
    with AppService(registration(), stub.base_url, store, clock=clock) as app:
        world = World(app, stub)
        world.make(BOT, public=False)
        world.push(world.upgrade())
    with AppService(registration(), stub.base_url, store, clock=clock) as app:
        world.listen(app)
        world.pusher = Pusher(app)
        calls = world.push(world.invitation())
        assert calls[0] == f"POST /join/{world.new}"
        assert len(world.told) == 1


def test_a_tombstone_that_isnt_known_is_asked_for(
    world: World, stub: StubHomeserver, clock: ManualClock
) -> None:
    world.make(BOT, public=False)
    tombstone = world.upgrade()
    with AppService(registration(), stub.base_url, store_with_bot(), clock=clock) as app:
        world.listen(app)
        world.pusher = Pusher(app)
        calls = world.push(world.invitation())
        state = f"GET /rooms/{world.old}/state"
        assert calls[:3] == [
            f"{state}/m.room.member/{BOT}", f"{state}/m.room.tombstone/", f"POST /join/{world.new}",
        ]  # fmt: skip
        [told] = world.told
        assert told["event"].event_id == tombstone["event_id"]


UNEXPECTED: list[Callable[[World, dict[str, Any]], dict[str, Any]]] = [
    lambda world, event: {"unsigned": None},
    lambda world, event: {"unsigned": {"invite_room_state": 5}},
    lambda world, event: {"unsigned": {"invite_room_state": [5, {"type": "m.room.create"}]}},
    lambda world, event: _shows({}),
    lambda world, event: _shows({"predecessor": {"room_id": "x"}}),
    lambda world, event: _shows({"predecessor": {"room_id": event["room_id"]}}),
    lambda world, event: {"state_key": "@bob:hs.test"},
    lambda world, event: {"content": {"membership": "knock"}},
    lambda world, event: {"content": 5},
    lambda world, event: {"room_id": "x"},
    lambda world, event: {"type": "m.room.name"},
]


def _shows(content: Any) -> dict[str, Any]:
    create = {"type": "m.room.create", "state_key": "", "content": content}
    return {"unsigned": {"invite_room_state": [create]}}


@pytest.mark.parametrize("change", UNEXPECTED)
def test_other_events_of_members_are_no_upgrade(world: World, app: AppService, change: Any) -> None:
    world.make(BOT, public=False)
    world.push(world.upgrade())
    invitation = world.invitation()
    assert world.push({**invitation, **change(world, invitation)}) == []
    assert (world.told, parked(app)) == ([], [])


def test_an_invitation_to_what_only_says_that_it_replaces_a_room(world: World) -> None:
    """The old room names another one, or none."""
    world.make(BOT, public=False)
    world.push(world.upgrade())
    lie = world.invitation(room_id="!lie:hs.test")
    asked = [f"GET /rooms/{world.old}/state/m.room.tombstone/"]
    assert world.push(lie) == asked
    world.make(BOT, public=False)
    lie["unsigned"] = _shows({"predecessor": {"room_id": world.old}})["unsigned"]
    asked = [f"GET /rooms/{world.old}/state/m.room.tombstone/"]
    assert world.push({**lie, "event_id": "$lie2"}) == asked
    assert world.told == []


def test_an_invitation_to_what_replaces_a_room_that_the_bot_isnt_in(world: World) -> None:
    world.make(public=False)
    world.push(world.upgrade())
    calls = world.push(world.invitation())
    assert calls == [f"GET /rooms/{world.old}/state/m.room.member/{BOT}"]
    assert world.told == []


# Without the bot.


def test_a_ghost_follows_where_the_bot_isnt(world: World, app: AppService) -> None:
    world.make(GHOST_2, GHOST)
    world.push(world.upgrade())
    [told] = world.told
    ghost = app.api.intent(GHOST)
    assert told["room"] == Room(ghost, world.new)
    assert told["old_room"] == Room(ghost, world.old)
    assert set(told["ghosts"]) == {GHOST, GHOST_2}
    assert world.stub.membership(world.new, GHOST) == "join"
    assert world.stub.membership(world.new, GHOST_2) is None


def test_a_store_that_knows_no_ghost_asks(
    world: World, stub: StubHomeserver, clock: ManualClock
) -> None:
    world.make(GHOST)
    tombstone = world.upgrade()
    with AppService(registration(), stub.base_url, store_with_bot(), clock=clock) as app:
        world.listen(app)
        world.pusher = Pusher(app)
        world.push(tombstone)
    assert [told["room"].intent.mxid for told in world.told] == [GHOST]


def test_the_ghost_that_is_invited_follows(world: World, app: AppService) -> None:
    world.make(GHOST, GHOST_2, public=False)
    tombstone = world.upgrade()
    invitation = world.invitation(GHOST_2)
    app.state_store.update_state(invitation)
    world.push(tombstone)
    assert [told["room"].intent.mxid for told in world.told] == [GHOST_2]


def test_the_first_ghost_that_is_invited_follows(world: World) -> None:
    world.make(GHOST, GHOST_2, public=False)
    world.push(world.upgrade())
    assert world.told == []
    invitations = [world.invitation(GHOST_2), world.invitation(GHOST)]
    world.push(*invitations)
    assert [told["room"].intent.mxid for told in world.told] == [GHOST_2]
    assert world.stub.membership(world.new, GHOST) == "invite"


def test_ghosts_wait_for_the_bot(world: World) -> None:
    world.make(BOT, GHOST, public=False)
    world.push(world.upgrade())
    assert world.push(world.invitation(GHOST)) == []
    assert world.told == []


def test_a_ghost_that_upgrades_invites_the_bot(world: World, app: AppService) -> None:
    ghost = app.api.intent(GHOST)
    world.old = str(ghost.create_room(preset="private_chat", invitees=[BOT]))
    app.bot.join_room(world.old)
    calls = world.push(world.upgrade(ghost))
    assert f"POST /rooms/{world.new}/invite as {GHOST}" in calls
    [told] = world.told
    assert (told["mine"], told["room"]) == (True, Room(app.bot, world.new))


# Once.


def test_an_upgrade_is_told_once(world: World, app: AppService) -> None:
    world.make(BOT)
    tombstone = world.upgrade()
    world.push(tombstone)
    assert world.push({**tombstone, "event_id": "$again"}) == []
    app.bot.leave_room(world.new)
    assert world.push(world.invitation()) == []
    assert len(world.told) == 1
    # But a room may be replaced by several.
    tombstone["content"]["replacement_room"] = world.new
    world.push({**world.upgrade(), "event_id": "$third"})
    assert len({told["room"].room_id for told in world.told}) == 2


def _die(*args: Any) -> None:
    raise KeyboardInterrupt


def test_who_died_before_it_was_noted_tells_it_again(
    world: World, app: AppService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if the bot has left the old room meanwhile; nothing is done twice."""
    world.make(BOT)
    tombstone = world.upgrade()
    with monkeypatch.context() as patched:
        patched.setattr(app.state_store.deliveries, "note_handled", _die)
        with pytest.raises(KeyboardInterrupt):
            world.push(tombstone)
    app.bot.leave_room(world.old)
    world.push(tombstone)
    assert len(world.told) == 2
    assert world.stub.calls("/join/") == []
    world.push({**tombstone, "event_id": "$again"})
    assert len(world.told) == 2


def test_a_handler_that_fails(world: World, app: AppService) -> None:
    world.make(BOT)
    tombstone = world.upgrade()
    failing = [True, True, True]

    @app.on_upgrade
    def fails() -> None:
        if failing:
            failing.pop()
            raise ValueError("not now")

    world.push(tombstone)
    assert parked(app) == ["ValueError: not now"]
    assert len(world.told) == 1
    [event] = app.state_store.deliveries.parked()
    assert event.event == tombstone
    # Who was told isn't told again.
    assert app.retry_parked(event.id)
    assert len(world.told) == 1
    assert world.push({**tombstone, "event_id": "$again"}) == []
    assert len(world.told) == 1


def test_a_handler_is_called_again_alone(world: World, app: AppService) -> None:
    world.make(BOT)
    failing = [True]

    @app.on_upgrade
    def fails() -> None:
        if failing:
            failing.pop()
            raise ValueError("not now")

    world.push(world.upgrade())
    assert (len(world.told), parked(app)) == (1, [])
    assert len(world.stub.calls("/join/")) == 1


def test_what_cant_be_followed_now_is_put_aside(world: World, app: AppService) -> None:
    world.make(BOT)
    tombstone = world.upgrade()
    gone = answer(404, {"errcode": "M_UNKNOWN", "error": "No known servers"})
    world.stub.script("POST", "/join/", gone, forever=True)
    world.push(tombstone)
    assert len(world.stub.calls("/join/")) == 3
    assert world.told == []
    [event] = app.state_store.deliveries.parked()
    assert "No known servers" in event.error
    world.stub.unscript()
    assert app.retry_parked(event.id)
    assert len(world.told) == 1


def test_other_handlers_come_afterwards(world: World, app: AppService) -> None:
    seen: list[str] = []

    @app.on_state("m.room.tombstone")
    def buried() -> None:
        seen.append(f"{len(world.told)} told")

    world.make(BOT)
    world.push(world.upgrade())
    assert seen == ["1 told"]


# Ghosts.


def rooms(world: World, *members: str, public: bool = True) -> None:
    """A room that was upgraded, whose members aren't all known; the bot is in the new one."""
    world.make(*members, public=public)
    world.upgrade()
    room = world.stub.memory.rooms[world.new]
    room.append(BOT, "m.room.member", {"membership": "join"}, BOT)
    room.content("m.room.power_levels")["users"][BOT] = 100
    world.stub.clear()


def test_ghosts_rejoin(world: World, app: AppService) -> None:
    rooms(world, BOT, GHOST, GHOST_2)
    rejoined = app.rejoin_ghosts(world.old, app.bot.room(world.new))
    assert set(rejoined.joined) == {GHOST, GHOST_2}
    assert rejoined.failed == {}
    assert world.stub.calls() == [
        f"GET /rooms/{world.old}/joined_members",
        *(f"POST /join/{world.new} as {ghost}" for ghost in rejoined.joined),
    ]
    world.stub.clear()
    assert app.rejoin_ghosts(world.old, world.new) == rejoined
    assert world.stub.calls() == []


def test_ghosts_that_may_not_join_are_invited(world: World, app: AppService) -> None:
    rooms(world, BOT, GHOST, public=False)
    assert app.rejoin_ghosts(world.old, world.new).joined == [GHOST]
    assert f"POST /rooms/{world.new}/invite" in world.stub.calls()


def test_ghosts_that_were_refused(world: World, app: AppService) -> None:
    rooms(world, BOT, GHOST, GHOST_2)
    world.alice.ban_user(world.new, GHOST)
    rejoined = app.rejoin_ghosts(world.old, world.new)
    assert rejoined.joined == [GHOST_2]
    assert [(user, error.errcode) for user, error in rejoined.failed.items()] == [
        (GHOST, "M_BAD_STATE")
    ]
    assert world.stub.membership(world.new, GHOST) == "ban"


def test_a_homeserver_that_is_gone_is_no_answer(world: World, app: AppService) -> None:
    rooms(world, BOT, GHOST)
    app.bot.get_joined_members(world.old)
    world.stub.script("*", "/", DROP, forever=True)
    with pytest.raises(MatrixConnectionError):
        app.rejoin_ghosts(world.old, world.new)


def test_a_ghost_tells_who_is_in_a_room_without_the_bot(world: World, app: AppService) -> None:
    rooms(world, GHOST)
    world.stub.script("GET", "/joined_members", FORBIDDEN)
    assert app.rejoin_ghosts(world.old, world.new).joined == [GHOST]
    asked = f"GET /rooms/{world.old}/joined_members"
    assert world.stub.calls("joined_members") == [asked, f"{asked} as {GHOST}"]


def test_nobody_tells_who_is_in_a_room(world: World, app: AppService) -> None:
    rooms(world)
    with pytest.raises(MForbidden):
        app.rejoin_ghosts(world.old, world.new)
    with pytest.raises(ValueError, match="not a room ID"):
        app.rejoin_ghosts("#old:hs.test", world.new)


def test_real_users_who_share_a_namespace_are_no_ghosts(world: World, app: AppService) -> None:
    rooms(world, BOT, GHOST)
    world.stub.memory.rooms[world.old].append(
        "@dora:hs.test", "m.room.member", {"membership": "join"}, "@dora:hs.test"
    )
    assert app.rejoin_ghosts(world.old, world.new) == ([GHOST], {})


@pytest.mark.parametrize(
    "pair", [(None, "!new:hs.test"), ("!old:hs.test", 5), ("x", "!new:hs.test")]
)
def test_rooms_that_are_none_arent_asked_for(
    stub: StubHomeserver, app: AppService, pair: tuple[Any, Any]
) -> None:
    with pytest.raises(ValueError, match="room ID"):
        app.rejoin_ghosts(*pair)
    assert stub.requests == []
