"""What the stub homeserver keeps, seen through the client."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from appservice_api import AppServiceAPI, IntentAPI, MatrixRequestError, MNotFound
from appservice_api.testing import StubHomeserver
from appservice_api.testing.memory import Media
from tests.conftest import BOT, GHOST

USER = "@_user:hs.test"


@pytest.fixture
def room(stub: StubHomeserver) -> str:
    stub.add_user(GHOST)
    stub.add_user(USER)
    return stub.room(members=[BOT, GHOST])


@pytest.fixture
def ghost(api: AppServiceAPI) -> IntentAPI:
    return api.intent(GHOST)


def test_account_data_and_tags(ghost: IntentAPI, room: str) -> None:
    ghost.set_account_data("m.x", {"a": 1})
    ghost.set_account_data("m.x", {"b": 1}, room)
    assert ghost.get_account_data("m.x") == {"a": 1}
    assert ghost.get_account_data("m.x", room) == {"b": 1}
    event_id = ghost.send_text(room, "hi")
    ghost.mark_read(room, event_id)
    assert ghost.get_account_data("m.fully_read", room) == {"event_id": event_id}
    ghost.set_room_tag(room, "u.work", {"order": 0.5})
    assert ghost.get_room_tags(room).tags == {"u.work": {"order": 0.5}}
    ghost.remove_room_tag(room, "u.work")
    assert ghost.get_room_tags(room).tags == {}


def test_receipts_are_kept(stub: StubHomeserver, ghost: IntentAPI, room: str) -> None:
    event_id = ghost.send_text(room, "hi")
    ghost.send_receipt(room, event_id)
    assert stub.memory.receipts == {(room, GHOST, "m.read"): event_id}


def test_devices_and_what_is_sent_to_them(
    stub: StubHomeserver, ghost: IntentAPI, room: str
) -> None:
    ghost.update_device("D", "Desk")
    ghost.update_device("E")
    ghost.update_device("D")
    assert [(one["device_id"], one["display_name"]) for one in ghost.get_devices()] == [
        ("D", "Desk"), ("E", None),
    ]  # fmt: skip
    assert ghost.get_device("D")["display_name"] == "Desk"
    ghost.send_to_device("m.x", {GHOST: {"*": {"a": 1}}, USER: {"NONE": {}}}, "txn")
    ghost.send_to_device("m.x", {GHOST: {"*": {"a": 1}}, USER: {"NONE": {}}}, "txn")
    event = {"sender": GHOST, "type": "m.x", "content": {"a": 1}}
    assert stub.memory.to_device == {(GHOST, "D"): [event], (GHOST, "E"): [event]}
    ghost.delete_device("D")
    ghost.delete_devices(["E"])
    assert ghost.get_devices() == []


def test_profile_and_presence(stub: StubHomeserver, ghost: IntentAPI, room: str) -> None:
    ghost.set_displayname("Ghost")
    assert stub.events(room)[-1]["content"] == {"membership": "join", "displayname": "Ghost"}
    ghost.set_profile_field("m.tz", "Europe/Berlin")
    assert ghost.get_profile(GHOST) == {"displayname": "Ghost", "m.tz": "Europe/Berlin"}
    ghost.delete_profile_field("m.tz")
    assert ghost.get_profile(GHOST) == {"displayname": "Ghost"}
    ghost.set_presence("unavailable", "tea")
    assert ghost.get_presence(GHOST) == {"presence": "unavailable", "status_msg": "tea"}


def test_aliases_and_the_directory(
    stub: StubHomeserver, api: AppServiceAPI, ghost: IntentAPI, room: str
) -> None:
    bot = api.bot_intent()
    ghost.add_room_alias(room, "tea")
    assert ghost.get_room_aliases(room) == ["#tea:hs.test"]
    assert ghost.resolve_room_alias("#tea:hs.test")["room_id"] == room
    ghost.remove_room_alias("tea")
    assert ghost.get_room_aliases(room) == []
    bot.send_state_event(room, "m.room.name", {"name": "Tea"})
    bot.set_room_directory_visibility(room, "public")
    assert bot.get_room_directory_visibility(room) == "public"
    other = stub.room(public=True)
    ghost.set_appservice_room_directory_visibility("irc", other, "public")

    def listed(**filters: Any) -> list[str]:
        return [one["room_id"] for one in bot.get_room_directory(**filters)["chunk"]]

    assert listed() == [room]
    assert listed(third_party_instance_id="irc") == [other]
    assert listed(include_all_networks=True) == [room, other]
    assert listed(search_query="TEA") == [room]
    assert listed(search_query="coffee") == []
    page = bot.get_room_directory(limit=1, include_all_networks=True)
    assert page["chunk"][0]["name"] == "Tea"
    assert listed(limit=1, since=page["next_batch"], include_all_networks=True) == [other]


def test_members(ghost: IntentAPI, room: str) -> None:
    before = ghost.get_messages(room, limit=1)["start"]
    ghost.bot.invite_user(room, USER)

    def members(**filters: Any) -> set[str]:
        return {event["state_key"] for event in ghost.get_members(room, **filters)}

    assert members() == {"@owner:hs.test", BOT, GHOST, USER}
    assert members(membership="invite") == {USER}
    assert members(not_membership="invite") == {"@owner:hs.test", BOT, GHOST}
    assert members(at=before) == {"@owner:hs.test", BOT, GHOST}


def test_context(ghost: IntentAPI, room: str) -> None:
    first, second, third = (ghost.send_text(room, text) for text in ("a", "b", "c"))
    found = ghost.get_event_context(room, second, limit=2)
    assert found["event"]["event_id"] == second
    assert [one["event_id"] for one in found["events_before"]] == [first]
    assert [one["event_id"] for one in found["events_after"]] == [third]
    page = ghost.get_messages(room, "f", found["end"])
    assert page["chunk"] == []


def test_relations_in_pages(ghost: IntentAPI, room: str) -> None:
    parent = ghost.send_text(room, "hi")
    reactions = [ghost.react(room, parent, key) for key in "xyz"]
    edit = ghost.edit(room, parent, "hello")
    path = f"/_matrix/client/v1/rooms/{room}/relations/{parent}"

    def children(path: str, **query: Any) -> list[str]:
        found: list[str] = []
        while True:
            page = ghost.api.request("GET", path, query_params=query)
            found += [event["event_id"] for event in page["chunk"]]
            if "next_batch" not in page:
                return found
            query["from"] = page["next_batch"]

    for limit in (1, 2, 9):
        assert children(path, limit=limit) == [edit, *reversed(reactions)]
        assert children(path, limit=limit, dir="f") == [*reactions, edit]
    assert children(f"{path}/m.replace") == [edit]
    assert children(f"{path}/m.annotation/m.reaction", dir="f") == reactions
    assert children(f"{path}/m.annotation/m.room.message") == []
    with pytest.raises(MatrixRequestError, match="M_DUPLICATE_ANNOTATION"):
        ghost.react(room, parent, "x")


def test_a_redaction_sent_as_an_event(stub: StubHomeserver, ghost: IntentAPI, room: str) -> None:
    event_id = ghost.send_text(room, "hi")
    ghost.redact(room, event_id, timestamp=5)
    [message] = [event for event in stub.events(room) if event["event_id"] == event_id]
    assert message["content"] == {}
    assert message["unsigned"]["redacted_because"]["origin_server_ts"] == 5
    member = next(e for e in stub.events(room) if e.get("state_key") == GHOST)
    ghost.bot.redact(room, member["event_id"])
    assert stub.membership(room, GHOST) == "join"


def test_knocking_and_forgetting(stub: StubHomeserver, ghost: IntentAPI) -> None:
    stub.add_user(GHOST)
    room = stub.room()
    stub.memory.rooms[room].content("m.room.join_rules")["join_rule"] = "knock"
    ghost.knock_room(room, "please")
    assert stub.membership(room, GHOST) == "knock"
    ghost.leave_room(room)
    ghost.forget_room(room)


def test_an_upgrade(stub: StubHomeserver, api: AppServiceAPI, room: str) -> None:
    bot = api.bot_intent()
    bot.send_state_event(room, "m.room.name", {"name": "Tea"})
    bot.add_room_alias(room, "tea")
    new = bot.upgrade_room(room, "12")
    assert bot.get_state_event(room, "m.room.tombstone")["replacement_room"] == new
    create = bot.get_state_event(new, "m.room.create")
    assert (create["room_version"], create["predecessor"]["room_id"]) == ("12", room)
    assert bot.get_state_event(new, "m.room.name") == {"name": "Tea"}
    assert bot.resolve_room_alias("#tea:hs.test")["room_id"] == new


def test_media(stub: StubHomeserver, ghost: IntentAPI, room: str) -> None:
    def get(path: str, **query: str) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            session.headers["Authorization"] = "Bearer as_token"
            return session.get(f"{stub.base_url}/_matrix/{path}", params=query, timeout=10)

    uri = ghost.upload_media(b"picture", "image/png", "a dot.png")
    assert stub.memory.media[uri] == Media(GHOST, b"picture", "image/png", "a dot.png")
    found = get(f"client/v1/media/download/{uri[6:]}")
    assert (found.content, found.headers["Content-Type"]) == (b"picture", "image/png")
    assert found.headers["Content-Disposition"] == "inline; filename*=utf-8''a%20dot.png"
    small = get(f"client/v1/media/thumbnail/{uri[6:]}", width="32", height="32")
    assert (small.content, small.headers["Content-Disposition"]) == (b"picture", "inline")
    assert get(f"media/v3/download/{uri[6:]}").status_code == 404
    stub.memory.media[uri].authenticated = False
    assert get(f"media/v3/download/{uri[6:]}").content == b"picture"
    assert get(f"media/v3/thumbnail/{uri[6:]}", width="1", height="1").content == b"picture"
    stub.memory.upload_size = 3
    assert get("client/v1/media/config").json() == {"m.upload.size": 3}
    with pytest.raises(MatrixRequestError, match="M_TOO_LARGE"):
        ghost.upload_media(b"picture")


def test_what_is_not_there(ghost: IntentAPI, room: str) -> None:
    with pytest.raises(MNotFound):
        ghost.get_account_data("m.x")
    with pytest.raises(MNotFound):
        ghost.get_device("D")
    with pytest.raises(MNotFound):
        ghost.resolve_room_alias("#none:hs.test")
    with pytest.raises(MNotFound):
        ghost.get_event_context(room, "$none")
