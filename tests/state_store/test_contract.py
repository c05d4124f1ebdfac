"""The contract of state stores, the same for each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from appservice_api import ASStateStore, Membership, MemoryStateStore

ROOM, USER, OTHER = "!r:hs.test", "@_u:hs.test", "@o:hs.test"

STORES: dict[str, Callable[[], ASStateStore]] = {"memory": MemoryStateStore}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Iterator[ASStateStore]:
    with STORES[request.param]() as made:
        yield made


def member(membership: str, ts: int, state_key: str = USER) -> dict[str, object]:
    return {
        "type": "m.room.member", "room_id": ROOM, "state_key": state_key, "sender": OTHER,
        "origin_server_ts": ts, "content": {"membership": membership, "displayname": f"at {ts}"},
    }  # fmt: skip


def test_what_is_not_known_is_none(store: ASStateStore) -> None:
    assert store.get_membership(ROOM, USER) is None
    assert store.is_joined(ROOM, USER) is None
    assert store.get_member(ROOM, USER) is None
    assert store.get_power_levels(ROOM) is None
    assert store.get_create(ROOM) is None
    assert store.is_encrypted(ROOM) is None
    assert store.has_power_level(ROOM, USER, "m.room.message") is None
    assert store.get_read(ROOM, USER) is None
    assert not store.is_registered(USER)
    assert not store.has_full_member_list(ROOM)
    assert store.get_members(ROOM) == []


def test_memberships(store: ASStateStore) -> None:
    store.invited(ROOM, USER)
    assert store.get_membership(ROOM, USER) is Membership.INVITE
    assert store.is_joined(ROOM, USER) is False
    store.joined(ROOM, USER)
    store.invited(ROOM, USER)
    assert store.is_joined(ROOM, USER) is True
    store.left(ROOM, USER)
    assert store.get_membership(ROOM, USER) is Membership.LEAVE
    with pytest.raises(ValueError, match="nonsense"):
        store.set_membership(ROOM, USER, "nonsense")


def test_what_is_older_never_overwrites_what_is_newer(store: ASStateStore) -> None:
    store.update_state(member("join", 2000))
    store.update_state(member("leave", 1000))
    assert store.get_member(ROOM, USER) == {"membership": "join", "displayname": "at 2000"}
    store.update_state(member("ban", 3000))
    assert store.get_membership(ROOM, USER) is Membership.BAN
    store.joined(ROOM, USER)  # what we do now is newer than all of these
    store.update_state(member("leave", 4000))
    assert store.is_joined(ROOM, USER) is True
    store.set_power_levels(ROOM, {"users": {USER: 2}}, ts=2)
    store.set_power_levels(ROOM, {"users": {USER: 1}}, ts=1)
    assert store.get_power_levels(ROOM) == {"users": {USER: 2}}
    store.set_encryption_info(ROOM, {"algorithm": "x"}, ts=2)
    store.set_encryption_info(ROOM, None, ts=1)
    assert store.is_encrypted(ROOM) is True


def test_a_wrong_state_key_is_ignored(store: ASStateStore) -> None:
    for kind in ("m.room.power_levels", "m.room.encryption", "m.room.create"):
        store.update_state(
            {"type": kind, "room_id": ROOM, "state_key": "x", "content": {"users": {}}}
        )
        store.update_state({"type": kind, "room_id": ROOM, "content": {"users": {}}})
    assert not store.has_power_levels_cached(ROOM)
    assert not store.has_create_cached(ROOM)
    assert store.is_encrypted(ROOM) is None


@pytest.mark.parametrize("event", [
    {}, {"type": "m.room.member", "room_id": ROOM, "state_key": USER},
    {"type": "m.room.member", "room_id": 5, "state_key": USER, "content": {"membership": "join"}},
    {"type": "m.room.member", "room_id": ROOM, "state_key": USER, "content": {"membership": "x"}},
    {"type": "m.room.member", "room_id": ROOM, "state_key": 5, "content": {"membership": "join"}},
    {"type": "m.room.power_levels", "room_id": ROOM, "state_key": "", "content": "x"},
])  # fmt: skip
def test_a_malformed_event_is_ignored(event: dict[str, object], store: ASStateStore) -> None:
    store.update_state(event)
    assert store.get_membership(ROOM, USER) is None
    assert store.get_power_levels(ROOM) is None


def test_members(store: ASStateStore) -> None:
    store.set_members(ROOM, {USER: {"displayname": "U"}, OTHER: {}}, only_membership="join")
    assert store.has_full_member_list(ROOM)
    assert store.get_member_profiles(ROOM) == {
        USER: {"membership": "join", "displayname": "U"}, OTHER: {"membership": "join"},
    }  # fmt: skip
    assert store.get_members_filtered(ROOM, "@_", ":hs.test", "@x:y") == [OTHER]
    assert store.get_members_filtered(ROOM, "@_", ":hs.test", OTHER) == []
    assert store.get_members(ROOM, (Membership.BAN,)) == []


def test_members_who_are_not_named_any_more_have_left(store: ASStateStore) -> None:
    store.update_state(member("join", 1000))
    store.update_state(member("ban", 1000, "@banned:hs.test"))
    store.set_members(ROOM, {OTHER: {}}, only_membership=Membership.JOIN)
    assert store.is_joined(ROOM, USER) is False
    assert store.is_joined(ROOM, OTHER) is True
    assert store.get_membership(ROOM, "@banned:hs.test") is Membership.BAN


def test_power_levels(store: ASStateStore) -> None:
    store.set_power_levels(ROOM, {"users": {USER: "50"}, "events": {"m.x": 60}})
    assert store.has_power_level(ROOM, USER, "m.room.topic", state=True) is True
    assert store.has_power_level(ROOM, USER, "m.x") is False
    assert store.has_power_level(ROOM, OTHER, "m.room.message") is True
    store.set_create({
        "type": "m.room.create", "room_id": ROOM, "state_key": "", "sender": OTHER,
        "content": {"room_version": "12", "additional_creators": ["@more:hs.test"]},
    })  # fmt: skip
    assert store.has_power_level(ROOM, OTHER, "m.x") is True
    assert store.has_power_level(ROOM, "@more:hs.test", "m.x") is True


def test_power_levels_are_not_the_callers(store: ASStateStore) -> None:
    content: dict[str, dict[str, int]] = {"users": {USER: 50}}
    store.set_power_levels(ROOM, content)
    content["users"][USER] = 100
    assert store.get_power_levels(ROOM) == {"users": {USER: 50}}


def test_the_rest(store: ASStateStore) -> None:
    store.registered(USER)
    assert store.is_registered(USER)
    store.set_presence(USER, "online")
    assert store.has_presence(USER, "online")
    assert not store.has_presence(USER, "offline")
    store.set_read(ROOM, USER, "$e")
    assert store.get_read(ROOM, USER) == "$e"
    store.set_encryption_info(ROOM, None)
    assert store.is_encrypted(ROOM) is False
    store.flush()
