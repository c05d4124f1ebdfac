"""Reading page by page on a real homeserver."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

import pytest

from appservice_api import AppServiceAPI, IntentAPI, MForbidden, MNotFound, MUnknown, Path
from appservice_api.answers.filters import Filter, RoomEventFilter, RoomFilter
from appservice_api.events import Event, StateEvent
from appservice_api.testing import Homeserver

from .requests_seen import count_requests

pytestmark = pytest.mark.synapse


@pytest.fixture
def bot(api: AppServiceAPI) -> IntentAPI:
    return api.bot_intent()


@pytest.fixture
def ghost(api: AppServiceAPI, homeserver: Homeserver) -> IntentAPI:
    return api.intent(homeserver.ghost("reader"))


def bodies(events: list[Event]) -> list[str]:
    return [event["content"]["body"] for event in events if event["type"] == "m.room.message"]


def test_120_messages_both_ways(api: AppServiceAPI, bot: IntentAPI, ghost: IntentAPI) -> None:
    room = bot.create_room(preset="public_chat")
    sent = [str(number) for number in range(120)]
    for body in sent:
        ghost.send_text(room, body)
    only = {"types": ["m.room.message"]}
    seen = count_requests(api)
    backwards = ghost.messages(room, page_size=50, filter_json=only)
    assert bodies(list(backwards)) == sent[::-1]
    assert len(seen) <= 4
    forwards = ghost.messages(room, "f", page_size=50)
    events = list(forwards)
    assert bodies(events) == sent
    assert isinstance(events[0], StateEvent)
    assert events[0].type == "m.room.create"
    assert len({event.event_id for event in events}) == len(events)
    assert forwards.done
    assert forwards.total is None
    # The token that is left reads what comes later, once.
    assert list(ghost.messages(room, "f", forwards.token)) == []
    ghost.send_text(room, "later")
    later = ghost.messages(room, "f", forwards.token)
    assert bodies(list(later)) == ["later"]
    assert list(ghost.messages(room, "f", later.token)) == []
    # In pieces: between pages nothing comes twice.
    first = ghost.messages(room, limit=70, page_size=50, filter_json=only)
    piece = list(first)
    rest = ghost.messages(room, from_token=first.token, filter_json=only)
    assert bodies([*piece, *rest]) == ["later", *sent[::-1]]


def test_history_that_the_user_may_not_see(
    api: AppServiceAPI, bot: IntentAPI, ghost: IntentAPI
) -> None:
    since_joining = {"history_visibility": "joined"}
    room = bot.create_room(
        preset="public_chat",
        initial_state=[{"type": "m.room.history_visibility", "content": since_joining}],
    )
    for _ in range(12):
        bot.send_text(room, "unseen")
    mine = ghost.send_text(room, "mine")
    backwards = ghost.messages(room, page_size=3)  # empty pages come on the way
    assert next(backwards).event_id == mine
    assert bodies(list(backwards)) == []
    assert bodies(list(ghost.messages(room, "f", page_size=3))) == ["mine"]
    ghost.leave_room(room)
    bot.send_text(room, "after")
    left = ghost.messages(room, "f", ensure_joined=False)
    assert bodies(list(left)) == ["mine"]
    after_joining = ghost.messages(room, from_token=backwards.token, ensure_joined=False)
    assert list(after_joining) == []


def test_relations_and_threads(bot: IntentAPI, ghost: IntentAPI) -> None:
    room = bot.create_room(preset="public_chat")
    root, quiet, other = (ghost.send_text(room, body) for body in ("root", "quiet", "other"))
    thread = [
        bot.send_text(room, str(n), relates_to={"rel_type": "m.thread", "event_id": root})
        for n in range(7)
    ]
    reaction = bot.react(room, root, "👍")
    edit = ghost.edit(room, root, "edited")
    indirect = ghost.react(room, thread[0], "👍")
    in_other = ghost.send_text(room, "x", relates_to={"rel_type": "m.thread", "event_id": other})
    related = ghost.relations(room, root, page_size=2)
    assert [event.event_id for event in related] == [edit, reaction, *thread[::-1]]
    assert related.done
    forwards = ghost.relations(room, root, "m.thread", direction="f", page_size=3)
    assert [event.event_id for event in forwards] == thread
    reactions = list(ghost.relations(room, root, "m.annotation", "m.reaction"))
    assert [event.annotation for event in reactions] == ["👍"]
    deep = {event.event_id for event in ghost.relations(room, root, recurse=True)}
    assert deep == {*thread, reaction, edit, indirect}
    assert list(ghost.relations(room, quiet)) == []
    some = ghost.relations(room, root, limit=4, page_size=3)
    assert [event.event_id for event in some] == [edit, reaction, thread[6], thread[5]]
    assert next(ghost.relations(room, root, from_token=some.token)).event_id == thread[4]
    roots = [event.event_id for event in ghost.threads(room, page_size=1)]
    assert roots == [other, root]
    mine = list(bot.threads(room, "participated"))
    assert [event.event_id for event in mine] == [root]
    bundled = mine[0].unsigned.relations
    assert bundled is not None
    assert bundled.thread is not None
    assert bundled.thread.count == 7
    assert in_other not in roots
    with pytest.raises(MUnknown, match="404"):  # the specification says M_NOT_FOUND
        list(ghost.relations(room, "$unknown"))


def test_a_space(bot: IntentAPI, ghost: IntentAPI, homeserver: Homeserver) -> None:
    space = bot.create_room(
        name="Space", preset="public_chat", creation_content={"type": "m.space"}
    )
    rooms = {
        bot.create_room(name=name, topic="T", preset="public_chat"): name for name in ("A", "B")
    }
    closed = bot.create_room(name="closed")
    for room in (*rooms, closed):
        bot.send_state_event(
            space, "m.space.child", {"via": [homeserver.server_name], "suggested": room == closed},
            room,
        )  # fmt: skip
    ghost.ensure_registered()
    found = ghost.hierarchy(space, page_size=1)
    by_id = {room.room_id: room for room in found}
    assert {room_id: room.name for room_id, room in by_id.items()} == {space: "Space", **rooms}
    top = by_id[space]
    assert top.room_type == "m.space"
    assert {child.state_key for child in top.children_state or ()} == {*rooms, closed}
    assert [room.room_id for room in bot.hierarchy(space, suggested_only=True)] == [space, closed]
    assert [room.room_id for room in ghost.hierarchy(space, max_depth=0)] == [space]
    assert len(list(ghost.hierarchy(space, limit=2))) == 2
    room_a = next(iter(rooms))
    summary = ghost.get_room_summary(room_a)
    assert (summary.name, summary.topic, summary.num_joined_members) == ("A", "T", 1)
    assert summary.membership in (None, "leave")
    assert bot.get_room_summary(closed).membership == "join"
    with pytest.raises(MNotFound):
        ghost.get_room_summary(closed)
    with pytest.raises(MForbidden):
        list(ghost.hierarchy(closed))
    assert bot.get_joined_members(space).keys() == {bot.mxid}  # nobody joined to look


def test_searches(bot: IntentAPI, ghost: IntentAPI, homeserver: Homeserver) -> None:
    room = bot.create_room(name="Kitchen", preset="public_chat")
    sent = [ghost.send_text(room, f"samovar {n}") for n in range(7)]
    found = bot.search("samovar", page_size=3, group_by="room_id", filter={"rooms": [room]})
    assert found.total == 7
    events = [result.event for result in found]
    assert [event.event_id for event in events if event is not None] == sent[::-1]
    assert found.done
    some = bot.search("samovar", limit=2, event_context={"before_limit": 1, "after_limit": 0},
                      include_state=True)  # fmt: skip
    result = next(some)
    assert result.rank is not None
    assert result.context is not None
    assert result.context.events_before is not None
    assert result.context.events_before[0].event_id == sent[-2]
    assert some.highlights == ["samovar"]
    assert room in some.state
    assert len(list(some)) == 1
    assert bot.search("samovar", group_by=["room_id"], limit=1).groups == {}
    ranked = bot.search("samovar", order_by="rank", group_by=["room_id"])
    assert len(list(ranked)) == 7
    assert list(bot.search("nothing of the kind")) == []
    user = homeserver.create_user("samantha")
    real = bot.user(user["user_id"], token=user["access_token"])
    real.join_room(room)
    assert real.get_mutual_rooms(bot.mxid) == [room]
    assert real.get_mutual_rooms(f"@nobody:{homeserver.server_name}") == []
    login = {"type": "m.login.application_service",
             "identifier": {"type": "m.id.user", "user": ghost.mxid}}  # fmt: skip
    token = ghost.api.request("POST", Path.v3.login, login)["access_token"]
    assert bot.user(ghost.mxid, token=token).get_mutual_rooms(user["user_id"]) == [room]
    until = time.monotonic() + 20  # Synapse fills the user directory in the background
    while not (users := ghost.search_users("samantha")).results and time.monotonic() < until:
        time.sleep(0.05)
    assert [one.user_id for one in users.results or ()] == [user["user_id"]]
    assert users.limited is False


def test_times(bot: IntentAPI, ghost: IntentAPI) -> None:
    room = bot.create_room(preset="public_chat")
    event_id = ghost.send_text(room, "now")
    sent_at = ghost.get_event(room, event_id).origin_server_ts
    assert sent_at is not None
    found = ghost.timestamp_to_event(room, sent_at, "b")
    assert (found.event_id, found.origin_server_ts) == (event_id, sent_at)
    hour_ago = datetime.now(timezone.utc) - timedelta(hours=1)
    first = ghost.timestamp_to_event(room, hour_ago, "f")
    assert first.event_id is not None
    assert ghost.get_event(room, first.event_id).type == "m.room.create"
    with pytest.raises(MNotFound):
        ghost.timestamp_to_event(room, hour_ago, "b")
    around = ghost.get_event_context(room, event_id, limit=4)
    assert around.event is not None
    assert around.event.event_id == event_id
    before = next(ghost.messages(room, "b", around.start, limit=1))
    assert before.event_id != event_id


def test_sync_filters_and_reports(bot: IntentAPI, ghost: IntentAPI) -> None:
    room = bot.create_room(preset="public_chat")
    event_id = ghost.send_text(room, "first")
    wanted = Filter(
        room=RoomFilter(timeline=RoomEventFilter(limit=1, types=["m.room.message"])),
        event_format="client",
    )
    filter_id = ghost.create_filter(wanted)
    assert ghost.get_filter(filter_id) == wanted
    first = ghost.sync(timeout=0, filter_id=filter_id, set_presence="offline")
    assert first.rooms is not None
    assert first.rooms.join is not None
    timeline = first.rooms.join[room].timeline
    assert timeline is not None
    assert [event.event_id for event in timeline.events or ()] == [event_id]
    bot.send_text(room, "second")
    then = ghost.sync(first.next_batch, filter_id=wanted)
    assert then.rooms is not None
    assert then.rooms.join is not None
    timeline = then.rooms.join[room].timeline
    assert timeline is not None
    assert bodies(timeline.events or []) == ["second"]
    quiet = ghost.sync(ghost.sync(timeout=0).next_batch, timeout=50)
    assert quiet.rooms is None
    ghost.report_room(room, "spam")
    ghost.report_event(room, event_id, "spam")
    ghost.report_user(bot.mxid)


def test_published_rooms(bot: IntentAPI, ghost: IntentAPI, homeserver: Homeserver) -> None:
    ghost.ensure_registered()
    assert list(ghost.public_rooms()) == []
    assert ghost.public_rooms(search_query="tea").total == 0
    names = {bot.create_room(name=f"Tea {n}", preset="public_chat"): f"Tea {n}" for n in range(5)}
    for room in names:
        bot.set_appservice_room_directory_visibility("irc", room, "public")
    instance = f"{homeserver.id}|irc"
    published = ghost.public_rooms(third_party_instance_id=instance, page_size=2)
    assert published.total == 5
    assert {room.room_id: room.name for room in published} == names
    found = ghost.public_rooms(search_query="tea 3", include_all_networks=True)
    assert [room.name for room in found] == ["Tea 3"]
    some = ghost.public_rooms(third_party_instance_id=instance, limit=3, page_size=2)
    first = list(some)
    rest = ghost.public_rooms(third_party_instance_id=instance, from_token=some.token)
    assert {room.room_id: room.name for room in [*first, *rest]} == names
