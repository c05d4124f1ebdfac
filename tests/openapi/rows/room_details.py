"""The rows of what rooms look like, and of power levels."""

from __future__ import annotations

from .sample import EVENT, MXC, ROOM, USER, Rows, call

ROWS: Rows = {
    # power_levels
    "get_power_levels": [call(ROOM)],
    # room_details
    "set_room_name": [call(ROOM, "Tea", timestamp=5)],
    "set_room_topic": [call(ROOM, "About tea"), call(ROOM, "")],
    "set_room_avatar": [call(ROOM, MXC), call(ROOM, None)],
    "set_join_rule": [call(ROOM, "public"), call(ROOM, "restricted", [ROOM])],
    "get_pinned_messages": [call(ROOM)],
    "set_pinned_messages": [call(ROOM, [EVENT])],
    "pin_message": [call(ROOM, EVENT)],
    "unpin_message": [call(ROOM, EVENT)],
    "get_room_member_info": [call(ROOM, USER, ignore_cache=True)],
    "get_room_displayname": [call(ROOM, USER)],
    "get_room_avatar_url": [call(ROOM, USER)],
    "get_room_members": [call(ROOM), call(ROOM, ("invite",)), call(ROOM, ("join", "ban"))],
    "error_and_leave": [call(ROOM, "broken")],
    # messages
    "send_sticker": [call(ROOM, MXC, {"w": 1}, "a cat", {"rel_type": "m.thread"})],
}  # fmt: skip
