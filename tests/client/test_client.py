"""The chapters of the client: method, path, body, acting user, and what comes back."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from appservice_api import (
    AppServiceAPI,
    IntentAPI,
    MatrixResponseError,
    MBadState,
    Membership,
    MForbidden,
    MNotFound,
    MUrlNotSet,
)
from appservice_api.testing import DROP, ManualClock, StubHomeserver, answer
from appservice_api.testing.stub import after_applying
from tests.conftest import BOT, GHOST

USER = "@_user:hs.test"


@pytest.fixture
def room(stub: StubHomeserver) -> str:
    stub.add_user(GHOST)
    stub.add_user(USER)
    return stub.room(members=[BOT, GHOST])


@pytest.fixture
def ghost(api: AppServiceAPI) -> IntentAPI:
    return api.intent(GHOST)


def last(stub: StubHomeserver) -> tuple[str, str, str | None, Any]:
    request = stub.requests[-1]
    path = request.decoded_path.replace("/_matrix/client/v3", "")
    return request.method, path, request.user_id, request.json


def test_messages(stub: StubHomeserver, ghost: IntentAPI, room: str) -> None:
    event_id = ghost.send_text(room, "hi", txn_id="t1")
    assert last(stub) == (
        "PUT", f"/rooms/{room}/send/m.room.message/t1.fcca050c7be17ca8", GHOST,
        {"msgtype": "m.text", "body": "hi"},
    )  # fmt: skip
    ghost.send_notice(room, html="<b>bold</b> &amp;<br>new", txn_id="t2", relates_to={"x": 1})
    assert last(stub)[3] == {
        "msgtype": "m.notice", "body": "bold &\nnew", "format": "org.matrix.custom.html",
        "formatted_body": "<b>bold</b> &amp;<br>new", "m.relates_to": {"x": 1},
    }  # fmt: skip
    ghost.send_emote(room, "waves")
    assert last(stub)[3] == {"msgtype": "m.emote", "body": "waves"}
    ghost.reply(room, event_id, "yes")
    assert last(stub)[3] == {
        "msgtype": "m.text", "body": "yes",
        "m.relates_to": {"m.in_reply_to": {"event_id": event_id}},
    }  # fmt: skip
    ghost.edit(room, event_id, "hello", "<i>hello</i>")
    new = {
        "msgtype": "m.text", "body": "hello", "format": "org.matrix.custom.html",
        "formatted_body": "<i>hello</i>",
    }  # fmt: skip
    assert last(stub)[3] == {
        **new, "body": "* hello", "formatted_body": "* <i>hello</i>", "m.new_content": new,
        "m.relates_to": {"rel_type": "m.replace", "event_id": event_id},
    }  # fmt: skip
    ghost.react(room, event_id, "👍")
    _, path, _, content = last(stub)
    assert path.startswith(f"/rooms/{room}/send/m.reaction/")
    assert content == {
        "m.relates_to": {"rel_type": "m.annotation", "event_id": event_id, "key": "👍"}
    }
    ghost.send_image(room, "mxc://hs.test/abc", {"w": 1, "h": 2}, "pic.png")
    assert last(stub)[3] == {
        "msgtype": "m.image", "body": "pic.png", "filename": "pic.png", "url": "mxc://hs.test/abc",
        "info": {"w": 1, "h": 2},
    }  # fmt: skip
    ghost.send_file(room, "mxc://hs.test/abc")
    assert last(stub)[3] == {"msgtype": "m.file", "body": "abc", "url": "mxc://hs.test/abc"}
    with pytest.raises(ValueError, match="text or html"):
        ghost.send_text(room)
    with pytest.raises(ValueError, match="mxc"):
        ghost.send_file(room, "https://example.org/x")


def test_a_message_event_leaves_the_callers_content_alone(
    stub: StubHomeserver, ghost: IntentAPI, room: str
) -> None:
    content = {"a": {"b": 1}}
    ghost.send_message_event(
        room, "com.example/ä", content, external_url="https://x.test/", timestamp=7
    )
    assert content == {"a": {"b": 1}}
    request = stub.requests[-1]
    assert request.json == {"a": {"b": 1}, "external_url": "https://x.test/"}
    assert request.query["ts"] == ["7"]
    assert "/send/com.example%2F%C3%A4/" in request.path


def test_redactions(stub: StubHomeserver, ghost: IntentAPI, room: str) -> None:
    event_id = ghost.send_text(room, "oops")
    ghost.redact(room, event_id, "typo", {"x": 1}, txn_id="r1")
    assert last(stub) == (
        "PUT",
        f"/rooms/{room}/redact/{event_id}/r1.fcca050c7be17ca8",
        GHOST,
        {"reason": "typo", "x": 1},
    )
    ghost.redact(room, event_id, timestamp=9, txn_id="r2")
    assert last(stub) == (
        "PUT", f"/rooms/{room}/send/m.room.redaction/r2.fcca050c7be17ca8", GHOST,
        {"redacts": event_id},
    )  # fmt: skip
    assert stub.requests[-1].query["ts"] == ["9"]


def test_reading_back(stub: StubHomeserver, ghost: IntentAPI, room: str) -> None:
    ghost.send_text(room, "one")
    page = ghost.get_messages(room, "b", limit=5, filter_json={"types": ["m.room.message"]})
    request = stub.requests[-1]
    assert request.query["dir"] == ["b"]
    assert request.query["limit"] == ["5"]
    assert request.query["filter"] == ['{"types": ["m.room.message"]}']
    assert "from" not in request.query
    assert any(event["content"].get("body") == "one" for event in page["chunk"])
    stub.script("GET", "/messages", answer(200, {"end": "x"}), answer(200, [1]))
    for _ in range(2):
        with pytest.raises(MatrixResponseError, match=r"GET .*/messages as @_ghost.*chunk"):
            ghost.get_messages(room)


def test_membership(stub: StubHomeserver, api: AppServiceAPI, room: str) -> None:
    bot, user, store = api.bot_intent(), api.intent(USER), api.state_store
    bot.invite_user(room, USER, "welcome")
    assert last(stub) == (
        "POST",
        f"/rooms/{room}/invite",
        None,
        {"reason": "welcome", "user_id": USER},
    )
    assert store.get_membership(room, USER) is Membership.INVITE
    stub.clear()
    bot.invite_user(room, USER, check_cache=True)
    assert stub.requests == []
    assert user.join_room_by_id(room) == room
    assert last(stub) == ("POST", f"/rooms/{room}/join", USER, {})
    assert store.is_joined(room, USER) is True
    bot.kick_user(room, USER, "bye")
    assert last(stub)[1:] == (f"/rooms/{room}/kick", None, {"reason": "bye", "user_id": USER})
    assert store.is_joined(room, USER) is False
    bot.ban_user(room, USER)
    assert last(stub)[3] == {"user_id": USER}
    assert store.get_membership(room, USER) is Membership.BAN
    bot.unban_user(room, USER)
    with pytest.raises(MBadState):
        bot.unban_user(room, USER)
    user.leave_room(room)
    with pytest.raises(MForbidden):
        api.intent("@_never:hs.test", ensure_joined=False).leave_room(room, raise_not_in_room=True)
    members = bot.get_joined_members(room)
    assert set(members) >= {BOT, GHOST}
    assert store.has_full_member_list(room)
    assert store.is_joined(room, GHOST) is True


def test_memberships_with_more_content(stub: StubHomeserver, api: AppServiceAPI, room: str) -> None:
    bot, user = api.bot_intent(), api.intent(USER)
    bot.invite_user(room, USER, "why", extra_content={"x.key": 1})
    assert last(stub) == (
        "PUT", f"/rooms/{room}/state/m.room.member/{USER}", None,
        {"reason": "why", "x.key": 1, "membership": "invite"},
    )  # fmt: skip
    user.join_room_by_id(room, extra_content={"x.key": 2})
    assert last(stub)[3] == {"x.key": 2, "membership": "join"}
    assert stub.membership(room, USER) == "join"
    new = api.intent("@_brand_new:hs.test")
    bot.invite_user(room, new.mxid)
    new.join_room_by_id(room, extra_content={"x.key": 4})
    assert stub.membership(room, new.mxid) == "join"
    user.leave_room(room, extra_content={"x.key": 3})
    assert last(stub)[3] == {"x.key": 3, "membership": "leave"}
    assert api.state_store.is_joined(room, USER) is False


@pytest.mark.parametrize("change", ["invite", "kick"])
def test_a_change_whose_answer_was_lost_is_looked_up(
    change: str, stub: StubHomeserver, api: AppServiceAPI, room: str
) -> None:
    bot = api.bot_intent()
    if change == "kick":
        refused = answer(403, {"errcode": "M_FORBIDDEN", "error": "not in the room"})
        stub.script("POST", "/kick", after_applying(DROP), refused, refused)
        bot.kick_user(room, GHOST)
        assert stub.membership(room, GHOST) == "leave"
    else:
        stub.script("POST", "/invite", DROP)
        bot.invite_user(room, GHOST)  # who has joined meanwhile
    assert stub.calls()[-1] == f"GET /rooms/{room}/state/m.room.member/{GHOST}"
    stub.script(
        "POST", f"/{change}", DROP, answer(403, {"errcode": "M_FORBIDDEN", "error": "power"})
    )
    stub.script("POST", f"/{change}", answer(403, {"errcode": "M_FORBIDDEN", "error": "power"}))
    with pytest.raises(MForbidden, match="power"):
        getattr(bot, f"{change}_user")(room, "@_other:hs.test", ensure_joined=False)


def test_an_unban_whose_answer_was_lost(
    stub: StubHomeserver, api: AppServiceAPI, room: str
) -> None:
    bot = api.bot_intent()
    bot.ban_user(room, GHOST)
    stub.script("POST", "/unban", after_applying(DROP))
    bot.unban_user(room, GHOST)
    assert len(stub.calls("unban")) == 2
    assert api.state_store.is_joined(room, GHOST) is False


def test_joining_by_alias(stub: StubHomeserver, ghost: IntentAPI, room: str) -> None:
    stub.script("POST", "/join/", answer(200, {"room_id": room}))
    assert ghost.join_room("#tea room:hs.test", ["a.test"]) == room
    assert stub.requests[-1].path.endswith("/join/%23tea%20room%3Ahs.test")
    assert stub.requests[-1].query["via"] == ["a.test"]


def test_state(stub: StubHomeserver, api: AppServiceAPI, room: str) -> None:
    bot = api.bot_intent()
    bot.send_state_event(room, "m.room.topic", {"topic": "x"})
    assert last(stub) == ("PUT", f"/rooms/{room}/state/m.room.topic/", None, {"topic": "x"})
    assert bot.get_state_event(room, "m.room.topic") == {"topic": "x"}
    event = bot.get_state_event(room, "m.room.create", format="event")
    assert stub.requests[-1].query["format"] == ["event"]
    create = api.state_store.get_create(room)
    assert create is not None
    assert create.items() <= {"room_id": room, **event}.items()
    assert (create["sender"], create["content"]) == (event["sender"], event["content"])
    levels = bot.get_state_event(room, "m.room.power_levels")
    assert api.state_store.get_power_levels(room) == levels
    assert api.state_store.has_power_level(room, BOT, "m.room.topic", state=True) is True
    assert api.state_store.has_power_level(room, GHOST, "m.room.topic", state=True) is False
    assert api.state_store.has_power_level("!other:hs.test", BOT, "m.room.topic") is None
    with pytest.raises(MNotFound):
        bot.get_state_event(room, "m.room.name")
    bot.send_state_event(room, "com.example", {}, "key/with slash")
    assert stub.requests[-1].path.endswith("/state/com.example/key%2Fwith%20slash")


def test_creating_rooms(stub: StubHomeserver, api: AppServiceAPI) -> None:
    stub.add_user(GHOST)
    room = api.intent(GHOST).create_room(
        "alias", "public", "public_chat", "Name", "Topic", invitees=[USER],
        initial_state=[{"type": "m.room.encryption", "content": {}}], room_version="11",
        creation_content={"m.federate": False}, power_level_override={"events_default": 1},
        custom_request_fields={"x.field": 1},
    )  # fmt: skip
    assert last(stub) == ("POST", "/createRoom", GHOST, {
        "room_alias_name": "alias", "visibility": "public", "preset": "public_chat", "name": "Name",
        "topic": "Topic", "invite": [USER], "room_version": "11",
        "initial_state": [{"type": "m.room.encryption", "content": {}}],
        "creation_content": {"m.federate": False},
        "power_level_content_override": {"events_default": 1}, "x.field": 1,
    })  # fmt: skip
    assert api.state_store.is_joined(room, GHOST)
    assert api.state_store.get_membership(room, USER) is Membership.INVITE
    stub.clear()
    api.intent(GHOST).send_text(room, "no join needed")
    assert len(stub.requests) == 1
    with pytest.raises(ValueError, match="user ID"):
        api.intent(GHOST).create_room(invitees=["alice"])
    for wrong in ({"visibility": "publik"}, {"preset": "private"}):
        with pytest.raises(ValueError, match="must be"):
            api.intent(GHOST).create_room(**wrong)  # type: ignore[arg-type]
    stub.script("POST", "/createRoom", answer(200, {}))
    with pytest.raises(MatrixResponseError, match="room_id"):
        api.intent(GHOST).create_room()


def test_profiles(stub: StubHomeserver, ghost: IntentAPI, room: str) -> None:
    ghost.set_displayname("Name", check_current=False)
    assert last(stub) == ("PUT", f"/profile/{GHOST}/displayname", GHOST, {"displayname": "Name"})
    stub.clear()
    ghost.set_displayname("Name")
    assert [request.method for request in stub.requests] == ["GET"]
    ghost.set_avatar_url("mxc://hs.test/a")
    assert last(stub)[3] == {"avatar_url": "mxc://hs.test/a"}
    assert ghost.get_displayname(GHOST) == "Name"
    assert ghost.get_avatar_url(GHOST) == "mxc://hs.test/a"
    with pytest.raises(ValueError, match="mxc"):
        ghost.set_avatar_url("http://x")


def test_receipts(stub: StubHomeserver, ghost: IntentAPI, room: str) -> None:
    event_id = ghost.send_text(room, "x")
    ghost.set_typing(room, 5000)
    assert last(stub) == (
        "PUT",
        f"/rooms/{room}/typing/{GHOST}",
        GHOST,
        {"typing": True, "timeout": 5000},
    )
    ghost.set_typing(room)
    assert last(stub)[3] == {"typing": False}
    ghost.mark_read(room, event_id)
    assert last(stub) == (
        "POST", f"/rooms/{room}/read_markers", GHOST,
        {"m.fully_read": event_id, "m.read": event_id},
    )  # fmt: skip
    stub.clear()
    ghost.mark_read(room, event_id)
    assert stub.requests == []


def test_the_homeserver_and_the_account(stub: StubHomeserver, api: AppServiceAPI) -> None:
    stub.add_user(GHOST)
    assert api.intent(GHOST).whoami()["user_id"] == GHOST
    first = api.bot_intent().versions()
    assert api.intent(GHOST).versions() == first
    assert len(stub.calls("versions")) == 1
    api.bot_intent().versions(no_cache=True)
    assert len(stub.calls("versions")) == 2
    assert api.bot_intent().appservice_ping("test", "txn") == 3
    assert last(stub)[3] == {"transaction_id": "txn"}
    stub.script("POST", "/ping", answer(400, {"errcode": "M_URL_NOT_SET", "error": "no url"}))
    with pytest.raises(MUrlNotSet):
        api.bot_intent().appservice_ping("test")


@pytest.mark.parametrize(
    "room_id", [None, "", "room", "#a:hs.test", "..", 5, "!" + "x" * 255, "!\ud800"]
)
def test_what_is_not_a_room_id(room_id: Any, stub: StubHomeserver, ghost: IntentAPI) -> None:
    for call in (
        lambda: ghost.send_text(room_id, "x"), lambda: ghost.get_messages(room_id),
        lambda: ghost.invite_user(room_id, USER), lambda: ghost.leave_room(room_id),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="room ID"):
            call()
    assert stub.requests == []


def test_other_values_that_are_none(stub: StubHomeserver, ghost: IntentAPI) -> None:
    room: Any = "!r:h"
    for call in (
        lambda: ghost.react(room, "event", "x"),
        lambda: ghost.redact(room, None),  # type: ignore[arg-type]
        lambda: ghost.send_message_event(room, "", {}),
        lambda: ghost.send_message_event(room, "x" * 256, {}),
        lambda: ghost.send_message_event(room, "m.x", {}, txn_id=".."),
        lambda: ghost.invite_user(room, "x"),
        lambda: ghost.send_state_event(room, "m.x", {}, "."),
        lambda: ghost.mark_read(room, ""),
        lambda: ghost.send_text(room, 5),  # type: ignore[arg-type]
        lambda: ghost.send_text(room, "x", relates_to=5),  # type: ignore[arg-type]
        lambda: ghost.send_message(room, None),  # type: ignore[arg-type]
        lambda: ghost.send_message(room, {5: "x"}),  # type: ignore[dict-item]
        lambda: ghost.send_state_event(room, "m.x", "text"),  # type: ignore[arg-type]
        lambda: ghost.react(room, "$e", ""),
        lambda: ghost.set_typing(room, None),  # type: ignore[arg-type]
        lambda: ghost.set_displayname(5),  # type: ignore[arg-type]
    ):
        with pytest.raises(ValueError, match=r"must|longer"):
            call()
    assert stub.requests == []


def test_v12_room_ids_have_no_server(stub: StubHomeserver, ghost: IntentAPI) -> None:
    stub.script("PUT", "/send/", answer(200, {"event_id": "$x"}))
    assert ghost.send_text("!" + "a" * 43, "x") == "$x"


def test_options_reach_the_request(stub: StubHomeserver, ghost: IntentAPI, room: str) -> None:
    stub.script("PUT", "/send/", answer(502, "<html>"), forever=True)
    with pytest.raises(Exception, match="502"):
        ghost.send_text(room, "x", retry_count=1, timeout=(1, 2), deadline=50)
    assert len(stub.requests) == 2
    with pytest.raises(TypeError, match="unknown option unknown_option; there are deadline"):
        ghost.send_text(room, "x", unknown_option=1)  # type: ignore[call-arg]


def test_an_unban_that_never_arrived_is_not_taken_for_done(api: AppServiceAPI, room: str) -> None:
    refused = answer(403, {"errcode": "M_BAD_STATE", "error": "not banned"})
    with StubHomeserver() as later:
        later.stop()
        late = AppServiceAPI(later.base_url, BOT, "as_token", clock=Starting(later))
        later.script("POST", "/unban", refused)
        with pytest.raises(MBadState) as caught:
            late.bot_intent().unban_user(room, GHOST)
        assert caught.value.attempts == 2
        assert later.calls() == [f"POST /rooms/{room}/unban"]


class Starting(ManualClock):
    """A clock in whose first wait the homeserver comes up."""

    def __init__(self, homeserver: StubHomeserver) -> None:
        super().__init__(auto=True)
        self._homeserver = homeserver

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self._homeserver.start()
        return super().wait(event, seconds)
