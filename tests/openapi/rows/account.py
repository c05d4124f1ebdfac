"""Accounts, logging in, discovery, administration, credentials, third parties, push rules."""

from __future__ import annotations

from tests.conftest import GHOST

from .sample import ALIAS, ROOM, USER, Rows, call

# Whose token it is can't be asked of the specification's examples.
_UNASKED = {"ensure_joined": False}
_RULE = ("global", "content", "cake")

OF_REAL_USERS = {"logout", "logout_all"}
ROWS: Rows = {
    # account
    "get_capabilities": [call()],
    "check_username_availability": [call("alice")],
    # login
    "get_login_flows": [call()],
    "login": [
        call(USER, device_name="Script", device_id="DEVICE", password="secret"),
        call("alice", password="secret", refresh_token=True),
        call({"type": "m.id.thirdparty", "medium": "email", "address": "a@example.org"},
             password="secret"),
        call(GHOST, "m.login.application_service"),
        call(login_type="m.login.token", token="token"),
    ],
    "logout": [call(**_UNASKED)],
    "logout_all": [call(**_UNASKED)],
    "deactivate_account": [
        call(True),
        call(auth={"type": "m.login.password", "session": "s", "password": "secret",
                   "identifier": {"type": "m.id.user", "user": USER}}, id_server="id.test"),
    ],
    # discovery
    "get_wellknown": [call()],
    "get_wellknown_support": [call()],
    "get_auth_metadata": [call()],
    # admin
    "get_whois": [call(USER)],
    "get_user_suspended": [call(USER)],
    "set_user_suspended": [call(USER, True)],
    "get_user_locked": [call(USER)],
    "set_user_locked": [call(USER, False)],
    # credentials
    "request_openid_token": [call()],
    "get_turn_server": [call()],
    # third_party
    "get_protocols": [call()],
    "get_protocol_metadata": [call("irc")],
    "query_location_by_protocol": [call("irc", {"network": "x", "channel": "#y"}), call("irc")],
    "query_user_by_protocol": [call("irc", {"network": "x"})],
    "query_location_by_alias": [call(ALIAS)],
    "query_user_by_id": [call(USER)],
    "invite_by_3pid": [call(ROOM, "email", "a@example.org", "id.test", "token")],
    # push_rules
    "get_push_rules": [call()],
    "get_push_rules_global": [call()],
    "get_push_rule": [call(*_RULE)],
    "set_push_rule": [
        call(*_RULE, ["notify", {"set_tweak": "sound", "value": "default"}], "cake*", "a", "b"),
        call("global", "override", "quiet", [], conditions=[
            {"kind": "event_match", "key": "type", "pattern": "m.reaction"}]),
        call("global", "room", ROOM, []),
    ],
    "remove_push_rule": [call(*_RULE)],
    "is_push_rule_enabled": [call(*_RULE)],
    "set_push_rule_enabled": [call("global", "underride", ".m.rule.message", False)],
    "get_push_rule_actions": [call(*_RULE)],
    "set_push_rule_actions": [call(*_RULE, ["notify"])],
    # profile
    "set_profile_field": [call("org.example.job", {"title": "Cook"})],
    "get_profile_field": [call(USER, "displayname")],
    "beeper_update_profile": [call({"m.tz": "Europe/Paris", "org.example.job": None})],
}  # fmt: skip
