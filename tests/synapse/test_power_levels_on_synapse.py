"""Power levels and the look of rooms on a real homeserver, in three room versions."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from appservice_api import (
    AppServiceAPI,
    EventID,
    MatrixRequestError,
    Membership,
    MForbidden,
    MUnknown,
)
from appservice_api.errors import PowerLevelError
from appservice_api.events.power_levels import CREATOR_LEVEL, RoomPowers
from appservice_api.testing import Homeserver

from .requests_seen import count_requests

pytestmark = pytest.mark.synapse

LEVELS = "m.room.power_levels"
VERSIONS = ["10", "11", "12"]


@pytest.mark.parametrize("version", VERSIONS)
def test_changing_levels(version: str, api: AppServiceAPI, homeserver: Homeserver) -> None:
    bot = api.bot_intent()
    alice, carol = homeserver.ghost("alice"), homeserver.ghost("carol")
    room = bot.create_room(room_version=version, preset="public_chat")
    before = bot.get_power_levels(room)
    assert (before.state_default, before.invite) == (50, 50)
    assert (bot.mxid in before.users) is (version != "12")
    assert RoomPowers(bot.get_create(room), before).level(bot.mxid) == (
        CREATOR_LEVEL if version == "12" else 100
    )
    seen = count_requests(api)
    first = bot.set_power_levels(room, {"users": {bot.mxid: 100, alice: 50}})
    after = bot.get_power_levels(room, ignore_cache=True)
    assert after == {**before, "users": {**before.users, alice: 50}}
    assert [method for method, _ in seen] == ["GET", "GET", "PUT", "GET"]
    assert bot.set_power_levels(room, after) == first
    assert bot.set_user_power_level(room, alice, 50) == first
    assert bot.set_event_power_level(room, "m.x", None) == first
    assert [method for method, _ in seen[4:]] == ["GET", "GET"] * 3  # the membership first
    bot.set_event_power_level(room, "m.x", 75)
    bot.set_user_power_level(room, carol, 1)
    bot.set_user_power_level(room, alice, None)
    found = bot.get_power_levels(room, ignore_cache=True)
    assert found.users == {**before.users, carol: 1}
    assert found.events == {**before.events, "m.x": 75}
    if version == "12":
        with pytest.raises(ValueError, match="creator"):
            bot.set_user_power_level(room, bot.mxid, 100)
        with pytest.raises(MUnknown, match="must not appear"):
            bot.send_state_event(room, LEVELS, {**found, "users": {bot.mxid: 100}})
    else:
        with pytest.raises(ValueError, match=f"{bot.mxid} would lose"):
            bot.set_power_levels(room, {"users": {carol: 1}})
    assert bot.get_power_levels(room, ignore_cache=True) == found


@pytest.mark.parametrize("version", VERSIONS)
def test_threads_lose_no_change(version: str, api: AppServiceAPI, homeserver: Homeserver) -> None:
    bot = api.bot_intent()
    room = bot.create_room(room_version=version)
    users = [homeserver.ghost(f"u{number}") for number in range(6)]
    threads = [
        threading.Thread(target=bot.set_user_power_level, args=(room, user, number))
        for number, user in enumerate(users, 1)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    found = bot.get_power_levels(room, ignore_cache=True).users
    assert [found.get(user) for user in users] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_bot_raises_a_ghost(version: str, api: AppServiceAPI, homeserver: Homeserver) -> None:
    bot, ghost = api.bot_intent(), api.intent(homeserver.ghost("weak"))
    room = bot.create_room(room_version=version, invitees=[ghost.mxid])
    ghost.ensure_joined(room)
    with pytest.raises(MForbidden):
        ghost.set_room_name(room, "no power")
    assert ghost.ensure_power_level(room, "m.room.name") is True
    ghost.set_room_name(room, "power")
    assert ghost.ensure_power_level(room, "m.room.name") is False
    levels = bot.get_power_levels(room, ignore_cache=True)
    assert levels.users[ghost.mxid] == 50
    needed = levels.get_event_level("m.room.tombstone")
    assert needed == (150 if version == "12" else 100)
    assert ghost.ensure_power_level(room, "m.room.tombstone") is True
    # Of the same level, or above it: what was given can't be taken or given further.
    other = api.intent(homeserver.ghost("weaker"))
    other.ensure_joined(room)
    if version == "12":
        assert other.ensure_power_level(room, "m.room.tombstone") is True
    bot.set_event_power_level(room, "m.x", 100)
    if version != "12":
        bot.set_user_power_level(room, bot.mxid, 99)
        with pytest.raises(PowerLevelError, match=f"{bot.mxid} has level 99"):
            other.ensure_power_level(room, "m.x")
    assert bot.ensure_power_level(room, "m.room.message") is False


def outcome(call: Any, *args: Any) -> bool:
    try:
        call(*args)
    except MatrixRequestError:
        return False
    return True


@pytest.mark.parametrize("version", VERSIONS)
def test_the_rules_say_what_the_homeserver_does(
    version: str, api: AppServiceAPI, homeserver: Homeserver
) -> None:
    bot = api.bot_intent()
    low, mid, high = (api.intent(homeserver.ghost(name)) for name in ("low", "mid", "high"))
    room = bot.create_room(room_version=version, preset="public_chat")
    everyone = (bot, low, mid, high)
    for ghost in (low, mid, high):
        ghost.ensure_joined(room)
    bot.set_power_levels(
        room, {"users": {bot.mxid: 100, mid.mxid: 50, high.mxid: 60}, "kick": 55, "ban": 50,
               "events": {LEVELS: 50, "m.x": 10, "m.room.topic": 50}},
    )  # fmt: skip
    powers = RoomPowers(bot.get_create(room), bot.get_power_levels(room))
    for who in everyone:
        me = who.mxid
        assert powers.may_send_state(me, "m.room.topic") is outcome(
            who.set_room_topic, room, f"by {me}"
        )
        assert powers.may_send(me, "m.x") is outcome(who.send_message_event, room, "m.x", {})
        assert powers.may_send_state(me, "m.y", me) is outcome(
            who.send_state_event, room, "m.y", {"by": me}, me
        )
        assert powers.may_invite(me) is outcome(
            who.invite_user, room, homeserver.ghost(f"guest{everyone.index(who)}")
        )
    levels = bot.get_power_levels(room)
    changes: list[dict[str, Any]] = [
        {"kick": 56}, {"kick": 61}, {"invite": 0}, {"ban": 90},
        {"users": {**levels.users, mid.mxid: 49}}, {"users": {**levels.users, high.mxid: 1}},
    ]  # fmt: skip
    for who in (low, mid, high):
        for change in changes:
            new = {**levels, **change}
            assert powers.may_change_power_levels(who.mxid, new) is outcome(
                who.send_state_event, room, LEVELS, new
            ), (who.mxid, change)
            bot.set_power_levels(room, levels)
    for who, target in ((low, mid), (mid, low), (mid, high), (high, low), (high, bot)):
        a, b = who.mxid, target.mxid
        assert powers.may_ban(a, b) is outcome(who.ban_user, room, b)
        if bot.get_room_member_info(room, b, ignore_cache=True).membership == Membership.BAN:
            assert powers.may_unban(a, b) is outcome(who.unban_user, room, b)
            target.ensure_joined(room, ignore_cache=True, unban=True)
        assert powers.may_kick(a, b) is outcome(who.kick_user, room, b)
        target.ensure_joined(room, ignore_cache=True)


@pytest.mark.parametrize("version", ["11", "12"])
def test_creators(version: str, api: AppServiceAPI, homeserver: Homeserver) -> None:
    bot, ghost = api.bot_intent(), api.intent(homeserver.ghost("creator"))
    room = bot.create_room(
        room_version=version, preset="trusted_private_chat", invitees=[ghost.mxid]
    )
    ghost.ensure_joined(room)
    powers = RoomPowers(ghost.get_create(room), ghost.get_power_levels(room))
    assert powers.creators == ({bot.mxid, ghost.mxid} if version == "12" else set())
    assert powers.level(ghost.mxid) == powers.level(bot.mxid)
    assert not powers.may_kick(bot.mxid, ghost.mxid)
    with pytest.raises(MForbidden):
        bot.kick_user(room, ghost.mxid)
    assert ghost.ensure_power_level(room, "m.room.tombstone") is False


def test_the_look_of_a_room(api: AppServiceAPI, homeserver: Homeserver) -> None:
    bot, ghost = api.bot_intent(), api.intent(homeserver.ghost("pinner"))
    room = bot.create_room()
    bot.set_room_name(room, "Tea")
    bot.set_room_topic(room, "About tea")
    assert bot.get_state_event(room, "m.room.topic") == {
        "topic": "About tea", "m.topic": {"m.text": [{"body": "About tea"}]},
    }  # fmt: skip
    mxc = bot.upload_media(b"not really an image", "image/png")
    bot.set_room_avatar(room, mxc)
    assert bot.get_state_event(room, "m.room.avatar") == {"url": mxc}
    bot.set_room_avatar(room, None)
    assert bot.get_state_event(room, "m.room.avatar") == {}
    other = bot.create_room()
    bot.set_join_rule(room, "restricted", [other])
    bot.set_join_rule(room, "public")
    ghost.set_displayname("Pinner")
    events = [ghost.send_text(room, "a"), ghost.send_sticker(room, mxc, text="b")]
    assert bot.get_pinned_messages(room) == []
    for event in (*events, events[0]):
        bot.pin_message(room, event)
    assert bot.get_pinned_messages(room) == events
    bot.unpin_message(room, events[0])
    bot.unpin_message(room, EventID("$nothing"))
    assert bot.get_pinned_messages(room) == events[1:]
    bot.set_pinned_messages(room, [])
    assert bot.get_pinned_messages(room) == []
    assert bot.get_room_displayname(room, ghost.mxid) == "Pinner"
    assert bot.get_room_avatar_url(room, ghost.mxid) is None
    assert sorted(bot.get_room_members(room)) == sorted([bot.mxid, ghost.mxid])
    invited = homeserver.ghost("invited")
    bot.invite_user(room, invited)
    assert bot.get_room_members(room, ("invite",)) == [invited]
    assert set(bot.get_room_members(room, ("invite", "join"))) == {bot.mxid, ghost.mxid, invited}
    ghost.error_and_leave(room, "bye")
    assert bot.get_room_member_info(room, ghost.mxid, ignore_cache=True).membership == "leave"


def test_who_was_away_brings_nothing_back(api: AppServiceAPI, homeserver: Homeserver) -> None:
    """Synapse tells a user who has left what was true then, with 200."""
    bot = api.bot_intent()
    room = bot.create_room(preset="public_chat")
    ghost, other = homeserver.ghost("away"), homeserver.ghost("demoted")
    for user in (ghost, other):
        api.intent(user).ensure_joined(room)
        bot.set_user_power_level(room, user, 100 if user == ghost else 50)
    pinned = [bot.send_text(room, str(number)) for number in range(3)]
    api.intent(ghost).pin_message(room, pinned[0])
    with AppServiceAPI.from_registration(homeserver.registration, homeserver.base_url) as later:
        later.intent(ghost).leave_room(room)
        later.bot_intent().set_user_power_level(room, other, None)
        later.bot_intent().set_pinned_messages(room, [pinned[1]])
    api.intent(ghost).set_event_power_level(room, "com.example", 0)
    api.intent(ghost).pin_message(room, pinned[2])
    levels = bot.get_power_levels(room, ignore_cache=True)
    assert levels.users.keys() == {bot.mxid, ghost}
    assert levels.events["com.example"] == 0
    assert bot.get_pinned_messages(room) == pinned[1:]
    with AppServiceAPI.from_registration(homeserver.registration, homeserver.base_url) as later:
        later.intent(ghost).leave_room(room)
        later.bot_intent().set_pinned_messages(room, [])
    api.intent(ghost).pin_message(room, pinned[2])  # it isn't pinned any more
    assert bot.get_pinned_messages(room) == [pinned[2]]
