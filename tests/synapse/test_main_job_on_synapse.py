"""The main job on a real homeserver."""

from __future__ import annotations

import threading
import time

import pytest

from appservice_api import (
    AppServiceAPI,
    MBadState,
    MDuplicateAnnotation,
    MForbidden,
    MNotFound,
    MUnknown,
    MUnknownToken,
    Path,
)
from appservice_api.api.event import Mark
from appservice_api.testing import Homeserver

from .requests_seen import count_requests

pytestmark = pytest.mark.synapse

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


@pytest.mark.parametrize("room_version", ["10", "11", "12"])
def test_a_new_ghost_into_an_invite_only_room(
    room_version: str, api: AppServiceAPI, homeserver: Homeserver
) -> None:
    room = api.bot_intent().create_room(name="closed", room_version=room_version)
    seen = count_requests(api)
    ghost = api.intent(homeserver.ghost("new"))
    event_id = ghost.send_text(room, "hello")
    assert len(seen) == 6
    sends = [url for _, url in seen if "/send/" in url]
    assert len(sends) == 2
    assert len(set(sends)) == 1
    seen.clear()
    ghost.send_text(room, "again")
    assert len(seen) == 1
    page = ghost.get_messages(room, limit=2)
    assert [(e["sender"], e["content"]["body"]) for e in page["chunk"]] == [
        (ghost.mxid, "again"), (ghost.mxid, "hello"),
    ]  # fmt: skip
    assert page["chunk"][1]["event_id"] == event_id
    with AppServiceAPI.from_registration(homeserver.registration, homeserver.base_url) as fresh:
        seen = count_requests(fresh)
        fresh.intent(ghost.mxid).send_text(room, "with an empty store")
        assert len(seen) == 1


def test_64_threads_with_one_new_ghost(api: AppServiceAPI, homeserver: Homeserver) -> None:
    room = api.bot_intent().create_room(preset="public_chat")
    seen = count_requests(api)
    events: list[str] = []
    threads = [
        threading.Thread(
            target=lambda n=n: events.append(
                api.intent(homeserver.ghost("crowd")).send_text(room, str(n))
            )
        )
        for n in range(64)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len([url for _, url in seen if url.endswith("/register")]) == 1
    assert len([url for _, url in seen if "/join/" in url]) == 1
    assert len(set(events)) == 64


def test_a_conversation(api: AppServiceAPI, homeserver: Homeserver) -> None:
    bot, alice = api.bot_intent(), api.intent(homeserver.ghost("alice"))
    room = bot.create_room(name="Tea", topic="Talk", invitees=[alice.mxid])
    alice.set_displayname("Alice")
    alice.set_displayname("Alice")
    first = alice.send_text(room, "hi", "<b>hi</b>")
    bot.reply(room, first, "welcome")
    bot.react(room, first, "👍")
    with pytest.raises(MDuplicateAnnotation):
        bot.react(room, first, "👍")
    alice.edit(room, first, "hello")
    massaged = alice.send_notice(room, "yesterday", timestamp=1_700_000_000_000)
    mxc = alice.upload_media(PNG, "image/png", "dot.png")
    alice.send_image(
        room, mxc, {"mimetype": "image/png", "size": len(PNG), "w": 1, "h": 1}, "dot.png"
    )
    alice.set_avatar_url(mxc)
    gone = alice.send_text(room, "gone", external_url="https://example.org/1")
    alice.redact(room, gone, "typo", timestamp=1_700_000_000_001)
    alice.set_typing(room, 1000)
    alice.mark_read(room, massaged)
    by_id = {e["event_id"]: e for e in bot.get_messages(room, limit=50)["chunk"]}
    assert by_id[massaged]["origin_server_ts"] == 1_700_000_000_000
    assert by_id[gone]["content"] == {}
    redaction = by_id[gone]["unsigned"]["redacted_because"]
    assert redaction["origin_server_ts"] == 1_700_000_000_001
    members = bot.get_joined_members(room)
    assert members[alice.mxid] == {"displayname": "Alice", "avatar_url": mxc}
    assert bot.get_state_event(room, "m.room.topic")["topic"] == "Talk"
    with pytest.raises(MNotFound):
        bot.get_state_event(room, "m.room.avatar")
    media = api.session.get(
        f"{homeserver.base_url}/_matrix/client/v1/media/download/{mxc[6:]}",
        headers={"Authorization": f"Bearer {api.token}"}, timeout=10,
    )  # fmt: skip
    assert media.content == PNG


def test_memberships(api: AppServiceAPI, homeserver: Homeserver) -> None:
    bot, ghost = api.bot_intent(), api.intent(homeserver.ghost("g"))
    room = bot.create_room()
    assert ghost.ensure_joined(room)
    bot.kick_user(room, ghost.mxid)
    ghost.send_text(room, "back again")
    bot.ban_user(room, ghost.mxid)
    with pytest.raises((MBadState, MForbidden)):
        ghost.send_text(room, "banned")
    assert ghost.ensure_joined(room, unban=True)
    with pytest.raises(MForbidden):
        ghost.send_state_event(room, "m.room.topic", {"topic": "no power"})
    ghost.leave_room(room)
    ghost.leave_room(room)
    with pytest.raises(MBadState):
        bot.unban_user(room, ghost.mxid)
    bot.invite_user(room, ghost.mxid, extra_content={"com.example.key": 1})
    member = bot.get_state_event(room, "m.room.member", ghost.mxid)
    assert (member["membership"], member["com.example.key"]) == ("invite", 1)
    ghost.join_room_by_id(room, extra_content={"com.example.key": 2})
    member = bot.get_state_event(room, "m.room.member", ghost.mxid)
    assert (member["membership"], member["com.example.key"]) == ("join", 2)


def test_double_puppets(api: AppServiceAPI, homeserver: Homeserver) -> None:
    user = homeserver.create_user("dora")
    api._shared.mark = Mark("com.example.source", True)
    room = api.bot_intent().create_room(invitees=[user["user_id"]])
    own = api.intent(user["user_id"], token=user["access_token"])
    own.join_room(room)
    first = own.send_text(room, "by my token", timestamp=1_700_000_000_000)
    by_service = api.intent(user["user_id"], real_user_as_token=True)
    second = by_service.send_text(room, "by the service", timestamp=1_700_000_000_000)
    events = {e["event_id"]: e for e in own.get_messages(room, limit=10)["chunk"]}
    assert events[first]["sender"] == events[second]["sender"] == user["user_id"]
    assert events[first]["content"]["com.example.source"] is True
    assert abs(events[first]["origin_server_ts"] / 1000 - time.time()) < 60
    assert events[second]["origin_server_ts"] == 1_700_000_000_000


def test_a_transaction_id_of_the_caller_sends_once(
    api: AppServiceAPI, homeserver: Homeserver
) -> None:
    ghost = api.intent(homeserver.ghost("cron"))
    room = ghost.create_room()
    events = {ghost.send_text(room, "daily report", txn_id="report-2026-11-25") for _ in range(3)}
    assert len(events) == 1


def test_a_device_keeps_transaction_ids(api: AppServiceAPI, homeserver: Homeserver) -> None:
    ghost = api.intent(homeserver.ghost("device"), device_id="BRIDGE")
    room = ghost.create_room()
    event_id = ghost.send_text(room, "x", txn_id="once")
    assert ghost.whoami() == {"user_id": ghost.mxid, "device_id": "BRIDGE", "is_guest": False}
    assert ghost.send_text(room, "x", txn_id="once") == event_id


def test_ping_and_errors(api: AppServiceAPI, homeserver: Homeserver) -> None:
    assert api.bot_intent().appservice_ping(homeserver.id) >= 0
    assert api.bot_intent().whoami()["user_id"] == homeserver.bot_mxid
    with pytest.raises(MForbidden, match=r"ping|id"):
        api.bot_intent().appservice_ping("somebody_else")
    with pytest.raises(MUnknownToken) as caught:
        AppServiceAPI(homeserver.base_url, token="wrong").request("GET", Path.v3.account.whoami)
    assert "wrong" not in str(caught.value)
    assert api.bot_intent().versions()["versions"]
    with pytest.raises(ValueError, match="namespaces"):
        api.intent("@alice:hs.test")


def test_directory_data_and_devices(api: AppServiceAPI, homeserver: Homeserver) -> None:
    bot, ghost = api.bot_intent(), api.intent(homeserver.ghost("g"))
    room = bot.create_room(name="Tea", preset="public_chat")
    alias = homeserver.alias("tea")
    bot.add_room_alias(room, alias[1:].partition(":")[0])
    assert bot.resolve_room_alias(alias)["room_id"] == room
    assert ghost.join_room(alias) == room
    assert bot.get_room_aliases(room) == [alias]
    bot.set_room_directory_visibility(room, "private")
    assert ghost.get_room_directory_visibility(room) == "private"
    with pytest.raises(MUnknown, match="publish"):  # Synapse's default rules
        bot.set_room_directory_visibility(room, "public")
    assert ghost.get_room_directory(search_query="Tea")["chunk"] == []
    assert ghost.get_joined_rooms() == [room]
    event_id = ghost.send_text(room, "x")
    assert bot.get_event(room, event_id)["content"]["body"] == "x"
    assert bot.get_event_context(room, event_id)["event"]["event_id"] == event_id
    assert {event["type"] for event in bot.get_state(room)} >= {"m.room.create", "m.room.name"}
    members = {event["state_key"] for event in bot.get_members(room, membership="join")}
    assert members == {bot.mxid, ghost.mxid}
    ghost.set_account_data("com.example.x", {"a": 1})
    assert ghost.get_account_data("com.example.x") == {"a": 1}
    ghost.set_room_tag(room, "u.mine", {"order": 0.5})
    assert ghost.get_room_tags(room).tags == {"u.mine": {"order": 0.5}}
    ghost.remove_room_tag(room, "u.mine")
    ghost.send_receipt(room, event_id)
    ghost.update_device("D1", "Bridge")
    assert [device["display_name"] for device in ghost.get_devices()] == ["Bridge"]
    ghost.delete_device("D1")
    ghost.set_profile_field("com.example.key", [1])
    assert ghost.get_profile(ghost.mxid)["com.example.key"] == [1]
    ghost.delete_profile_field("com.example.key")
    successor = bot.upgrade_room(room, "12")
    assert successor != room
    bot.remove_room_alias(alias[1:].partition(":")[0])
    ghost.leave_room(room)
    ghost.forget_room(room)
