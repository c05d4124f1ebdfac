"""Queries: what the homeserver asks, and what is made for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from appservice_api.application import AppService
from appservice_api.receiver import Response
from appservice_api.testing import StubHomeserver, answer

from .conftest import ALICE, GHOST, Pusher

USER = f"/_matrix/app/v1/users/{GHOST}"
ALIAS = "/_matrix/app/v1/rooms/%23_irc_%C3%A9:hs.test"
THIRD_PARTY = "/_matrix/app/v1/thirdparty"


def test_without_handlers_there_is_nobody(pusher: Pusher) -> None:
    for path in (USER, ALIAS, f"{THIRD_PARTY}/protocol/irc", f"{THIRD_PARTY}/user?userid=x"):
        answer = pusher.ask("GET", path.partition("?")[0])
        assert (answer.status, b"M_NOT_FOUND" in answer.data) == (404, True)
    for which in ("org.matrix.msc3983/keys/claim", "org.matrix.msc3984/keys/query"):
        answer = pusher.ask("POST", f"/_matrix/app/unstable/{which}", {})
        assert (answer.status, b"M_UNRECOGNIZED" in answer.data) == (404, True)


@pytest.mark.parametrize("said, status", [(None, 404), (False, 404), (True, 200)])
@pytest.mark.parametrize("path", [USER, ALIAS])
def test_yes_and_no(
    app: AppService, pusher: Pusher, stub: StubHomeserver, path: str, said: Any, status: int
) -> None:
    app.on_user_query(lambda: said)
    app.on_alias_query(lambda: said)
    assert pusher.ask("GET", path).status == status
    assert stub.requests == []


def test_a_profile_makes_a_ghost(app: AppService, pusher: Pusher, stub: StubHomeserver) -> None:
    asked: list[Any] = []

    @app.on_user_query
    def bob(user_id: str, ghost: Any) -> Any:
        asked.append((user_id, ghost.mxid))
        return {"displayname": "Bob", "avatar_url": "mxc://hs.test/bob"}

    assert pusher.ask("GET", USER).data == b"{}"
    assert asked == [(GHOST, GHOST)]
    assert app.state_store.is_registered(GHOST)
    ghost = app.api.intent(GHOST)
    assert ghost.get_displayname(GHOST) == "Bob"
    assert ghost.get_avatar_url(GHOST) == "mxc://hs.test/bob"


def test_what_is_asked_about_has_parts(app: AppService, pusher: Pusher) -> None:
    """As README annotates it: a handler reads the localpart."""
    asked: list[str] = []
    app.on_user_query(lambda user_id: asked.append(user_id.localpart))
    app.on_alias_query(lambda alias: asked.append(alias.localpart))
    assert {pusher.ask("GET", path).status for path in (USER, ALIAS)} == {404}
    assert asked == ["_irc_bob", "_irc_é"]


def test_an_empty_profile_registers(app: AppService, pusher: Pusher) -> None:
    app.on_user_query(lambda user_id: {})
    assert pusher.ask("GET", USER).status == 200
    assert app.state_store.is_registered(GHOST)


def test_others_arent_asked_for(app: AppService, pusher: Pusher) -> None:
    app.on_user_query(lambda: True)
    app.on_alias_query(lambda: True)
    for path in (f"/users/{ALICE}", "/users/x", "/users/@_irc_x", "/rooms/%23x:hs.test"):
        assert pusher.ask("GET", path).status == 404


def test_arguments_make_a_room(app: AppService, pusher: Pusher, stub: StubHomeserver) -> None:
    @app.on_alias_query
    def room(alias: str) -> Any:
        return {"name": alias, "preset": "public_chat"}

    assert pusher.ask("GET", ALIAS).status == 200
    sent = stub.requests[-1]
    assert sent.path == "/_matrix/client/v3/createRoom"
    assert sent.json["room_alias_name"] == "_irc_é"
    assert (sent.json["name"], sent.json["preset"]) == ("#_irc_é:hs.test", "public_chat")


def test_a_query_that_fails_is_an_error(app: AppService, pusher: Pusher) -> None:
    errors: list[Any] = []
    app.on_error(lambda error, event: errors.append((str(error), event)))
    app.on_user_query(lambda: {"name": "Bob"})
    answer = pusher.ask("GET", USER)
    assert (answer.status, b"M_UNKNOWN" in answer.data) == (500, True)
    assert errors == [("the result of a user query can't have name", None)]


def test_protocols_are_described(app: AppService, pusher: Pusher) -> None:
    app.on_protocol("irc")(lambda protocol: {"user_fields": [protocol], "x": 1})
    for base in (THIRD_PARTY, "/_matrix/app/unstable/thirdparty"):
        answer = pusher.ask("GET", f"{base}/protocol/irc")
        assert answer.body == {
            "user_fields": ["irc"], "location_fields": [], "icon": "", "field_types": {},
            "instances": [], "x": 1,
        }  # fmt: skip
    assert pusher.ask("GET", f"{THIRD_PARTY}/protocol/xmpp").status == 404


def test_users_and_locations_are_found(app: AppService, pusher: Pusher) -> None:
    asked: list[Any] = []

    @app.on_user("irc")
    def user(protocol: Any, fields: Any, user_id: Any) -> Any:
        asked.append((protocol, fields, user_id))
        return [{"userid": GHOST, "protocol": "irc", "fields": {}}]

    @app.on_location()
    def location(protocol: Any, fields: Any, alias: Any) -> Any:
        asked.append((protocol, fields, alias))
        return [] if fields is None else None

    answer = pusher.ask("GET", f"{THIRD_PARTY}/user/irc", query="network=x&nick=y+%C3%A9")
    assert answer.body == [{"userid": GHOST, "protocol": "irc", "fields": {}}]
    assert pusher.ask("GET", f"{THIRD_PARTY}/user/xmpp").status == 404
    assert pusher.ask("GET", f"{THIRD_PARTY}/user", query=f"userid={GHOST}").status == 200
    assert pusher.ask("GET", f"{THIRD_PARTY}/location/irc", query="channel=c").status == 404
    assert pusher.ask("GET", f"{THIRD_PARTY}/location", query="alias=%23a:b").body == []
    assert asked == [
        ("irc", {"network": "x", "nick": "y é"}, None), (None, None, GHOST),
        ("irc", {"channel": "c"}, None), (None, None, "#a:b"),
    ]  # fmt: skip


def test_keys_are_given_out(app: AppService, pusher: Pusher) -> None:
    app.on_keys_claim(lambda content: {"one_time_keys": content})
    app.on_keys_query(lambda content: {"device_keys": content})
    base = "/_matrix/app/unstable/org.matrix"
    assert pusher.ask("POST", f"{base}.msc3983/keys/claim", {"a": 1}).body == {
        "one_time_keys": {"a": 1}
    }
    assert pusher.ask("POST", f"{base}.msc3984/keys/query", {}).body == {"device_keys": {}}


def together(count: int, ask: Callable[[], Response]) -> list[int]:
    """What several ask at the same time is answered with."""
    with ThreadPoolExecutor(count) as threads:
        return [one.result(30).status for one in [threads.submit(ask) for _ in range(count)]]


@pytest.mark.parametrize("path", [USER, ALIAS])
@pytest.mark.parametrize("said", [True, {}, None])
def test_what_several_want_at_once_is_made_once(
    app: AppService, pusher: Pusher, stub: StubHomeserver, path: str, said: Any
) -> None:
    """The homeserver asks for each of the people who want it."""
    asked: list[int] = []
    alone = threading.Event()

    def make() -> Any:
        asked.append(1)
        # Until the others have come, too.
        while not alone.is_set() and app.receiver._at_work < 4:
            time.sleep(0.001)
        alone.wait(0.1)
        return said

    app.on_user_query(make)
    app.on_alias_query(make)

    def ask() -> Response:
        return pusher.ask("GET", path)

    assert together(4, ask) == [404 if said is None else 200] * 4
    assert len(asked) == 1
    assert len(stub.calls("POST")) == (said == {})
    # It isn't remembered: what was removed meanwhile is made again.
    alone.set()
    ask()
    assert len(asked) == 2


@pytest.mark.parametrize("refused", [
    answer(400, {"errcode": "M_ROOM_IN_USE", "error": "Room alias already taken"}),
    answer(409, {"errcode": "M_UNKNOWN", "error": "Room alias already exists"}),
])  # fmt: skip
@pytest.mark.parametrize("by_handler", [True, False])
def test_a_room_that_another_process_makes_is_there(
    app: AppService, pusher: Pusher, stub: StubHomeserver, refused: Any, by_handler: bool
) -> None:
    stub.script("POST", "/createRoom", refused)

    @app.on_alias_query
    def room(alias: str) -> Any:
        if not by_handler:
            return {"preset": "public_chat"}
        app.bot.create_room("_irc_é", preset="public_chat")
        return True

    assert pusher.ask("GET", ALIAS).status == 200


def test_a_room_that_cant_be_made_is_an_error(
    app: AppService, pusher: Pusher, stub: StubHomeserver
) -> None:
    stub.script("POST", "/createRoom", answer(403, {"errcode": "M_FORBIDDEN", "error": "no"}))
    app.on_alias_query(lambda alias: {})
    assert pusher.ask("GET", ALIAS).status == 500


def test_a_ghost_that_another_process_has_registered_is_there(
    app: AppService, pusher: Pusher, stub: StubHomeserver
) -> None:
    stub.add_user(GHOST)
    app.on_user_query(lambda user_id: {"displayname": "Bob"})
    assert pusher.ask("GET", USER).status == 200
    assert stub.memory.profiles[GHOST] == {"displayname": "Bob"}
