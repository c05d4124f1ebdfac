"""Events: what their attributes read, and what reading leaves as it is."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from appservice_api import EventContext, Membership
from appservice_api.events import (
    CONTENTS,
    BundledThread,
    Event,
    EventContent,
    EventType,
    MemberStateEventContent,
    RoomNameStateEventContent,
    StateEvent,
    StrippedStateEvent,
    TextMessageEventContent,
    ToDeviceEvent,
)
from appservice_api.events.view import text
from appservice_api.ids import EventID, RoomID, UserID


def message(**content: Any) -> Event:
    return Event.read(
        {
            "type": "m.room.message", "event_id": "$e", "room_id": "!r:hs.test",
            "sender": "@a:hs.test", "origin_server_ts": 5,
            "content": {"msgtype": "m.text", "body": "hi", **content},
        }
    )  # fmt: skip


def test_message() -> None:
    event = message()
    assert type(event) is Event
    assert event.type is EventType.ROOM_MESSAGE
    assert isinstance(event.event_id, EventID)
    assert isinstance(event.room_id, RoomID)
    assert isinstance(event.sender, UserID)
    assert event.sender.server_name == "hs.test"
    assert event.origin_server_ts == event.timestamp == 5
    assert event.state_key is None
    assert not event.is_state
    content = event.content
    assert isinstance(content, TextMessageEventContent)
    assert content.body == "hi"
    content.body = "changed"
    assert event["content"]["body"] == "changed"
    assert event.content is content


def test_state_event() -> None:
    raw = {
        "type": "m.room.member", "state_key": "@b:hs.test", "prev_content": {"membership": "x"},
        "content": {"membership": "join"},
        "unsigned": {"age": 3, "prev_content": {"membership": "invite"}, "replaces_state": "$x"},
    }  # fmt: skip
    event = Event.read(raw)
    assert isinstance(event, StateEvent)
    assert event.is_state
    assert isinstance(event.content, MemberStateEventContent)
    assert event.content.membership is Membership.JOIN
    assert isinstance(event.prev_content, MemberStateEventContent)
    assert event.prev_content.membership is Membership.INVITE
    assert (event.unsigned.age, event.unsigned.replaces_state) == (3, "$x")
    del event["unsigned"]
    assert isinstance(event.prev_content, MemberStateEventContent)
    assert event.prev_content["membership"] == "x"
    del event["prev_content"]
    assert event.prev_content is None
    assert Event.read(event) is event
    assert isinstance(StateEvent.read(raw), StateEvent)
    assert type(Event.read({"state_key": None})) is Event


def test_what_is_missing() -> None:
    malformed: list[Any] = [{}, [], None, 5, {"content": [], "unsigned": 5, "type": ["m.x"]}]
    for raw in malformed:
        event = Event.read(raw)
        assert event.content == {}
        assert type(event.content) is EventContent
        assert event.unsigned.age is None
        assert event.relates_to == {}
        assert event.mentions == {}
        assert event.new_content is None
        assert event == (raw if isinstance(raw, dict) else {})
    assert isinstance(Event(type="m.room.name").content, RoomNameStateEventContent)


def test_making_an_event() -> None:
    event = StateEvent(
        type=EventType.ROOM_NAME, state_key="", content=RoomNameStateEventContent(name="Tea")
    )
    assert event == {"type": "m.room.name", "state_key": "", "content": {"name": "Tea"}}
    assert isinstance(event.content, RoomNameStateEventContent)
    assert event.content.name == "Tea"
    event.content = RoomNameStateEventContent(name="Coffee")
    assert event["content"] == {"name": "Coffee"}


TOP = {"type": "m.room.redaction", "redacts": "$top", "content": {}}
INSIDE = {"type": "m.room.redaction", "content": {"redacts": "$inside"}}
BOTH = {**TOP, **INSIDE}


@pytest.mark.parametrize(
    "raw, version, expected",
    [
        (TOP, "10", "$top"), (TOP, "11", None), (TOP, None, "$top"),
        (INSIDE, "10", None), (INSIDE, "11", "$inside"), (INSIDE, None, "$inside"),
        (BOTH, "1", "$top"), (BOTH, "10", "$top"), (BOTH, "11", "$inside"),
        (BOTH, "12", "$inside"), (BOTH, "org.example", "$inside"), (BOTH, None, "$inside"),
        ({"redacts": 5, "content": {"redacts": 5}}, None, None),
    ],
)  # fmt: skip
def test_redacts(raw: dict[str, Any], version: str | None, expected: str | None) -> None:
    event = Event.read(raw)
    assert event.redacts_in(version) == expected
    if version is None:
        assert event.redacts == expected
    assert isinstance(event.redacts, (EventID, type(None)))


def test_redacted() -> None:
    redaction = {"type": "m.room.redaction", "content": {"reason": "spam"}}
    event = Event.read({"content": {}, "unsigned": {"redacted_because": redaction}})
    assert event.is_redacted
    assert event.unsigned.redacted_because is not None
    assert event.unsigned.redacted_because.content.get("reason") == "spam"
    assert not message().is_redacted


def test_relations() -> None:
    reply = message(**{"m.relates_to": {"m.in_reply_to": {"event_id": "$1"}}})
    assert (reply.reply_to, reply.thread_root, reply.edits) == ("$1", None, None)
    thread = {"rel_type": "m.thread", "event_id": "$root", "m.in_reply_to": {"event_id": "$1"}}
    assert message(**{"m.relates_to": thread}).reply_to == "$1"
    in_thread = message(**{"m.relates_to": {**thread, "is_falling_back": True}})
    assert (in_thread.reply_to, in_thread.thread_root) == (None, "$root")
    edit = message(**{
        "m.relates_to": {"rel_type": "m.replace", "event_id": "$1"},
        "m.new_content": {"msgtype": "m.text", "body": "new"},
    })  # fmt: skip
    assert edit.edits == "$1"
    assert isinstance(edit.new_content, TextMessageEventContent)
    assert edit.new_content.body == "new"
    reaction = Event.read({
        "type": "m.reaction",
        "content": {"m.relates_to": {"rel_type": "m.annotation", "event_id": "$1", "key": "+"}},
    })  # fmt: skip
    assert (reaction.annotation, reaction.relates_to.annotates) == ("+", "$1")
    assert (reaction.reply_to, reaction.edits, message().annotation) == (None, None, None)


def test_mentions() -> None:
    event = message(**{"m.mentions": {"user_ids": ["@a:b", 5, "@c:d"], "room": True}})
    assert event.mentions.user_ids == ["@a:b", "@c:d"]
    assert event.mentions.room is True
    assert event["content"]["m.mentions"]["user_ids"] == ["@a:b", 5, "@c:d"]


def test_unsigned() -> None:
    stripped = {"type": "m.room.name", "sender": "@a:b", "state_key": "", "content": {"name": "x"}}
    latest = {"type": "m.room.message", "content": {"msgtype": "m.text", "body": "last"}}
    event = Event.read({"unsigned": {
        "invite_room_state": [stripped, "malformed"], "membership": "join",
        "m.relations": {
            "m.thread": {"latest_event": latest, "count": 2, "current_user_participated": False},
            "m.replace": {**latest, "event_id": "$edit"},
        },
    }})  # fmt: skip
    unsigned = event.unsigned
    assert unsigned.membership is Membership.JOIN
    state = unsigned.invite_room_state
    assert state is not None
    assert [type(one) for one in state] == [StrippedStateEvent]
    assert isinstance(state[0].content, RoomNameStateEventContent)
    assert unsigned.relations is not None
    thread = unsigned.relations.thread
    assert isinstance(thread, BundledThread)
    assert (thread.count, thread.current_user_participated) == (2, False)
    assert thread.latest_event is not None
    assert isinstance(thread.latest_event.content, TextMessageEventContent)
    assert unsigned.relations.replace is not None
    assert unsigned.relations.replace.event_id == "$edit"


def test_types_of_applications(monkeypatch: pytest.MonkeyPatch) -> None:
    class PollEventContent(EventContent):
        question = text(str)

    monkeypatch.setitem(CONTENTS, "com.example.poll", PollEventContent)
    event = Event.read({"type": "com.example.poll", "content": {"question": "Tea?"}})
    assert isinstance(event.content, PollEventContent)
    assert event.content.question == "Tea?"


def test_to_device() -> None:
    event = ToDeviceEvent.read({"type": "m.dummy", "to_user_id": "@a:b", "to_device_id": "D"})
    assert (event.to_user_id, event.to_device_id) == ("@a:b", "D")


def test_context() -> None:
    state = {"type": "m.room.name", "state_key": "", "content": {}}
    context = EventContext.read({
        "event": state, "events_before": [state, {"type": "m.room.message"}, 5],
        "events_after": 5, "state": [state], "start": "s", "end": "e",
    })  # fmt: skip
    assert isinstance(context.event, StateEvent)
    assert [type(one) for one in context.events_before or ()] == [StateEvent, Event]
    assert context.events_after == []
    assert [type(one) for one in context.state or ()] == [StateEvent]
    assert (context.start, context.end) == ("s", "e")


def pickled(found: Any) -> Any:
    return pickle.loads(pickle.dumps(found))


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, pickled])
def test_copies(again: Any) -> None:
    event = Event.read({"type": "com.x", "state_key": "", "content": {"a": [1]}})
    assert event.type == "com.x"
    event["type"] = event.type
    made = again(event)
    assert type(made) is StateEvent
    assert made == event
    assert type(made.content) is EventContent
