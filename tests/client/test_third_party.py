"""Third-party lookups, and invites by e-mail address."""

from __future__ import annotations

from typing import Any

import pytest

from appservice_api import (
    AppServiceAPI,
    IntentAPI,
    MatrixConnectionError,
    MatrixRequestError,
    MatrixResponseError,
    MForbidden,
    MNotFound,
    RoomAlias,
    UserID,
)
from appservice_api.testing import DROP, StubHomeserver, answer
from tests.conftest import BOT, GHOST

BASE = "/_matrix/client/v3/thirdparty"
ALICE = "@alice:hs.test"


@pytest.fixture
def ghost(api: AppServiceAPI, stub: StubHomeserver) -> IntentAPI:
    stub.add_user(GHOST)
    return api.intent(GHOST)


def test_protocols(stub: StubHomeserver, ghost: IntentAPI) -> None:
    irc = {
        "user_fields": ["network", "nick"], "location_fields": ["network", "channel"],
        "icon": "mxc://hs.test/a", "field_types": {"nick": {"regexp": ".*", "placeholder": "x"}},
        "instances": [{"desc": "Libera", "network_id": "libera", "instance_id": "irc-libera",
                       "fields": {"network": "libera"}}],
    }  # fmt: skip
    stub.script("GET", "/protocols$", answer(200, {"irc": irc, "bad": 5}), answer(200, []))
    stub.script("GET", "/protocol/irc$", answer(200, irc), answer(404, {"error": "Unknown"}))
    assert ghost.get_protocols() == {"irc": irc}
    assert ghost.get_protocols() == {}
    found = ghost.get_protocol_metadata("irc")
    assert found.user_fields == ["network", "nick"]
    assert [(one.instance_id, one.desc) for one in found.instances or ()] == [
        ("irc-libera", "Libera")
    ]
    with pytest.raises(MNotFound, match="404 M_NOT_FOUND: Unknown") as caught:
        ghost.get_protocol_metadata("irc")
    assert (caught.value.user, caught.value.path) == (GHOST, BASE + "/protocol/{protocol}")


def test_lookups(stub: StubHomeserver, ghost: IntentAPI) -> None:
    location = {"alias": "#a:hs.test", "protocol": "irc", "fields": {"channel": "#a"}}
    user = {"userid": ALICE, "protocol": "irc", "fields": {"nick": "a"}}
    stub.script("GET", "/thirdparty/location", answer(200, [location, 5]), forever=True)
    stub.script("GET", "/thirdparty/user", answer(200, [user]), forever=True)
    found = ghost.query_location_by_protocol("irc", {"network": "x", "channel": "#a b"})
    assert found == ghost.query_location_by_alias("#a:hs.test") == [location]
    assert isinstance(found[0].alias, RoomAlias)
    users = ghost.query_user_by_protocol("irc")
    assert users == ghost.query_user_by_id(ALICE) == [user]
    assert isinstance(users[0].userid, UserID)
    assert [(one.path, one.query) for one in stub.requests] == [
        (BASE + "/location/irc", {"user_id": [GHOST], "network": ["x"], "channel": ["#a b"]}),
        (BASE + "/location", {"user_id": [GHOST], "alias": ["#a:hs.test"]}),
        (BASE + "/user/irc", {"user_id": [GHOST]}),
        (BASE + "/user", {"user_id": [GHOST], "userid": [ALICE]}),
    ]


def test_lookups_that_fail(stub: StubHomeserver, ghost: IntentAPI) -> None:
    stub.script(
        "GET", "/thirdparty/user", answer(404, {"errcode": "M_NOT_FOUND", "error": "no"}),
        answer(404, "<html>"), answer(200, {}), answer(500, {"error": "no"}),
    )  # fmt: skip
    for _ in range(2):
        with pytest.raises(MNotFound):
            ghost.query_user_by_id(ALICE)
    with pytest.raises(MatrixResponseError, match="must be a list"):
        ghost.query_user_by_id(ALICE)
    with pytest.raises(MatrixRequestError, match="500: no"):
        ghost.query_user_by_id(ALICE)


@pytest.mark.parametrize("name", ["access_token", "device_id", "user_id"])
def test_no_field_says_who_speaks(name: str, stub: StubHomeserver, api: AppServiceAPI) -> None:
    with pytest.raises(ValueError, match=name):
        api.bot_intent().query_user_by_protocol("irc", {name: GHOST})
    assert stub.requests == []


def test_invites_by_address(stub: StubHomeserver, ghost: IntentAPI) -> None:
    room = stub.room(members=[BOT, GHOST])
    echo = answer(403, {"errcode": "M_FORBIDDEN", "error": "id_token is wrong"})
    stub.script("POST", "/invite$", answer(200), DROP, echo, echo)
    arguments = ("email", "a@example.org", "id.test", "id_token")
    ghost.invite_by_3pid(room, *arguments)
    assert stub.requests[-1].json == {
        "medium": "email", "address": "a@example.org", "id_server": "id.test",
        "id_access_token": "id_token",
    }  # fmt: skip
    stub.clear()
    with pytest.raises(MatrixConnectionError):
        ghost.invite_by_3pid(room, *arguments)
    assert len(stub.requests) == 1
    with pytest.raises(MForbidden) as caught:
        ghost.invite_by_3pid(room, *arguments, ensure_joined=False)
    assert "id_token" not in str(caught.value)
    bad: list[Any] = ["", None, 5]
    for value in bad:
        with pytest.raises(ValueError, match="id_access_token must be"):
            ghost.invite_by_3pid(room, "email", "a@example.org", "id.test", value)
