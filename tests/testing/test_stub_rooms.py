"""The stub homeserver's default behaviour, where no real homeserver is compared with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from appservice_api.testing import StubHomeserver

BOT = "@bot:hs.test"
GHOST = "@_g:hs.test"


class Client:
    """Speaks raw requests; returns (status, body)."""

    def __init__(self, stub: StubHomeserver) -> None:
        self.stub = stub
        self.session = requests.Session()
        self.session.trust_env = False

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        user: str | None = None,
        token: str | None = "as_token",
        **query: Any,
    ) -> tuple[int, Any]:
        if user:
            query["user_id"] = user
        if not path.startswith("/_matrix"):
            path = f"/_matrix/client/v3/{path}"
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        reply = self.session.request(
            method, self.stub.base_url + path, json=body, params=query, headers=headers, timeout=10
        )
        return reply.status_code, reply.json()

    def errcode(self, *args: Any, **kwargs: Any) -> tuple[int, str | None]:
        status, body = self(*args, **kwargs)
        return status, body.get("errcode")


@pytest.fixture
def ask(stub: StubHomeserver) -> Iterator[Client]:
    client = Client(stub)
    yield client
    client.session.close()


def register(ask: Client, name: str) -> tuple[int, Any]:
    body = {"type": "m.login.application_service", "username": name, "inhibit_login": True}
    return ask("POST", "register", body)


def test_tokens(ask: Client, stub: StubHomeserver) -> None:
    assert ask.errcode("GET", "account/whoami", token=None) == (401, "M_MISSING_TOKEN")
    assert ask.errcode("GET", "account/whoami", token="no") == (401, "M_UNKNOWN_TOKEN")
    stub.add_user_token("dora_token", "@dora:hs.test")
    whoami = ask("GET", "account/whoami", user=GHOST, token="dora_token")
    assert whoami[1]["user_id"] == "@dora:hs.test"


def test_versions_need_no_token(ask: Client) -> None:
    assert "v1.11" in ask("GET", "/_matrix/client/versions", token=None)[1]["versions"]


def test_a_ghost_must_be_registered_and_in_the_namespace(ask: Client, stub: StubHomeserver) -> None:
    status, body = ask("GET", "account/whoami", user=GHOST)
    assert (status, body["errcode"]) == (403, "M_FORBIDDEN")
    assert body["error"] == f"Application service has not registered this user ({GHOST})"
    assert ask.errcode("GET", "account/whoami", user="@eve:hs.test") == (403, "M_FORBIDDEN")
    assert register(ask, "_g") == (200, {"user_id": GHOST, "home_server": "hs.test"})
    assert ask("GET", "account/whoami", user=GHOST)[1]["user_id"] == GHOST
    assert stub.registered == {GHOST}


def test_registering_twice_or_elsewhere(ask: Client) -> None:
    register(ask, "_g")
    assert register(ask, "_g")[1]["errcode"] == "M_USER_IN_USE"
    assert register(ask, "eve")[1]["errcode"] == "M_EXCLUSIVE"
    assert ask.errcode("POST", "register", {"username": "_x"}) == (400, "M_UNKNOWN")


def test_a_registration_with_login_gives_a_token(ask: Client) -> None:
    body = {"type": "m.login.application_service", "username": "_g"}
    token = ask("POST", "register", body)[1]["access_token"]
    assert ask("GET", "account/whoami", token=token)[1]["user_id"] == GHOST


def test_devices(ask: Client) -> None:
    unknown = ask.errcode("GET", "account/whoami", user=BOT, device_id="D")
    assert unknown == (400, "M_UNKNOWN_DEVICE")
    assert ask("PUT", "devices/D", {})[0] == 201
    assert ask("PUT", "devices/D", {})[0] == 200
    assert ask("GET", "account/whoami", user=BOT, device_id="D")[0] == 200
    assert ask.errcode("GET", "account/whoami", device_id="D") == (500, "M_UNKNOWN")


def test_a_room_and_its_members(ask: Client, stub: StubHomeserver) -> None:
    register(ask, "_g")
    room = ask("POST", "createRoom", {"invite": [GHOST], "name": "N"})[1]["room_id"]
    assert stub.membership(room, BOT) == "join"
    assert stub.membership(room, GHOST) == "invite"
    assert ask("POST", f"join/{room}", user=GHOST) == (200, {"room_id": room})
    assert set(ask("GET", f"rooms/{room}/joined_members")[1]["joined"]) == {BOT, GHOST}
    assert ask("GET", "joined_rooms", user=GHOST)[1] == {"joined_rooms": [room]}
    assert ask("GET", f"rooms/{room}/state/m.room.name")[1] == {"name": "N"}


def test_an_alias(ask: Client, stub: StubHomeserver) -> None:
    register(ask, "_g")
    body = {"preset": "public_chat", "room_alias_name": "_a"}
    room = ask("POST", "createRoom", body)[1]["room_id"]
    assert ask("POST", "join/%23_a:hs.test", user=GHOST) == (200, {"room_id": room})
    assert ask.errcode("POST", "join/%23_b:hs.test") == (404, "M_NOT_FOUND")
    assert ask("GET", "directory/room/%23_a:hs.test")[1]["room_id"] == room
    assert ask.errcode("POST", "createRoom", body) == (400, "M_ROOM_IN_USE")


def test_a_transaction_id_is_shared_by_all_ghosts_and_compared_raw(
    ask: Client, stub: StubHomeserver
) -> None:
    stub.add_user(GHOST)
    room = stub.room(members=[BOT, GHOST])
    path = f"rooms/{room}/send/m.room.message/T!"
    first = ask("PUT", path, {"body": "a"})
    assert ask("PUT", path, {"body": "b"}, user=GHOST) == first
    assert ask("PUT", f"rooms/{room}/send/m.room.message/T%21", {"body": "c"})[1] != first[1]
    bodies = [event["content"].get("body") for event in stub.events(room)]
    assert "a" in bodies
    assert "b" not in bodies


def test_a_refused_send_can_be_repeated(ask: Client, stub: StubHomeserver) -> None:
    room = stub.room(public=True)
    path = f"rooms/{room}/send/m.room.message/T"
    assert ask.errcode("PUT", path, {}) == (403, "M_FORBIDDEN")
    ask("POST", f"join/{room}")
    assert ask("PUT", path, {})[0] == 200


def test_the_timestamp_is_the_application_services_to_choose(
    ask: Client, stub: StubHomeserver
) -> None:
    stub.add_user_token("dora_token", "@dora:hs.test")
    room = stub.room(members=[BOT, "@dora:hs.test"])
    path = f"rooms/{room}/send/m.room.message/T"
    ask("PUT", path, {}, ts=5)
    ask("PUT", path, {}, ts=6, token="dora_token")
    times = [event["origin_server_ts"] for event in stub.events(room)[-2:]]
    assert times[0] == 5
    assert times[1] > 10**12


def test_state(ask: Client, stub: StubHomeserver) -> None:
    room = stub.room(members=[BOT])
    event_id = ask("PUT", f"rooms/{room}/state/m.x/key", {"a": 1}, ts=7)[1]["event_id"]
    assert ask("PUT", f"rooms/{room}/state/m.x/key", {"a": 1})[1]["event_id"] == event_id
    assert ask("GET", f"rooms/{room}/state/m.x/key")[1] == {"a": 1}
    event = ask("GET", f"rooms/{room}/state/m.x/key", format="event")[1]
    assert (event["event_id"], event["state_key"]) == (event_id, "key")
    assert event["origin_server_ts"] == 7
    assert ask.errcode("GET", f"rooms/{room}/state/m.x/") == (404, "M_NOT_FOUND")
    assert event in ask("GET", f"rooms/{room}/state")[1]


def test_messages_in_pages(ask: Client, stub: StubHomeserver) -> None:
    room = stub.room(members=[BOT])
    for number in range(5):
        ask("PUT", f"rooms/{room}/send/m.x/{number}", {"n": number})
    whole = [event["event_id"] for event in stub.events(room)]
    for direction, expected in (("f", whole), ("b", whole[::-1])):
        seen: list[str] = []
        query: dict[str, str] = {}
        while True:
            page = ask("GET", f"rooms/{room}/messages", dir=direction, limit=3, **query)[1]
            seen += [event["event_id"] for event in page["chunk"]]
            if "end" not in page:
                break
            query = {"from": page["end"]}
        assert seen == expected


def test_a_redaction_empties_its_target(ask: Client, stub: StubHomeserver) -> None:
    room = stub.room(members=[BOT])
    target = ask("PUT", f"rooms/{room}/send/m.x/1", {"n": 1})[1]["event_id"]
    reply = ask("PUT", f"rooms/{room}/redact/{target}/2", {"reason": "r"})
    assert ask("PUT", f"rooms/{room}/redact/{target}/2", {"reason": "r"}) == reply
    event = ask("GET", f"rooms/{room}/event/{target}")[1]
    assert event["content"] == {}
    assert event["unsigned"]["redacted_because"]["content"] == {"reason": "r"}


def test_profiles(ask: Client, stub: StubHomeserver) -> None:
    register(ask, "_g")
    path = f"profile/{GHOST}/displayname"
    assert ask("PUT", path, {"displayname": "G"}, user=GHOST) == (200, {})
    assert ask("GET", path)[1] == {"displayname": "G"}
    assert ask("GET", f"profile/{GHOST}")[1] == {"displayname": "G"}
    room = stub.room(public=True)
    ask("POST", f"join/{room}", user=GHOST)
    members = ask("GET", f"rooms/{room}/joined_members", user=GHOST)[1]["joined"]
    assert members[GHOST] == {"display_name": "G", "avatar_url": None}


def test_small_things(ask: Client, stub: StubHomeserver) -> None:
    room = stub.room(members=[BOT])
    assert ask("PUT", f"rooms/{room}/typing/{BOT}", {"typing": True}) == (200, {})
    assert ask("POST", f"rooms/{room}/read_markers", {}) == (200, {})
    assert ask("POST", f"rooms/{room}/receipt/m.read/$e", {}) == (200, {})
    ping = ask("POST", "/_matrix/client/v1/appservice/x/ping", {})
    assert ping == (200, {"duration_ms": 3})
    assert ask.errcode("GET", "nothing/here") == (404, "M_UNRECOGNIZED")


def test_events_are_copies(stub: StubHomeserver) -> None:
    room = stub.room()
    stub.events(room)[0]["content"]["creator"] = "changed"
    assert stub.events(room)[0]["content"]["creator"] == "@owner:hs.test"
    assert stub.events("!none:hs.test") == []
    assert stub.membership("!none:hs.test", BOT) is None
