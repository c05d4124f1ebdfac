"""Who may do what: a table, and properties that hold for whatever a room says."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appservice_api.events.power_levels import CREATOR_LEVEL, DEFAULTS, RoomPowers

A, B, C, D = "@a:h", "@b:h", "@c:h", "@d:h"
USERS = (A, B, C, D)
VERSIONS = [*(str(n) for n in range(1, 13)), "org.example.new", ""]
OLD = ["", *(str(n) for n in range(1, 12))]
LEVELS = "m.room.power_levels"
Json = dict[str, Any]


def create(version: str | None = "11", sender: str = A, **content: Any) -> Json:
    more = {} if version is None else {"room_version": version}
    return {"type": "m.room.create", "state_key": "", "sender": sender,
            "content": {**more, **content}}  # fmt: skip


@pytest.mark.parametrize(
    "version, levels, user, level",
    [
        ("11", None, A, 100),
        ("11", None, B, 0),
        (None, None, A, 100),
        ("11", {}, A, 0),
        ("1", {"users": {A: " +0100 "}}, A, 100),
        ("9", {"users": {A: "-5"}}, A, -5),
        ("10", {"users": {A: "100"}, "users_default": 3}, A, 3),
        ("9", {"users": {A: "1_0"}, "users_default": "3"}, A, 3),
        ("9", {"users": {A: "9" * 5000}}, A, 0),
        ("1", {"users": {A: 10**30}}, A, CREATOR_LEVEL - 1),
        ("10", {"users": {A: 5.5}}, A, 0),
        ("10", {"users": {A: True}}, A, 0),
        ("10", {"users": [A]}, A, 0),
        ("12", None, A, CREATOR_LEVEL),
        ("12", None, D, CREATOR_LEVEL),
        ("12", None, B, 0),
        ("12", {"users": {A: 1}}, A, CREATOR_LEVEL),
        ("12", {"users_default": 7}, B, 7),
        ("org.example.new", {"users": {A: 1}}, A, CREATOR_LEVEL),
        ("11", {"users": {D: 1}}, D, 1),
        ("", {}, A, 0),
    ],
)
def test_levels(version: str | None, levels: Json | None, user: str, level: int) -> None:
    event = create(version, additional_creators=[D, 5, None])
    assert RoomPowers(event, levels).level(user) == level


@pytest.mark.parametrize(
    "levels, event_type, state, needed",
    [
        (None, "m.x", False, 0),
        (None, "m.x", True, 50),
        ({}, "m.x", True, 50),
        ({"events_default": 5, "state_default": 6}, "m.x", False, 5),
        ({"events_default": 5, "state_default": 6}, "m.x", True, 6),
        ({"events": {"m.x": 7}, "state_default": 6}, "m.x", True, 7),
        ({"events": {"m.x": 7}}, "m.x", False, 7),
        ({"events": {"m.x": "7"}}, "m.x", False, 0),
        ({"events": {"m.x": None}, "state_default": 8}, "m.x", True, 8),
        ({"events": "broken"}, "m.x", True, 50),
        ({"events": {"m.room.member": 99}, "state_default": 99}, "m.room.member", True, 0),
        ({"invite": 4, "events": {"m.room.third_party_invite": 9}},
         "m.room.third_party_invite", True, 4),
        (None, "m.room.third_party_invite", True, 0),
    ],
)  # fmt: skip
def test_needed(levels: Json | None, event_type: str, state: bool, needed: int) -> None:
    assert RoomPowers(create("10"), levels).needed(event_type, state=state) == needed


ROOM = {"users": {A: 100, B: 50, C: 50}, "notifications": {"room": 60}}


@pytest.mark.parametrize(
    "allowed, what",
    [
        (True, lambda p: p.may_send(D, "m.room.message")),
        (True, lambda p: p.may_send(D, "m.room.message", membership="join")),
        (False, lambda p: p.may_send(D, "m.room.message", membership="invite")),
        (False, lambda p: p.may_send(A, "m.room.member")),
        (True, lambda p: p.may_send_state(B, "m.room.topic")),
        (False, lambda p: p.may_send_state(D, "m.room.topic")),
        (False, lambda p: p.may_send_state(B, "m.room.topic", membership="leave")),
        (True, lambda p: p.may_send_state(B, "m.x", B)),
        (False, lambda p: p.may_send_state(A, "m.x", B)),
        (True, lambda p: p.may_send_state(D, "m.room.third_party_invite", "@token")),
        (True, lambda p: p.may_send_state(D, "m.room.member", D)),
        (True, lambda p: p.may_send_state(D, "m.room.member", A)),  # an invite
        (False, lambda p: p.may_send_state(D, "m.room.member", A, membership="leave")),
        (True, lambda p: p.may_redact(D, D)),
        (False, lambda p: p.may_redact(D, A)),
        (True, lambda p: p.may_redact(B, A)),
        (False, lambda p: p.may_redact(B, A, membership="ban")),
        (True, lambda p: p.may_invite(D)),
        (False, lambda p: p.may_invite(D, membership="leave")),
        (False, lambda p: p.may_invite(A, target_membership="join")),
        (False, lambda p: p.may_invite(A, target_membership="ban")),
        (True, lambda p: p.may_invite(A, target_membership="leave")),
        (True, lambda p: p.may_kick(B, D)),
        (False, lambda p: p.may_kick(B, C)),
        (False, lambda p: p.may_kick(B, A)),
        (False, lambda p: p.may_kick(B, B)),
        (False, lambda p: p.may_kick(D, "@e:h")),
        (False, lambda p: p.may_kick(A, D, membership="leave")),
        (True, lambda p: p.may_ban(A, B)),
        (False, lambda p: p.may_ban(B, C)),
        (False, lambda p: p.may_ban(D, "@e:h")),
        (False, lambda p: p.may_ban(A, B, membership="knock")),
        (True, lambda p: p.may_unban(B, D, target_membership="ban")),
        (True, lambda p: p.may_unban(B, D)),
        (False, lambda p: p.may_unban(B, D, target_membership="leave")),
        (False, lambda p: p.may_unban(B, C)),
        (False, lambda p: p.may_upgrade(D)),
        (True, lambda p: p.may_upgrade(B)),
        (True, lambda p: p.may_notify_room(A)),
        (False, lambda p: p.may_notify_room(B)),
        (False, lambda p: p.may_notify_room(A, membership="leave")),
    ],
)
def test_actions(allowed: bool, what: Any) -> None:
    assert what(RoomPowers(create("11"), ROOM)) is allowed


@pytest.mark.parametrize("ban, kick, unban", [(50, 60, False), (60, 50, False), (50, 50, True)])
def test_an_unban_needs_the_levels_of_bans_and_kicks(ban: int, kick: int, unban: bool) -> None:
    powers = RoomPowers(create("11"), {**ROOM, "ban": ban, "kick": kick})
    assert powers.may_unban(B, D) is unban
    assert powers.may_kick(B, D, target_membership="ban") is unban
    assert powers.may_kick(B, D) is (kick == 50)


def test_creators_cannot_act_on_each_other() -> None:
    powers = RoomPowers(
        create("12", additional_creators=[B]), {"kick": 2**53 - 1, "users": {C: 99}}
    )
    assert powers.creators == {A, B}
    assert not powers.may_kick(A, B)
    assert not powers.may_ban(B, A)
    assert not powers.may_unban(A, B)
    assert powers.may_kick(B, C)
    assert "12" in repr(powers)


BASE = {"users": {A: 100, B: 50, C: 50}, "events": {"m.x": 60, LEVELS: 50}, "kick": 40, "ban": 70,
        "notifications": {"room": 80}}  # fmt: skip


@pytest.mark.parametrize(
    "change, reason",
    [
        ({}, None),
        ({"kick": 50}, None),
        ({"kick": 51}, "kick would become 51"),
        ({"ban": 50}, "ban is 70"),
        ({"ban": 71}, "ban is 70"),
        ({"invite": 50}, None),
        ({"invite": 51}, "invite would become 51"),
        ({"events": {LEVELS: 50}}, r"events\['m.x'\] is 60"),
        ({"events": {"m.x": 60, LEVELS: 50, "m.y": 50}}, None),
        ({"events": {"m.x": 60, LEVELS: 51}}, "would become 51"),
        ({"notifications": {"room": 50}}, r"notifications\['room'\] is 80"),
        ({"notifications": {"room": 80, "x": 1}}, None),
        ({"users": {A: 100, B: 0, C: 50}}, None),
        ({"users": {A: 100, C: 50}}, None),
        ({"users": {A: 100, B: 51, C: 50}}, r"users\['@b:h'\] would become 51"),
        ({"users": {A: 100, B: 50, C: 49}}, r"users\['@c:h'\] has 50, not less"),
        ({"users": {A: 100, B: 50}}, r"users\['@c:h'\] has 50, not less"),
        ({"users": {B: 50, C: 50}}, r"users\['@a:h'\] has 100, not less"),
        ({"users": {A: 100, B: 50, C: 50, D: 50}}, None),
        ({"users": {A: 100, B: 50, C: 50, D: 51}}, "would become 51"),
        ({"users": {A: 100, B: 50, C: 50, "d": 5}}, "no user ID"),
        ({"users": []}, "users must be an object"),
        ({"ban": "70"}, "no level"),
        ({"invite": None}, "no level"),
        ({"events": {"m.x": 60, LEVELS: 50, "m.y": True}}, "no level"),
        ({"x": "anything"}, None),
    ],
)
def test_changes_of_power_levels(change: Json, reason: str | None) -> None:
    powers = RoomPowers(create("10"), BASE)
    found = powers.objections(B, {**BASE, **change})
    assert powers.may_change_power_levels(B, {**BASE, **change}) is (reason is None)
    if reason is None:
        assert found == []
    else:
        assert any(re.search(reason, one) for one in found), found


def test_other_objections() -> None:
    powers = RoomPowers(create("12"), {**BASE, "users": {B: 50}})
    assert powers.objections(D, powers._content or {}) == [
        f"{D} has level 0, and {LEVELS} needs 50"
    ]
    assert powers.objections(B, {"users": {B: 50, A: 100}})[0].startswith(f"{A} is a creator")
    assert powers.objections(A, {"users": {B: 2**53 - 1}, "ban": 2**53 - 1}) == []
    assert powers.objections(A, {}, membership="leave") == [f"{A} isn't in the room"]
    broken: Any = 5
    assert "must be an object" in powers.objections(A, broken)[0]
    # Until room version 5 nobody guards notifications; until 9 levels may be texts.
    for version, allowed in (("5", True), ("6", False)):
        old = RoomPowers(create(version), BASE)
        assert old.may_change_power_levels(B, {**BASE, "notifications": {"room": 0}}) is allowed
    assert RoomPowers(create("9"), BASE).objections(B, {**BASE, "ban": "70", "kick": " 50"}) == []
    # The first power levels of a room may say anything.
    assert RoomPowers(create("11"), None).objections(A, {"ban": 5000}) == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner,
                                                                max_size=3),
    max_leaves=6,
)  # fmt: skip
some_levels = st.sampled_from([-1, 0, 1, 49, 50, 51, 99, 100, 2**53 - 1, "50", " 7 "])
odd = st.one_of(some_levels, some_levels, some_levels, json_values)
names = st.sampled_from(["m.x", "m.room.message", "m.room.redaction", LEVELS, "m.room.tombstone",
                         "m.room.member", "m.room.third_party_invite"])  # fmt: skip


def tables(keys: Any, values: Any) -> Any:
    return st.dictionaries(keys, values, max_size=4)


NOTHING: Any = st.nothing()


def contents(values: Any, odd_tables: Any = NOTHING) -> Any:
    return st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(DEFAULTS, values),
            "users": tables(st.sampled_from(USERS), values) | odd_tables,
            "events": tables(names, values) | odd_tables,
            "notifications": tables(st.just("room"), values) | odd_tables,
        },
    )


creates = st.builds(
    create,
    st.sampled_from(VERSIONS),
    sender=st.sampled_from(USERS),
    additional_creators=st.lists(st.sampled_from(USERS), max_size=2) | json_values,
)
some_creates = st.none() | creates | json_values
some_contents = st.none() | contents(odd, json_values) | json_values
integers = st.sampled_from([-1, 0, 1, 49, 50, 51, 99, 100, 2**53 - 1])
memberships = st.sampled_from([None, "join", "leave", "ban", "invite", "knock"])


def everything(powers: RoomPowers, user: str, target: str, name: str, new: Any) -> list[bool]:
    """The answer to every question."""
    return [
        powers.may_send(user, name), powers.may_send_state(user, name),
        powers.may_send_state(user, name, target), powers.may_redact(user, target),
        powers.may_invite(user), powers.may_kick(user, target), powers.may_ban(user, target),
        powers.may_unban(user, target), powers.may_upgrade(user), powers.may_notify_room(user),
        powers.may_change_power_levels(user, new),
    ]  # fmt: skip


@settings(deadline=None)
@given(some_creates, some_contents, some_contents, st.text(max_size=5))
def test_no_json_makes_it_raise(event: Any, levels: Any, new: Any, text: str) -> None:
    powers = RoomPowers(event, levels)
    for user, target in ((A, B), (text, A), (A, text)):
        everything(powers, user, target, text, new)
        everything(powers, user, target, "m.room.message", new)
        assert -CREATOR_LEVEL < powers.level(user) <= CREATOR_LEVEL
        assert (powers.level(user) == CREATOR_LEVEL) == (user in powers.creators)


@settings(deadline=None)
@given(contents(integers), names, integers, integers)
def test_more_power_never_allows_less(levels: Json, name: str, less: int, more: int) -> None:
    less, more = sorted((less, more))
    answers = []
    for level in (less, more):
        powers = RoomPowers(create("11"), {**levels, "users": {A: level, B: 10}})
        new = {**levels, "users": {A: level, B: 11}, "kick": 30}
        answers.append(everything(powers, A, B, name, new))
    for fewer, further in zip(*answers, strict=True):
        assert fewer <= further


@settings(deadline=None)
@given(contents(integers), names, st.sampled_from(["12", "org.example.new"]), contents(integers))
def test_a_creator_can_do_all_but_act_on_a_creator(
    levels: Json, name: str, version: str, new: Json
) -> None:
    powers = RoomPowers(create(version, additional_creators=[B]), levels)
    new["users"] = {user: 5 for user in new.get("users", {}) if user not in (A, B)}
    for user, other in ((A, B), (B, A)):
        may = everything(powers, user, C, name, new)
        may[0] = may[0] or name == "m.room.member"
        may[2] = may[2] or name != "m.room.member"  # state keys of others are nobody's
        assert all(may)
        assert not powers.may_kick(user, other)
        assert not powers.may_ban(user, other)
        assert not powers.may_unban(user, other)


# The rules once more, as plainly as they are written, for comparison.


def plain_int(version: str, value: Any) -> int | None:
    if type(value) is int:
        return value if abs(value) < 2**53 else None
    if type(value) is str and version in [str(n) for n in range(1, 10)]:
        return int(value) if re.match(r"^\s*[+-]?\d+\s*$", value) else None
    return None


def plain_level(event: Json, pl: Json | None, user: str) -> float:
    version = event["content"].get("room_version", "1")
    creators = [event["sender"]]
    if version not in OLD:
        more = event["content"].get("additional_creators", [])
        creators += more if isinstance(more, list) else []
        if user in creators:
            return float("inf")
    if pl is None:
        return 100 if user == event["sender"] and version in OLD else 0
    default = plain_int(version, pl.get("users_default", 0))
    level = plain_int(version, pl.get("users", {}).get(user))
    return level if level is not None else default if default is not None else 0


def plain_needed(event: Json, pl: Json | None, kind: str, default: int, table: str = "") -> int:
    version = event["content"].get("room_version", "1")
    where = (pl or {}).get(table, {}) if table else (pl or {})
    level = plain_int(version, where.get(kind))
    return default if level is None else level


def plain_event(event: Json, pl: Json | None, kind: str, state: bool) -> int:
    if kind == "m.room.third_party_invite":
        return plain_needed(event, pl, "invite", 0)
    default = plain_needed(event, pl, "state_default", 50) if state else plain_needed(
        event, pl, "events_default", 0
    )  # fmt: skip
    return plain_needed(event, pl, kind, default, "events")


def plain_kick(event: Json, pl: Json | None, a: str, b: str, name: str) -> bool:
    level = plain_level(event, pl, a)
    return level >= plain_needed(event, pl, name, 50) and plain_level(event, pl, b) < level


def plain_change(event: Json, pl: Json | None, user: str, new: Json) -> bool:
    version = event["content"].get("room_version", "1")
    level = plain_level(event, pl, user)
    if level < plain_event(event, pl, LEVELS, True):
        return False
    checked = ["users", "events"] + ([] if version in [*"12345"] else ["notifications"])
    for key, value in new.items():
        if key in DEFAULTS and plain_int(version, value) is None:
            return False
        if key in checked and any(plain_int(version, one) is None for one in value.values()):
            return False
    if level == float("inf") or version not in OLD:
        creators = [u for u in USERS if plain_level(event, pl, u) == float("inf")]
        if any(u in new.get("users", {}) for u in creators):
            return False
    if pl is None:
        return True
    flat_old: dict[Any, Any] = {}
    flat_new: dict[Any, Any] = {}
    for content, flat in ((pl, flat_old), (new, flat_new)):
        for key, value in content.items():
            if key in DEFAULTS:
                flat[key, ""] = plain_int(version, value)
            elif key in checked:
                for name, one in value.items():
                    flat[key, name] = plain_int(version, one)
    for entry in {**flat_old, **flat_new}:
        was, becomes = flat_old.get(entry), flat_new.get(entry)
        if was == becomes:
            continue
        if becomes is not None and becomes > level:
            return False
        if entry[0] != "users" and was is not None and was > level:
            return False
        if entry[0] == "users" and entry[1] != user and was is not None and was >= level:
            return False
    return True


texts_too = st.sampled_from([-1, 0, 1, 50, 51, 100, 2**53 - 1, "50", " 7 "])


@settings(max_examples=400, deadline=None)
@given(
    creates, st.none() | contents(texts_too), names, st.sampled_from(USERS),
    st.sampled_from(USERS), memberships, memberships, st.data(),
)  # fmt: skip
def test_the_rules_are_those_of_the_specification(
    event: Json, pl: Json | None, name: str, a: str, b: str, mine: str | None,
    theirs: str | None, data: st.DataObject,
) -> None:  # fmt: skip
    if not isinstance(event["content"]["additional_creators"], list):
        event["content"]["additional_creators"] = []
    version = event["content"]["room_version"]
    powers = RoomPowers(event, pl)
    level = plain_level(event, pl, a)
    here = mine in (None, "join")
    assert powers.level(a) == min(level, 2**53)
    assert powers.may_send(a, name, membership=mine) == (
        here and name != "m.room.member" and level >= plain_event(event, pl, name, False)
    )
    if name != "m.room.member":
        for key in ("", a, b):
            own = not key.startswith("@") or key == a or name == "m.room.third_party_invite"
            assert powers.may_send_state(a, name, key, membership=mine) == (
                here and own and level >= plain_event(event, pl, name, True)
            )
    may_redact = level >= plain_event(event, pl, "m.room.redaction", False) and (
        a == b or level >= plain_needed(event, pl, "redact", 50)
    )
    assert powers.may_redact(a, b, membership=mine) == (here and may_redact)
    may_invite = level >= plain_needed(event, pl, "invite", 0) and theirs not in ("join", "ban")
    assert powers.may_invite(a, membership=mine, target_membership=theirs) == (here and may_invite)
    kick, ban = plain_kick(event, pl, a, b, "kick"), plain_kick(event, pl, a, b, "ban")
    assert powers.may_kick(a, b, membership=mine, target_membership=theirs) == (
        here and kick and (ban or theirs != "ban")
    )
    assert powers.may_ban(a, b, membership=mine) == (here and ban)
    assert powers.may_unban(a, b, membership=mine, target_membership=theirs) == (
        here and kick and ban and theirs in (None, "ban")
    )
    assert powers.may_upgrade(a) == (level >= plain_event(event, pl, "m.room.tombstone", True))
    assert powers.may_notify_room(a) == (
        level >= plain_needed(event, pl, "room", 50, "notifications")
    )
    # A change of what is there: that's where the rules are close.
    new = data.draw(contents(texts_too))
    keep = data.draw(st.sets(st.sampled_from([*DEFAULTS, "users", "events", "notifications"])))
    new = {**new, **{key: value for key, value in (pl or {}).items() if key in keep}}
    assert powers.may_change_power_levels(a, new) == plain_change(event, pl, a, new), version
