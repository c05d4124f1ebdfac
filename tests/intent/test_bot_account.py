"""How the bot comes to have an account, which no refusal ever asks for."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from appservice_api import (
    AppServiceAPI,
    IntentAPI,
    MatrixConnectionError,
    MatrixRequestError,
    MemoryStateStore,
    MForbidden,
    MNotFound,
    MUnknown,
    MUnknownDevice,
)
from appservice_api.testing import RESET, ManualClock, StubHomeserver, answer
from tests.conftest import BOT, GHOST

REGISTER = "POST /register"
FAILED = answer(500, {"errcode": "M_UNKNOWN", "error": "Internal server error"})


def run(works: list[Callable[[], Any]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)


@pytest.mark.parametrize("begin", [
    lambda bot, room: bot.join_room(room),
    lambda bot, room: bot.join_room_by_id(room),
    lambda bot, room: bot.send_member_event(room, BOT, "join", {"reason": "x"}),
    lambda bot, room: bot.ensure_joined(room),
    lambda bot, room: bot.create_room(name="x"),
    lambda bot, room: bot.set_displayname("Bot", check_current=False),
    lambda bot, room: bot.set_avatar_url("mxc://hs.test/a", check_current=False),
    lambda bot, room: bot.set_profile_field("org.example.job", "bot"),
    lambda bot, room: bot.update_device("DESK"),
    lambda bot, room: bot.set_account_data("org.example", {"a": 1}),
    lambda bot, room: bot.set_room_tag(room, "u.x"),
    lambda bot, room: bot.set_presence("online"),
])  # fmt: skip
def test_what_the_bots_life_begins_with_registers_it_once(
    begin: Callable[[IntentAPI, str], Any], stub: StubHomeserver, api: AppServiceAPI
) -> None:
    room = stub.room(public=True)
    bot = api.bot_intent()
    begin(bot, room)
    assert stub.calls()[0] == REGISTER
    assert stub.requests[0].json["username"] == "bot"
    assert api.state_store.is_registered(BOT)
    assert len(stub.calls()) == 2
    stub.clear()
    begin(bot, room)
    bot.create_room()
    assert stub.calls(REGISTER) == []


def test_an_ordinary_send_is_one_request(stub: StubHomeserver, api: AppServiceAPI) -> None:
    room = stub.room(members=[BOT])
    api.bot_intent().send_text(room, "the backup is done")
    assert len(stub.calls()) == 1
    assert "/send/" in stub.calls()[0]


@pytest.mark.parametrize("look", [
    lambda bot: bot.get_joined_rooms(),
    lambda bot: bot.get_displayname(BOT),
    lambda bot: bot.whoami(),
    lambda bot: bot.get_devices(),
    lambda bot: bot.upload_media(b"x", "text/plain"),
])  # fmt: skip
def test_what_works_without_an_account_makes_none(
    look: Callable[[IntentAPI], Any], stub: StubHomeserver, api: AppServiceAPI
) -> None:
    look(api.bot_intent())
    assert stub.calls(REGISTER) == []


def test_a_bot_that_joins_for_a_ghost_is_registered(
    stub: StubHomeserver, api: AppServiceAPI
) -> None:
    room = stub.room(public=True)
    stub.memory.rooms[room].content("m.room.join_rules")["join_rule"] = "public"
    stub.script("POST", f"/join/{room}", answer(403, {"errcode": "M_FORBIDDEN"}))
    api.intent(GHOST).send_text(room, "hi")
    assert [one.json["username"] for one in stub.requests if one.path.endswith("/register")] == [
        "_ghost", "bot",
    ]  # fmt: skip


def test_a_store_that_knows_the_bot_saves_the_request(stub: StubHomeserver) -> None:
    store = MemoryStateStore()
    store.registered(BOT)
    with AppServiceAPI(stub.base_url, BOT, "as_token", state_store=store) as api:
        api.bot_intent().create_room()
    assert stub.calls() == ["POST /createRoom"]


def test_a_bot_that_has_an_account_is_no_error(stub: StubHomeserver, api: AppServiceAPI) -> None:
    stub.add_user(BOT)
    api.bot_intent().create_room()
    api.bot_intent().create_room()
    assert stub.calls() == [REGISTER, "POST /createRoom", "POST /createRoom"]


def test_threads_register_it_once(stub: StubHomeserver, api: AppServiceAPI) -> None:
    bot = api.bot_intent()
    run([partial(bot.create_room, name=str(number)) for number in range(16)])
    assert (len(stub.calls(REGISTER)), len(stub.calls("createRoom"))) == (1, 16)


def test_a_bot_whose_name_is_not_known_is_asked_for(
    stub: StubHomeserver, clock: ManualClock
) -> None:
    with AppServiceAPI(stub.base_url, token="as_token", clock=clock) as api:
        api.bot_intent().create_room()
        assert api.state_store.is_registered(BOT)
    assert stub.calls() == ["GET /account/whoami", REGISTER, "POST /createRoom"]


@pytest.mark.parametrize(("refused", "told"), [
    (answer(400, {"errcode": "M_EXCLUSIVE", "error": "not in the namespaces"}), "not in the name"),
    (answer(403, {"errcode": "M_FORBIDDEN", "error": "Registration is off"}), "is off"),
    (answer(400, {"errcode": "M_APPSERVICE_LOGIN_UNSUPPORTED", "error": "OAuth"}), "OAuth"),
    (answer(404, {"errcode": "M_UNRECOGNIZED", "error": "what?"}), "what"),
    (FAILED, "500"),
])  # fmt: skip
def test_a_homeserver_that_makes_no_account_keeps_nobody_from_acting(
    refused: Any, told: str, stub: StubHomeserver, api: AppServiceAPI,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    stub.script("POST", "/register", refused, forever=True)
    bot = api.bot_intent()
    with caplog.at_level(logging.WARNING):
        bot.create_room()
        bot.set_displayname("Bot", check_current=False)
    assert len(stub.calls(REGISTER)) == 1, "it isn't asked again and again"
    assert not api.state_store.is_registered(BOT)
    (record,) = caplog.records
    assert f"{BOT} goes on without an account" in record.message
    assert told in record.message


def test_a_rate_limit_is_asked_again_later(stub: StubHomeserver, api: AppServiceAPI) -> None:
    limited = answer(429, {"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 10_000_000})
    stub.script("POST", "/register", limited)
    api.bot_intent().create_room()
    assert not api.state_store.is_registered(BOT)
    api.bot_intent().create_room()
    assert api.state_store.is_registered(BOT)


def test_a_homeserver_that_is_not_there_is_an_error(
    stub: StubHomeserver, api: AppServiceAPI
) -> None:
    stub.script("POST", "/register", RESET, forever=True)
    with pytest.raises(MatrixConnectionError):
        api.bot_intent().create_room(retry_count=0)
    stub.unscript()
    api.bot_intent().create_room()
    assert api.state_store.is_registered(BOT)


def test_an_ordinary_users_token_is_no_reason_for_a_warning(
    stub: StubHomeserver, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    stub.add_user("@erin:hs.test", "erins")
    stub.script("POST", "/register", answer(401, {"errcode": "M_UNKNOWN_TOKEN"}), forever=True)
    with AppServiceAPI(stub.base_url, "@erin:hs.test", "erins", clock=clock) as api:
        api.bot_intent().create_room()
        api.bot_intent().create_room()
    assert stub.calls() == [REGISTER, "POST /createRoom", "POST /createRoom"]
    assert caplog.records == []


def test_half_an_account_is_explained(stub: StubHomeserver, api: AppServiceAPI) -> None:
    """As Synapse leaves it if the first request of the bot's life sets its name."""
    api.intent(ensure_joined=False).set_displayname("Bot", check_current=False)
    with pytest.raises(MUnknown) as caught:
        api.bot_intent().ensure_registered()
    assert caught.value.http_status == 500
    assert f"{BOT} has a profile and perhaps no account" in str(caught.value)
    assert "its table profiles" in str(caught.value)
    api.bot_intent().create_room()


def test_a_failure_of_another_kind_is_not_explained(
    stub: StubHomeserver, api: AppServiceAPI
) -> None:
    stub.script("POST", "/register", FAILED, forever=True)
    with pytest.raises(MUnknown) as caught:
        api.bot_intent().ensure_registered()
    assert "profile" not in str(caught.value)
    stub.clear()
    with pytest.raises(MUnknown):
        api.intent(GHOST).ensure_registered()
    assert stub.calls() == [REGISTER]


def test_an_intent_that_ensures_nothing_registers_nobody(
    stub: StubHomeserver, api: AppServiceAPI
) -> None:
    api.intent(ensure_joined=False).create_room()
    api.bot_intent().create_room(ensure_joined=False)
    assert stub.calls(REGISTER) == []


def test_real_users_are_not_the_bot(stub: StubHomeserver, api: AppServiceAPI) -> None:
    stub.add_user_token("mine", "@me:hs.test")
    api.intent("@me:hs.test", token="mine").create_room()
    assert stub.calls(REGISTER) == []


class TestDevices:
    """Who acts as a device is named with it: Synapse fails on a device without its user."""

    @pytest.fixture
    def api(self, stub: StubHomeserver, clock: ManualClock) -> Any:
        with AppServiceAPI(stub.base_url, BOT, "as_token", clock=clock, device_id="BRIDGE") as made:
            yield made

    def test_the_bot_is_named_and_its_device_made(
        self, stub: StubHomeserver, api: AppServiceAPI
    ) -> None:
        room = stub.room(members=[BOT])
        api.bot_intent().send_text(room, "x")
        assert [call.split("/")[1] for call in stub.calls()] == [
            "rooms", "register", "devices", "rooms",
        ]  # fmt: skip
        first, _, made, last = stub.requests
        assert first.target == last.target
        assert (last.user_id, last.query["device_id"]) == (BOT, ["BRIDGE"])
        assert "device_id" not in made.query
        assert made.decoded_path.endswith("/devices/BRIDGE")
        stub.clear()
        api.bot_intent().send_text(room, "y")
        assert len(stub.calls()) == 1

    def test_a_new_ghost_is_invited_by_the_bots_device(
        self, stub: StubHomeserver, api: AppServiceAPI
    ) -> None:
        room = stub.room(members=[BOT])
        event_id = api.intent(GHOST).send_text(room, "x")
        assert stub.events(room)[-1]["event_id"] == event_id
        assert set(stub.memory.devices) == {BOT, GHOST}
        assert_users_are_named(stub)

    @pytest.mark.parametrize("call", [
        lambda api: api.bot_intent().create_room(),
        lambda api: api.bot_intent().whoami(),
        lambda api: api.bot_intent().versions(),
        lambda api: api.bot_intent().upload_media(b"x", "text/plain"),
        lambda api: api.bot_intent().appservice_ping("x"),
        lambda api: api.bot_intent().set_appservice_room_directory_visibility(
            "n", "!r:hs.test", "public"
        ),
        lambda api: api.bot_intent().download_media("mxc://hs.test/none"),
        lambda api: api.bot_intent().get_devices(),
        lambda api: api.request("GET", "account/whoami"),
        lambda api: api.request("GET", "joined_rooms", query_params={"device_id": "OTHER"}),
        lambda api: api.request("GET", "joined_rooms", query_params={"user_id": GHOST}),
        lambda api: api.intent(GHOST).get_joined_rooms(),
        lambda api: api.intent(device_id="OTHER").get_joined_rooms(),
    ])  # fmt: skip
    def test_no_request_has_a_device_without_its_user(
        self, call: Callable[[AppServiceAPI], Any], stub: StubHomeserver, api: AppServiceAPI
    ) -> None:
        with suppress(MForbidden, MNotFound, MUnknownDevice):
            call(api)
        assert stub.requests
        assert_users_are_named(stub)

    def test_what_the_homeserver_does_for_the_service_needs_no_device(
        self, stub: StubHomeserver, api: AppServiceAPI
    ) -> None:
        assert api.bot_intent().appservice_ping("x") == 3
        (request,) = stub.requests
        assert not {"device_id", "user_id"} & request.query.keys()

    def test_a_bot_that_is_not_known_has_no_device(self, stub: StubHomeserver) -> None:
        with AppServiceAPI(stub.base_url, token="as_token", device_id="BRIDGE") as api:
            for ask in (
                lambda: api.bot_intent().send_text("!r:hs.test", "x"),
                lambda: api.request("GET", "joined_rooms"),
                lambda: api.bot_intent().whoami(),
            ):
                with pytest.raises(ValueError, match="'BRIDGE', bot_mxid must be given"):
                    ask()
            assert stub.requests == []
            stub.add_user(GHOST)
            stub.memory.devices[GHOST] = {"BRIDGE": None}
            assert api.intent(GHOST).get_joined_rooms() == []
            assert api.bot_intent().mxid == BOT
            assert_users_are_named(stub)
            assert api.bot_intent().get_joined_rooms() == [], "now it is known"

    def test_a_users_own_token_has_its_own_device(
        self, stub: StubHomeserver, clock: ManualClock
    ) -> None:
        stub.add_user("@me:hs.test", "mine")
        with AppServiceAPI(
            stub.base_url, token="mine", real_user=True, device_id="D", clock=clock
        ) as me:
            IntentAPI.of(me).get_joined_rooms()
        assert "device_id" not in stub.requests[-1].query


def assert_users_are_named(stub: StubHomeserver) -> None:
    for request in stub.requests:
        device, users = request.query.get("device_id", []), request.query.get("user_id", [])
        assert len(device) <= 1
        assert len(users) <= 1
        assert users or not device, str(request)


class TestWhatAnotherProcessHasDone:
    """It is done, whoever did it."""

    def test_the_ghost_has_joined_before_the_invite(
        self, stub: StubHomeserver, api: AppServiceAPI
    ) -> None:
        room = stub.room(members=[BOT])
        before_invites(stub, lambda: stub.memory.rooms[room].append(
            GHOST, "m.room.member", {"membership": "join"}, GHOST
        ))  # fmt: skip
        event_id = api.intent(GHOST).send_text(room, "hi")
        assert stub.events(room)[-1]["event_id"] == event_id
        assert f"GET /rooms/{room}/state/m.room.member/{GHOST}" in stub.calls()
        assert api.state_store.is_joined(room, GHOST)

    def test_the_ghost_has_been_invited_by_somebody_else(
        self, stub: StubHomeserver, api: AppServiceAPI
    ) -> None:
        """Homeservers that don't take a second invite."""
        room = stub.room(members=[BOT])
        before_invites(stub, lambda: stub.memory.rooms[room].append(
            BOT, "m.room.member", {"membership": "invite"}, GHOST
        ), answer(403, {"errcode": "M_FORBIDDEN", "error": "already invited"}))  # fmt: skip
        api.intent(GHOST).send_text(room, "hi")
        assert stub.membership(room, GHOST) == "join"

    @pytest.mark.parametrize("errcode", ["M_BAD_STATE", "M_FORBIDDEN"])
    def test_a_ban_is_an_error(
        self, errcode: str, stub: StubHomeserver, api: AppServiceAPI
    ) -> None:
        room = stub.room(members=[BOT])
        before_invites(stub, lambda: stub.memory.rooms[room].append(
            BOT, "m.room.member", {"membership": "ban"}, GHOST
        ), answer(403, {"errcode": errcode, "error": "no"}))  # fmt: skip
        with pytest.raises(MatrixRequestError) as caught:
            api.intent(GHOST).send_text(room, "hi")
        assert (caught.value.errcode, caught.value.user) == (errcode, BOT)
        assert stub.membership(room, GHOST) == "ban"

    def test_a_bot_that_may_not_invite_is_still_refused(
        self, stub: StubHomeserver, api: AppServiceAPI
    ) -> None:
        room = stub.room(members=[BOT])
        stub.memory.rooms[room].content("m.room.power_levels")["invite"] = 101
        with pytest.raises(MForbidden, match="permission to invite"):
            api.intent(GHOST).send_text(room, "hi")

    def test_a_ban_that_somebody_else_has_lifted(
        self, stub: StubHomeserver, api: AppServiceAPI
    ) -> None:
        room = stub.room(members=[BOT, GHOST])
        api.bot_intent().ban_user(room, GHOST)
        lift = partial(
            stub.memory.rooms[room].append, BOT, "m.room.member", {"membership": "leave"}, GHOST
        )
        stub.script("POST", "/unban", lambda request: lift() and None)
        api.intent(GHOST).ensure_joined(room, unban=True)
        assert stub.membership(room, GHOST) == "join"

    def test_the_alias_leads_there(self, stub: StubHomeserver, api: AppServiceAPI) -> None:
        room = stub.room(members=[BOT])
        bot = api.bot_intent()
        bot.add_room_alias(room, "_tea")
        bot.add_room_alias(room, "_tea")
        assert stub.memory.aliases["#_tea:hs.test"] == room
        with pytest.raises(MUnknown):
            bot.add_room_alias(stub.room(members=[BOT]), "_tea")


def before_invites(stub: StubHomeserver, what: Callable[[], Any], then: Any = None) -> None:
    """Have something happen just before the bot's invite arrives."""

    def happen(request: Any) -> Any:
        what()
        return then

    stub.script("POST", "/invite", happen)
    if then is not None:
        stub.script("POST", "/invite", then, forever=True)
