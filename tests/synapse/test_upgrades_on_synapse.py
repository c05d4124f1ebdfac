"""Rooms of a real homeserver are upgraded by an ordinary user: the bot follows."""

from __future__ import annotations

import queue
from typing import Any

import pytest

from appservice_api import AppService, IntentAPI
from appservice_api.testing import Homeserver

pytestmark = pytest.mark.synapse

WAIT = 20


@pytest.fixture
def moved(app: AppService) -> queue.Queue[Any]:
    """What handlers of upgrades were told; they bring the ghosts along."""
    told: queue.Queue[Any] = queue.Queue()

    @app.on_upgrade
    def follow(event: Any, old_room: Any, room: Any, ghosts: Any, mine: Any) -> None:
        rejoined = app.rejoin_ghosts(old_room, room)
        told.put((event, old_room.room_id, room, ghosts, mine, rejoined))

    return told


def room_of(carol: IntentAPI, app: AppService, ghosts: list[str], **options: Any) -> str:
    """A room of an ordinary user with the bot and ghosts."""
    room_id = carol.create_room(invitees=[app.bot.mxid], **options)
    app.bot.join_room(room_id)
    for ghost in ghosts:
        app.api.intent(ghost).ensure_joined(room_id)
    return room_id


def nothing_more(app: AppService, carol: IntentAPI, room_id: str, told: queue.Queue[Any]) -> None:
    """Wait until all that is said until now was handled; nothing more was told."""
    came = queue.Queue[Any]()
    app.on("m.room.message", room=room_id)(lambda event: came.put(event.content.body))
    carol.send_text(room_id, "the end")
    assert came.get(timeout=WAIT) == "the end"
    assert told.empty()
    assert app.state_store.deliveries.parked() == []


@pytest.mark.parametrize("version", ["11", "12"])
def test_a_public_room(
    app: AppService, homeserver: Homeserver, carol: IntentAPI, moved: queue.Queue[Any], version: str
) -> None:
    ghosts = [homeserver.ghost("bob"), homeserver.ghost("dave")]
    old = room_of(carol, app, ghosts, preset="public_chat", room_version=version)
    new = carol.upgrade_room(old, "12")
    event, old_room, room, were, mine, rejoined = moved.get(timeout=WAIT)
    assert ":" not in new
    assert (":" in old) == (version == "11")
    assert event.content.replacement_room == new
    assert (event.sender, event.room_id, mine) == (carol.mxid, old, False)
    assert (old_room, room) == (old, app.bot.room(new))
    assert set(were) == set(rejoined.joined) == set(ghosts)
    assert rejoined.failed == {}
    assert set(carol.get_joined_members(new)) == {carol.mxid, app.bot.mxid, *ghosts}
    assert room.version == "12"
    nothing_more(app, carol, new, moved)


@pytest.mark.parametrize("version", ["11", "12"])
def test_an_invite_only_room(
    app: AppService, homeserver: Homeserver, carol: IntentAPI, moved: queue.Queue[Any], version: str
) -> None:
    ghost = homeserver.ghost("bob")
    old = room_of(carol, app, [ghost], preset="private_chat", room_version=version)
    new = carol.upgrade_room(old, "12")
    # Other rooms' invitations are nothing to follow.
    other = carol.create_room(invitees=[app.bot.mxid, ghost])
    app.api.intent(ghost).join_room(other)
    nothing_more(app, carol, other, moved)
    assert app.bot.get_joined_rooms() == [old]
    carol.invite_user(new, app.bot.mxid)
    event, old_room, room, were, _, rejoined = moved.get(timeout=WAIT)
    assert (event.type, event.sender) == ("m.room.tombstone", carol.mxid)
    assert event.content.replacement_room == new
    assert (old_room, room, were) == (old, app.bot.room(new), [ghost])
    assert rejoined == ([ghost], {})
    assert set(carol.get_joined_members(new)) == {carol.mxid, app.bot.mxid, ghost}
    assert app.bot.mxid not in carol.get_joined_members(other)
    # Once told is told, even if the bot is invited again.
    app.bot.leave_room(new)
    carol.invite_user(new, app.bot.mxid)
    nothing_more(app, carol, new, moved)
    assert app.bot.mxid not in carol.get_joined_members(new)


def test_a_room_without_the_bot(
    app: AppService, homeserver: Homeserver, carol: IntentAPI, moved: queue.Queue[Any]
) -> None:
    ghost = app.api.intent(homeserver.ghost("bob"))
    ghost.ensure_registered()
    old = carol.create_room(invitees=[ghost.mxid], is_direct=True, preset="private_chat")
    ghost.join_room(old)
    new = carol.upgrade_room(old, "12")
    carol.invite_user(new, ghost.mxid)
    _, old_room, room, were, _, rejoined = moved.get(timeout=WAIT)
    assert (old_room, room, were) == (old, ghost.room(new), [ghost.mxid])
    assert rejoined == ([ghost.mxid], {})
    assert set(carol.get_joined_members(new)) == {carol.mxid, ghost.mxid}
    nothing_more(app, carol, new, moved)


def test_a_ghost_upgrades(app: AppService, homeserver: Homeserver, moved: queue.Queue[Any]) -> None:
    """The room is invite-only: who made the new one invites the bot."""
    ghost = app.api.intent(homeserver.ghost("bob"))
    old = ghost.create_room(invitees=[app.bot.mxid])
    app.bot.join_room(old)
    new = ghost.upgrade_room(old, "12")
    _, old_room, room, were, mine, _ = moved.get(timeout=WAIT)
    assert (old_room, room, were, mine) == (old, app.bot.room(new), [ghost.mxid], True)


def test_an_upgrade_that_was_missed(
    app: AppService, homeserver: Homeserver, carol: IntentAPI, moved: queue.Queue[Any]
) -> None:
    ghost = homeserver.ghost("bob")
    old = room_of(carol, app, [ghost], preset="public_chat")
    came: queue.Queue[tuple[str, str]] = queue.Queue()
    app.on("m.room.message")(lambda event: came.put((event.room_id, event.content.body)))
    app.on_upgrade(lambda room: carol.send_text(room.room_id, "we are here"))
    carol.send_text(old, "hi")
    assert came.get(timeout=WAIT) == (old, "hi")
    homeserver.forward(None)
    new = carol.upgrade_room(old, "12")
    done = app.catch_up()
    assert list(done.events) == [old, new]
    assert done.failed == {}
    *_, rejoined = moved.get_nowait()
    assert rejoined == ([ghost], {})
    assert came.get_nowait() == (new, "we are here")
    assert app.catch_up() == ({}, {})
    assert came.empty()
