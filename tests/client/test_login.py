"""Logging in and out: what is sent by whom, and that no secret shows up anywhere."""

from __future__ import annotations

import logging
import pickle
from typing import Any

import pytest

from appservice_api import (
    AppServiceAPI,
    IntentAPI,
    MatrixConnectionError,
    MatrixRequestError,
    MatrixResponseError,
    MForbidden,
    MLimitExceeded,
    MUnknownToken,
)
from appservice_api.errors import MatrixInteractiveAuthError
from appservice_api.testing import DROP, StubHomeserver, answer
from tests.conftest import GHOST

ALICE = "@alice:hs.test"
TOKEN = "token_of_alice"
LOGGED_IN = answer(
    200,
    {
        "user_id": ALICE, "access_token": TOKEN, "device_id": "D", "refresh_token": "refresh",
        "well_known": {"m.homeserver": {"base_url": "https://hs.test/"}},
    },
)  # fmt: skip


@pytest.fixture
def bot(api: AppServiceAPI) -> IntentAPI:
    return api.bot_intent()


@pytest.fixture
def alice(api: AppServiceAPI, stub: StubHomeserver) -> IntentAPI:
    stub.add_user_token(TOKEN, ALICE)
    return api.intent(ALICE, token=TOKEN)


def test_a_password_is_shown_to_nobody_else(stub: StubHomeserver, bot: IntentAPI) -> None:
    stub.script("POST", "/login$", LOGGED_IN)
    login = bot.login(ALICE, device_name="Script", device_id="D", password="s3cret")
    request = stub.requests[-1]
    assert (request.token, request.user_id, request.query) == (None, None, {})
    assert request.json == {
        "type": "m.login.password", "identifier": {"type": "m.id.user", "user": ALICE},
        "password": "s3cret", "device_id": "D", "initial_device_display_name": "Script",
    }  # fmt: skip
    assert (login.user_id, login.access_token, login.device_id) == (ALICE, TOKEN, "D")
    assert login["access_token"] == login.serialize()["access_token"] == TOKEN
    assert login.base_url == "https://hs.test"
    for shown in (repr(login), str(login), f"{login}"):
        assert TOKEN not in shown
        assert "'refresh'" not in shown
        assert ALICE in shown
    assert pickle.loads(pickle.dumps(login)) == login


def test_the_token_is_known_to_be_the_users(
    stub: StubHomeserver, api: AppServiceAPI, bot: IntentAPI
) -> None:
    stub.add_user_token(TOKEN, ALICE)
    room = stub.room(members=[ALICE])
    stub.script("POST", "/login$", LOGGED_IN, LOGGED_IN)
    login = bot.login(ALICE, password="pw")
    assert bot.api.token == "as_token"
    stub.clear()
    puppet = api.intent(str(login.user_id), token=login.access_token)
    puppet.send_text(room, "hi")
    assert [(one.method, one.token) for one in stub.requests] == [("PUT", TOKEN)]
    stub.script("POST", "/logout$", answer(200))
    puppet.logout()
    stub.clear()
    bot.login(ALICE, password="pw", store_access_token=False)
    puppet.send_text(room, "hi")
    assert [one.method for one in stub.requests] == ["POST", "GET", "PUT"]


def test_application_services_log_in_with_their_token(
    stub: StubHomeserver, api: AppServiceAPI
) -> None:
    answered = answer(200, {"user_id": GHOST, "access_token": "t", "device_id": "D"})
    stub.script("POST", "/login$", answered, answered)
    ghost = api.intent(GHOST)
    assert ghost.login(login_type="m.login.application_service").access_token == "t"
    request = stub.requests[-1]
    assert (request.token, request.user_id) == ("as_token", None)
    assert request.json == {
        "type": "m.login.application_service", "identifier": {"type": "m.id.user", "user": GHOST},
    }  # fmt: skip
    api.bot_intent().login("_other", "m.login.application_service", retry_count=0)
    assert stub.requests[-1].json["identifier"]["user"] == "_other"


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"identifier": ALICE}, "needs a password"),
        ({"identifier": ALICE, "password": ""}, "needs a password"),
        ({"identifier": "@alice", "password": "p"}, "not a user ID"),
        ({"identifier": "", "password": "p"}, "must be a user ID"),
        ({"identifier": {"user": "x"}, "password": "p"}, "'type'"),
        ({"login_type": "m.login.application_service", "password": "p"}, "no password"),
        ({"password": "p", "update_hs_url": True}, "base_url"),
        ({"password": "p", "type": "x"}, "parameter of its own"),
    ],
)
def test_arguments_that_do_not_fit(
    arguments: dict[str, Any], words: str, stub: StubHomeserver, bot: IntentAPI
) -> None:
    with pytest.raises(ValueError, match=words):
        bot.login(**arguments)
    assert stub.requests == []


def test_real_users_have_no_ghosts_to_log_in(stub: StubHomeserver, alice: IntentAPI) -> None:
    with pytest.raises(ValueError, match="as_token"):
        alice.login(GHOST, "m.login.application_service")
    assert stub.requests == []


@pytest.mark.parametrize(
    "replies, error",
    [
        ([answer(403, {"errcode": "M_FORBIDDEN", "error": "not s3\"cret"})], MForbidden),
        ([answer(403, {"errcode": "M_FORBIDDEN", "x": [{"y": "s3\"cret!"}]})], MForbidden),
        ([answer(403, "<html>s3\"cret token_of_alice</html>")], MatrixRequestError),
        ([answer(200, '{"access_token": "token_of_alice", "pass": "s3\\"cret')],
         MatrixResponseError),
        ([answer(200, {"user_id": ALICE, "access_token": ["token_of_alice"]})],
         MatrixResponseError),
        ([answer(200, {"user_id": ALICE, "access_token": "token_of_alice "})],
         MatrixResponseError),
        ([answer(200, {"access_token": "token_of_alice"})], MatrixResponseError),
        ([answer(429, {"errcode": "M_LIMIT_EXCEEDED", "error": "s3\"cret"})] * 200,
         MLimitExceeded),
    ],
)  # fmt: skip
def test_no_error_and_no_log_shows_secrets(
    replies: list[Any],
    error: type[MatrixRequestError],
    stub: StubHomeserver,
    bot: IntentAPI,
    caplog: pytest.LogCaptureFixture,
) -> None:
    stub.script("POST", "/login$", *replies)
    with caplog.at_level(logging.DEBUG - 5), pytest.raises(error) as caught:
        bot.login(ALICE, password='s3"cret')
    everything = f"{caught.value} {caught.value!r} {vars(caught.value)} {caplog.text}"
    assert "cret" not in everything.replace("a secret of the request", "")
    assert TOKEN not in everything


def test_a_login_is_not_repeated_once_it_may_have_arrived(
    stub: StubHomeserver, bot: IntentAPI
) -> None:
    stub.script("POST", "/login$", DROP, forever=True)
    with pytest.raises(MatrixConnectionError):
        bot.login(ALICE, password="pw")
    assert len(stub.requests) == 1


def test_login_flows(stub: StubHomeserver, bot: IntentAPI) -> None:
    listed = {"flows": [{"type": "m.login.password"}, "bad", {"type": "m.login.token",
              "get_login_token": True}]}  # fmt: skip
    stub.script("GET", "/login$", answer(200, listed), answer(200, []))
    flows = bot.get_login_flows()
    assert stub.requests[-1].token is None
    assert [flow.type for flow in flows.flows or ()] == ["m.login.password", "m.login.token"]
    assert flows.supports("m.login.password")
    assert not flows.supports_any("m.login.sso", "m.login.application_service")
    assert bot.get_login_flows().flows == []


@pytest.mark.parametrize("name", ["logout", "logout_all"])
def test_logging_out(
    name: str, stub: StubHomeserver, api: AppServiceAPI, alice: IntentAPI, bot: IntentAPI
) -> None:
    path = "/" + name.replace("_", "/") + "$"
    unknown = answer(401, {"errcode": "M_UNKNOWN_TOKEN", "error": "no"})
    stub.script("POST", path, answer(200), DROP, unknown, unknown)
    getattr(alice, name)()
    assert [(one.method, one.token) for one in stub.requests] == [("GET", TOKEN), ("POST", TOKEN)]
    getattr(alice, name)(clear_access_token=False)  # the answer was lost
    with pytest.raises(MUnknownToken):
        getattr(alice, name)()
    stub.clear()
    by_service = api.intent("@_real:hs.test", real_user_as_token=True)
    for intent in (bot, api.intent(GHOST), by_service):
        with pytest.raises(ValueError, match="delete_devices"):
            getattr(intent, name)()
    assert stub.requests == []


def test_nobody_else_is_logged_out(stub: StubHomeserver, api: AppServiceAPI) -> None:
    stub.add_user_token("token_of_bob", "@bob:hs.test")
    with pytest.raises(ValueError, match="is that of @bob"):
        api.intent(ALICE, token="token_of_bob").logout()
    assert [one.method for one in stub.requests] == ["GET"]


def test_deactivation(stub: StubHomeserver, api: AppServiceAPI, alice: IntentAPI) -> None:
    asked = {
        "session": "s1", "flows": [{"stages": ["m.login.password"]}, {"stages": "?"}, 5],
        "params": {"m.login.password": {}}, "completed": ["m.login.terms", 1],
    }  # fmt: skip
    done = answer(200, {"id_server_unbind_result": "no-support"})
    stub.script("POST", "/deactivate$", answer(401, asked), done)
    with pytest.raises(MatrixInteractiveAuthError, match="must authenticate") as caught:
        alice.deactivate_account(erase=True)
    error = caught.value
    assert (error.errcode, error.http_status, error.session) == (None, 401, "s1")
    assert error.flows == [["m.login.password"]]
    assert (error.params, error.completed) == ({"m.login.password": {}}, ["m.login.terms"])
    assert pickle.loads(pickle.dumps(error)).session == "s1"
    auth = {"type": "m.login.password", "session": error.session, "password": "pw"}
    assert alice.deactivate_account(True, auth, "id.test") == "no-support"
    assert stub.requests[-1].json == {"erase": True, "auth": auth, "id_server": "id.test"}


def test_a_wrong_password_asks_again_and_is_not_shown(
    stub: StubHomeserver, alice: IntentAPI
) -> None:
    refused = {"errcode": "M_FORBIDDEN", "error": "Wrong", "flows": [], "session": "s"}
    echoed = {**refused, "error": "Wrong: pass1"}
    stub.script("POST", "/deactivate$", answer(401, refused), answer(401, echoed))
    auth = {"type": "m.login.password", "session": "s", "password": "pass1"}
    with pytest.raises(MatrixInteractiveAuthError, match="Wrong") as caught:
        alice.deactivate_account(auth=auth)
    assert (caught.value.errcode, caught.value.session) == ("M_FORBIDDEN", "s")
    with pytest.raises(MForbidden) as hidden:
        alice.deactivate_account(auth=auth)
    assert "pass1" not in f"{hidden.value} {vars(hidden.value)}"


def test_a_ghost_that_is_not_there_is_not_made_for_its_end(
    stub: StubHomeserver, api: AppServiceAPI
) -> None:
    refused = {"errcode": "M_FORBIDDEN", "error": "not registered"}
    stub.script("POST", "/deactivate$", answer(403, refused))
    with pytest.raises(MForbidden):
        api.intent(GHOST).deactivate_account()
    assert stub.calls() == [f"POST /account/deactivate as {GHOST}"]
    assert GHOST not in stub.registered
