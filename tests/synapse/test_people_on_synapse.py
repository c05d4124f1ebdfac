"""What an application service says as a person comes back as its own, whatever it is."""

from __future__ import annotations

import queue
import secrets
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from appservice_api import AppService, AppServiceAPI, IntentAPI
from appservice_api.testing import Homeserver

pytestmark = pytest.mark.synapse

WAIT = 20
PNG = b"\x89PNG\r\n\x1a\n" + bytes(30)


class Stage(NamedTuple):
    """Who is there, and where.

    Attributes:
        bot: The bot.
        me: The person, as the application service speaks.
        ghost: A ghost, who is in the room.
        carol: Somebody else, whose client has nothing to do with the application service.
        room: A room in which the person may do anything.
        event: A message there.
        alias: The localpart of an alias that the person may make.
        homeserver: The homeserver.
    """

    bot: IntentAPI
    me: IntentAPI
    ghost: IntentAPI
    carol: IntentAPI
    room: str
    event: str
    alias: str
    homeserver: Homeserver

    def new_room(self, **options: Any) -> str:
        """Another room, to which the person is invited."""
        return self.bot.create_room(invitees=[self.me.mxid], **options)


def _localpart(homeserver: Homeserver) -> str:
    """The localpart of an alias in the namespaces of the registration."""
    return homeserver.alias(secrets.token_hex(4))[1:].partition(":")[0]


def _redact(s: Stage) -> None:
    s.me.redact(s.room, s.me.send_text(s.room, "away"), "because")


def _unban(s: Stage) -> None:
    s.me.unban_user(s.room, s.homeserver.ghost("banned"))


def _knock(s: Stage) -> None:
    room = s.bot.create_room(room_version="10")
    s.bot.set_join_rule(room, "knock")
    s.me.knock_room(room)


def _leave(s: Stage) -> None:
    room = s.new_room()
    s.me.join_room(room)
    s.me.leave_room(room, "bye")


def _join_by_alias(s: Stage) -> None:
    localpart = _localpart(s.homeserver)
    s.bot.create_room(alias_localpart=localpart, preset="public_chat")
    s.me.join_room(f"#{localpart}:{s.homeserver.server_name}")


def _drop_alias(s: Stage) -> None:
    s.me.create_room(alias_localpart=s.alias)
    s.me.remove_room_alias(s.alias)


#: What is said, how, and the type of an event that comes of it.
KINDS: list[tuple[str, Callable[[Stage], Any], str]] = [
    ("text", lambda s: s.me.send_text(s.room, "a"), "m.room.message"),
    ("html", lambda s: s.me.send_text(s.room, html="<b>a</b>"), "m.room.message"),
    ("notice", lambda s: s.me.send_notice(s.room, "b"), "m.room.message"),
    ("emote", lambda s: s.me.send_emote(s.room, "c"), "m.room.message"),
    ("reply", lambda s: s.me.reply(s.room, s.event, "d"), "m.room.message"),
    ("edit", lambda s: s.me.edit(s.room, s.me.send_text(s.room, "e"), "f"), "m.room.message"),
    ("reaction", lambda s: s.me.react(s.room, s.event, "👋"), "m.reaction"),
    ("redaction", _redact, "m.room.redaction"),
    ("file", lambda s: s.me.send_file(s.room, b"x", file_name="x.txt"), "m.room.message"),
    ("image", lambda s: s.me.send_image(s.room, PNG, file_name="x.png"), "m.room.message"),
    ("sticker", lambda s: s.me.send_message_event(
        s.room, "m.sticker", {"body": "x", "url": "mxc://x/y", "info": {}}), "m.sticker"),
    ("location", lambda s: s.me.send_message(
        s.room, {"msgtype": "m.location", "body": "x", "geo_uri": "geo:1,2"}), "m.room.message"),
    ("custom event", lambda s: s.me.send_message_event(s.room, "x.y", {"z": 1}), "x.y"),
    ("custom state", lambda s: s.me.send_state_event(s.room, "x.s", {"z": 1}, "k"), "x.s"),
    ("topic", lambda s: s.me.set_room_topic(s.room, "t"), "m.room.topic"),
    ("topic again", lambda s: s.me.set_room_topic(s.room, "t2"), "m.room.topic"),
    ("name", lambda s: s.me.set_room_name(s.room, "n"), "m.room.name"),
    ("avatar", lambda s: s.me.set_room_avatar(s.room, "mxc://x/y"), "m.room.avatar"),
    ("pins", lambda s: s.me.pin_message(s.room, s.event), "m.room.pinned_events"),
    ("power levels", lambda s: s.me.set_user_power_level(s.room, s.carol.mxid, 5),
     "m.room.power_levels"),
    ("join by ID", lambda s: s.me.join_room_by_id(s.new_room()), "m.room.member"),
    ("join", lambda s: s.me.join_room(s.new_room()), "m.room.member"),
    ("join by server", lambda s: s.me.join_room(s.new_room(), ["hs.test"]), "m.room.member"),
    ("join by alias", _join_by_alias, "m.room.member"),
    ("ensure joined", lambda s: s.me.ensure_joined(s.bot.create_room()), "m.room.member"),
    ("invite a person", lambda s: s.me.invite_user(s.room, s.carol.mxid), "m.room.member"),
    ("invite a ghost", lambda s: s.me.invite_user(s.room, s.homeserver.ghost("new")),
     "m.room.member"),
    ("kick", lambda s: s.me.kick_user(s.room, s.ghost.mxid, "out"), "m.room.member"),
    ("ban", lambda s: s.me.ban_user(s.room, s.homeserver.ghost("banned")), "m.room.member"),
    ("unban", _unban, "m.room.member"),
    ("knock", _knock, "m.room.member"),
    ("leave", _leave, "m.room.member"),
    ("decline", lambda s: s.me.leave_room(s.new_room()), "m.room.member"),
    ("create", lambda s: s.me.create_room(
        name="n", topic="t", invitees=[s.carol.mxid]), "m.room.create"),
    ("upgrade", lambda s: s.me.upgrade_room(s.me.create_room(), "10"), "m.room.tombstone"),
    ("alias removed", _drop_alias, "m.room.canonical_alias"),
    ("display name", lambda s: s.me.set_displayname("Another"), "m.room.member"),
    ("avatar of the user", lambda s: s.me.set_avatar_url("mxc://hs.test/me"), "m.room.member"),
    ("raw event", lambda s: s.me.api.request(
        "PUT", f"/rooms/{s.room}/send/x.raw/raw1", {"a": 1}), "x.raw"),
    ("raw redaction", lambda s: s.me.api.request(
        "PUT", f"/rooms/{s.room}/redact/{s.me.send_text(s.room, 'r')}/raw2", {}),
     "m.room.redaction"),
]  # fmt: skip


class Watch:
    """What reaches handlers of what a person does."""

    def __init__(self, app: AppService, person: str) -> None:
        self.person = person
        self.taken_for_others: list[Any] = []
        self.ours: queue.Queue[Any] = queue.Queue()
        self.ended: queue.Queue[Any] = queue.Queue()
        app.on("*")(self.sort)
        app.on("*", mine=True)(self.take_ours)

    def sort(self, event: Any) -> None:
        if event.sender == self.person:
            self.taken_for_others.append((event.type, event.state_key, dict(event["content"])))
        elif event.type == "x.end":
            self.ended.put(event.event_id)

    def take_ours(self, event: Any, mine: bool) -> None:
        if event.sender == self.person and mine:
            self.ours.put(event.type)

    def wait_for(self, type: str, name: str) -> None:
        """Wait until a handler of what is ours was called for such an event."""
        came = []
        while type not in came:
            try:
                came.append(self.ours.get(timeout=WAIT))
            except queue.Empty:
                pytest.fail(f"{name}: {came}, taken for others: {self.taken_for_others}")

    def wait_for_end(self, by: IntentAPI, room: str) -> None:
        """Wait until all that was sent until now was handled."""
        event_id = by.send_message_event(room, "x.end", {})
        while self.ended.get(timeout=WAIT) != event_id:
            pass


@pytest.fixture(params=["own token", "as_token"])
def stage(
    request: pytest.FixtureRequest, app: AppService, homeserver: Homeserver, carol: IntentAPI
) -> Stage:
    account = homeserver.create_user("dora")
    user = account["user_id"]
    me = (
        app.api.intent(user, token=account["access_token"])
        if request.param == "own token"
        else app.api.intent(user, real_user_as_token=True)
    )
    ghost = app.api.intent(homeserver.ghost("bob"))
    room = app.bot.create_room(
        invitees=[user], power_level_override={"users": {app.bot.mxid: 100, user: 100}}
    )
    ghost.ensure_joined(room)
    me.join_room(room)
    event = ghost.send_text(room, "hi")
    # An application service may make no other aliases, and others may not make these.
    alias = secrets.token_hex(4) if request.param == "own token" else _localpart(homeserver)
    return Stage(app.bot, me, ghost, carol, room, event, alias, homeserver)


def test_nothing_that_we_say_as_a_person_is_taken_for_that_persons(
    app: AppService, stage: Stage
) -> None:
    meeting = app.bot.create_room(invitees=[stage.carol.mxid])
    stage.carol.join_room(meeting)
    watch = Watch(app, stage.me.mxid)
    for name, say, type in KINDS:
        say(stage)
        watch.wait_for(type, name)
        watch.wait_for_end(stage.carol, meeting)
        assert watch.taken_for_others == [], name


def test_typing_and_receipts_are_ours(app: AppService, stage: Stage) -> None:
    came: queue.Queue[Any] = queue.Queue()
    ours: queue.Queue[Any] = queue.Queue()
    app.on_ephemeral(room=stage.room)(lambda event: came.put(dict(event["content"])))
    app.on_ephemeral(room=stage.room, mine=True)(
        lambda event, mine: ours.put(event.type) if mine else None
    )
    stage.me.set_typing(stage.room, 20_000)
    assert ours.get(timeout=WAIT) == "m.typing"
    stage.me.mark_read(stage.room, stage.event)
    assert ours.get(timeout=WAIT) == "m.receipt"
    stage.me.send_receipt(stage.room, stage.me.send_text(stage.room, "x"))
    assert ours.get(timeout=WAIT) == "m.receipt"
    assert came.empty()


def test_what_a_person_says_elsewhere_is_handled(
    app: AppService, stage: Stage, homeserver: Homeserver
) -> None:
    """The same person, by a client of their own, after and before us."""
    watch = Watch(app, stage.me.mxid)
    login = stage.me.login(stage.me.mxid, password="pw")
    with AppServiceAPI(
        homeserver.base_url, None, login.access_token, stage.me.mxid, real_user=True
    ) as client:
        own = IntentAPI(client)
        stage.me.set_user_power_level(stage.room, stage.carol.mxid, 5)
        # As clients do, which keep what they don't know.
        own.set_user_power_level(stage.room, stage.carol.mxid, 6)
        own.send_text(stage.room, "mine")
        own.set_displayname("By hand")
        own.redact(stage.room, own.send_text(stage.room, "away"))
        meeting = app.bot.create_room(invitees=[stage.carol.mxid])
        stage.carol.join_room(meeting)
        watch.wait_for_end(stage.carol, meeting)
    types = [type for type, _, _ in watch.taken_for_others]
    assert set(types) == {
        "m.room.power_levels", "m.room.message", "m.room.member", "m.room.redaction",
    }  # fmt: skip
    assert types.count("m.room.power_levels") == 1
