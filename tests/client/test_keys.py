"""Keys, their backup, and messages to devices."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from appservice_api import (
    AppServiceAPI,
    DeviceID,
    IntentAPI,
    MatrixConnectionError,
    MatrixRequestError,
    MatrixResponseError,
    MInvalidSignature,
    MNotFound,
    MUnknown,
    RoomID,
    UserID,
)
from appservice_api.answers.keys import (
    DeviceKeys,
    QueryKeysResponse,
)
from appservice_api.events import CrossSigningUsage, EncryptionKeyAlgorithm
from appservice_api.testing import DROP, StubHomeserver, answer
from tests.conftest import GHOST

USER = "@_user:hs.test"
DEVICE_KEYS = {
    "user_id": GHOST, "device_id": "BRIDGE", "algorithms": ["m.olm.v1.curve25519-aes-sha2"],
    "keys": {"ed25519:BRIDGE": "signs", "curve25519:BRIDGE": "agrees"}, "signatures": {},
}  # fmt: skip
ONE_TIME = {"signed_curve25519:A": {"key": "k", "signatures": {}}}
COUNTS = {"one_time_key_counts": {"signed_curve25519": 5}}
WITHOUT_DEVICE = {"errcode": "M_UNKNOWN", "error": "pass device_id"}


@pytest.fixture
def ghost(stub: StubHomeserver, api: AppServiceAPI) -> IntentAPI:
    stub.add_user(GHOST)
    return api.intent(GHOST, device_id="BRIDGE")


def last(stub: StubHomeserver) -> tuple[str, str, Any]:
    request = stub.requests[-1]
    assert request.query["user_id"] == [GHOST]
    path = request.decoded_path.replace("/_matrix/client/v3", "")
    return request.method, path, request.json


def test_keys_are_uploaded_as_a_device_that_is_made_when_needed(
    stub: StubHomeserver, ghost: IntentAPI
) -> None:
    unknown = answer(400, {"errcode": "M_UNKNOWN_DEVICE", "error": "no such device"})
    stub.script("POST", "/keys/upload", unknown, answer(200, COUNTS))
    given = copy.deepcopy(DEVICE_KEYS)
    counts = ghost.upload_keys(ONE_TIME, given, fallback_keys=ONE_TIME)
    assert counts[EncryptionKeyAlgorithm.SIGNED_CURVE25519] == 5
    assert given == DEVICE_KEYS
    assert last(stub) == (
        "POST", "/keys/upload",
        {"device_keys": DEVICE_KEYS, "one_time_keys": ONE_TIME, "fallback_keys": ONE_TIME},
    )  # fmt: skip
    assert [request.query.get("device_id") for request in stub.requests] == [
        ["BRIDGE"], None, ["BRIDGE"],
    ]  # fmt: skip
    assert stub.calls()[1] == f"PUT /devices/BRIDGE as {GHOST}"


def test_an_upload_without_a_device_says_so(stub: StubHomeserver, api: AppServiceAPI) -> None:
    stub.script("POST", "/keys/upload", answer(400, WITHOUT_DEVICE))
    with pytest.raises(MUnknown, match="no device was acting"):
        api.intent(GHOST).upload_keys()


@pytest.mark.parametrize(
    "name, args",
    [
        ("upload_keys", (ONE_TIME,)),
        ("claim_keys", ({USER: {"D": "signed_curve25519"}},)),
        ("create_room_keys_version", ({},)),
    ],
)
def test_what_burns_keys_or_makes_versions_is_never_repeated(
    name: str, args: tuple[Any, ...], stub: StubHomeserver, ghost: IntentAPI
) -> None:
    stub.script("POST", "", DROP)
    with pytest.raises(MatrixConnectionError):
        getattr(ghost, name)(*args)
    assert len(stub.requests) == 1


def test_query(stub: StubHomeserver, ghost: IntentAPI) -> None:
    master = {"user_id": USER, "usage": ["master", "new"], "keys": {"ed25519:mmm": "mmm"}}
    reply = {
        "failures": {"other.test": {"errcode": "M_UNKNOWN"}, "odd.test": 5},
        "device_keys": {
            GHOST: {"BRIDGE": {**DEVICE_KEYS, "unsigned": {"device_display_name": "Bridge"}}},
            USER: {"D": "odd", "E": {"keys": 5, "unsigned": 5}}, "@odd:hs.test": 5,
        },
        "master_keys": {USER: master},
        "self_signing_keys": 5,
    }  # fmt: skip
    stub.script("POST", "/keys/query", DROP, answer(200, reply), answer(200, {}))
    found = ghost.query_keys([GHOST, USER], "token", 0)
    content = {"device_keys": {GHOST: [], USER: []}, "token": "token", "timeout": 0}
    assert last(stub) == ("POST", "/keys/query", content)
    assert isinstance(found, QueryKeysResponse)
    assert found == reply
    assert found.failures == {"other.test": {"errcode": "M_UNKNOWN"}}
    assert found.device_keys is not None
    assert list(found.device_keys) == [GHOST, USER]
    assert next(iter(found.device_keys)).server_name == "hs.test"
    device = found.device_keys[UserID(GHOST)][DeviceID("BRIDGE")]
    assert isinstance(device, DeviceKeys)
    assert (device.ed25519, device.curve25519) == ("signs", "agrees")
    assert (device.display_name, device.device_id) == ("Bridge", "BRIDGE")
    odd = found.device_keys[UserID(USER)][DeviceID("E")]
    assert (odd.ed25519, odd.display_name, odd.public_keys, odd.algorithms) == (None,) * 4
    assert list(found.device_keys[UserID(USER)]) == ["E"]
    assert found.master_keys is not None
    key = found.master_keys[UserID(USER)]
    assert key.usage == [CrossSigningUsage.MASTER, "new"]
    assert (key.public_key, key.signatures) == ("mmm", None)
    assert (found.self_signing_keys, found.user_signing_keys) == (None, None)
    assert pickle.loads(pickle.dumps(found)) == found
    ghost.query_keys({USER: ["D"]})
    assert last(stub)[2] == {"device_keys": {USER: ["D"]}, "timeout": 10000}


def test_claim(stub: StubHomeserver, ghost: IntentAPI) -> None:
    reply = {"one_time_keys": {USER: {"D": ONE_TIME}}, "failures": {}}
    stub.script("POST", "/keys/claim", answer(200, reply), answer(200, {"one_time_keys": []}))
    wanted = {USER: {"D": EncryptionKeyAlgorithm.SIGNED_CURVE25519}}
    found = ghost.claim_keys(wanted, timeout=5)
    content = {"one_time_keys": {USER: {"D": "signed_curve25519"}}, "timeout": 5}
    assert last(stub) == ("POST", "/keys/claim", content)
    assert found.one_time_keys == {USER: {"D": ONE_TIME}}
    assert found.failures == {}
    with pytest.raises(MatrixResponseError, match="one_time_keys"):
        ghost.claim_keys(wanted)


def test_changes(stub: StubHomeserver, ghost: IntentAPI) -> None:
    stub.script("GET", "/keys/changes", answer(200, {"changed": [USER, 5]}))
    found = ghost.get_keys_changes("s1", "s2")
    assert stub.requests[-1].query["from"] == ["s1"]
    assert stub.requests[-1].query["to"] == ["s2"]
    assert (found.changed, found.left) == ([USER], None)


def test_cross_signing(stub: StubHomeserver, ghost: IntentAPI) -> None:
    stub.script("POST", "/keys/", DROP, answer(200), answer(200))
    master = {"user_id": GHOST, "usage": ["master"], "keys": {"ed25519:m": "m"}}
    ghost.upload_cross_signing_keys({CrossSigningUsage.MASTER: master}, {"type": "x"})
    content = {"master_key": master, "auth": {"type": "x"}}
    assert last(stub) == ("POST", "/keys/device_signing/upload", content)
    assert len(stub.requests) == 2
    ghost.upload_one_signature(GHOST, "BRIDGE", DEVICE_KEYS)
    assert last(stub) == ("POST", "/keys/signatures/upload", {GHOST: {"BRIDGE": DEVICE_KEYS}})


def test_signatures_that_were_not_taken_are_an_error(
    stub: StubHomeserver, ghost: IntentAPI
) -> None:
    failures = {
        GHOST: {"BRIDGE": {"errcode": "M_INVALID_SIGNATURE", "error": "bad"}, "m": "odd"},
        USER: {"D": {"status": 404, "errcode": "M_NOT_FOUND", "message": "404: none"}},
    }
    signed: dict[str, Any] = {GHOST: {"BRIDGE": DEVICE_KEYS, "m": {}}, USER: {"D": {}, "E": {}}}
    stub.script("POST", "/keys/", answer(200, {"failures": failures}))
    with pytest.raises(MInvalidSignature, match=r"BRIDGE of .*: bad .*3 of 4 signatures") as caught:
        ghost.upload_many_signatures(signed)
    assert caught.value.body["failures"] == failures
    assert (caught.value.http_status, caught.value.user) == (200, GHOST)
    stub.script("POST", "/keys/", answer(200, {"failures": {USER: failures[USER]}}))
    with pytest.raises(MNotFound, match="404: none"):
        ghost.upload_many_signatures(signed)
    stub.script("POST", "/keys/", answer(200, {"failures": {USER: {"D": 5}}}))
    with pytest.raises(MatrixRequestError, match="no reason given"):
        ghost.upload_many_signatures(signed)
    nothings: list[Any] = [{"failures": {}}, {"failures": 5}, {"failures": {USER: 5}}, []]
    for nothing in nothings:
        stub.script("POST", "/keys/", answer(200, nothing))
        ghost.upload_many_signatures(signed)


def test_messages_to_devices(stub: StubHomeserver, ghost: IntentAPI) -> None:
    stub.script("PUT", "/sendToDevice/", DROP, answer(200), answer(200), answer(200))
    messages = {USER: {"*": {"a": 1}, "D": {}}}
    ghost.send_to_device("m.x/y", messages)
    assert stub.requests[0].target == stub.requests[1].target
    assert "/sendToDevice/m.x%2Fy/" in stub.requests[1].path
    assert last(stub)[2] == {"messages": messages}
    ghost.send_to_one_device("m.x", USER, "*", {"a": 1}, "txn")
    method, path, body = last(stub)
    assert (method, path) == ("PUT", "/sendToDevice/m.x/txn.fcca050c7be17ca8")
    assert body == {"messages": {USER: {"*": {"a": 1}}}}
    ghost.send_to_one_device("m.x", USER, "*", {"a": 1})
    assert len({request.path for request in stub.requests}) == 3


def test_versions_of_the_backup(stub: StubHomeserver, ghost: IntentAPI) -> None:
    info = {"algorithm": "a", "auth_data": {"k": 1}, "count": 2, "etag": "e", "version": "7"}
    stub.script("POST", "/room_keys/version", answer(200, {"version": "7"}), answer(200))
    assert ghost.create_room_keys_version({"k": 1}) == "7"
    algorithm = "m.megolm_backup.v1.curve25519-aes-sha2"
    content = {"algorithm": algorithm, "auth_data": {"k": 1}}
    assert last(stub) == ("POST", "/room_keys/version", content)
    with pytest.raises(MatrixResponseError):
        ghost.create_room_keys_version({"k": 1})
    stub.script("*", "/room_keys/version", answer(200, info), forever=True)
    assert ghost.get_room_keys_version().count == 2
    assert last(stub)[1] == "/room_keys/version"
    found = ghost.get_room_keys_version("7")
    assert last(stub)[1] == "/room_keys/version/7"
    assert (found.algorithm, found.auth_data, found.etag) == ("a", {"k": 1}, "e")
    ghost.update_room_keys_version("7", {"k": 2}, "other")
    content = {"algorithm": "other", "auth_data": {"k": 2}, "version": "7"}
    assert last(stub) == ("PUT", "/room_keys/version/7", content)
    ghost.delete_room_keys_version("7")
    assert last(stub)[:2] == ("DELETE", "/room_keys/version/7")


def test_keys_in_the_backup(stub: StubHomeserver, ghost: IntentAPI) -> None:
    room, session = "!r:hs.test", "a+b/c"
    key = {"first_message_index": 1, "is_verified": True, "session_data": {"mac": "m"}}
    sessions = {"sessions": {session: key, "odd": 5}}
    rooms = {"rooms": {room: sessions}}
    update = answer(200, {"etag": "e", "count": 3})
    stub.script("GET", "/room_keys/keys", answer(200, rooms), answer(200, sessions),
                answer(200, key), answer(200, {}))  # fmt: skip
    everything = ghost.get_room_keys("7")
    assert everything.rooms is not None
    assert everything.rooms[RoomID(room)].sessions == {session: key}
    assert ghost.get_room_keys("7", room).sessions == {session: key}
    one = ghost.get_room_keys("7", room, session)
    assert (one.first_message_index, one.is_verified, one.forwarded_count) == (1, True, None)
    assert stub.requests[-1].path.endswith("/a%2Bb%2Fc")
    assert {tuple(request.query["version"]) for request in stub.requests} == {("7",)}
    with pytest.raises(MatrixResponseError, match="sessions"):
        ghost.get_room_keys("7", room)
    stub.script("*", "/room_keys/keys", update, forever=True)
    assert ghost.put_room_keys("7", everything).count == 3
    assert last(stub) == ("PUT", "/room_keys/keys", rooms)
    ghost.put_room_keys("7", sessions, room)
    assert last(stub) == ("PUT", f"/room_keys/keys/{room}", sessions)
    ghost.put_room_keys("7", key, room, session)
    assert last(stub) == ("PUT", f"/room_keys/keys/{room}/{session}", key)
    assert ghost.delete_room_keys("7").etag == "e"
    assert last(stub)[1] == "/room_keys/keys"
    ghost.delete_room_keys("7", room)
    ghost.delete_room_keys("7", room, session)
    assert last(stub)[1] == f"/room_keys/keys/{room}/{session}"


@pytest.mark.parametrize(
    "name, args",
    [
        ("upload_keys", ([],)),
        ("query_keys", (USER,)),
        ("query_keys", (["user"],)),
        ("query_keys", ({USER: "D"},)),
        ("query_keys", ({USER: [""]},)),
        ("query_keys", ([USER], "", 1.5)),
        ("query_keys", ([USER], "", -1)),
        ("claim_keys", ({USER: "D"},)),
        ("claim_keys", ({"user": {"D": "a"}},)),
        ("get_keys_changes", ("", "s2")),
        ("get_keys_changes", ("s1", None)),
        ("upload_cross_signing_keys", ({"device": {}},)),
        ("upload_cross_signing_keys", ({"master": "key"},)),
        ("upload_many_signatures", ({USER: {"D": "signature"}},)),
        ("upload_one_signature", ("user", "D", {})),
        ("send_to_device", ("m.x", {USER: {"": {}}})),
        ("send_to_device", ("m.x", {USER: {"D": "text"}})),
        ("send_to_device", ("m.x", {"user": {"D": {}}})),
        ("send_to_device", ("m.x", {USER: ["D"]})),
        ("get_room_keys", (None,)),
        ("get_room_keys", ("",)),
        ("get_room_keys", (7,)),
        ("get_room_keys", ("7", None, "session")),
        ("get_room_keys", ("7", "room")),
        ("put_room_keys", ("7", None)),
        ("delete_room_keys", ("7", None, "session")),
        ("create_room_keys_version", ("auth",)),
        ("delete_room_keys_version", ("",)),
    ],
)
def test_wrong_arguments(
    name: str, args: tuple[Any, ...], stub: StubHomeserver, ghost: IntentAPI
) -> None:
    with pytest.raises(ValueError, match=r"must|can't|not a|there are|without its room|is empty"):
        getattr(ghost, name)(*args)
    assert stub.requests == []
