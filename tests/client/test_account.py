"""Accounts, administration, credentials, profile fields."""

from __future__ import annotations

from typing import Any

import pytest

from appservice_api import (
    AppServiceAPI,
    IntentAPI,
    MatrixConnectionError,
    MatrixResponseError,
    MExclusive,
    UserID,
)
from appservice_api.answers.account import (
    VersionsResponse,
    WhoamiResponse,
    WhoisResponse,
)
from appservice_api.answers.capabilities import Capabilities
from appservice_api.testing import DROP, StubHomeserver, answer
from tests.conftest import GHOST

ALICE = "@alice:hs.test"


@pytest.fixture
def ghost(api: AppServiceAPI, stub: StubHomeserver) -> IntentAPI:
    stub.add_user(GHOST)
    return api.intent(GHOST)


def test_versions_and_whoami_are_views(stub: StubHomeserver, ghost: IntentAPI) -> None:
    said = {"versions": ["v1.1", "v1.11"], "unstable_features": {"org.x": True, "org.y": False}}
    stub.script("GET", "/versions$", answer(200, said))
    versions = ghost.versions()
    assert isinstance(versions, VersionsResponse)
    assert versions == ghost.versions() == said
    assert [request.query for request in stub.requests] == [{}]  # the ghost may not exist yet
    assert [versions.supports(one) for one in ("v1.11", "v1.12", "org.x", "org.y")] == [
        True, False, True, False,
    ]  # fmt: skip
    assert not VersionsResponse({"versions": "v1.11", "unstable_features": 5}).supports("v1.11")
    whoami = ghost.whoami()
    assert isinstance(whoami, WhoamiResponse)
    assert isinstance(whoami.user_id, UserID)
    assert (whoami.user_id, whoami.device_id, whoami.is_guest) == (GHOST, None, False)


def test_user_ids_are_parsed() -> None:
    assert IntentAPI.parse_user_id("@a=b:hs.test:8448") == ("a=b", "hs.test:8448")
    with pytest.raises(ValueError, match="not a user ID"):
        IntentAPI.parse_user_id("alice")


def test_capabilities(stub: StubHomeserver, ghost: IntentAPI) -> None:
    said: dict[str, Any] = {
        "m.room_versions": {"default": "11", "available": {"11": "stable", "x": "unstable"}},
        "m.change_password": {"enabled": False},
        "m.profile_fields": {"enabled": True, "disallowed": ["org.a"]},
        "m.account_moderation": {"suspend": True},
        "org.example.more": {"a": 1},
    }
    stub.script("GET", "/capabilities$", answer(200, {"capabilities": said}), answer(200, {}))
    found = ghost.get_capabilities()
    assert found == said
    assert found.default_room_version == "11"
    assert found.has_room_version("x")
    assert not found.has_room_version("x", stable=True)
    assert found.change_password is not None
    assert found.change_password.enabled is False
    assert found.account_moderation is not None
    assert (found.account_moderation.suspend, found.account_moderation.lock) == (True, None)
    assert [found.can_set_profile_field(one) for one in ("org.a", "org.b")] == [False, True]
    with pytest.raises(MatrixResponseError, match="capabilities"):
        ghost.get_capabilities()


@pytest.mark.parametrize(
    "said, allowed",
    [
        ({}, True),
        ({"m.set_displayname": {"enabled": False}}, False),
        ({"m.profile_fields": {"enabled": False}}, False),
        ({"m.profile_fields": {}}, False),
        ({"m.profile_fields": {"enabled": True, "allowed": ["displayname"],
                               "disallowed": ["displayname"]}}, True),
        ({"m.profile_fields": {"enabled": True, "allowed": []}}, False),
    ],
)  # fmt: skip
def test_capabilities_of_the_profile(said: dict[str, Any], allowed: bool) -> None:
    assert Capabilities(said).can_set_profile_field("displayname") is allowed


def test_capabilities_that_are_not_told() -> None:
    assert Capabilities().default_room_version == "1"
    assert Capabilities().has_room_version("1", stable=True)
    assert Capabilities({"m.room_versions": 5}).default_room_version == "1"


def test_user_names(stub: StubHomeserver, ghost: IntentAPI) -> None:
    stub.script(
        "GET", "/available$", answer(200, {"available": True}),
        answer(400, {"errcode": "M_USER_IN_USE", "error": "taken"}),
        answer(400, {"errcode": "M_EXCLUSIVE", "error": "not yours"}),
    )  # fmt: skip
    assert ghost.check_username_availability("a b") is True
    request = stub.requests[-1]
    assert (request.query, request.token) == ({"username": ["a b"]}, None)
    assert ghost.check_username_availability("b") is False
    with pytest.raises(MExclusive):
        ghost.check_username_availability("c")
    for bad in ("", ALICE, 5):
        with pytest.raises(ValueError, match="localpart"):
            ghost.check_username_availability(bad)  # type: ignore[arg-type]
    assert len(stub.requests) == 3


def test_whois() -> None:
    seen = {"ip": "10.0.0.1", "last_seen": 5, "user_agent": "x"}
    found = WhoisResponse(
        {"user_id": ALICE, "devices": {"D": {"sessions": [{"connections": [seen, 5]}, "bad"]},
                                       "E": 5, "F": {"sessions": {}}}}
    )  # fmt: skip
    assert [(one.ip, one.last_seen, one.user_agent) for one in found.connections] == [
        ("10.0.0.1", 5, "x")
    ]
    assert WhoisResponse({"devices": 5}).connections == []


def test_administration(stub: StubHomeserver, ghost: IntentAPI) -> None:
    stub.script("GET", "/admin/whois/", answer(200, {"user_id": ALICE}))
    stub.script("*", "/admin/suspend/", answer(200, {"suspended": True}), forever=True)
    stub.script("*", "/admin/lock/", answer(200, {"locked": False}), forever=True)
    assert ghost.get_whois(ALICE).user_id == ALICE
    assert ghost.get_user_suspended(ALICE) is True
    assert ghost.get_user_locked(ALICE) is False
    ghost.set_user_suspended(ALICE, False)
    ghost.set_user_locked(ALICE)
    assert [(one.method, one.decoded_path, one.json) for one in stub.requests[1:]] == [
        ("GET", f"/_matrix/client/v1/admin/suspend/{ALICE}", None),
        ("GET", f"/_matrix/client/v1/admin/lock/{ALICE}", None),
        ("PUT", f"/_matrix/client/v1/admin/suspend/{ALICE}", {"suspended": False}),
        ("PUT", f"/_matrix/client/v1/admin/lock/{ALICE}", {"locked": True}),
    ]
    assert {one.user_id for one in stub.requests} == {GHOST}
    with pytest.raises(ValueError, match="True or False"):
        ghost.set_user_locked(ALICE, "false")  # type: ignore[arg-type]


def test_openid_tokens(stub: StubHomeserver, ghost: IntentAPI) -> None:
    made = {"access_token": "secret", "token_type": "Bearer", "matrix_server_name": "hs.test",
            "expires_in": 3600}  # fmt: skip
    stub.script(
        "POST", "/openid/request_token$", answer(200, made), DROP,
        answer(200, {"access_token": ["secret"]}), answer(200, '{"access_token": "secret"'),
    )  # fmt: skip
    token = ghost.request_openid_token()
    assert stub.requests[-1].decoded_path.endswith(f"/user/{GHOST}/openid/request_token")
    assert stub.requests[-1].json == {}
    assert (token.access_token, token.matrix_server_name, token.expires_in) == (
        "secret", "hs.test", 3600,
    )  # fmt: skip
    assert "'secret'" not in repr(token)
    with pytest.raises(MatrixConnectionError):
        ghost.request_openid_token()
    assert len(stub.requests) == 2
    for _ in range(2):
        with pytest.raises(MatrixResponseError) as caught:
            ghost.request_openid_token()
        assert "'secret'" not in f"{caught.value}"
        assert "secret" not in caught.value.text


def test_turn_servers(stub: StubHomeserver, ghost: IntentAPI) -> None:
    made = {"username": "u", "password": "p455", "uris": ["turn:x", 5], "ttl": 60}
    stub.script("GET", "/voip/turnServer$", answer(200, made), answer(200, {}))
    server = ghost.get_turn_server()
    assert (server.username, server.password, server.uris, server.ttl) == (
        "u", "p455", ["turn:x"], 60,
    )  # fmt: skip
    assert "p455" not in repr(server)
    assert ghost.get_turn_server().uris == []


def test_profile_fields(stub: StubHomeserver, ghost: IntentAPI) -> None:
    stub.script("*", "/profile/", answer(200), forever=True)
    ghost.beeper_update_profile({"displayname": "G", "org.x": None, "org.y": {"a": 1}})
    sent = [(one.method, one.decoded_path.rpartition("/")[2], one.json) for one in stub.requests]
    assert sent == [
        ("PUT", "displayname", {"displayname": "G"}), ("DELETE", "org.x", None),
        ("PUT", "org.y", {"org.y": {"a": 1}}),
    ]  # fmt: skip
    stub.clear()
    bad: list[Any] = [
        {"a": 1, "k" * 256: 1}, {"a": 1, "..": 1}, {"a": 1, "avatar_url": "http://x"},
        {"a": 1, "displayname": 5}, {"a": 1, "b": float("nan")}, ["a"], {"a": 1, 5: 1},
    ]  # fmt: skip
    for fields in bad:
        with pytest.raises(ValueError, match=r"must|long|isn't|not|JSON"):
            ghost.beeper_update_profile(fields)
    with pytest.raises(ValueError, match="longer than 255 bytes"):
        ghost.set_profile_field("k" * 256, 1)
    assert stub.requests == []
