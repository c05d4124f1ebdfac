"""A real homeserver pushes to an application service that is served in a thread."""

from __future__ import annotations

import queue
import threading
from typing import Any

import pytest

from appservice_api import IntentAPI, MNotFound
from appservice_api.application import AppService
from appservice_api.testing import Homeserver

pytestmark = pytest.mark.synapse

WAIT = 20


def test_the_homeserver_pings(app: AppService) -> None:
    assert app.ping() >= 0


def test_messages_state_and_invites_arrive(
    app: AppService, homeserver: Homeserver, carol: IntentAPI
) -> None:
    came: queue.Queue[Any] = queue.Queue()
    ghost_id = homeserver.ghost("bob")

    @app.on_state("m.room.member", state_key=ghost_id)
    def invited(event: Any, ghost: Any) -> None:
        if event.content.membership == "invite":
            ghost.ensure_joined(event.room_id)
            came.put(("invite", event.sender))

    @app.on("m.room.message")
    def echo(event: Any, app: Any, room: Any) -> None:
        app.api.intent(ghost_id).send_text(event.room_id, f"you said {event.content.body}")
        came.put(("message", event.content.body))

    app.on_state("m.room.topic")(lambda event: came.put(("topic", event.content.topic)))
    app.on("m.room.message", mine=True)(
        lambda event, mine: came.put(("mine", event.content.body)) if mine else None
    )
    room_id = carol.create_room(invitees=[ghost_id])
    assert came.get(timeout=WAIT) == ("invite", carol.mxid)

    carol.send_text(room_id, "hi")
    assert came.get(timeout=WAIT) == ("message", "hi")
    assert came.get(timeout=WAIT) == ("mine", "you said hi")
    carol.set_room_topic(room_id, "Tea")
    assert came.get(timeout=WAIT) == ("topic", "Tea")
    assert app.state_store.is_joined(room_id, carol.mxid)
    assert app.state_store.deliveries.parked() == []


def test_typing_and_receipts_arrive(app: AppService, carol: IntentAPI) -> None:
    came: queue.Queue[Any] = queue.Queue()
    app.on_ephemeral("m.typing")(lambda event: came.put(event.content.user_ids))
    app.on_ephemeral("m.receipt")(lambda event: came.put(list(event["content"])))
    room_id = app.bot.create_room(invitees=[carol.mxid])
    event_id = app.bot.send_text(room_id, "read this")
    carol.join_room(room_id)
    carol.set_typing(room_id, 20_000)
    assert came.get(timeout=WAIT) == [carol.mxid]
    carol.send_receipt(room_id, event_id)
    assert came.get(timeout=WAIT) == [event_id]


def test_users_and_aliases_are_asked_for(
    app: AppService, homeserver: Homeserver, carol: IntentAPI
) -> None:
    came: queue.Queue[Any] = queue.Queue()
    # What a homeserver leaves as it is, and what it encodes.
    ghost_id, alias = homeserver.ghost("a/b+c=d"), homeserver.alias("é/1")

    @app.on_user_query
    def user(user_id: str) -> Any:
        came.put(user_id)
        return {"displayname": "Bob"} if user_id == ghost_id else None

    @app.on_alias_query
    def room(alias: str) -> Any:
        came.put(alias)
        return {"name": "Tea", "preset": "public_chat"} if "nowhere" not in alias else None

    room_id = carol.create_room(invitees=[ghost_id])
    assert came.get(timeout=WAIT) == ghost_id
    joined = carol.join_room(alias)
    assert came.get(timeout=WAIT) == alias
    assert app.bot.room(joined).name == "Tea"
    assert carol.get_displayname(ghost_id) == "Bob"
    with pytest.raises(MNotFound):
        carol.join_room(homeserver.alias("nowhere"))
    assert carol.mxid in app.bot.get_joined_members(joined)
    assert joined != room_id


def test_other_networks_are_looked_up(
    app: AppService, homeserver: Homeserver, carol: IntentAPI
) -> None:
    ghost_id, alias = homeserver.ghost("bob"), homeserver.alias("tea")
    asked: list[Any] = []

    @app.on_user(homeserver.id)
    def user(protocol: str, fields: dict[str, str]) -> Any:
        asked.append(fields)
        return [{"userid": ghost_id, "protocol": protocol, "fields": fields}]

    @app.on_location(homeserver.id)
    def location(protocol: str, fields: dict[str, str]) -> Any:
        asked.append(fields)
        return [{"alias": alias, "protocol": protocol, "fields": fields}]

    # What Synapse was told of a protocol it doesn't ask for again within an hour, not even if it
    # was nothing: other tests have asked for all protocols.
    [who] = carol.query_user_by_protocol(homeserver.id, {"nick": "y é/%2F"})
    assert (who["userid"], who["fields"]) == (ghost_id, {"nick": "y é/%2F"})
    [where] = carol.query_location_by_protocol(homeserver.id, {"channel": "#tea"})
    assert where["alias"] == alias
    assert asked == [{"nick": "y é/%2F"}, {"channel": "#tea"}]


def test_a_repeated_transaction_is_handled_once(
    app: AppService, homeserver: Homeserver, carol: IntentAPI
) -> None:
    came: queue.Queue[Any] = queue.Queue()
    app.on("m.room.message")(lambda event: came.put(event.content.body))
    room_id = app.bot.create_room(invitees=[carol.mxid])
    carol.join_room(room_id)
    carol.send_text(room_id, "before")
    assert came.get(timeout=WAIT) == "before"
    # Handled, but the homeserver is told that it isn't, and sends it again.
    digests: list[tuple[str, str, int]] = []
    again = threading.Event()
    deliver = app.receiver.deliver

    def lossy(transaction: Any) -> Any:
        answer = deliver(transaction)
        digests.append((transaction.id, transaction.digest, answer.status))
        if len(digests) == 1:
            raise ConnectionError("the answer is lost")
        again.set()
        return answer

    app.receiver.deliver = lossy  # type: ignore[method-assign]
    carol.send_text(room_id, "once")
    assert came.get(timeout=WAIT) == "once"
    assert again.wait(WAIT)
    assert digests[0] == digests[1]
    carol.send_text(room_id, "after")
    assert came.get(timeout=WAIT) == "after"
