"""Odd arguments are refused before anything is sent; odd answers are errors of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from appservice_api import (
    AppServiceAPI,
    EventID,
    IntentAPI,
    MatrixResponseError,
    MForbidden,
    TextMessageEventContent,
)
from appservice_api.events.content import plain_text
from appservice_api.testing import StubHomeserver, answer
from tests.conftest import BOT, GHOST

ROOM = "!r:hs.test"
CIRCLE: dict[str, Any] = {}
CIRCLE["again"] = CIRCLE
DEEP: dict[str, Any] = {}
for _ in range(3000):
    DEEP = {"deeper": DEEP}

Call = Callable[[IntentAPI], object]


@pytest.mark.parametrize("call, problem", [
    (lambda i: i.send_message_event(ROOM, "m.x", CIRCLE), "nested too deeply"),
    (lambda i: i.send_message_event(ROOM, "m.x", DEEP), "nested too deeply"),
    (lambda i: i.invite_user(ROOM, GHOST, extra_content="x"), "extra_content must be a dict"),
    (lambda i: i.leave_room(ROOM, extra_content=5), "extra_content must be a dict"),
    (lambda i: i.mark_read(ROOM, "$e", extra_content=["x"]), "extra_content must be a dict"),
    (lambda i: i.create_room(initial_state=[("m.room.name", "x")]), "event of initial_state"),
    (lambda i: i.create_room(alias_localpart="#x:hs"), "give 'tea' for '#tea:example.org'"),
    (lambda i: i.add_room_alias(ROOM, "#x:hs"), "give 'tea' for '#tea:example.org'"),
    (lambda i: i.set_room_directory_visibility(ROOM, "PUBLIC"), "'private' or 'public'"),
    (lambda i: i.pin_message(ROOM, EventID.read("..")), "not an event ID"),
])  # fmt: skip
def test_arguments(call: Call, problem: str, stub: StubHomeserver, api: AppServiceAPI) -> None:
    with pytest.raises(ValueError, match=problem):
        call(api.bot_intent())
    assert stub.requests == []


@pytest.mark.parametrize("path, found, call", [
    ("/whoami", {"user_id": "nonsense"}, lambda i: i.whoami()),
    ("/account_data/", [5], lambda i: i.get_account_data("m.x")),
    ("/account_data/", [{}], lambda i: i.get_account_data("m.x", ROOM)),
])  # fmt: skip
def test_answers(
    path: str, found: Any, call: Call, stub: StubHomeserver, api: AppServiceAPI
) -> None:
    stub.add_user(GHOST)
    stub.script("GET", path, answer(200, found))
    with pytest.raises(MatrixResponseError):
        call(api.intent(GHOST))


@pytest.mark.parametrize("membership", [["join"], {"a": 1}, 5, None])
def test_a_membership_that_is_none(
    membership: Any, stub: StubHomeserver, api: AppServiceAPI
) -> None:
    room = api.bot_intent().create_room()
    stub.script("GET", "/m.room.member/", answer(200, {"membership": membership}))
    assert api.bot_intent().get_room_displayname(room, GHOST) is None
    assert api.state_store.get_membership(room, GHOST) is None


def test_an_error_stays_in_its_line(stub: StubHomeserver, api: AppServiceAPI) -> None:
    forged = "evil\n2026-01-01 ERROR forged line\x1b[31m"
    stub.script("GET", "/joined_rooms", answer(403, {"errcode": "M_FORBIDDEN", "error": forged}))
    with pytest.raises(MForbidden) as caught:
        api.bot_intent().get_joined_rooms(ensure_joined=False)
    assert str(caught.value).isprintable()
    assert "forged line" in str(caught.value)
    assert caught.value.message == forged


@pytest.mark.parametrize("arguments", [
    ("as_secret_token",), ("http://hs.test", "as_secret_token"),
    ("http://hs.test/?access_token=secret_token", BOT, "x"),
])  # fmt: skip
def test_a_token_in_the_wrong_place_is_not_shown(arguments: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="base_url|not a user ID") as caught:  # noqa: RUF043
        AppServiceAPI(*arguments)  # type: ignore[arg-type]
    assert "secret" not in str(caught.value)


def test_a_new_name_is_known_in_all_rooms(stub: StubHomeserver, api: AppServiceAPI) -> None:
    bot, ghost = api.bot_intent(), api.intent(GHOST)
    rooms = [bot.create_room(preset="public_chat") for _ in range(2)]
    for room in rooms:
        ghost.ensure_joined(room)
    ghost.set_displayname("D1")
    assert [bot.get_room_displayname(room, GHOST) for room in rooms] == ["D1", "D1"]
    ghost.set_displayname("D2")
    ghost.send_member_event(rooms[1], GHOST, "join", {"displayname": "D3"})
    stub.clear()
    assert [bot.get_room_displayname(room, GHOST) for room in rooms] == ["D2", "D3"]
    assert stub.requests == []
    ghost.set_displayname(None)
    assert bot.get_room_displayname(rooms[0], GHOST) is None


def test_one_user_alone_may_be_invited(stub: StubHomeserver, api: AppServiceAPI) -> None:
    api.bot_intent().create_room(invitees=GHOST)
    assert stub.requests[-1].json["invite"] == [GHOST]


def test_a_reply_to_what_stands_in_a_thread_stands_there_too() -> None:
    event = {
        "type": "m.room.message", "event_id": "$in", "sender": BOT,
        "content": {"m.relates_to": {"rel_type": "m.thread", "event_id": "$root"}},
    }  # fmt: skip
    content = TextMessageEventContent(body="hi")
    content.set_reply(event)
    assert content["m.relates_to"] == {
        "rel_type": "m.thread", "event_id": "$root", "is_falling_back": False,
        "m.in_reply_to": {"event_id": "$in"},
    }  # fmt: skip


@pytest.mark.parametrize("html, text", [
    ("<blockquote>q</blockquote>r", "q\nr"),
    ("<table><tr><td>1<td>2</tr><tr><td>3</td><td>4</td></tr></table>", "1 2\n3 4"),
    ("<ul><li>a</li><li>b</li></ul>c", "a\nb\nc"),
    ("<p>a</p><p>b</p>", "a\nb"),
    ("a<br>b<br><br>c", "a\nb\n\nc"),
    ('<img src="mxc://a/b" alt="pic">', "pic"),
    ("x &amp; y", "x & y"),
])  # fmt: skip
def test_plain_text_of_html(html: str, text: str) -> None:
    assert plain_text(html) == text


def test_what_was_a_fallback_becomes_a_reply() -> None:
    content = TextMessageEventContent({"body": "hi", "m.relates_to": {"is_falling_back": True}})
    content.set_reply("$1")
    content.set_thread_parent("$root")
    assert content.get_reply_to() == "$1"
    assert content.get_thread_parent() == "$root"
