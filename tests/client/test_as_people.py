"""What is said as a person is sent so that it can have a mark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from appservice_api import (
    AppService,
    IntentAPI,
    MatrixConnectionError,
    MBadState,
    Membership,
    MForbidden,
    Registration,
)
from appservice_api.api.event import SOURCE_KEY
from appservice_api.testing import DROP, ManualClock, StubHomeserver, answer
from tests.conftest import BOT, GHOST

ME, EVE = "@me:hs.test", "@eve:hs.test"
MARK = {SOURCE_KEY: "irc"}
FORBIDDEN = answer(403, {"errcode": "M_FORBIDDEN", "error": "no"})
LIMITED = answer(429, {"errcode": "M_LIMIT_EXCEEDED", "error": "no"})


@pytest.fixture
def app(stub: StubHomeserver, clock: ManualClock) -> Iterator[AppService]:
    registration = Registration.load({
        "id": "irc", "url": None, "as_token": "as_token", "hs_token": "x",
        "sender_localpart": "bot",
        "namespaces": {"users": [{"exclusive": True, "regex": r"@_.*:hs\.test"}]},
    })  # fmt: skip
    with AppService(registration, stub.base_url, clock=clock) as made:
        yield made


@pytest.fixture
def me(app: AppService, stub: StubHomeserver) -> IntentAPI:
    """A person, by their own token, which is confirmed."""
    stub.add_user_token("mine", ME)
    stub.add_user(EVE)
    stub.add_user(GHOST)
    intent = app.api.intent(ME, token="mine")
    intent.set_displayname("Me")
    return intent


def member_path(room: str, user: str) -> str:
    return f"/rooms/{room}/state/m.room.member/{user}"


def content_of(stub: StubHomeserver, room: str, user: str) -> Any:
    """The content of a user's member event."""
    found = [one for one in stub.events(room) if one.get("state_key") == user]
    return found[-1]["content"]


def test_a_join_is_a_member_event_with_the_profile(stub: StubHomeserver, me: IntentAPI) -> None:
    room = stub.room(public=True)
    stub.clear()
    assert me.join_room_by_id(room) == room
    path = member_path(room, ME)
    assert stub.calls() == [f"GET {path}", f"GET /profile/{ME}", f"PUT {path}"]
    assert stub.requests[-1].json == {"membership": "join", "displayname": "Me", **MARK}
    assert me.api.state_store.is_joined(room, ME)
    # Joining again makes no event, and the homeserver says so.
    count = len(stub.events(room))
    stub.clear()
    me.join_room(room)
    assert stub.calls()[:2] == [f"GET {path}", f"POST /join/{room}"]
    assert len(stub.events(room)) == count


def test_what_is_known_is_not_asked(stub: StubHomeserver, app: AppService, me: IntentAPI) -> None:
    room = stub.room(members=[BOT])
    app.bot.invite_user(room, ME)
    stub.clear()
    me.join_room(room)
    assert stub.calls() == [f"GET /profile/{ME}", f"PUT {member_path(room, ME)}"]
    stub.clear()
    me.leave_room(room, "bye")
    assert stub.calls() == [f"PUT {member_path(room, ME)}"]
    assert stub.requests[-1].json == {"membership": "leave", "reason": "bye", **MARK}


CHANGES: list[tuple[Callable[[IntentAPI, str], None], str, str, bool]] = [
    (lambda me, room: me.invite_user(room, EVE, "come"), "leave", "invite", True),
    (lambda me, room: me.kick_user(room, EVE, "come"), "join", "leave", False),
    (lambda me, room: me.kick_user(room, EVE, "come"), "invite", "leave", False),
    (lambda me, room: me.ban_user(room, EVE, "come"), "join", "ban", False),
    (lambda me, room: me.unban_user(room, EVE, "come"), "ban", "leave", False),
]


def room_of(stub: StubHomeserver, me: IntentAPI, before: str) -> str:
    room = str(me.create_room())
    stub.memory.rooms[room].append(EVE, "m.room.member", {"membership": before}, EVE)
    stub.clear()
    return room


@pytest.mark.parametrize("change, before, after, profile", CHANGES)
def test_a_membership_is_a_member_event(
    stub: StubHomeserver, me: IntentAPI, change: Any, before: str, after: str, profile: bool
) -> None:
    room = room_of(stub, me, before)
    change(me, room)
    path = member_path(room, EVE)
    asked = [f"GET /profile/{EVE}"] if profile else []
    assert stub.calls() == [f"GET {path}", *asked, f"PUT {path}"]
    assert stub.requests[-1].json == {"membership": after, "reason": "come", **MARK}
    assert content_of(stub, room, EVE)["membership"] == after


@pytest.mark.parametrize("change, before, after, profile", CHANGES)
def test_where_a_homeserver_refuses_the_event_the_endpoint_is_asked(
    stub: StubHomeserver, app: AppService, me: IntentAPI, change: Any, before: str, after: str,
    profile: bool,
) -> None:  # fmt: skip
    room = room_of(stub, me, before)
    stub.script("PUT", member_path(room, EVE), FORBIDDEN)
    change(me, room)
    *_, post, get = stub.calls()
    assert post.startswith(f"POST /rooms/{room}/")
    assert get == f"GET {member_path(room, EVE)}"
    event = stub.events(room)[-1]
    assert event["content"]["membership"] == after
    assert SOURCE_KEY not in event["content"]
    assert app.is_mine(event)


def test_a_kick_doesnt_unban_nor_an_unban_kick(stub: StubHomeserver, me: IntentAPI) -> None:
    room = room_of(stub, me, "ban")
    me.api.state_store.joined(room, EVE)
    stub.script("POST", "/kick", FORBIDDEN)
    with pytest.raises(MForbidden):
        me.kick_user(room, EVE)
    assert content_of(stub, room, EVE) == {"membership": "ban"}
    room = room_of(stub, me, "join")
    me.api.state_store.set_membership(room, EVE, Membership.BAN)
    stub.script("POST", "/unban", answer(403, {"errcode": "M_BAD_STATE", "error": "no"}))
    with pytest.raises(MBadState):
        me.unban_user(room, EVE)
    assert content_of(stub, room, EVE) == {"membership": "join"}
    assert not [one for one in stub.calls() if one.startswith("PUT")]


def test_a_refusal_is_that_of_the_endpoint(stub: StubHomeserver, me: IntentAPI) -> None:
    room = room_of(stub, me, "join")
    stub.script("PUT", member_path(room, EVE), FORBIDDEN)
    stub.script("POST", "/kick", answer(403, {"errcode": "M_FORBIDDEN", "error": "not you"}))
    with pytest.raises(MForbidden, match="not you"):
        me.kick_user(room, EVE)


@pytest.mark.parametrize("reply", [LIMITED, DROP])
def test_what_isnt_a_refusal_is_not_tried_otherwise(
    stub: StubHomeserver, me: IntentAPI, reply: Any
) -> None:
    room = room_of(stub, me, "join")
    stub.script("PUT", member_path(room, EVE), reply, forever=True)
    with pytest.raises((MatrixConnectionError, MForbidden.__mro__[1])):
        me.kick_user(room, EVE, retry_count=0)
    assert not [one for one in stub.calls() if one.startswith("POST")]


def test_ghosts_speak_as_before(stub: StubHomeserver, app: AppService, me: IntentAPI) -> None:
    room = stub.room(members=[BOT])
    app.bot.invite_user(room, EVE)
    app.bot.kick_user(room, EVE)
    app.bot.redact(room, app.bot.send_text(room, "x"))
    sent = [one.split("/")[-1] for one in stub.calls() if one.startswith("POST")]
    assert sent[-2:] == ["invite", "kick"]
    assert "/redact/" in stub.calls()[-1]
    assert all(SOURCE_KEY not in one["content"] for one in stub.events(room))


@pytest.mark.parametrize(
    "versions, by_event",
    [
        ({"versions": ["v1.18"]}, True),
        ({"versions": ["v1.15"], "unstable_features": {"com.beeper.msc4169": True}}, True),
        ({"versions": ["v1.15"], "unstable_features": {"com.beeper.msc4169": False}}, False),
        ({"versions": ["v1.15"]}, False),
    ],
)
def test_redactions(
    stub: StubHomeserver, app: AppService, me: IntentAPI, versions: Any, by_event: bool
) -> None:
    room = str(me.create_room())
    event_id = me.send_text(room, "x")
    stub.script("GET", "/client/versions", answer(200, versions), forever=True)
    stub.clear()
    redaction = me.redact(room, event_id, "because", txn_id="r1")
    stub.unscript()
    sent = stub.requests[-1]
    assert sent.json == {"reason": "because", **({"redacts": event_id} if by_event else {}), **MARK}
    assert ("/send/m.room.redaction/" in sent.path) is by_event
    assert app.is_mine({"type": "m.room.redaction", "event_id": redaction, "sender": ME,
                        "room_id": room, "content": {}})  # fmt: skip


def test_a_room_that_is_made_and_upgraded(
    stub: StubHomeserver, app: AppService, me: IntentAPI
) -> None:
    old = me.create_room(name="Tea", invitees=[EVE])
    new = me.upgrade_room(old, "11")
    mine = [one for room in (old, new) for one in stub.events(room) if one["sender"] == ME]
    assert len(mine) > 6
    assert [one for one in mine if not app.is_mine(one)] == []


def test_a_room_that_cannot_be_looked_at_is_made_all_the_same(
    stub: StubHomeserver, app: AppService, me: IntentAPI, caplog: pytest.LogCaptureFixture
) -> None:
    stub.script("GET", "/messages", FORBIDDEN)
    room = me.create_room()
    assert not app.is_mine(stub.events(room)[0])
    assert "may be taken for that person's" in caplog.text


def test_an_alias_is_asked_for_first(stub: StubHomeserver, app: AppService, me: IntentAPI) -> None:
    room = app.bot.create_room(preset="public_chat", alias_localpart="_tea")
    stub.clear()
    assert me.join_room("#_tea:hs.test") == room
    path = member_path(room, ME)
    assert stub.calls()[0].startswith("GET /directory/room/")
    assert stub.calls()[-1] == f"PUT {path}"


def test_all_that_is_sent_has_the_mark(stub: StubHomeserver, me: IntentAPI) -> None:
    room = str(me.create_room())
    event = me.send_text(room, "x")
    for send in (
        lambda: me.send_notice(room, "x"), lambda: me.send_emote(room, "x"),
        lambda: me.reply(room, event, "x"), lambda: me.edit(room, event, "x"),
        lambda: me.react(room, event, "x"), lambda: me.send_file(room, b"x", file_name="x"),
        lambda: me.send_message_event(room, "m.sticker", {"body": "x"}),
        lambda: me.set_room_topic(room, "x"), lambda: me.set_room_name(room, "x"),
        lambda: me.set_room_avatar(room, "mxc://x/y"), lambda: me.pin_message(room, event),
        lambda: me.set_user_power_level(room, EVE, 5),
        lambda: me.send_state_event(room, "x.y", {}, "z"),
    ):  # fmt: skip
        send()
        assert stub.events(room)[-1]["content"][SOURCE_KEY] == "irc"


def test_raw_requests_are_known_too(stub: StubHomeserver, app: AppService, me: IntentAPI) -> None:
    room = str(me.create_room())
    event = me.send_text(room, "x")
    me.api.request("PUT", f"/rooms/{room}/redact/{event}/1")
    redaction = stub.events(room)[-1]
    assert SOURCE_KEY not in redaction["content"]
    assert app.is_mine(redaction)
    me.api.request("PUT", f"/rooms/{room}/send/x.y/2", {SOURCE_KEY: "of another"})
    assert stub.events(room)[-1]["content"] == {SOURCE_KEY: "of another"}
    assert app.is_mine(stub.events(room)[-1])
