"""Contents of state, of what isn't kept, and of account data: what isn't seen in examples."""

from __future__ import annotations

import pytest

from appservice_api import Membership
from appservice_api.events import (
    CallInviteEventContent,
    CanonicalAliasStateEventContent,
    DirectAccountDataEventContent,
    ImageInfo,
    JoinRestriction,
    JoinRestrictionType,
    JoinRule,
    JoinRulesStateEventContent,
    Member,
    MemberStateEventContent,
    PowerLevelStateEventContent,
    PresenceEventContent,
    PresenceState,
    PushCondition,
    PushRulesAccountDataEventContent,
    Receipt,
    ReceiptEventContent,
    ReceiptType,
    RoomAvatarStateEventContent,
    RoomCreateStateEventContent,
    RoomTagAccountDataEventContent,
    RoomTagInfo,
    RoomTopicStateEventContent,
    RoomType,
    SpaceChildStateEventContent,
)


def test_member() -> None:
    member = MemberStateEventContent(
        membership=Membership.JOIN, displayname="x", avatar_url="mxc://a/b"
    )
    assert member == {"membership": "join", "displayname": "x", "avatar_url": "mxc://a/b"}
    assert Member is MemberStateEventContent
    assert Member(membership="com.x").membership == "com.x"
    assert Member(displayname=None) == {}


def test_power_levels() -> None:
    levels = PowerLevelStateEventContent()
    levels.users["@a:b"] = 50
    levels.notifications["room"] = 60
    assert levels == {"users": {"@a:b": 50}, "notifications": {"room": 60}}
    assert PowerLevelStateEventContent({"users": 5, "ban": "5"}).users == {}
    assert PowerLevelStateEventContent({"ban": "5"}).ban == 5  # as old rooms have it
    assert PowerLevelStateEventContent({"ban": "x"}).ban == 50


def test_topic() -> None:
    content = RoomTopicStateEventContent(html="<b>Tea</b>")
    assert content == {
        "topic": "Tea",
        "m.topic": {"m.text": [
            {"mimetype": "text/html", "body": "<b>Tea</b>"},
            {"mimetype": "text/plain", "body": "Tea"},
        ]},
    }  # fmt: skip
    assert content.html == "<b>Tea</b>"
    assert content.rich_topic is not None
    assert content.rich_topic.text is not None
    assert content.rich_topic.text[1].body == "Tea"
    content.html = None
    assert content == {"topic": "Tea"}
    assert content.html is None
    assert RoomTopicStateEventContent({"m.topic": {"m.text": [5, {"body": "x"}]}}).html is None


def test_state() -> None:
    rules = JoinRulesStateEventContent(
        join_rule=JoinRule.RESTRICTED,
        allow=[JoinRestriction(type=JoinRestrictionType.ROOM_MEMBERSHIP, room_id="!a:b")],
    )
    assert rules == {
        "join_rule": "restricted", "allow": [{"type": "m.room_membership", "room_id": "!a:b"}],
    }  # fmt: skip
    create = RoomCreateStateEventContent(type=RoomType.SPACE, federate=False)
    assert create == {"type": "m.space", "m.federate": False}
    alias = CanonicalAliasStateEventContent(canonical_alias="#a:b")
    assert alias.alias == alias.canonical_alias == alias["alias"] == "#a:b"
    assert RoomAvatarStateEventContent(url="mxc://a/b", info=ImageInfo(w=1)).info == {"w": 1}
    assert SpaceChildStateEventContent(via=["a"], suggested=True) == {
        "via": ["a"], "suggested": True,
    }  # fmt: skip


def test_receipts() -> None:
    content = ReceiptEventContent({
        "$1": {"m.read": {"@a:b": {"ts": 5, "thread_id": "main"}, "@c:d": 5}, "m.x": 5},
        "$2": {"m.read.private": {"@a:b": {"ts": "5"}}}, "$3": [],
    })  # fmt: skip
    assert list(content.receipts()) == [
        Receipt("$1", ReceiptType.READ, "@a:b", 5, "main"),  # type: ignore[arg-type]
        Receipt("$2", ReceiptType.READ_PRIVATE, "@a:b", None, None),  # type: ignore[arg-type]
    ]


def test_presence() -> None:
    presence = PresenceEventContent(presence=PresenceState.ONLINE, last_active_ago=5)
    assert presence == {"presence": "online", "last_active_ago": 5}


def test_direct() -> None:
    content = DirectAccountDataEventContent({"@a:b": ["!1:x", 5], "@c:d": 5})
    assert content.rooms_with("@a:b") == ["!1:x"]
    assert content.rooms_with("@c:d") == content.rooms_with("@e:f") == []


def test_tags() -> None:
    content = RoomTagAccountDataEventContent({"tags": {"u.a": {"order": 0.5}, "u.b": {}}})
    assert content.tags is not None
    assert content.tags["u.a"].order == 0.5
    content.tags["u.b"].order = 1
    content.tags["u.c"] = RoomTagInfo(order=0)
    assert content == {"tags": {"u.a": {"order": 0.5}, "u.b": {"order": 1}, "u.c": {"order": 0}}}
    malformed = RoomTagAccountDataEventContent({"tags": {"u.a": {}, "u.b": 5}})
    assert malformed.tags == {"u.a": {}}
    assert malformed == {"tags": {"u.a": {}, "u.b": 5}}
    assert RoomTagInfo({"order": True}).order is None


def test_push_rules() -> None:
    rule = {"rule_id": "x", "conditions": [{"kind": "room_member_count", "is": "2"}]}
    content = PushRulesAccountDataEventContent({"global": {"override": [rule]}})
    assert content.global_rules is not None
    assert content.global_rules.override is not None
    conditions = content.global_rules.override[0].conditions
    assert conditions is not None
    assert conditions[0].is_ == "2"
    assert PushCondition(is_="2") == {"is": "2"}


@pytest.mark.parametrize("version, read", [("1", "1"), (0, "0"), (True, None), (None, None)])
def test_version_of_calls(version: object, read: str | None) -> None:
    assert CallInviteEventContent({"version": version}).version == read
