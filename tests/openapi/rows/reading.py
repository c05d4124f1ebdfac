"""The rows of what is read page by page, of searches, filters, reports and sync."""

from __future__ import annotations

from datetime import datetime, timezone

from .sample import ALIAS, EVENT, FILTER, ROOM, USER, Rows, call

OF_REAL_USERS = {"get_mutual_rooms"}

ROWS: Rows = {
    # events
    "messages": [call(ROOM, "f", "from", "to", 5, FILTER, 3)],
    "timestamp_to_event": [
        call(ROOM, 1_700_000_000_000, "b"),
        call(ROOM, datetime(2026, 11, 25, tzinfo=timezone.utc)),
    ],
    # relations
    "get_relating_events": [
        call(ROOM, EVENT, direction="f", from_token="from", to_token="to", limit=5, recurse=True),
        call(ROOM, EVENT, "m.thread"),
        call(ROOM, EVENT, "m.annotation", "m.reaction"),
    ],
    "relations": [call(ROOM, EVENT, "m.thread", "m.room.message", "f", False, 5, "from", "to", 3)],
    "get_thread_roots": [call(ROOM, "participated", 5, "from")],
    "threads": [call(ROOM, "participated", 5, "from", 3)],
    # spaces
    "get_space_hierarchy": [call(ROOM, True, 3, 5, "from")],
    "hierarchy": [call(ROOM, False, 3, 5, "from", 3)],
    "get_room_summary": [call(ALIAS, ["hs.test", "other.test"]), call(ROOM)],
    # directory
    "public_rooms": [
        call("hs.test", "tea", False, "irc", 5, room_types=["m.space", None], from_token="from"),
        call(),
    ],
    # search
    "search": [
        call(
            "tea",
            keys=["content.body", "content.name", "content.topic"],
            filter=FILTER,
            order_by="rank",
            event_context={"before_limit": 1, "after_limit": 0, "include_profile": True},
            include_state=True,
            group_by=["room_id", "sender"],
            limit=5,
            from_token="from",
        ),
        call("tea"),
    ],
    "search_users": [call("alice", 5)],
    "get_mutual_rooms": [call(USER, ensure_joined=False)],
    # reports
    "report_room": [call(ROOM, "spam")],
    "report_event": [call(ROOM, EVENT, "spam")],
    "report_user": [call(USER, "spam")],
    # filters
    "get_filter": [call("5")],
    "create_filter": [call({"room": {"timeline": FILTER}, "event_format": "client"})],
    # sync
    "sync": [
        call("since", 0, "5", True, "offline", use_state_after=True),
        call(filter_id={"room": {"timeline": FILTER}}),
    ],
}
