"""The rows of keys, their backup, and messages to devices."""

from __future__ import annotations

from .sample import DEVICE, ROOM, USER, Rows, call

_DEVICE_KEYS = {
    "user_id": USER, "device_id": DEVICE, "algorithms": ["m.olm.v1.curve25519-aes-sha2"],
    "keys": {f"ed25519:{DEVICE}": "key"}, "signatures": {USER: {f"ed25519:{DEVICE}": "signature"}},
}  # fmt: skip
_ONE_TIME = {"signed_curve25519:AAAA": {"key": "key", "signatures": {USER: {"ed25519:D": "s"}}}}
_CROSS = {
    usage: {"user_id": USER, "usage": [usage], "keys": {f"ed25519:{usage}": usage}}
    for usage in ("master", "self_signing", "user_signing")
}
_AUTH_DATA = {"public_key": "key", "signatures": {USER: {f"ed25519:{DEVICE}": "signature"}}}
_SESSION = {
    "first_message_index": 1, "forwarded_count": 0, "is_verified": True,
    "session_data": {"ephemeral": "e", "ciphertext": "c", "mac": "m"},
}  # fmt: skip
_SESSIONS = {"sessions": {"a/session": _SESSION}}

ROWS: Rows = {
    # keys
    "upload_keys": [call(_ONE_TIME, _DEVICE_KEYS, _ONE_TIME), call()],
    "query_keys": [call([USER], "token", 5000), call({USER: [DEVICE]})],
    "claim_keys": [call({USER: {DEVICE: "signed_curve25519"}}, 5000)],
    "get_keys_changes": [call("from", "to")],
    "upload_cross_signing_keys": [call(_CROSS), call(_CROSS, {"type": "x", "session": "s"})],
    "upload_many_signatures": [call({USER: {DEVICE: _DEVICE_KEYS}})],
    # key_backup
    "create_room_keys_version": [call(_AUTH_DATA)],
    "get_room_keys_version": [call(), call("1")],
    "update_room_keys_version": [call("1", _AUTH_DATA)],
    "delete_room_keys_version": [call("1")],
    "get_room_keys": [call("1"), call("1", ROOM), call("1", ROOM, "a/session")],
    "put_room_keys": [
        call("1", {"rooms": {ROOM: _SESSIONS}}),
        call("1", _SESSIONS, ROOM),
        call("1", _SESSION, ROOM, "a/session"),
    ],
    "delete_room_keys": [call("1"), call("1", ROOM), call("1", ROOM, "a/session")],
    # to_device
    "send_to_device": [call("m.x", {USER: {"*": {"a": 1}, DEVICE: {}}}, "txn")],
    "send_to_one_device": [call("m.x", USER, DEVICE, {"a": 1})],
}
