"""Views over the wire: what is sent is their JSON, what comes back are views."""

from __future__ import annotations

import json
from typing import Any

import pytest

from appservice_api import AppServiceAPI, IntentAPI, MatrixResponseError, Membership
from appservice_api.events import (
    Event,
    EventContent,
    EventType,
    ImageInfo,
    Member,
    MemberStateEventContent,
    MessageType,
    PowerLevelStateEventContent,
    PresenceEventContent,
    PresenceState,
    RoomNameStateEventContent,
    RoomTagAccountDataEventContent,
    RoomTagInfo,
    StateEvent,
    TextMessageEventContent,
)
from appservice_api.testing import StubHomeserver, answer
from tests.conftest import GHOST

ROOM = "!room:hs.test"
_ROOMS = f"/_matrix/client/v3/rooms/{ROOM}"
NAME = {"type": "m.room.name", "state_key": "", "content": {"name": "Tea"}}


@pytest.fixture
def ghost(api: AppServiceAPI) -> IntentAPI:
    return api.intent(GHOST)


def test_views_are_sent_as_they_are(stub: StubHomeserver, ghost: IntentAPI) -> None:
    stub.script("PUT", "", answer(200, {"event_id": "$1"}), forever=True)
    content = TextMessageEventContent(msgtype=MessageType.TEXT, html="<b>hi</b>")
    content.set_reply(Event(event_id="$0"))
    before = json.dumps(content)
    ghost.send_message_event(ROOM, EventType.ROOM_MESSAGE, content, "t")
    path = f"{_ROOMS}/send/m.room.message/t.fcca050c7be17ca8"
    assert stub.requests[-1].decoded_path == path
    assert stub.requests[-1].json == json.loads(before) == content
    assert json.dumps(content) == before
    ghost.send_state_event(ROOM, EventType.ROOM_NAME, RoomNameStateEventContent(name="Tea"))
    assert stub.requests[-1].decoded_path == f"{_ROOMS}/state/m.room.name/"
    assert stub.requests[-1].json == {"name": "Tea"}
    ghost.send_image(ROOM, "mxc://hs.test/a", ImageInfo(width=5), "a.png")
    assert stub.requests[-1].json["info"] == {"w": 5}
    ghost.set_presence(PresenceState.UNAVAILABLE)
    assert stub.requests[-1].json == {"presence": "unavailable"}
    ghost.set_room_tag(ROOM, "u.a", RoomTagInfo(order=0.5))
    assert stub.requests[-1].json == {"order": 0.5}


def test_state(stub: StubHomeserver, ghost: IntentAPI) -> None:
    stub.script("GET", f"{_ROOMS}/state/m.room.name/", answer(200, NAME["content"]))
    content = ghost.get_state_event(ROOM, EventType.ROOM_NAME)
    assert type(content) is RoomNameStateEventContent
    assert content.name == "Tea"
    stub.script("GET", f"{_ROOMS}/state/m.room.name/", answer(200, NAME))
    event = ghost.get_state_event(ROOM, EventType.ROOM_NAME, format="event")
    assert type(event) is StateEvent
    assert event == NAME
    stub.script("GET", f"{_ROOMS}/state/com.x/", answer(200, {"a": 1}))
    assert type(ghost.get_state_event(ROOM, "com.x")) is EventContent
    stub.script("GET", f"{_ROOMS}/state", answer(200, [NAME, 5]))
    assert [type(one) for one in ghost.get_state(ROOM)] == [StateEvent]
    stub.script("GET", f"{_ROOMS}/state", answer(200, {}))
    with pytest.raises(MatrixResponseError, match="must be a list"):
        ghost.get_state(ROOM)


def test_the_store_keeps_its_own(stub: StubHomeserver, ghost: IntentAPI) -> None:
    stub.script("GET", f"{_ROOMS}/state/m.room.power_levels/", answer(200, {"users": {GHOST: 50}}))
    levels = ghost.get_state_event(ROOM, EventType.ROOM_POWER_LEVELS)
    assert isinstance(levels, PowerLevelStateEventContent)
    levels.users[GHOST] = 100
    assert ghost.api.state_store.get_power_levels(ROOM) == {"users": {GHOST: 50}}


def test_members(stub: StubHomeserver, ghost: IntentAPI) -> None:
    joined = {GHOST: {"display_name": "G", "avatar_url": "mxc://a/b"}, "@x:hs.test": 5}
    stub.script("GET", f"{_ROOMS}/joined_members", answer(200, {"joined": joined}))
    members = ghost.get_joined_members(ROOM)
    assert members == {GHOST: {"displayname": "G", "avatar_url": "mxc://a/b"}, "@x:hs.test": {}}
    assert {type(member) for member in members.values()} == {Member}
    assert members[ghost.mxid].displayname == "G"
    event = {"type": "m.room.member", "state_key": GHOST, "content": {"membership": "com.x"}}
    stub.script("GET", f"{_ROOMS}/members", answer(200, {"chunk": [event, 5]}))
    found = ghost.get_members(ROOM, membership=Membership.JOIN)
    assert stub.requests[-1].query == {"membership": ["join"], "user_id": [GHOST]}
    assert found == [event]
    assert isinstance(found[0].content, MemberStateEventContent)
    assert found[0].content.membership == "com.x"
    with pytest.raises(ValueError, match="'joined' is not a membership"):
        ghost.send_member_event(ROOM, "@x:hs.test", "joined")


def test_events(stub: StubHomeserver, ghost: IntentAPI) -> None:
    stub.script("GET", f"{_ROOMS}/event/", answer(200, NAME))
    event = ghost.get_event(ROOM, "$1")
    assert type(event) is StateEvent
    around: dict[str, Any] = {"event": NAME, "events_before": [{"type": "m.x"}], "start": "s"}
    stub.script("GET", f"{_ROOMS}/context/", answer(200, around))
    context = ghost.get_event_context(ROOM, "$1")
    assert context == around
    assert isinstance(context.event, StateEvent)
    assert [one.type for one in context.events_before or ()] == ["m.x"]
    assert (context.start, context.end, context.state) == ("s", None, [])


def test_people(stub: StubHomeserver, ghost: IntentAPI) -> None:
    base = "/_matrix/client/v3"
    stub.script("GET", f"{base}/profile/{GHOST}", answer(200, {"displayname": "G", "m.tz": "x"}))
    profile = ghost.get_profile(GHOST)
    assert type(profile) is Member
    assert (profile.displayname, profile["m.tz"]) == ("G", "x")
    stub.script("GET", f"{base}/presence/{GHOST}/status", answer(200, {"presence": "com.x"}))
    presence = ghost.get_presence(GHOST)
    assert type(presence) is PresenceEventContent
    assert presence.presence == "com.x"
    tags = answer(200, {"tags": {"u.a": {"order": 0.5}, "u.b": 5}})
    stub.script("GET", f"{base}/user/{GHOST}/rooms/{ROOM}/tags", tags, forever=True)
    content = ghost.get_room_tags(ROOM)
    assert type(content) is RoomTagAccountDataEventContent
    assert content.tags == {"u.a": {"order": 0.5}}
    assert content["tags"]["u.b"] == 5
    tag = ghost.get_room_tag(ROOM, "u.a")
    assert type(tag) is RoomTagInfo
    assert ghost.get_room_tag(ROOM, "u.c") is None
