"""Views of what a real homeserver sends."""

from __future__ import annotations

import pytest

from appservice_api import AppServiceAPI, Membership
from appservice_api.events import (
    Event,
    EventType,
    Mentions,
    MessageType,
    RoomCreateStateEventContent,
    RoomTopicStateEventContent,
    StateEvent,
    TextMessageEventContent,
)

pytestmark = pytest.mark.synapse


@pytest.mark.parametrize("room_version", ["10", "11", "12"])
def test_redactions_and_state(room_version: str, api: AppServiceAPI) -> None:
    bot = api.bot_intent()
    room = bot.create_room(room_version=room_version)
    event_id = bot.send_text(room, "oops")
    redaction_id = bot.redact(room, event_id, "spam")
    redacted = bot.get_event(room, event_id)
    assert redacted.is_redacted
    assert redacted.unsigned.redacted_because is not None
    for redaction in (bot.get_event(room, redaction_id), redacted.unsigned.redacted_because):
        assert redaction.type is EventType.ROOM_REDACTION
        assert redaction.redacts == redaction.redacts_in(room_version) == event_id
        assert redaction.event_id == redaction_id
    create = bot.get_state_event(room, EventType.ROOM_CREATE, format="event")
    assert isinstance(create, StateEvent)
    assert create.sender == bot.mxid
    assert isinstance(create.content, RoomCreateStateEventContent)
    assert create.content.room_version == room_version
    member = {event.state_key: event.content for event in bot.get_members(room)}[bot.mxid]
    assert member["membership"] == Membership.JOIN
    topic = RoomTopicStateEventContent(html="<b>Tea</b>")
    bot.send_state_event(room, EventType.ROOM_TOPIC, topic)
    read = bot.get_state_event(room, EventType.ROOM_TOPIC)
    assert isinstance(read, RoomTopicStateEventContent)
    assert (read, read.html) == (topic, "<b>Tea</b>")


def test_relations(api: AppServiceAPI) -> None:
    bot = api.bot_intent()
    room = bot.create_room()

    def send(content: TextMessageEventContent) -> Event:
        return bot.get_event(room, bot.send_message(room, content))

    root = send(TextMessageEventContent(msgtype=MessageType.TEXT, body="root"))
    reply = TextMessageEventContent(msgtype=MessageType.TEXT, html="<i>in</i> the thread")
    reply.set_thread_parent(root)
    first = send(reply)
    assert (first.thread_root, first.reply_to) == (root.event_id, None)
    answer = TextMessageEventContent(msgtype=MessageType.TEXT, body="answer")
    answer.set_thread_parent(first)
    answer.set_reply(first, mention=True)
    second = send(answer)
    assert (second.thread_root, second.reply_to) == (root.event_id, first.event_id)
    assert second.mentions == Mentions(user_ids=[bot.mxid])
    edit = TextMessageEventContent(msgtype=MessageType.TEXT, body="better")
    edit.set_edit(root)
    edited = send(edit)
    assert edited.edits == root.event_id
    relations = bot.get_event(room, str(root.event_id)).unsigned.relations
    assert relations is not None
    assert relations.thread is not None
    assert relations.thread.count == 2
    assert relations.thread.latest_event is not None
    assert relations.thread.latest_event.event_id == second.event_id
    assert relations.replace is not None
    assert relations.replace.event_id == edited.event_id
    context = bot.get_event_context(room, str(first.event_id))
    assert context.event is not None
    assert context.event.event_id == first.event_id
    before = [event.event_id for event in context.events_before or ()]
    assert before[0] == root.event_id
    assert {event.type for event in context.state or ()} >= {"m.room.create"}
