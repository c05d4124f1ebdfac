"""Transaction IDs: whose they are, and which a repeat makes again."""

from __future__ import annotations

import enum
from typing import Any

import pytest

from appservice_api import AppServiceAPI
from appservice_api.api.txn_id import RepeatableIDs, personal_id
from appservice_api.testing import StubHomeserver
from tests.conftest import BOT, GHOST

OTHER = "@_other:hs.test"


def said(stub: StubHomeserver, room: str) -> list[tuple[str, str]]:
    events = stub.events(room)
    return [
        (one["sender"], one["content"]["body"]) for one in events if one["type"] == "m.room.message"
    ]


def test_two_users_say_two_things_with_one_id(stub: StubHomeserver, api: AppServiceAPI) -> None:
    room = stub.room(members=[BOT, GHOST, OTHER])
    users = [api.intent(user) for user in (GHOST, OTHER, BOT)]
    ids = [user.send_text(room, user.mxid, txn_id="backup-1") for user in users]
    assert len(set(ids)) == 3
    assert said(stub, room) == [(GHOST, GHOST), (OTHER, OTHER), (BOT, BOT)]
    assert [user.send_text(room, "x", txn_id="backup-1") for user in users] == ids


@pytest.mark.parametrize(
    "say",
    [
        lambda one, room, event: one.send_message_event(room, "m.x", {}, txn_id="a"),
        lambda one, room, event: one.redact(room, event, txn_id="a"),
        lambda one, room, event: one.reply(room, event, "yes", txn_id="a"),
        lambda one, room, event: one.edit(room, event, "new", txn_id="a"),
        lambda one, room, event: one.react(room, event, "+", txn_id="a"),
        lambda one, room, event: one.send_file(room, b"x", file_name="x", txn_id="a"),
        lambda one, room, event: one.send_sticker(room, "mxc://h/abc", txn_id="a"),
        lambda one, room, event: one.send_to_device("m.x", {GHOST: {"*": {}}}, txn_id="a"),
    ],
)
def test_it_belongs_to_who_speaks_in_every_method(
    stub: StubHomeserver, api: AppServiceAPI, say: Any
) -> None:
    room = stub.room(members=[BOT, GHOST, OTHER])
    paths = []
    event = {user: api.intent(user).send_text(room, "hi") for user in (GHOST, OTHER)}
    for user in (GHOST, OTHER, GHOST):
        say(api.intent(user), room, event[user])
        paths.append(stub.requests[-1].path.rpartition("/")[2])
    assert paths[0] == paths[2] != paths[1]


def test_ids_are_the_same_in_all_processes() -> None:
    assert personal_id("mail-1", GHOST) == "mail-1.fcca050c7be17ca8"
    assert personal_id("a" * 255, GHOST) == personal_id("a" * 255, GHOST)
    assert personal_id("a" * 255, GHOST) != personal_id("a" * 254, GHOST)
    assert personal_id("é" * 127, OTHER) != personal_id("é" * 127, GHOST)
    assert len(personal_id("é" * 127, OTHER).encode()) <= 255
    assert personal_id(7, None) == personal_id("7", None)  # type: ignore[arg-type]
    assert personal_id(enum.Enum("E", {"A": "a"}).A, GHOST) == personal_id("a", GHOST)  # type: ignore[attr-defined]


@pytest.mark.parametrize("wrong", ["", ".", "..", "a" * 256, "é" * 128, "\ud800", 1.5, b"x"])
def test_what_cannot_be_an_id_is_refused(
    stub: StubHomeserver, api: AppServiceAPI, wrong: Any
) -> None:
    with pytest.raises(ValueError, match=r"txnId|transaction ID"):
        api.intent(GHOST).send_text("!r:hs.test", "hi", txn_id=wrong)
    assert stub.requests == []


def test_a_request_of_ones_own_is_sent_as_it_is(stub: StubHomeserver, api: AppServiceAPI) -> None:
    room = stub.room(members=[BOT])
    api.request("PUT", f"rooms/{room}/send/m.room.message/mine", {"body": "x"})
    assert stub.requests[-1].path.endswith("/mine")


def test_a_repeat_makes_the_same_ids() -> None:
    def made(*work: str) -> list[str | None]:
        ids = RepeatableIDs(*work)
        return [
            ids.make(GHOST, ("!r", "m"), {"a": 1, "b": 2}),
            ids.make(GHOST, ("!r", "m"), {"b": 2, "a": 1}),
            ids.make(OTHER, ("!r", "m"), {"a": 1, "b": 2}),
            ids.make(GHOST, ("!s", "m"), {"a": 1, "b": 2}),
            ids.make(GHOST, ("!r", "m"), {"a": 1}),
        ]

    first = made("$event", "handler")
    assert len(set(first)) == 5
    assert made("$event", "handler") == first
    assert set(made("$event", "other")).isdisjoint(first)
    assert set(made("$other", "handler")).isdisjoint(first)
    assert RepeatableIDs("$event").make(GHOST, (), {"a": object()}) is None
