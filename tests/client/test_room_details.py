"""What rooms look like, and who is in them: what is sent and what comes back."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import pytest

from appservice_api import (
    AppServiceAPI,
    IntentAPI,
    MatrixResponseError,
    Membership,
    MForbidden,
    MNotFound,
)
from appservice_api.events import Member
from appservice_api.testing import StubHomeserver, answer
from tests.conftest import BOT, GHOST

USER, OTHER, MXC = "@_user:hs.test", "@other:hs.test", "mxc://hs.test/media"
PINS = "m.room.pinned_events"


@pytest.fixture
def bot(api: AppServiceAPI) -> IntentAPI:
    return api.bot_intent()


@pytest.fixture
def room(stub: StubHomeserver) -> str:
    stub.add_user(GHOST)
    return stub.room(members=[BOT, GHOST])


def last(stub: StubHomeserver) -> tuple[str, str, Any]:
    request = stub.requests[-1]
    return request.method, request.decoded_path.partition("/state/")[2], request.json


def member(user: str, membership: str, **more: Any) -> dict[str, Any]:
    return {"type": "m.room.member", "state_key": user, "sender": user,
            "content": {"membership": membership, **more}}  # fmt: skip


def test_the_look_of_a_room(stub: StubHomeserver, bot: IntentAPI, room: str) -> None:
    event_id = bot.set_room_name(room, "Tea")
    assert last(stub) == ("PUT", "m.room.name/", {"name": "Tea"})
    assert stub.events(room)[-1]["event_id"] == event_id
    bot.set_room_topic(room, "About tea", timestamp=5)
    assert last(stub) == (
        "PUT", "m.room.topic/",
        {"topic": "About tea", "m.topic": {"m.text": [{"body": "About tea"}]}},
    )  # fmt: skip
    assert stub.requests[-1].query["ts"] == ["5"]
    bot.set_room_topic(room, "")
    assert last(stub)[2] == {"topic": ""}
    bot.set_room_avatar(room, MXC)
    assert last(stub) == ("PUT", "m.room.avatar/", {"url": MXC})
    bot.set_room_avatar(room, None)
    assert last(stub)[2] == {}
    bot.set_join_rule(room, "public")
    assert last(stub) == ("PUT", "m.room.join_rules/", {"join_rule": "public"})
    condition = {"type": "m.room_membership", "room_id": "!a:hs.test"}
    bot.set_join_rule(room, "restricted", ["!a:hs.test", {"type": "org.example"}])
    assert last(stub)[2] == {
        "join_rule": "restricted", "allow": [condition, {"type": "org.example"}],
    }  # fmt: skip
    bot.set_join_rule(room, "org.example.rule", "!a:hs.test")
    assert last(stub)[2] == {"join_rule": "org.example.rule", "allow": [condition]}


def test_what_cannot_be_set(stub: StubHomeserver, bot: IntentAPI, room: str) -> None:
    nothing: Any = None
    for wrong, match in (
        (lambda: bot.set_room_name(room, nothing), "name must be a str"),
        (lambda: bot.set_room_topic(room, nothing), "topic must be a str"),
        (lambda: bot.set_room_avatar(room, "https://hs.test/x"), "mxc"),
        (lambda: bot.set_join_rule(room, "open"), "one of public"),
        (lambda: bot.set_join_rule(room, "public", ["!a:hs.test"]), "no meaning"),
        (lambda: bot.set_join_rule(room, "restricted", ["a"]), "room ID"),
        (lambda: bot.set_pinned_messages(room, "$event"), "must be a list"),
        (lambda: bot.set_pinned_messages(room, ["event"]), "event ID"),
        (lambda: bot.pin_message(room, "event"), "event ID"),
        (lambda: bot.unpin_message(room, "event"), "event ID"),
        (lambda: bot.pin_message("#alias:hs.test", "$event"), "room ID"),
        (lambda: bot.send_sticker(room, "https://hs.test/x"), "mxc"),
    ):
        with pytest.raises(ValueError, match=match):
            wrong()
    assert stub.requests == []


def test_pins(stub: StubHomeserver, bot: IntentAPI, room: str) -> None:
    assert bot.get_pinned_messages(room) == []
    bot.unpin_message(room, "$a")
    assert {one.method for one in stub.requests} == {"GET"}
    bot.pin_message(room, "$a")
    assert last(stub) == ("PUT", f"{PINS}/", {"pinned": ["$a"]})
    bot.pin_message(room, "$b", timestamp=5)
    assert last(stub)[2] == {"pinned": ["$a", "$b"]}
    assert stub.requests[-1].query["ts"] == ["5"]
    assert bot.get_pinned_messages(room) == ["$a", "$b"]
    stub.clear()
    bot.pin_message(room, "$a")
    bot.unpin_message(room, "$c")
    assert [one.method for one in stub.requests] == ["GET", "GET"] * 2  # the membership first
    bot.unpin_message(room, "$a")
    assert last(stub)[2] == {"pinned": ["$b"]}
    bot.set_pinned_messages(room, ["$x", "$y"])
    assert last(stub)[2] == {"pinned": ["$x", "$y"]}
    stub.memory.rooms[room].append(BOT, PINS, {"pinned": ["$x", 5, None], "more": 1}, "")
    bot.pin_message(room, "$z")
    assert last(stub)[2] == {"pinned": ["$x", "$z"], "more": 1}
    stub.script("GET", PINS, answer(200, {"pinned": "x"}))
    assert bot.get_pinned_messages(room) == []
    stub.script("GET", PINS, answer(200, []))
    with pytest.raises(MatrixResponseError):
        bot.pin_message(room, "$z")


def test_threads_lose_no_pin(stub: StubHomeserver, bot: IntentAPI, room: str) -> None:
    threads = [
        threading.Thread(target=bot.pin_message, args=(room, f"${number}")) for number in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert set(bot.get_pinned_messages(room)) == {f"${number}" for number in range(12)}


def test_members_of_rooms(stub: StubHomeserver, api: AppServiceAPI, room: str) -> None:
    ghost = api.intent(GHOST)
    content = {"membership": "join", "displayname": "User", "avatar_url": MXC}
    stub.memory.rooms[room].append(USER, "m.room.member", content, USER)
    info = ghost.get_room_member_info(room, USER)
    assert type(info) is Member
    assert info == content
    assert info.membership is Membership.JOIN
    assert ghost.get_room_displayname(room, USER) == "User"
    assert ghost.get_room_avatar_url(room, USER) == MXC
    assert len(stub.requests) == 1
    content["displayname"] = "Else"
    assert ghost.get_room_displayname(room, USER) == "User"
    assert ghost.get_room_displayname(room, USER, ignore_cache=True) == "Else"
    assert ghost.get_room_displayname(room, USER) == "Else"
    assert len(stub.requests) == 2


def test_a_known_membership_is_no_known_profile(
    stub: StubHomeserver, api: AppServiceAPI, room: str
) -> None:
    ghost = api.intent(GHOST)
    api.state_store.joined(room, USER)
    content = {"membership": "join", "displayname": "User", "avatar_url": 5}
    stub.memory.rooms[room].append(USER, "m.room.member", content, USER)
    assert ghost.get_room_displayname(room, USER) == "User"
    assert ghost.get_room_avatar_url(room, USER) is None
    assert ghost.get_room_displayname(room, GHOST) is None
    with pytest.raises(MNotFound):
        ghost.get_room_displayname(room, OTHER)


def test_lists_of_members(stub: StubHomeserver, api: AppServiceAPI, room: str) -> None:
    ghost = api.intent(GHOST)
    joined = ghost.get_room_members(room)
    assert {BOT, GHOST} < set(joined)
    assert ghost.get_room_members(room, ("join",)) == joined
    assert [one.decoded_path.rpartition("/")[2] for one in stub.requests] == ["joined_members"]
    events = [
        member(GHOST, "join"), member(USER, "invite"), member(OTHER, "ban"), {"type": "x"},
        {**member(OTHER, "invite"), "state_key": 5}, {**member(OTHER, "ban"), "content": None}, 5,
    ]  # fmt: skip
    stub.script("GET", "/members", answer(200, {"chunk": events}), forever=True)
    assert ghost.get_room_members(room, ["invite"]) == [USER]
    assert stub.requests[-1].query["membership"] == ["invite"]
    assert ghost.get_room_members(room, (Membership.JOIN, Membership.BAN)) == [GHOST, OTHER]
    assert "membership" not in stub.requests[-1].query
    assert ghost.get_room_members(room, "ban") == [OTHER]
    with pytest.raises(ValueError, match="nonsense"):
        ghost.get_room_members(room, ("nonsense",))


def test_error_and_leave(stub: StubHomeserver, api: AppServiceAPI, room: str) -> None:
    ghost = api.intent(GHOST)
    ghost.error_and_leave(room, "broken", "<b>broken</b>")
    assert stub.requests[0].json["msgtype"] == "m.notice"
    assert stub.requests[0].json["formatted_body"] == "<b>broken</b>"
    assert stub.membership(room, GHOST) == "leave"
    other = stub.room(members=[BOT, GHOST])
    with pytest.raises(ValueError, match="text or html"):
        ghost.error_and_leave(other)
    assert stub.membership(other, GHOST) == "join"
    refused = answer(403, {"errcode": "M_FORBIDDEN", "error": "muted"})
    stub.script("PUT", "/send/", refused, forever=True)
    with pytest.raises(MForbidden, match="muted"):
        ghost.error_and_leave(other, "broken")
    assert stub.membership(other, GHOST) == "leave"


def test_stickers(stub: StubHomeserver, bot: IntentAPI, room: str) -> None:
    bot.send_sticker(room, MXC, txn_id="t1")
    assert "/send/m.sticker/t1.e5c2f065f4c7ecda" in stub.requests[-1].decoded_path
    assert stub.requests[-1].json == {"body": "", "info": {}, "url": MXC}
    bot.send_sticker(room, MXC, {"w": 1}, "a cat", {"rel_type": "m.thread"})
    assert stub.requests[-1].json == {
        "body": "a cat", "info": {"w": 1}, "url": MXC, "m.relates_to": {"rel_type": "m.thread"},
    }  # fmt: skip


def test_filling_member_events(stub: StubHomeserver, api: AppServiceAPI, room: str) -> None:
    class Named(IntentAPI):
        __slots__ = ()

        def fill_member_event(
            self, room_id: str, user_id: str, content: Mapping[str, Any]
        ) -> Mapping[str, Any] | None:
            return {**content, "displayname": user_id[2:-8], "membership": "ignored"}

    ghost = Named(api.user(GHOST))
    ghost.invite_user(room, USER, extra_content={"x": 1})
    assert stub.requests[-1].json == {"x": 1, "displayname": "user", "membership": "invite"}
    api.intent(GHOST).invite_user(room, OTHER, extra_content={"x": 1})
    assert stub.requests[-1].json == {"x": 1, "membership": "invite"}
