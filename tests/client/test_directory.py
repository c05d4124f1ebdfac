"""Aliases, published rooms, account data, tags, devices and presence."""

from __future__ import annotations

from typing import Any

import pytest

from appservice_api import (
    AppServiceAPI,
    IntentAPI,
    MatrixResponseError,
    Membership,
    MNotFound,
    MUnknown,
)
from appservice_api.testing import DROP, StubHomeserver, answer
from tests.conftest import GHOST

ROOM = "!room1:hs.test"
OK = answer(200, {})
TAKEN = answer(409, {"errcode": "M_UNKNOWN", "error": "taken"})


@pytest.fixture
def ghost(stub: StubHomeserver, api: AppServiceAPI) -> IntentAPI:
    stub.add_user(GHOST)
    stub.room(members=[GHOST])
    return api.intent(GHOST)


def sent(stub: StubHomeserver) -> tuple[str, str, str | None, Any]:
    request = stub.requests[-1]
    path = request.decoded_path.replace("/_matrix/client/v3", "")
    return request.method, path, request.user_id, request.json


def test_aliases(stub: StubHomeserver, ghost: IntentAPI) -> None:
    stub.script("PUT", "/directory/room/", OK)
    ghost.add_room_alias(ROOM, "_tea room")
    assert sent(stub) == ("PUT", "/directory/room/#_tea room:hs.test", GHOST, {"room_id": ROOM})
    assert stub.requests[-1].path.endswith("/%23_tea%20room%3Ahs.test")
    stub.script("GET", "/directory/room/", answer(200, {"room_id": ROOM, "servers": ["hs.test"]}))
    assert ghost.resolve_room_alias("#_tea:hs.test")["room_id"] == ROOM
    stub.script("GET", "/aliases", answer(200, {"aliases": ["#_tea:hs.test"]}))
    assert ghost.get_room_aliases(ROOM) == ["#_tea:hs.test"]
    stub.script(
        "DELETE", "/directory/room/", OK, answer(404, {"errcode": "M_NOT_FOUND"}), forever=True
    )
    ghost.remove_room_alias("_tea")
    ghost.remove_room_alias("_tea")
    with pytest.raises(MNotFound):
        ghost.remove_room_alias("_tea", raise_404=True)
    for wrong in ("", "a:b:c d"):
        with pytest.raises(ValueError, match="alias"):
            ghost.add_room_alias(ROOM, wrong)


def test_an_alias_that_is_taken_and_one_that_we_took(
    stub: StubHomeserver, ghost: IntentAPI
) -> None:
    stub.script("PUT", "/directory/room/", TAKEN)
    with pytest.raises(MUnknown) as caught:
        ghost.add_room_alias(ROOM, "_tea")
    assert caught.value.http_status == 409
    assert [request.method for request in stub.requests] == ["PUT", "GET"]
    stub.script("PUT", "/directory/room/", DROP, TAKEN)
    stub.script("GET", "/directory/room/", answer(200, {"room_id": ROOM}))
    ghost.add_room_alias(ROOM, "_tea")
    stub.script("PUT", "/directory/room/", DROP, TAKEN)
    stub.script("GET", "/directory/room/", answer(200, {"room_id": "!other:hs.test"}))
    with pytest.raises(MUnknown):
        ghost.add_room_alias(ROOM, "_tea")
    stub.clear()
    stub.script("DELETE", "/directory/room/", answer(404, {"errcode": "M_NOT_FOUND"}))
    stub.script("PUT", "/directory/room/", OK)
    ghost.add_room_alias(ROOM, "_tea", override=True)
    assert [request.method for request in stub.requests] == ["DELETE", "PUT"]


def test_published_rooms(stub: StubHomeserver, ghost: IntentAPI) -> None:
    stub.script("PUT", "/directory/list/", OK, OK)
    ghost.set_room_directory_visibility(ROOM, "public")
    assert sent(stub) == ("PUT", f"/directory/list/room/{ROOM}", GHOST, {"visibility": "public"})
    ghost.set_appservice_room_directory_visibility("net", ROOM, "private")
    assert sent(stub)[1:] == (
        f"/directory/list/appservice/net/{ROOM}", GHOST, {"visibility": "private"},
    )  # fmt: skip
    stub.script("GET", "/directory/list/room/", answer(200, {"visibility": "public"}))
    assert ghost.get_room_directory_visibility(ROOM) == "public"
    page = {"chunk": [], "next_batch": "n"}
    stub.script("*", "/publicRooms", answer(200, page), answer(200, page), answer(200, {}))
    assert ghost.get_room_directory(limit=5, since="s", server="other.test") == page
    assert stub.requests[-1].method == "GET"
    assert {name: stub.requests[-1].query[name] for name in ("limit", "since", "server")} == {
        "limit": ["5"], "since": ["s"], "server": ["other.test"],
    }  # fmt: skip
    ghost.get_room_directory(limit=5, search_query="tea", include_all_networks=False)
    assert sent(stub)[0] == "POST"
    assert sent(stub)[3] == {
        "filter": {"generic_search_term": "tea"}, "include_all_networks": False, "limit": 5,
    }  # fmt: skip
    with pytest.raises(MatrixResponseError, match="chunk"):
        ghost.get_room_directory()


def test_account_data_and_tags(stub: StubHomeserver, ghost: IntentAPI) -> None:
    stub.script("PUT", "/user/", OK, forever=True)
    ghost.set_account_data("m.x", {"a": 1.5})
    assert sent(stub) == ("PUT", f"/user/{GHOST}/account_data/m.x", GHOST, {"a": 1.5})
    ghost.set_account_data("m.x", {"a": 1}, ROOM)
    assert sent(stub)[1] == f"/user/{GHOST}/rooms/{ROOM}/account_data/m.x"
    ghost.set_room_tag(ROOM, "m.favourite", {"order": 0.5})
    assert sent(stub)[1:] == (
        f"/user/{GHOST}/rooms/{ROOM}/tags/m.favourite", GHOST, {"order": 0.5},
    )  # fmt: skip
    ghost.set_room_tag(ROOM, "u.mine")
    assert sent(stub)[3] == {}
    stub.script("GET", "/account_data/", answer(200, {"a": 1}), answer(200, {"b": 2}))
    assert ghost.get_account_data("m.x") == {"a": 1}
    assert ghost.get_account_data("m.x", ROOM) == {"b": 2}
    stub.script("GET", "/tags", answer(200, {"tags": {"u.mine": {"order": 1}}}), forever=True)
    assert ghost.get_room_tag(ROOM, "u.mine") == {"order": 1}
    assert ghost.get_room_tag(ROOM, "u.other") is None
    stub.script("DELETE", "/tags/", OK)
    ghost.remove_room_tag(ROOM, "u.mine")
    assert sent(stub)[:2] == ("DELETE", f"/user/{GHOST}/rooms/{ROOM}/tags/u.mine")


def test_devices(stub: StubHomeserver, ghost: IntentAPI) -> None:
    ghost.create_device_msc4190("D1", "Bridge")
    assert sent(stub) == ("PUT", "/devices/D1", GHOST, {"display_name": "Bridge"})
    stub.script("*", "/devices", answer(200, {"devices": [{"device_id": "D1"}]}),
                answer(200, {"device_id": "D1"}), OK)  # fmt: skip
    assert ghost.get_devices() == [{"device_id": "D1"}]
    assert ghost.get_device("D1") == {"device_id": "D1"}
    ghost.delete_device("D1")
    assert sent(stub)[:2] == ("DELETE", "/devices/D1")
    stub.script("POST", "/delete_devices", OK)
    ghost.delete_devices(["D1", "D2"])
    assert sent(stub)[3] == {"devices": ["D1", "D2"]}


def test_presence(stub: StubHomeserver, ghost: IntentAPI) -> None:
    stub.script("PUT", "/presence/", OK, forever=True)
    for presence, status in (
        ("online", "hi"),
        ("online", "hi"),
        ("offline", "hi"),
        ("offline", None),
    ):
        ghost.set_presence(presence, status)
    assert [request.json for request in stub.requests] == [
        {"presence": "online", "status_msg": "hi"}, {"presence": "offline", "status_msg": "hi"},
        {"presence": "offline"},
    ]  # fmt: skip
    ghost.set_presence("offline", ignore_cache=True)
    assert len(stub.requests) == 4
    stub.script("GET", "/presence/", answer(200, {"presence": "online"}))
    assert ghost.get_presence("@other:hs.test") == {"presence": "online"}
    assert sent(stub)[1] == "/presence/@other:hs.test/status"


def test_receipts_and_markers(stub: StubHomeserver, ghost: IntentAPI) -> None:
    ghost.send_receipt(ROOM, "$e", "m.read.private", thread_id="main")
    assert sent(stub)[1:] == (
        f"/rooms/{ROOM}/receipt/m.read.private/$e", GHOST, {"thread_id": "main"},
    )  # fmt: skip
    ghost.set_fully_read_marker(ROOM, "$a", "$b", {"x": 1})
    assert sent(stub)[3] == {"m.fully_read": "$a", "m.read": "$b", "x": 1}


def test_state_and_members(stub: StubHomeserver, api: AppServiceAPI, ghost: IntentAPI) -> None:
    state = ghost.get_state(ROOM)
    assert {event["type"] for event in state} >= {"m.room.create", "m.room.member"}
    assert api.state_store.get_create(ROOM) is not None
    assert api.state_store.is_joined(ROOM, GHOST) is True
    event = {"type": "m.room.member", "state_key": "@x:hs.test", "content": {"membership": "ban"}}
    stub.script("GET", "/members", answer(200, {"chunk": [event, "broken"]}), forever=True)
    assert ghost.get_members(ROOM, membership="ban") == [event]
    assert stub.requests[-1].query["membership"] == ["ban"]
    assert api.state_store.get_membership(ROOM, "@x:hs.test") is Membership.BAN
    ghost.get_members(ROOM, at="then")
    stub.script("GET", "/joined_rooms", answer(200, {"joined_rooms": ["!other:hs.test"]}))
    assert ghost.get_joined_rooms() == ["!other:hs.test"]
    assert api.state_store.is_joined("!other:hs.test", GHOST) is True


def test_events(stub: StubHomeserver, ghost: IntentAPI) -> None:
    event_id = ghost.send_text(ROOM, "x")
    stub.script("GET", "/event/", answer(200, {"event_id": event_id}))
    assert ghost.get_event(ROOM, event_id) == {"event_id": event_id}
    stub.script("GET", "/context/", answer(200, {"event": {}}))
    ghost.get_event_context(ROOM, event_id, 3, {"types": ["m.x"]})
    assert stub.requests[-1].query["limit"] == ["3"]
    assert stub.requests[-1].query["filter"] == ['{"types": ["m.x"]}']


def test_rooms_that_come_and_go(stub: StubHomeserver, api: AppServiceAPI, ghost: IntentAPI) -> None:
    stub.script("POST", "/upgrade", answer(200, {"replacement_room": "!new"}))
    assert ghost.upgrade_room(ROOM, "12", [GHOST]) == "!new"
    assert sent(stub)[3] == {"new_version": "12", "additional_creators": [GHOST]}
    stub.script("POST", "/upgrade", DROP)
    with pytest.raises(Exception, match="broke"):
        ghost.upgrade_room(ROOM, "12")
    assert len(stub.calls("upgrade")) == 2
    stub.script("POST", "/knock/", answer(200, {"room_id": "!k:hs.test"}))
    assert ghost.knock_room("#k:hs.test", "please", "a.test") == "!k:hs.test"
    assert stub.requests[-1].query["via"] == ["a.test"]
    assert api.state_store.get_membership("!k:hs.test", GHOST) is Membership.KNOCK
    stub.script("POST", "/forget", OK)
    ghost.forget_room(ROOM)
    assert sent(stub)[:2] == ("POST", f"/rooms/{ROOM}/forget")


def test_profile_fields(stub: StubHomeserver, ghost: IntentAPI) -> None:
    ghost.set_profile_field("com.example.x", {"a": [1]})
    assert sent(stub) == (
        "PUT", f"/profile/{GHOST}/com.example.x", GHOST, {"com.example.x": {"a": [1]}},
    )  # fmt: skip
    stub.script("GET", "/profile/", answer(200, {"displayname": "G"}))
    assert ghost.get_profile(GHOST) == {"displayname": "G"}
    stub.script("GET", "/profile/", answer(404, {"errcode": "M_NOT_FOUND", "error": "none"}))
    assert ghost.get_profile_field(GHOST, "com.example.y") is None
    stub.script("DELETE", "/profile/", OK)
    ghost.delete_profile_field("com.example.x")
    assert sent(stub)[:2] == ("DELETE", f"/profile/{GHOST}/com.example.x")
