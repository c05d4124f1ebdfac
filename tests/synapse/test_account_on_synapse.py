"""Accounts, logins, discovery, push rules on a real homeserver."""

from __future__ import annotations

import pytest

from appservice_api import (
    AppServiceAPI,
    MForbidden,
    MInvalidParam,
    MNotFound,
    MProfileTooLarge,
    MUnknown,
    MUnknownToken,
    MUnrecognized,
)
from appservice_api.errors import MatrixInteractiveAuthError, MatrixRequestError
from appservice_api.testing import Homeserver

pytestmark = pytest.mark.synapse


def test_a_real_user_logs_in_and_speaks(api: AppServiceAPI, homeserver: Homeserver) -> None:
    dora = homeserver.create_user("dora")["user_id"]
    bot = api.bot_intent()
    assert bot.get_login_flows().supports("m.login.password")
    with pytest.raises(MForbidden) as caught:
        bot.login(dora, password="not this one")
    assert "not this one" not in f"{caught.value!r} {caught.value} {caught.value.body}"
    login = bot.login(dora, device_name="Script", password="pw", refresh_token=False)
    assert login.user_id == dora
    assert login.access_token
    assert login.access_token not in f"{login!r}"
    assert login.base_url == homeserver.base_url
    assert bot.whoami().user_id == homeserver.bot_mxid
    assert api.token == homeserver.as_token
    puppet = api.intent(dora, token=login.access_token)
    room = bot.create_room(preset="public_chat")
    puppet.join_room(room)
    event = bot.get_event(room, puppet.send_text(room, "by my own token"))
    assert event["sender"] == dora
    second = bot.login(dora, password="pw")
    puppet.logout()
    with pytest.raises(MUnknownToken):
        puppet.send_text(room, "gone")
    assert second.access_token
    other = api.intent(dora, token=second.access_token)
    assert other.whoami().device_id == second.device_id
    other.logout_all()
    with pytest.raises(MUnknownToken):
        other.whoami()


def test_a_ghost_logs_in(api: AppServiceAPI, homeserver: Homeserver) -> None:
    ghost = api.intent(homeserver.ghost("login"))
    with pytest.raises(MUnknown) as caught:  # Synapse: 404
        ghost.login(login_type="m.login.application_service")
    assert caught.value.http_status == 404
    ghost.ensure_registered()
    login = ghost.login(login_type="m.login.application_service", device_id="OWN")
    assert (login.user_id, login.device_id) == (ghost.mxid, "OWN")
    own = api.intent(ghost.mxid, token=login.access_token)
    assert own.whoami().device_id == "OWN"
    with pytest.raises(ValueError, match="as_token"):
        ghost.logout()
    ghost.delete_devices(["OWN"])
    with pytest.raises(MUnknownToken):
        own.whoami()
    assert ghost.whoami().user_id == ghost.mxid


def test_accounts_end(api: AppServiceAPI, homeserver: Homeserver) -> None:
    user = homeserver.create_user("emma")
    emma = api.intent(user["user_id"], token=user["access_token"])
    with pytest.raises(MatrixInteractiveAuthError) as caught:
        emma.deactivate_account()
    assert caught.value.flows == [["m.login.password"]]
    auth = {
        "type": "m.login.password", "session": caught.value.session, "password": "wrong",
        "identifier": {"type": "m.id.user", "user": user["user_id"]},
    }  # fmt: skip
    with pytest.raises(MatrixRequestError):
        emma.deactivate_account(auth=auth)
    assert emma.deactivate_account(True, auth={**auth, "password": "pw"}) == "success"
    with pytest.raises(MUnknownToken):
        emma.whoami()
    ghost = api.intent(homeserver.ghost("end"))
    with pytest.raises(MForbidden):  # and nobody is registered for it
        ghost.deactivate_account()
    ghost.ensure_registered()
    assert ghost.deactivate_account() == "success"
    assert ghost.register() is False


def test_what_the_homeserver_says(api: AppServiceAPI, homeserver: Homeserver) -> None:
    bot = api.bot_intent()
    assert bot.versions().supports("v1.11")
    capabilities = api.intent(homeserver.ghost("asks")).get_capabilities()
    assert capabilities.default_room_version in ("11", "12")
    assert capabilities.has_room_version("11", stable=True)
    assert capabilities.can_set_profile_field("org.example.job")
    with pytest.raises(MForbidden):  # registration is off on this Synapse
        bot.check_username_availability("alice")
    wellknown = bot.get_wellknown()
    assert wellknown.homeserver is not None
    assert wellknown.homeserver.base_url == homeserver.base_url + "/"
    with pytest.raises(MNotFound):
        bot.get_wellknown_support()
    with pytest.raises(MUnrecognized):
        bot.get_auth_metadata()
    token = bot.request_openid_token()
    assert token.access_token
    assert token.access_token not in repr(token)
    assert (token.matrix_server_name, token.token_type) == ("hs.test", "Bearer")
    assert bot.get_turn_server() == {}


def test_administration(api: AppServiceAPI, homeserver: Homeserver) -> None:
    admin = homeserver.synapse.create_user(f"root_{homeserver.id}", admin=True)
    root = api.intent(admin["user_id"], token=admin["access_token"])
    fred = homeserver.create_user("fred")
    own = api.intent(fred["user_id"], token=fred["access_token"])
    own.get_joined_rooms()
    assert root.get_whois(fred["user_id"]).user_id == fred["user_id"]
    assert [one.ip for one in own.get_whois(fred["user_id"]).connections] == ["127.0.0.1"]
    with pytest.raises(MForbidden):
        api.bot_intent().get_whois(fred["user_id"])
    with pytest.raises(MUnrecognized):  # not in Synapse 1.163
        root.get_user_suspended(fred["user_id"])
    with pytest.raises(MUnrecognized):
        root.set_user_locked(fred["user_id"], True)


def test_third_parties(api: AppServiceAPI, homeserver: Homeserver) -> None:
    ghost = api.intent(homeserver.ghost("looks"))
    assert ghost.get_protocols() == {}
    with pytest.raises(MNotFound, match="Unknown protocol"):
        ghost.get_protocol_metadata("irc")
    assert ghost.query_location_by_protocol("irc", {"channel": "#tea"}) == []
    assert ghost.query_user_by_protocol("irc", {"nick": "a b"}) == []
    assert ghost.query_location_by_alias("#a:hs.test") == []
    assert ghost.query_user_by_id("@a:hs.test") == []


def test_push_rules(api: AppServiceAPI, homeserver: Homeserver) -> None:
    ghost = api.intent(homeserver.ghost("rules"))
    rules = ghost.get_push_rules().global_rules
    assert rules == ghost.get_push_rules_global()
    assert rules is not None
    assert any(rule.rule_id == ".m.rule.message" for rule in rules.underride or ())
    sound = {"set_tweak": "sound", "value": "default"}
    ghost.set_push_rule("global", "content", "cake", ["notify", sound], "cake*")
    ghost.set_push_rule("global", "content", "tea", ["notify"], "tea", after="cake")
    named = [rule.rule_id for rule in ghost.get_push_rules_global().content or ()]
    assert named[:2] == ["cake", "tea"]
    rule = ghost.get_push_rule("global", "content", "cake")
    assert (rule.pattern, rule.notifies, rule.tweak("sound"), rule.enabled, rule.default) == (
        "cake*", True, "default", True, False,
    )  # fmt: skip
    ghost.set_push_rule_enabled("global", "content", "cake", False)
    assert ghost.is_push_rule_enabled("global", "content", "cake") is False
    ghost.set_push_rule_actions("global", "content", "cake", [])
    assert ghost.get_push_rule_actions("global", "content", "cake") == []
    ghost.set_push_rule("global", "override", "always", ["notify"])
    ghost.set_push_rule("global", "room", "!r:hs.test", [])
    ghost.set_push_rule("global", "sender", homeserver.bot_mxid, [])
    with pytest.raises(MUnknown, match="before/after"):
        ghost.set_push_rule("global", "content", "x", [], "x", before="none")
    ghost.remove_push_rule("global", "content", "cake")
    with pytest.raises(MNotFound):
        ghost.get_push_rule("global", "content", "cake")
    with pytest.raises(MNotFound):
        ghost.remove_push_rule("global", "content", "cake")


def test_profiles(api: AppServiceAPI, homeserver: Homeserver) -> None:
    ghost = api.intent(homeserver.ghost("profile"))
    ghost.beeper_update_profile({"displayname": "Ghost", "org.example.job": ["cook"], "m.tz": None})
    assert ghost.get_profile(ghost.mxid) == {"displayname": "Ghost", "org.example.job": ["cook"]}
    with pytest.raises(MProfileTooLarge):
        ghost.set_profile_field("org.example.big", "x" * 66_000)
    with pytest.raises(MInvalidParam):
        ghost.set_profile_field("Bad-Key", 1)
