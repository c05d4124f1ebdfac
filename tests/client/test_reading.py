"""Reading timelines, relations, spaces, searches and sync: what is asked, and what comes back."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest

from appservice_api import (
    AppServiceAPI,
    IntentAPI,
    MatrixConnectionError,
    MatrixResponseError,
    MUnrecognized,
)
from appservice_api.answers.filters import Filter, RoomEventFilter, RoomFilter
from appservice_api.events import Event, StateEvent
from appservice_api.testing import DROP, StubHomeserver, answer
from tests.conftest import BOT, GHOST

ROOM, EVENT, USER = "!room1:hs.test", "$event", "@_user:hs.test"
V1, V3 = "/_matrix/client/v1", "/_matrix/client/v3"


@pytest.fixture
def ghost(stub: StubHomeserver, api: AppServiceAPI) -> IntentAPI:
    stub.add_user(GHOST)
    assert stub.room(members=[BOT, GHOST]) == ROOM
    return api.intent(GHOST)


def event(number: int, **more: Any) -> dict[str, Any]:
    return {
        "event_id": f"${number}", "type": "m.room.message", "sender": GHOST, "room_id": ROOM,
        "content": {"msgtype": "m.text", "body": str(number)}, **more,
    }  # fmt: skip


def last(stub: StubHomeserver) -> tuple[str, str, dict[str, str], Any]:
    """Method, path, query without the acting user (who is the ghost), and body."""
    request = stub.requests[-1]
    assert request.user_id == GHOST
    query = {name: values[0] for name, values in request.query.items() if name != "user_id"}
    return request.method, request.decoded_path, query, request.json


def test_a_page_of_a_timeline(stub: StubHomeserver, ghost: IntentAPI) -> None:
    chunk = [event(1), event(2, state_key=""), "malformed"]
    stub.script("GET", "/messages", answer(200, {"chunk": chunk, "start": "s", "end": "e"}))
    page = ghost.get_messages(ROOM, "f", "from", "to", 5, RoomEventFilter(types=["m.x"]))
    assert last(stub) == (
        "GET", f"{V3}/rooms/{ROOM}/messages",
        {"dir": "f", "from": "from", "to": "to", "limit": "5", "filter": '{"types": ["m.x"]}'},
        None,
    )  # fmt: skip
    assert page["chunk"] == chunk
    assert (page.start, page.end, page.state) == ("s", "e", [])
    assert [type(one) for one in page.events] == [Event, StateEvent]
    stub.script("GET", "/messages", answer(200, {"chunk": {}, "start": "s"}))
    with pytest.raises(MatrixResponseError, match="chunk"):
        ghost.get_messages(ROOM)


def test_all_of_a_timeline(stub: StubHomeserver, ghost: IntentAPI) -> None:
    sent = [ghost.send_text(ROOM, str(number)) for number in range(7)]
    stub.clear()
    pages = ghost.messages(ROOM, page_size=4, filter_json={"types": ["m.room.message"]})
    assert not stub.requests
    assert next(pages).event_id == sent[6]
    assert len(stub.requests) == 1
    found = list(ghost.messages(ROOM, limit=6, page_size=4))
    assert [one.event_id for one in found] == sent[:0:-1]
    assert [request.query["limit"] for request in stub.requests] == [["4"], ["4"], ["2"]]
    forwards = ghost.messages(ROOM, "f", page_size=4)
    assert [one.event_id for one in forwards][-7:] == sent
    assert forwards.page.end is None


def test_a_timeline_goes_on_after_an_error(stub: StubHomeserver, ghost: IntentAPI) -> None:
    for number in range(5):
        ghost.send_text(ROOM, str(number))
    pages = ghost.messages(ROOM, limit=5, page_size=2, retry_count=0)
    found = [next(pages), next(pages)]
    stub.script("GET", "/messages", DROP)
    with pytest.raises(MatrixConnectionError):
        next(pages)
    found += pages
    assert [one["content"]["body"] for one in found] == ["4", "3", "2", "1", "0"]


def test_what_is_wrong_is_refused_before_anything_is_sent(
    stub: StubHomeserver, ghost: IntentAPI
) -> None:
    wrong: list[tuple[str, Callable[[], Any]]] = [
        ("direction must be 'b' or 'f'", lambda: ghost.messages(ROOM, "backwards")),
        ("direction must be 'b' or 'f'", lambda: ghost.get_messages(ROOM, "x")),
        ("direction must be 'b' or 'f'", lambda: ghost.relations(ROOM, EVENT, direction="x")),
        ("direction must be 'b' or 'f'", lambda: ghost.timestamp_to_event(ROOM, 5, "x")),
        ("room ID", lambda: ghost.messages("#alias:hs.test")),
        ("event ID", lambda: ghost.relations(ROOM, "event")),
        ("only with rel_type", lambda: ghost.relations(ROOM, EVENT, event_type="m.reaction")),
        ("include must be 'all' or 'participated'", lambda: ghost.threads(ROOM, "some")),
        ("room ID", lambda: ghost.threads("room")),
        ("room ID", lambda: ghost.hierarchy("room")),
        ("timestamp", lambda: ghost.timestamp_to_event(ROOM, -1)),
        ("timestamp", lambda: ghost.timestamp_to_event(ROOM, 1.5)),  # type: ignore[arg-type]
        ("search_term", lambda: ghost.search("")),
        ("order_by must be", lambda: ghost.search("x", order_by="new")),
        ("keys must be", lambda: ghost.search("x", keys="body")),
        ("group_by must be", lambda: ghost.search("x", group_by=["room"])),
        ("limit must be", lambda: ghost.public_rooms(limit=-1)),
        ("timeout must be", lambda: ghost.sync(timeout=-1)),
        ("timeout must be", lambda: ghost.sync(timeout=1.5)),  # type: ignore[arg-type]
        ("filter must be a dict", lambda: ghost.sync(filter_id=5)),  # type: ignore[arg-type]
        ("filter must be a dict", lambda: ghost.create_filter("x")),  # type: ignore[arg-type]
        ("user ID", lambda: ghost.get_mutual_rooms("user")),
        ("user ID", lambda: ghost.report_user("user")),
    ]
    for rule, call in wrong:
        with pytest.raises(ValueError, match=rule):
            call()
    assert not stub.requests


def test_relations(stub: StubHomeserver, ghost: IntentAPI) -> None:
    first = answer(200, {"chunk": [event(1), event(2)], "next_batch": "next"})
    stub.script("GET", "/relations/", first, answer(200, {"chunk": [event(3)]}))
    pages = ghost.relations(ROOM, EVENT, "m.thread", "m.room.message", "f", True, page_size=2)
    assert [one.event_id for one in pages] == ["$1", "$2", "$3"]
    path = f"{V1}/rooms/{ROOM}/relations/{EVENT}/m.thread/m.room.message"
    query = {"dir": "f", "limit": "2", "recurse": "true"}
    assert last(stub) == ("GET", path, {**query, "from": "next"}, None)
    stub.script("GET", "/relations/", answer(200, {"chunk": [], "recursion_depth": 3}))
    page = ghost.get_relating_events(ROOM, EVENT, recurse=True)
    assert last(stub)[1:3] == (
        f"{V1}/rooms/{ROOM}/relations/{EVENT}", {"dir": "b", "recurse": "true"},
    )  # fmt: skip
    assert (page.events, page.next_batch, page.recursion_depth) == ([], None, 3)


def test_threads(stub: StubHomeserver, ghost: IntentAPI) -> None:
    first = answer(200, {"chunk": [event(1)], "next_batch": "next"})
    stub.script("GET", "/threads", first, answer(200, {"chunk": [event(2)]}))
    threads = ghost.threads(ROOM, "participated", limit=2)
    assert [one.event_id for one in threads] == ["$1", "$2"]
    assert last(stub)[1:3] == (
        f"{V1}/rooms/{ROOM}/threads", {"include": "participated", "limit": "1", "from": "next"},
    )  # fmt: skip


def test_a_space(stub: StubHomeserver, ghost: IntentAPI) -> None:
    child = {"type": "m.space.child", "state_key": ROOM, "content": {}, "sender": GHOST}
    space = {
        "room_id": "!space:hs.test", "name": "S", "room_type": "m.space", "children_state": [child],
        "num_joined_members": 2, "world_readable": False, "allowed_room_ids": [ROOM],
    }  # fmt: skip
    first = answer(200, {"rooms": [space], "next_batch": "next"})
    stub.script("GET", "/hierarchy", first, answer(200, {"rooms": [{"room_id": ROOM}]}))
    pages = ghost.hierarchy("!space:hs.test", True, 3, page_size=1)
    top, room = pages
    assert last(stub)[1:3] == (
        f"{V1}/rooms/!space:hs.test/hierarchy",
        {"suggested_only": "true", "max_depth": "3", "limit": "1", "from": "next"},
    )
    assert (top.name, top.num_joined_members, top.allowed_room_ids) == ("S", 2, [ROOM])
    assert top.children_state[0].state_key == ROOM
    assert (room.room_id, room.name, room.children_state) == (ROOM, None, [])
    stub.script("GET", "/room_summary/", answer(200, {**space, "membership": "knock"}))
    summary = ghost.get_room_summary("#space:hs.test", "other.test")
    assert last(stub)[1:3] == (f"{V1}/room_summary/#space:hs.test", {"via": "other.test"})
    assert (summary.membership, summary.world_readable) == ("knock", False)
    unknown = answer(404, {"errcode": "M_UNRECOGNIZED", "error": "no"})
    stub.script("GET", "/room_summary/", unknown)
    with pytest.raises(MUnrecognized):
        ghost.get_room_summary(ROOM)


def test_published_rooms(stub: StubHomeserver, ghost: IntentAPI) -> None:
    rooms = [{"room_id": f"!{number}:hs.test", "name": str(number)} for number in range(3)]
    first = answer(200, {"chunk": rooms[:2], "next_batch": "n", "total_room_count_estimate": 3})
    second = answer(200, {"chunk": rooms[2:], "prev_batch": "p", "total_room_count_estimate": 3})
    stub.script("*", "/publicRooms", first, second, first, second)
    pages = ghost.public_rooms("other.test", page_size=2)
    assert pages.total == 3
    assert [room.name for room in pages] == ["0", "1", "2"]
    assert last(stub) == (
        "GET", f"{V3}/publicRooms", {"limit": "2", "since": "n", "server": "other.test"}, None,
    )  # fmt: skip
    assert len(list(ghost.public_rooms(search_query="x", room_types=["m.space", None]))) == 3
    wanted = {"generic_search_term": "x", "room_types": ["m.space", None]}
    assert last(stub)[3] == {"filter": wanted, "limit": 100, "since": "n"}


def test_a_search(stub: StubHomeserver, ghost: IntentAPI) -> None:
    def found(*numbers: int, **more: Any) -> Any:
        results: list[Any] = [
            {"rank": 0.5, "result": event(number), "context": {}} for number in numbers
        ]
        events = {"count": 3, "results": results, "highlights": ["tea"], **more}
        return answer(200, {"search_categories": {"room_events": events}})

    groups = {"sender": {GHOST: {"results": ["$1"], "order": 1}}}
    stub.script("POST", "/search", found(1, 2, next_batch="next", groups=groups), found(3))
    only = {"rooms": [ROOM], "limit": 1}
    pages = ghost.search("tea", keys="content.body", filter=only, group_by="sender", page_size=2)
    assert (pages.highlights, pages.groups, pages.state) == ([], {}, {})
    assert pages.total == 3
    assert pages.groups == groups
    results = list(pages)
    assert [result.event.event_id for result in results if result.event] == ["$1", "$2", "$3"]
    assert (results[0].rank, pages.highlights) == (0.5, ["tea"])
    assert type(results[0].event) is Event
    criteria = {
        "search_term": "tea", "order_by": "recent", "keys": ["content.body"],
        "groupings": {"group_by": [{"key": "sender"}]}, "filter": {"rooms": [ROOM], "limit": 2},
    }  # fmt: skip
    assert last(stub) == (
        "POST", f"{V3}/search", {"next_batch": "next"},
        {"search_categories": {"room_events": criteria}},
    )  # fmt: skip
    assert only == {"rooms": [ROOM], "limit": 1}
    named = {"rank": 1, "result": event(1, type="m.room.name", state_key="")}
    malformed = {"results": [named, 5, {"result": 5}]}
    whole = {"search_categories": {"room_events": malformed}}
    stub.script("POST", "/search", answer(200, whole), answer(200, {"search_categories": {}}))
    name, nothing = ghost.search("tea")
    assert (type(name.event), name.rank, name.context) == (StateEvent, 1.0, None)
    assert (nothing.event, nothing.rank) == (None, None)
    with pytest.raises(MatrixResponseError, match="room_events"):
        list(ghost.search("tea"))


def test_users(stub: StubHomeserver, ghost: IntentAPI) -> None:
    users = [{"user_id": USER, "display_name": "U", "avatar_url": None}]
    stub.script("POST", "/user_directory/", answer(200, {"results": users, "limited": True}))
    found = ghost.search_users("u", None)
    assert last(stub) == ("POST", f"{V3}/user_directory/search", {}, {"search_term": "u"})
    assert found.limited is True
    assert found.results is not None
    user = found.results[0]
    assert (user.user_id, user.display_name, user.avatar_url) == (USER, "U", None)


def test_mutual_rooms_need_a_token_of_ones_own(
    stub: StubHomeserver, api: AppServiceAPI, ghost: IntentAPI
) -> None:
    for speaker in (ghost, api.bot_intent(), api.intent(USER, real_user_as_token=True)):
        with pytest.raises(ValueError, match="needs a token of the user's own"):
            speaker.get_mutual_rooms("@other:hs.test")
    assert not stub.requests
    stub.add_user(USER, "user_token")
    first = answer(200, {"joined": ["!a:hs.test"], "count": 2, "next_batch": "next"})
    stub.script("GET", "/mutual_rooms", first, answer(200, {"joined": ["!b:hs.test"], "count": 2}))
    real = api.intent(USER, token="user_token")
    assert real.get_mutual_rooms("@other:hs.test") == ["!a:hs.test", "!b:hs.test"]
    request = stub.requests[-1]
    assert request.headers["Authorization"] == "Bearer user_token"
    assert request.query == {"user_id": ["@other:hs.test"], "from": ["next"]}


def test_times(stub: StubHomeserver, ghost: IntentAPI) -> None:
    found = {"event_id": EVENT, "origin_server_ts": 1_000}
    stub.script("GET", "/timestamp_to_event", answer(200, found), answer(200, {}))
    closest = ghost.timestamp_to_event(ROOM, datetime(1970, 1, 1, 0, 0, 1, tzinfo=timezone.utc))
    assert (closest.event_id, closest.origin_server_ts) == (EVENT, 1_000)
    path = f"{V1}/rooms/{ROOM}/timestamp_to_event"
    assert last(stub) == ("GET", path, {"ts": "1000", "dir": "f"}, None)
    with pytest.raises(MatrixResponseError, match="event_id"):
        ghost.timestamp_to_event(ROOM, 5, "b")


def test_around_an_event(stub: StubHomeserver, ghost: IntentAPI) -> None:
    around = {"event": event(2), "events_before": [event(1)], "start": "s", "state": [5]}
    stub.script("GET", "/context/", answer(200, around))
    context = ghost.get_event_context(ROOM, EVENT, limit=None, filter={"types": ["m.x"]})
    assert last(stub)[2] == {"filter": '{"types": ["m.x"]}'}
    assert context.event is not None
    assert context.event.event_id == "$2"
    assert context.events_before[0].content["body"] == "1"
    assert (context.events_after, context.state, context.start) == ([], [], "s")


def test_reports_are_sent_once(stub: StubHomeserver, ghost: IntentAPI) -> None:
    stub.script("POST", "/report", answer(200, {}), forever=True)
    ghost.report_room(ROOM, "spam")
    assert last(stub) == ("POST", f"{V3}/rooms/{ROOM}/report", {}, {"reason": "spam"})
    ghost.report_event(ROOM, EVENT, "spam")
    assert last(stub) == ("POST", f"{V3}/rooms/{ROOM}/report/{EVENT}", {}, {"reason": "spam"})
    ghost.report_user(USER)
    assert last(stub) == ("POST", f"{V3}/users/{USER}/report", {}, {"reason": ""})
    stub.unscript()
    stub.script("POST", "/report", DROP, forever=True)
    stub.clear()
    reports: list[Callable[[], None]] = [
        lambda: ghost.report_room(ROOM),
        lambda: ghost.report_event(ROOM, EVENT),
        lambda: ghost.report_user(USER),
    ]
    for report in reports:
        with pytest.raises(MatrixConnectionError):
            report()
    assert len(stub.requests) == 3


def test_filters(stub: StubHomeserver, ghost: IntentAPI) -> None:
    wanted = Filter(
        room=RoomFilter(timeline=RoomEventFilter(limit=1, not_senders=[USER])),
        event_fields=["content.body"],
    )
    stub.script("POST", "/filter", answer(200, {"filter_id": "5"}))
    assert ghost.create_filter(wanted) == "5"
    assert last(stub) == (
        "POST", f"{V3}/user/{GHOST}/filter", {},
        {"room": {"timeline": {"limit": 1, "not_senders": [USER]}},
         "event_fields": ["content.body"]},
    )  # fmt: skip
    stub.script("GET", "/filter/5", answer(200, wanted))
    found = ghost.get_filter("5")
    assert found == wanted
    assert found.room is not None
    assert found.room.timeline is not None
    assert found.room.timeline.limit == 1


def test_sync(
    stub: StubHomeserver, api: AppServiceAPI, ghost: IntentAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms = {
        "join": {
            ROOM: {
                "timeline": {"events": [event(1)], "limited": True, "prev_batch": "p"},
                "summary": {"m.heroes": [USER], "m.joined_member_count": 2},
                "unread_thread_notifications": {EVENT: {"highlight_count": 1}},
            },
            "!malformed:hs.test": 5,
        },
        "invite": {"!i:hs.test": {"invite_state": {"events": [{"type": "m.room.name"}]}}},
    }
    whole = {
        "next_batch": "n", "rooms": rooms, "device_lists": {"changed": [USER]},
        "to_device": {"events": [{"type": "m.x", "sender": USER, "content": {}}]},
    }  # fmt: skip
    stub.script("GET", "/sync", answer(200, whole), answer(200, {"next_batch": 5}))
    waited: list[Any] = []
    send = api.session.send

    def note(request: Any, **how: Any) -> Any:
        waited.append(how["timeout"])
        return send(request, **how)

    monkeypatch.setattr(api.session, "send", note)
    found = ghost.sync("s", 120_000, {"room": {}}, True, "offline")
    query = {
        "since": "s", "timeout": "120000", "filter": json.dumps({"room": {}}),
        "full_state": "true", "set_presence": "offline",
    }  # fmt: skip
    assert last(stub) == ("GET", f"{V3}/sync", query, None)
    assert waited == [(5.0, 150.0)]  # longer than the homeserver may take
    assert found.next_batch == "n"
    assert found.rooms is not None
    assert found.rooms.join is not None
    assert list(found.rooms.join) == [ROOM]
    room = found.rooms.join[ROOM]
    assert room.timeline is not None
    assert room.timeline.events is not None
    assert (room.timeline.events[0].event_id, room.timeline.limited) == ("$1", True)
    assert room.summary is not None
    assert (room.summary.heroes, room.summary.joined_member_count) == ([USER], 2)
    assert room.unread_thread_notifications is not None
    assert room.unread_thread_notifications[EVENT].highlight_count == 1
    assert found.rooms.invite is not None
    invited = found.rooms.invite["!i:hs.test"].invite_state
    assert invited is not None
    assert invited.events is not None
    assert invited.events[0].type == "m.room.name"
    assert found.rooms.leave is None
    assert found.to_device is not None
    assert found.to_device.events is not None
    assert found.to_device.events[0].sender == USER
    assert found.device_lists is not None
    assert found.device_lists.changed == [USER]
    with pytest.raises(MatrixResponseError, match="next_batch"):
        ghost.sync(timeout=0)
