"""Push rules: paths, bodies, and what is refused before the wire."""

from __future__ import annotations

from typing import Any

import pytest

from appservice_api import AppServiceAPI, IntentAPI, MatrixResponseError, MNotFound
from appservice_api.events import PushCondition, PushRule
from appservice_api.testing import DROP, StubHomeserver, answer
from tests.conftest import GHOST

RULES = "/_matrix/client/v3/pushrules/"
SOUND = {"set_tweak": "sound", "value": "default"}


@pytest.fixture
def ghost(api: AppServiceAPI, stub: StubHomeserver) -> IntentAPI:
    stub.add_user(GHOST)
    return api.intent(GHOST)


def test_rulesets(stub: StubHomeserver, ghost: IntentAPI) -> None:
    rule = {
        "rule_id": ".m.rule.call", "default": True, "enabled": True, "actions": ["notify", SOUND],
        "conditions": [{"kind": "room_member_count", "is": "2"}],
    }  # fmt: skip
    rules = {"override": [], "underride": [rule, "bad"]}
    stub.script("GET", "/pushrules/$", answer(200, {"global": rules}), answer(200, {}))
    stub.script("GET", "/pushrules/global/$", answer(200, rules))
    found = ghost.get_push_rules().global_rules
    assert found is not None
    assert ghost.get_push_rules_global() == rules
    assert [one.path for one in stub.requests] == [RULES, RULES + "global/"]
    first = (found.underride or [])[0]
    assert (first.rule_id, first.default, first.notifies, first.tweak("sound")) == (
        ".m.rule.call", True, True, "default",
    )  # fmt: skip
    condition = (first.conditions or [])[0]
    assert (condition.kind, condition.is_, condition.key) == ("room_member_count", "2", None)
    assert found.room is None
    with pytest.raises(MatrixResponseError, match="global"):
        ghost.get_push_rules()


def test_tweaks() -> None:
    rule = PushRule({"actions": [{"set_tweak": "highlight"}, {"set_tweak": "sound"}, 5]})
    assert (rule.tweak("highlight"), rule.tweak("sound"), rule.tweak("x")) == (True, None, None)
    assert rule.notifies is False
    assert PushRule({"actions": "notify"}).notifies is False
    assert PushCondition({"kind": "event_property_is", "value": 5}).value == 5


def test_setting(stub: StubHomeserver, ghost: IntentAPI) -> None:
    stub.script("*", "/pushrules/", answer(200), forever=True)
    actions = ("notify", SOUND)
    condition = {"kind": "event_match", "key": "type", "pattern": "m.reaction"}
    ghost.set_push_rule("global", "content", "tea time", actions, "tea*", "a", "b")
    ghost.set_push_rule("global", "override", "o", [], conditions=[condition])
    ghost.set_push_rule("global", "underride", "u", ["notify"])
    ghost.set_push_rule("global", "room", "!r:hs.test", [])
    ghost.set_push_rule_enabled("global", "underride", ".m.rule.call", False)
    ghost.set_push_rule_actions("global", "underride", ".m.rule.call", ["notify"])
    assert [one.path.removeprefix(RULES) for one in stub.requests] == [
        "global/content/tea%20time", "global/override/o", "global/underride/u",
        "global/room/%21r%3Ahs.test", "global/underride/.m.rule.call/enabled",
        "global/underride/.m.rule.call/actions",
    ]  # fmt: skip
    assert [one.json for one in stub.requests] == [
        {"actions": ["notify", SOUND], "pattern": "tea*"},
        {"actions": [], "conditions": [condition]},
        {"actions": ["notify"], "conditions": []},
        {"actions": []},
        {"enabled": False},
        {"actions": ["notify"]},
    ]
    assert stub.requests[0].query == {"user_id": [GHOST], "before": ["a"], "after": ["b"]}
    assert {one.user_id for one in stub.requests} == {GHOST}


def test_reading_and_removing(stub: StubHomeserver, ghost: IntentAPI) -> None:
    gone = answer(404, {"errcode": "M_NOT_FOUND", "error": "no"})
    stub.script("GET", "/enabled$", answer(200, {"enabled": True}))
    stub.script("GET", "/actions$", answer(200, {"actions": ["notify"]}), answer(200, {}))
    stub.script("GET", "/cake$", answer(200, {"rule_id": "cake", "enabled": False}))
    stub.script("DELETE", "/cake$", DROP, gone, gone)
    place = ("global", "content", "cake")
    assert ghost.is_push_rule_enabled(*place) is True
    assert ghost.get_push_rule_actions(*place) == ["notify"]
    assert ghost.get_push_rule(*place).enabled is False
    with pytest.raises(MatrixResponseError):
        ghost.get_push_rule_actions(*place)
    ghost.remove_push_rule(*place)  # the answer was lost
    with pytest.raises(MNotFound):
        ghost.remove_push_rule(*place)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("device", "content", "x", []), "'global'"),
        (("global", "contents", "x", []), "no kind"),
        (("global", "content", ".x", []), "homeserver's"),
        (("global", "content", "a/b", []), "slashes"),
        (("global", "content", "a\\b", []), "slashes"),
        (("global", "content", "", []), "must not be ''"),
        (("global", "room", "tea", []), "not a room ID"),
        (("global", "sender", "alice", []), "not a user ID"),
        (("global", "override", "x", [], "pattern"), "no pattern"),
        (("global", "content", "x", [], "p", None, None, []), "no conditions"),
        (("global", "content", "x", "notify"), "actions must be a list"),
        (("global", "content", "x", None), "actions must be a list"),
        (("global", "override", "x", [], None, None, None, {"kind": "x"}), "must be a list"),
    ],
)
def test_refused(
    arguments: tuple[Any, ...], words: str, stub: StubHomeserver, ghost: IntentAPI
) -> None:
    with pytest.raises(ValueError, match=words):
        ghost.set_push_rule(*arguments)
    with pytest.raises(ValueError, match="True or False"):
        ghost.set_push_rule_enabled("global", "content", "x", "no")  # type: ignore[arg-type]
    assert stub.requests == []
