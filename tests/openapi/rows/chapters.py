"""The rows of most chapters."""

from __future__ import annotations

from .sample import ALIAS, DEVICE, EVENT, FILTER, MXC, ROOM, SIGNED, USER, Rows, call

ROWS: Rows = {
    # account
    "versions": [call(no_cache=True)],
    "whoami": [call()],
    "register": [call()],
    "appservice_ping": [call("bridge", txn_id="ping1")],
    # account_data
    "get_account_data": [call("m.direct"), call("m.fully_read", ROOM)],
    "set_account_data": [call("m.x", {"a": 1}), call("m.x", {"a": 1}, ROOM)],
    "get_room_tags": [call(ROOM)],
    "set_room_tag": [call(ROOM, "u.work", {"order": 1})],
    "remove_room_tag": [call(ROOM, "u.work")],
    # devices
    "get_devices": [call()],
    "get_device": [call(DEVICE)],
    "update_device": [call(DEVICE, "Bridge")],
    "delete_device": [call(DEVICE)],
    "delete_devices": [call([DEVICE])],
    # directory
    "add_room_alias": [call(ROOM, "tea", override=True)],
    "remove_room_alias": [call("tea")],
    "resolve_room_alias": [call(ALIAS)],
    "get_room_aliases": [call(ROOM)],
    "get_room_directory_visibility": [call(ROOM)],
    "set_room_directory_visibility": [call(ROOM, "public")],
    "set_appservice_room_directory_visibility": [call("irc", ROOM, "public")],
    "get_room_directory": [
        call(5, "hs.test", "since"),
        call(5, "hs.test", "since", "tea", True),
        call(third_party_instance_id="irc"),
    ],
    # events
    "get_event": [call(ROOM, EVENT)],
    "get_event_context": [call(ROOM, EVENT, 5, FILTER)],
    "get_messages": [call(ROOM, "f", "from", "to", 5, FILTER)],
    # membership
    "join_room_by_id": [call(ROOM, SIGNED)],
    "join_room": [call(ALIAS, ["hs.test", "other.test"], SIGNED), call(ROOM)],
    "invite_user": [call(ROOM, USER, "reason"), call(ROOM, USER, extra_content={"x": 1})],
    "leave_room": [call(ROOM, "reason"), call(ROOM, extra_content={"x": 1})],
    "kick_user": [call(ROOM, USER, "reason")],
    "ban_user": [call(ROOM, USER, "reason")],
    "unban_user": [call(ROOM, USER, "reason")],
    "get_joined_members": [call(ROOM)],
    "knock_room": [call(ALIAS, "reason", ["hs.test", "other.test"]), call(ROOM)],
    "forget_room": [call(ROOM)],
    # messages
    "send_message_event": [
        call(ROOM, "m.x/y", {"a": 1}, timestamp=5, external_url="https://example.org/1")
    ],
    "redact": [call(ROOM, EVENT, "reason"), call(ROOM, EVENT, timestamp=5)],
    # profile
    "set_displayname": [call("Ghost")],
    "get_displayname": [call(USER)],
    "set_avatar_url": [call(MXC)],
    "get_profile": [call(USER)],
    "delete_profile_field": [call("m.tz")],
    # receipts
    "set_typing": [call(ROOM, 5000), call(ROOM, 0)],
    "mark_read": [call(ROOM, EVENT)],
    "set_fully_read_marker": [call(ROOM, EVENT, EVENT)],
    "send_receipt": [call(ROOM, EVENT), call(ROOM, EVENT, "m.read.private", "main")],
    "set_presence": [call("unavailable", "tea", ignore_cache=True)],
    "get_presence": [call(USER)],
    # rooms
    "create_room": [
        call(
            "tea", "public", "public_chat", "Tea", "About tea", True, [USER],
            [{"type": "m.room.encryption", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}],
            "11", {"m.federate": False}, {"users_default": 1},
        )
    ],
    "get_joined_rooms": [call()],
    "upgrade_room": [call(ROOM, "12", [USER])],
    # state
    "send_state_event": [
        call(ROOM, "m.room.name", {"name": "Tea"}, timestamp=5),
        call(ROOM, "m.x", {"a": 1}, "a/key"),
    ],
    "get_state_event": [call(ROOM, "m.room.name"), call(ROOM, "m.x", "key", format="event")],
    "get_state": [call(ROOM)],
    "get_members": [call(ROOM, "at", "join", "leave")],
}  # fmt: skip
