"""What is said once, and who an ID belongs to, on a real homeserver."""

from __future__ import annotations

import queue
from typing import Any

import pytest

from appservice_api import IntentAPI
from appservice_api.application import AppService
from appservice_api.testing import Homeserver

pytestmark = pytest.mark.synapse

WAIT = 20


def said(reader: IntentAPI, room_id: str) -> list[tuple[str, str]]:
    """Who has said what in a room, the oldest first."""
    chunk = reader.get_messages(room_id, "b", limit=100)["chunk"]
    messages = [one for one in reversed(chunk) if one["type"] == "m.room.message"]
    return [(one["sender"], one["content"].get("body", "")) for one in messages]


def test_two_ghosts_who_give_one_id_say_two_things(
    homeserver: Homeserver, api: Any, carol: IntentAPI
) -> None:
    one, two = (api.intent(homeserver.ghost(name)) for name in ("host_a", "host_b"))
    room_id = carol.create_room(preset="public_chat")
    first = one.send_text(room_id, "host A: done", txn_id="backup-1")
    second = two.send_text(room_id, "host B: FAILED", txn_id="backup-1")
    assert first != second
    assert one.send_text(room_id, "host A: done", txn_id="backup-1") == first
    assert two.send_text(room_id, "again", txn_id="backup-1") == second
    assert said(carol, room_id) == [(one.mxid, "host A: done"), (two.mxid, "host B: FAILED")]
    redacted = one.redact(room_id, first, txn_id="backup-1")
    assert one.redact(room_id, first, txn_id="backup-1") == redacted


def test_what_a_handler_says_is_said_once(
    app: AppService, homeserver: Homeserver, carol: IntentAPI
) -> None:
    came: queue.Queue[str] = queue.Queue()
    fails = [True]
    ghost = app.api.intent(homeserver.ghost("echo"))

    @app.on("m.room.message")
    def answer(event: Any, room: Any) -> None:
        room.reply(event.event_id, f"you said {event.content.body}")
        ghost.send_file(event.room_id, b"the minutes", file_name="minutes.txt")
        came.put(event.event_id)
        if fails:
            raise RuntimeError("the database is busy")

    room_id = carol.create_room(preset="public_chat")
    event_id = carol.send_text(room_id, "hi")
    assert [came.get(timeout=WAIT) for _ in range(3)] == [event_id] * 3
    app.receiver.stop(WAIT)
    [parked] = app.state_store.deliveries.parked()
    fails.clear()
    assert app.retry_parked(parked.id)
    assert came.get(timeout=WAIT) == event_id
    bodies = [body for sender, body in said(carol, room_id) if sender != carol.mxid]
    assert bodies == ["you said hi", "minutes.txt"]
