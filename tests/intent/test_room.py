"""Rooms as one user sees them: the intent's methods without their first argument."""

from __future__ import annotations

import inspect
import pickle
import subprocess
import sys
from typing import Any

import pytest

from appservice_api import AppServiceAPI, IntentAPI, MForbidden, RoomAlias, RoomID, UserID
from appservice_api.intent import Room
from appservice_api.testing import StubHomeserver, answer
from tests.conftest import BOT, GHOST

_FIRST = ("room_id", "room_id_or_alias")


@pytest.fixture
def room(stub: StubHomeserver, api: AppServiceAPI) -> Room:
    stub.add_user(GHOST)
    return api.intent(GHOST).room(stub.room(members=[BOT, GHOST]))


def _verbs() -> dict[str, Any]:
    """The public methods of an intent that are about a room before all else."""
    found = {}
    for name in dir(IntentAPI):
        method = inspect.getattr_static(IntentAPI, name)
        if name.startswith("_") or name == "room" or not inspect.isfunction(method):
            continue
        parameters = list(inspect.signature(method).parameters.values())
        if len(parameters) > 1 and parameters[1].name in _FIRST:
            found[name] = method
    return found


VERBS = _verbs()


@pytest.mark.parametrize("name", VERBS)
def test_each_method_about_a_room_is_a_verb_of_it(name: str) -> None:
    verb: Any = getattr(Room, name, None)
    assert verb is not None, f"add `{name} = verb(IntentAPI.{name})` to Room"
    method = VERBS[name]
    me, _, *others = inspect.signature(method).parameters.values()
    expected = inspect.signature(method).replace(parameters=[me, *others])
    assert inspect.signature(verb) == expected
    assert verb.__name__ == name
    assert verb.__qualname__ == f"Room.{name}"
    assert verb.__wrapped__ is method
    assert verb.__doc__.splitlines()[0] == method.__doc__.splitlines()[0]
    assert "room_id: " not in verb.__doc__
    assert "room_id_or_alias: " not in verb.__doc__
    assert "Args:\n\n" not in verb.__doc__


def test_a_room_has_no_other_verbs() -> None:
    of_room = {name for name in vars(Room) if hasattr(getattr(Room, name), "__wrapped__")}
    assert of_room == set(VERBS)


def test_verbs_speak_of_the_room(stub: StubHomeserver, room: Room) -> None:
    event_id = room.send_text("hi", "<b>hi</b>", txn_id="t1", timestamp=5)
    sent = stub.requests[-1]
    assert sent.decoded_path.endswith(
        f"/rooms/{room.room_id}/send/m.room.message/t1.fcca050c7be17ca8"
    )
    assert (sent.user_id, sent.query["ts"]) == (GHOST, ["5"])
    assert sent.json["formatted_body"] == "<b>hi</b>"
    room.reply(event_id, text="yes")
    assert stub.requests[-1].json["m.relates_to"] == {"m.in_reply_to": {"event_id": event_id}}
    room.set_typing(1000)
    assert stub.requests[-1].json == {"typing": True, "timeout": 1000}
    assert room.join_room(["hs.test"]) == room.room_id
    assert stub.requests[-1].decoded_path.endswith(f"/join/{room.room_id}")
    assert room.ensure_joined() is False
    with pytest.raises(TypeError, match="unknown option"):
        room.send_text("hi", nonsense=1)  # type: ignore[call-arg]


def test_an_intent_of_another_kind_has_its_own_verbs(api: AppServiceAPI) -> None:
    class Loud(IntentAPI):
        __slots__ = ()

        def send_text(self, room_id: str, text: Any = None, *args: Any, **kwargs: Any) -> Any:
            return f"{text}!"

    assert Loud(api).room("!r").send_text("hi") == "hi!"


STATE = {
    "m.room.name": {"name": "Tea"},
    "m.room.topic": {"topic": "Talk"},
    "m.room.canonical_alias": {"alias": "#tea:hs.test"},
    "m.room.power_levels": {"users": {BOT: 100}},
    "m.room.create": {"room_version": "11"},
    "m.room.encryption": {"algorithm": "m.megolm.v1.aes-sha2"},
}


def _read(room: Room) -> tuple[Any, ...]:
    return (
        room.name, room.topic, room.alias, room.power_levels, room.version, room.is_encrypted,
    )  # fmt: skip


def test_properties_read_the_state(stub: StubHomeserver, room: Room) -> None:
    for event_type, content in STATE.items():
        stub.script("GET", f"/state/{event_type}/", answer(200, content))
    before = len(stub.requests)
    assert _read(room) == ("Tea", "Talk", "#tea:hs.test", {"users": {BOT: 100}}, "11", True)
    paths = [request.decoded_path for request in stub.requests[before:]]
    assert [path.rpartition("/state/")[2].rstrip("/") for path in paths] == [
        "m.room.name", "m.room.topic", "m.room.canonical_alias", "m.room.power_levels",
        "m.room.create", "m.room.encryption",
    ]  # fmt: skip
    room.intent.api.state_store.update_state(
        {"room_id": room.room_id, "type": "m.room.encryption", "state_key": "",
         "content": STATE["m.room.encryption"]}
    )  # fmt: skip
    assert room.is_encrypted is True
    assert len(stub.requests) == before + 6


def test_an_alias_is_an_alias(stub: StubHomeserver, room: Room) -> None:
    stub.script("GET", "/state/m.room.canonical_alias/", answer(200, {"alias": "#tea:hs.test"}))
    assert type(room.alias) is RoomAlias


def test_state_that_is_missing(stub: StubHomeserver, room: Room) -> None:
    missing = answer(404, {"errcode": "M_NOT_FOUND", "error": "no such state"})
    stub.script("GET", "/state/", missing, forever=True)
    assert _read(room) == (None, None, None, {}, None, False)


def test_state_that_is_malformed(stub: StubHomeserver, room: Room) -> None:
    for event_type in STATE:
        broken = {"name": 5, "topic": "", "alias": ["x"], "room_version": None}
        stub.script("GET", f"/state/{event_type}/", answer(200, broken))
    assert (room.name, room.topic, room.alias, room.version) == (None, None, None, "1")


def test_state_that_may_not_be_seen_is_an_error(stub: StubHomeserver, room: Room) -> None:
    refusal = answer(403, {"errcode": "M_FORBIDDEN", "error": "not yours"})
    stub.script("GET", "/state/", refusal, forever=True)
    with pytest.raises(MForbidden):
        _ = room.name


def test_members(stub: StubHomeserver, room: Room) -> None:
    joined = {GHOST: {"display_name": "Ghost", "avatar_url": None}, BOT: {}}
    stub.script("GET", "/joined_members", answer(200, {"joined": joined}))
    members = room.members
    assert members == {GHOST: {"displayname": "Ghost"}, BOT: {}}
    assert {type(user) for user in members} == {UserID}


def test_two_of_the_same_are_equal(api: AppServiceAPI) -> None:
    ghost = api.intent(GHOST)
    room = ghost.room("!r:hs.test")
    assert type(room.room_id) is RoomID
    assert room == ghost.room("!r:hs.test")
    assert hash(room) == hash(ghost.room("!r:hs.test"))
    assert room != ghost.room("!other:hs.test")
    assert room != api.bot_intent().room("!r:hs.test")
    assert room != "!r:hs.test"
    assert repr(room) == f"<Room !r:hs.test as {GHOST}>"
    assert not hasattr(room, "__dict__")
    with pytest.raises(ValueError, match="resolve the alias first"):
        ghost.room("#tea:hs.test")
    with pytest.raises(TypeError, match="can't be pickled"):
        pickle.dumps(room)


def test_verbs_are_made_when_they_are_used() -> None:
    code = (
        "import appservice_api as a\n"
        "print(type(vars(a.Room)['send_text']).__name__, a.Room.send_text.__name__, "
        "type(vars(a.Room)['send_text']).__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "_Verb send_text function"
