"""What comes back knows what it is; what is malformed is left out."""

from __future__ import annotations

from typing import Any

import pytest

from appservice_api import (
    AppServiceAPI,
    ContentURI,
    DeviceID,
    EventID,
    IntentAPI,
    MatrixResponseError,
    RoomAlias,
    RoomID,
)
from appservice_api.ids import Identifier, ServerName
from appservice_api.testing import StubHomeserver, answer
from tests.conftest import GHOST

ROOM = "!room:hs.test"


@pytest.fixture
def ghost(stub: StubHomeserver, api: AppServiceAPI) -> IntentAPI:
    stub.add_user(GHOST)
    return api.intent(GHOST)


def kinds(found: list[Any]) -> set[type[Identifier]]:
    return {type(one) for one in found}


def test_devices(stub: StubHomeserver, ghost: IntentAPI) -> None:
    device = {"device_id": "D 1", "last_seen_ts": 5, "last_seen_ip": None, "org.x": [1]}
    stub.script("GET", "/devices", answer(200, {"devices": [device, "broken", {}]}),
                answer(200, device), answer(200, {"display_name": "x"}))  # fmt: skip
    first, second = ghost.get_devices()
    assert first == device
    assert type(first.device_id) is DeviceID
    assert (first.display_name, first.last_seen_ts, first.last_seen_ip) == (None, 5, None)
    assert second.device_id is None
    assert type(ghost.get_device("D 1").device_id) is DeviceID
    with pytest.raises(MatrixResponseError, match="'device_id'"):
        ghost.get_device("D 1")


def test_one_device_is_deleted_as_one(stub: StubHomeserver, ghost: IntentAPI) -> None:
    stub.script("POST", "/delete_devices", answer(200, {}), forever=True)
    ghost.delete_devices("ABC")
    assert stub.requests[-1].json == {"devices": ["ABC"]}
    ghost.delete_devices(iter(["A", "B"]))
    assert stub.requests[-1].json == {"devices": ["A", "B"]}
    for wrong in ([""], [None]):
        with pytest.raises(ValueError, match="device ID"):
            ghost.delete_devices(wrong)  # type: ignore[arg-type]
    assert len(stub.requests) == 2


def test_aliases(stub: StubHomeserver, ghost: IntentAPI) -> None:
    found = {"room_id": ROOM, "servers": ["hs.test", 5, "other.test:80"], "org.x": 1}
    stub.script("GET", "/directory/room/", answer(200, found), answer(200, {"room_id": ROOM}),
                answer(200, {"servers": []}))  # fmt: skip
    info = ghost.resolve_room_alias("#tea:hs.test")
    assert info == found
    assert type(info.room_id) is RoomID
    assert info.servers == ["hs.test", "other.test:80"]
    assert kinds(info.servers) == {ServerName}
    assert ghost.resolve_room_alias("#tea:hs.test").servers == []
    with pytest.raises(MatrixResponseError, match="'room_id'"):
        ghost.resolve_room_alias("#tea:hs.test")
    stub.script("GET", "/aliases", answer(200, {"aliases": ["#tea:hs.test", None, "#odd"]}))
    aliases = ghost.get_room_aliases(ROOM)
    assert aliases == ["#tea:hs.test", "#odd"]
    assert kinds(aliases) == {RoomAlias}


def test_rooms(stub: StubHomeserver, ghost: IntentAPI) -> None:
    stub.script("GET", "/joined_rooms", answer(200, {"joined_rooms": [ROOM, 5, "odd"]}))
    rooms = ghost.get_joined_rooms()
    assert rooms == [ROOM, "odd"]
    assert kinds(rooms) == {RoomID}


def test_avatars(stub: StubHomeserver, ghost: IntentAPI) -> None:
    stub.script("GET", "/avatar_url", answer(200, {"avatar_url": "mxc://hs.test/a#auto"}),
                answer(200, {"avatar_url": ""}), answer(200, {"avatar_url": 5}))  # fmt: skip
    found = ghost.get_avatar_url(GHOST)
    assert found == "mxc://hs.test/a#auto"
    assert type(found) is ContentURI
    assert found.media_id == "a"
    assert ghost.get_avatar_url(GHOST) is None
    assert ghost.get_avatar_url(GHOST) is None


def test_an_id_that_was_read_is_checked_before_it_is_sent(ghost: IntentAPI) -> None:
    for odd in (EventID.read("odd event"), "odd event"):
        with pytest.raises(ValueError, match="not an event ID"):
            ghost.get_event(ROOM, odd)
        with pytest.raises(ValueError, match="not an event ID"):
            ghost.pin_message(ROOM, odd)
    with pytest.raises(ValueError, match="not a content URI"):
        ghost.set_avatar_url(ContentURI.read("http://evil/x"))
