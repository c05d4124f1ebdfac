"""Keys, messages to devices and backups on a real homeserver. The keys are made up: homeservers
check the signatures of cross-signing only."""

from __future__ import annotations

from typing import Any

import pytest

from appservice_api import (
    AppServiceAPI,
    DeviceID,
    IntentAPI,
    MNotFound,
    MUnknown,
    MWrongRoomKeysVersion,
    RoomID,
)
from appservice_api.testing import Homeserver

pytestmark = pytest.mark.synapse

ROOM = RoomID("!room:hs.test")
SESSION = {
    "first_message_index": 1, "forwarded_count": 0, "is_verified": False,
    "session_data": {"ephemeral": "e", "ciphertext": "c", "mac": "m"},
}  # fmt: skip


def device_keys(intent: IntentAPI) -> dict[str, Any]:
    device = str(intent.api.device_id)
    return {
        "user_id": intent.mxid, "device_id": device,
        "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
        "keys": {f"ed25519:{device}": "e" * 43, f"curve25519:{device}": "c" * 43},
        "signatures": {intent.mxid: {f"ed25519:{device}": "s" * 86}},
    }  # fmt: skip


def one_time_key(name: str, **more: Any) -> dict[str, Any]:
    return {f"signed_curve25519:{name}": {"key": name * 43, "signatures": {}, **more}}


def test_keys_of_two_ghosts(api: AppServiceAPI, homeserver: Homeserver) -> None:
    alice = api.intent(homeserver.ghost("alice"), device_id="ALICE")
    bob = api.intent(homeserver.ghost("bob"), device_id="BOB")
    alice.ensure_registered()
    room = bob.create_room(invitees=[alice.mxid], is_direct=True)
    alice.ensure_joined(room)
    before = bob.api.request("GET", "sync", query_params={"timeout": 0})["next_batch"]

    # Neither has the device yet; it is made when the homeserver misses it.
    counts = alice.upload_keys(
        one_time_key("A"), device_keys(alice), one_time_key("F", fallback=True)
    )
    assert counts == {"signed_curve25519": 1}
    bob.upload_keys(device_keys=device_keys(bob))
    assert alice.upload_keys() == counts

    after = bob.api.request("GET", "sync", query_params={"timeout": 0})["next_batch"]
    changes = bob.get_keys_changes(before, after)
    assert set(changes.changed or []) == {alice.mxid, bob.mxid}
    assert changes.left == []

    nobody = homeserver.ghost("nobody")
    found = bob.query_keys([alice.mxid, bob.mxid, nobody, "@far:away.test"], timeout=1000)
    assert found.device_keys is not None
    assert found.device_keys[alice.mxid][DeviceID("ALICE")].ed25519 == "e" * 43
    assert list(found.failures or {}) == ["away.test"]

    wanted = {alice.mxid: {"ALICE": "signed_curve25519"}}
    names = [
        name
        for _ in range(3)
        for devices in (bob.claim_keys(wanted).one_time_keys or {}).values()
        for keys in devices.values()
        for name in keys
    ]
    assert names == [f"signed_curve25519:{name}" for name in "AFF"]
    assert alice.upload_keys() == {"signed_curve25519": 0}


def test_keys_need_a_device(api: AppServiceAPI, homeserver: Homeserver) -> None:
    with pytest.raises(MUnknown, match="no device was acting"):
        api.intent(homeserver.ghost("alice")).upload_keys()


def test_the_bot_has_keys_too(api: AppServiceAPI) -> None:
    bot = api.intent(device_id="BOT")
    bot.ensure_registered()
    assert bot.upload_keys(one_time_key("A"), device_keys(bot)) == {"signed_curve25519": 1}


def test_cross_signing_without_authentication(api: AppServiceAPI, homeserver: Homeserver) -> None:
    alice = api.intent(homeserver.ghost("alice"), device_id="ALICE")
    alice.upload_keys(device_keys=device_keys(alice))
    for key in ("m" * 43, "n" * 43):
        master = {"user_id": alice.mxid, "usage": ["master"], "keys": {f"ed25519:{key}": key}}
        alice.upload_cross_signing_keys({"master": master})
        found = alice.query_keys([alice.mxid]).master_keys or {}
        assert found[alice.mxid].public_key == key
    with pytest.raises(MNotFound, match="1 of 1 signatures"):
        alice.upload_one_signature(alice.mxid, "ALICE", device_keys(alice))


def test_messages_to_devices(api: AppServiceAPI, homeserver: Homeserver) -> None:
    alice = api.intent(homeserver.ghost("alice"))
    user = homeserver.create_user("real")
    real = api.intent(user["user_id"], token=user["access_token"])
    alice.send_to_one_device("m.test", real.mxid, "*", {"n": 1}, txn_id="once")
    alice.send_to_one_device("m.test", real.mxid, "*", {"n": 1}, txn_id="once")
    alice.send_to_device("m.test", {real.mxid: {user["device_id"]: {"n": 2}, "NONE": {"n": 3}}})
    got = real.api.request("GET", "sync", query_params={"timeout": 0})["to_device"]["events"]
    assert [(one["sender"], one["type"], one["content"]["n"]) for one in got] == [
        (alice.mxid, "m.test", 1), (alice.mxid, "m.test", 2),
    ]  # fmt: skip


def test_a_backup(api: AppServiceAPI, homeserver: Homeserver) -> None:
    alice = api.intent(homeserver.ghost("alice"))
    with pytest.raises(MNotFound):
        alice.get_room_keys_version()
    old = alice.create_room_keys_version({"public_key": "p"})
    version = alice.create_room_keys_version({"public_key": "p"})
    assert alice.get_room_keys_version().version == version
    alice.update_room_keys_version(version, {"public_key": "q"})
    found = alice.get_room_keys_version(version)
    assert (found.auth_data, found.count, found.etag) == ({"public_key": "q"}, 0, "0")
    assert alice.get_room_keys(version) == {"rooms": {}}
    assert alice.put_room_keys(version, SESSION, ROOM, "a/b+c").count == 1
    assert alice.put_room_keys(version, {"sessions": {"two": SESSION}}, ROOM).count == 2
    everything = alice.get_room_keys(version)
    assert set((everything.rooms or {})[ROOM].sessions or {}) == {"a/b+c", "two"}
    assert alice.get_room_keys(version, ROOM, "a/b+c") == SESSION
    assert alice.delete_room_keys(version, ROOM, "two").count == 1
    assert alice.put_room_keys(version, everything).count == 2
    assert list(alice.get_room_keys(version, ROOM).sessions or {}) == ["a/b+c", "two"]
    with pytest.raises(MWrongRoomKeysVersion):
        alice.put_room_keys(old, everything)
    assert alice.delete_room_keys(version, ROOM).count == 0
    assert alice.delete_room_keys(version).count == 0
    with pytest.raises(MNotFound):
        alice.get_room_keys(version, ROOM, "two")
    alice.delete_room_keys_version(version)
    alice.delete_room_keys_version(version)
    assert alice.get_room_keys_version().version == old
