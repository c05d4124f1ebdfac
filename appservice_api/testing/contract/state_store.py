"""The contract of state stores, the same for each of them."""

from __future__ import annotations

from typing import Any

import pytest

from ...clock import now
from ...events.membership import Membership
from ...state_store import ASStateStore, MemberItem, RoomItems, Source, StateItem

__all__ = ["StateStoreContract"]

ROOM, USER, OTHER = "!r:hs.test", "@_u:hs.test", "@o:hs.test"
_LEVELS = "m.room.power_levels"


def _member(membership: str, ts: int, state_key: str = USER) -> dict[str, object]:
    return {
        "type": "m.room.member", "room_id": ROOM, "state_key": state_key, "sender": OTHER,
        "origin_server_ts": ts, "content": {"membership": membership, "displayname": f"at {ts}"},
    }  # fmt: skip


def _item(name: str) -> MemberItem:
    return MemberItem(Membership.JOIN, now(), Source.FETCHED, None, name)


def _levels(ban: int) -> StateItem:
    return StateItem({"ban": ban}, now(), Source.FETCHED)


class StateStoreContract:
    """Tests of a state store. Give a subclass of it, named ``Test…``, the fixture ``store``: an
    empty store, opened, which is closed when the test is over."""

    @pytest.fixture
    def store(self) -> ASStateStore:
        """The store that is tested."""
        raise NotImplementedError("give the subclass a fixture named store")

    def test_what_is_not_known_is_none(self, store: ASStateStore) -> None:
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

    def test_memberships(self, store: ASStateStore) -> None:
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

    def test_what_is_older_never_overwrites_what_is_newer(self, store: ASStateStore) -> None:
        store.update_state(_member("join", 2000))
        store.update_state(_member("leave", 1000))
        assert store.get_member(ROOM, USER) == {"membership": "join", "displayname": "at 2000"}
        store.update_state(_member("ban", 3000))
        assert store.get_membership(ROOM, USER) is Membership.BAN
        store.joined(ROOM, USER)  # what we do now is newer than all of these
        store.update_state(_member("leave", 4000))
        assert store.is_joined(ROOM, USER) is True
        store.set_power_levels(ROOM, {"users": {USER: 2}}, ts=2)
        store.set_power_levels(ROOM, {"users": {USER: 1}}, ts=1)
        assert store.get_power_levels(ROOM) == {"users": {USER: 2}}
        store.set_encryption_info(ROOM, {"algorithm": "x"}, ts=2)
        store.set_encryption_info(ROOM, None, ts=1)
        assert store.is_encrypted(ROOM) is True

    @pytest.mark.parametrize("ts", [2**53, 10**30, -(10**30)])
    def test_an_invented_time_does_not_last(self, ts: int, store: ASStateStore) -> None:
        store.update_state(_member("join", ts))
        assert store.is_joined(ROOM, USER) is True
        store.left(ROOM, USER)
        assert store.is_joined(ROOM, USER) is False

    def test_names_that_databases_refuse(self, store: ASStateStore) -> None:
        store.set_member(ROOM, USER, {"membership": "join", "displayname": "a\0b\ud800"})
        store.set_power_levels(ROOM, {"a\0b": "\ud800"})
        assert store.is_joined(ROOM, USER) is True
        assert store.find_lookalikes(ROOM, "nobody\ud800") == []
        assert store.get_power_levels(ROOM) == {"a\0b": "\ud800"}

    def test_many_rooms_at_once(self, store: ASStateStore) -> None:
        join = MemberItem(Membership.JOIN, 1000, Source.FETCHED, None, "old")
        levels = StateItem({"ban": 1}, 1000, Source.FETCHED)
        store.update_state(_member("leave", 2000))
        store.set_power_levels("!1:h", {"ban": 2}, ts=2000)
        assert store.is_joined(ROOM, USER) is False
        rooms = {
            room: RoomItems({USER: join, OTHER: join}, {"m.room.power_levels": levels}, full)
            for room, full in ((ROOM, True), ("!1:h", False))
        }
        store.write_rooms(rooms)
        store.write_rooms(rooms)
        assert store.is_joined(ROOM, USER) is False
        assert store.read_member("!1:h", USER) == join
        assert sorted(store.rooms_of(OTHER)) == ["!1:h", ROOM]
        assert store.get_power_levels(ROOM) == {"ban": 1}
        assert store.get_power_levels("!1:h") == {"ban": 2}
        assert store.has_full_member_list(ROOM)
        assert not store.has_full_member_list("!1:h")
        store.write_rooms({})
        store.registered(USER)
        store.write_registered([USER, OTHER, OTHER])
        store.write_registered([])
        assert store.is_registered(USER)
        assert store.is_registered(OTHER)
        assert not store.is_registered("@third:h")
        assert store.registered_among([USER, "@third:h", "\0", OTHER]) == {USER, OTHER}
        many = [f"@u{number}:hs.test" for number in range(1200)]
        store.write_registered(many)
        assert store.registered_among(many) == set(many)
        assert store.registered_among([]) == set()

    def test_the_echo_of_what_was_sent_brings_its_true_time(self, store: ASStateStore) -> None:
        sent = MemberItem(Membership.JOIN, 5000, Source.SENT, "$join", "U")
        store.write_members(ROOM, {USER: sent})
        store.update_state({**_member("join", 3000), "event_id": "$join"})
        assert store.read_member(ROOM, USER) == MemberItem(
            Membership.JOIN, 3000, Source.RECEIVED, "$join", "at 3000"
        )
        store.update_state({**_member("leave", 4000), "event_id": "$kick"})
        assert store.is_joined(ROOM, USER) is False
        levels = StateItem({"ban": 1}, 5000, Source.SENT, "$levels", OTHER)
        store.write_state(ROOM, "m.room.power_levels", levels)
        store.write_state(ROOM, "m.room.power_levels", levels._replace(ts=2000))
        store.set_power_levels(ROOM, {"ban": 2}, ts=3000)
        assert store.get_power_levels(ROOM) == {"ban": 2}

    def test_a_leave_keeps_no_profile_but_a_mere_membership_does(self, store: ASStateStore) -> None:
        store.set_member(
            ROOM, USER, {"membership": "join", "displayname": "U", "avatar_url": "mxc://a/b"}
        )
        store.set_membership(ROOM, USER, "leave")
        assert store.get_member(ROOM, USER) == {
            "membership": "leave", "displayname": "U", "avatar_url": "mxc://a/b",
        }  # fmt: skip
        store.set_member(ROOM, USER, {"membership": "ban"})
        assert store.get_member(ROOM, USER) == {"membership": "ban"}
        store.set_member(ROOM, USER, {"membership": "join", "displayname": 5})
        assert store.get_member(ROOM, USER) == {"membership": "join"}

    def test_rooms(self, store: ASStateStore) -> None:
        for room in ("!1:h", "!2:h", "!3:h"):
            store.joined(room, USER)
        store.joined("!1:h", OTHER)
        store.joined("!3:h", OTHER)
        store.invited("!2:h", OTHER)
        assert sorted(store.rooms_of(USER)) == ["!1:h", "!2:h", "!3:h"]
        assert {"!1:h", "!2:h", "!3:h"} <= set(store.rooms())
        assert sorted(store.find_shared_rooms(USER, OTHER)) == ["!1:h", "!3:h"]
        assert store.rooms_of(OTHER, (Membership.INVITE,)) == ["!2:h"]
        assert store.rooms_of("@nobody:h") == []

    def test_names_are_no_patterns(self, store: ASStateStore) -> None:
        users = ["@_a_b:h", "@xaxb:h", "@_a%b:h", "@_axb:h"]
        store.set_members(ROOM, {user: {} for user in users}, only_membership="join")
        assert store.get_members_filtered(ROOM, "@_a_", ":h", "@none:h") == [
            user for user in store.get_members(ROOM) if user != "@_a_b:h"
        ]
        assert "@_axb:h" in store.get_members_filtered(ROOM, "@_a%", ":h", "@none:h")

    def test_names_that_look_alike(self, store: ASStateStore) -> None:
        names = {
            "@1:h": "Alice",
            "@2:h": "alice ",
            "@3:h": "Аlісе",
            "@4:h": "Bob",
            "@5:h": "A1ice\u200b",
        }
        members = {user: {"displayname": name} for user, name in names.items()}
        store.set_members(ROOM, {**members, "@6:h": {}}, only_membership="join")
        assert sorted(store.find_lookalikes(ROOM, "Alice")) == ["@1:h", "@2:h", "@3:h", "@5:h"]
        store.left(ROOM, "@3:h")
        assert sorted(store.find_lookalikes(ROOM, "ALICE")) == ["@1:h", "@2:h", "@5:h"]
        assert store.find_lookalikes(ROOM, "Carol") == []

    def test_join_rules_and_tombstones(self, store: ASStateStore) -> None:
        for kind, content in (
            ("m.room.join_rules", {"join_rule": "invite"}),
            ("m.room.tombstone", {"body": "moved", "replacement_room": "!new:h"}),
        ):
            store.update_state({"type": kind, "room_id": ROOM, "state_key": "", "content": content,
                                "origin_server_ts": 5, "sender": OTHER})  # fmt: skip
        assert store.get_join_rules(ROOM) == {"join_rule": "invite"}
        assert store.get_tombstone(ROOM) == {"body": "moved", "replacement_room": "!new:h"}

    def test_what_was_fetched_is_the_state_of_now(self, store: ASStateStore) -> None:
        store.joined(ROOM, USER)
        store.update_state(_member("leave", 1000), source=Source.FETCHED)
        assert store.is_joined(ROOM, USER) is False

    def test_a_room_of_many_members(self, store: ASStateStore) -> None:
        users = {f"@u{number}:h": {"displayname": f"U{number}"} for number in range(1200)}
        store.set_members(ROOM, users, only_membership="join")
        assert len(store.get_members(ROOM)) == 1200
        del users["@u7:h"]
        store.set_members(ROOM, users, only_membership="join")
        assert len(store.get_members(ROOM)) == 1199
        assert store.get_membership(ROOM, "@u7:h") is Membership.LEAVE

    def test_a_wrong_state_key_is_ignored(self, store: ASStateStore) -> None:
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
        {"type": "m.room.member", "room_id": 5, "state_key": USER,
         "content": {"membership": "join"}},
        {"type": "m.room.member", "room_id": ROOM, "state_key": USER,
         "content": {"membership": "x"}},
        {"type": "m.room.member", "room_id": ROOM, "state_key": 5,
         "content": {"membership": "join"}},
        {"type": "m.room.power_levels", "room_id": ROOM, "state_key": "", "content": "x"},
    ])  # fmt: skip
    def test_a_malformed_event_is_ignored(
        self, event: dict[str, object], store: ASStateStore
    ) -> None:
        store.update_state(event)
        assert store.get_membership(ROOM, USER) is None
        assert store.get_power_levels(ROOM) is None

    def test_members(self, store: ASStateStore) -> None:
        store.set_members(ROOM, {USER: {"displayname": "U"}, OTHER: {}}, only_membership="join")
        assert store.has_full_member_list(ROOM)
        assert store.get_member_profiles(ROOM) == {
            USER: {"membership": "join", "displayname": "U"}, OTHER: {"membership": "join"},
        }  # fmt: skip
        assert store.get_members_filtered(ROOM, "@_", ":hs.test", "@x:y") == [OTHER]
        assert store.get_members_filtered(ROOM, "@_", ":hs.test", OTHER) == []
        assert store.get_members(ROOM, (Membership.BAN,)) == []

    def test_members_who_are_not_named_any_more_have_left(self, store: ASStateStore) -> None:
        store.update_state(_member("join", 1000))
        store.update_state(_member("ban", 1000, "@banned:hs.test"))
        store.set_members(ROOM, {OTHER: {}}, only_membership=Membership.JOIN)
        assert store.is_joined(ROOM, USER) is False
        assert store.is_joined(ROOM, OTHER) is True
        assert store.get_membership(ROOM, "@banned:hs.test") is Membership.BAN

    def test_power_levels(self, store: ASStateStore) -> None:
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

    def test_power_levels_are_not_the_callers(self, store: ASStateStore) -> None:
        content: dict[str, dict[str, int]] = {"users": {USER: 50}}
        store.set_power_levels(ROOM, content)
        content["users"][USER] = 100
        assert store.get_power_levels(ROOM) == {"users": {USER: 50}}

    def test_the_rest(self, store: ASStateStore) -> None:
        store.registered(USER)
        assert store.is_registered(USER)
        # What is shared can't know what another process has sent since.
        store.set_presence(USER, "online")
        assert store.has_presence(USER, "online") in (True, False)
        assert not store.has_presence(USER, "offline")
        store.set_read(ROOM, USER, "$e")
        assert store.get_read(ROOM, USER) in ("$e", None)
        store.set_encryption_info(ROOM, None)
        assert store.is_encrypted(ROOM) is False
        store.flush()

    def test_what_is_written_is_seen_by_who_has_read_before(self, store: ASStateStore) -> None:
        def look() -> tuple[Any, ...]:
            member, other = store.get_member(ROOM, USER), store.get_membership(ROOM, OTHER)
            return member and member.get("displayname"), other, store.get_power_levels(ROOM)

        assert look() == (None, None, None)
        store.write_members(ROOM, {USER: _item("a"), OTHER: _item("o")})
        assert look() == ("a", Membership.JOIN, None)
        store.write_members(ROOM, {USER: _item("b")})
        assert look() == ("b", Membership.JOIN, None)
        store.write_members(ROOM, {USER: _item("c")}, gone=[Membership.JOIN])
        assert look() == ("c", Membership.LEAVE, None)
        store.write_rooms({ROOM: RoomItems({OTHER: _item("o")}, {_LEVELS: _levels(1)})})
        assert look() == ("c", Membership.JOIN, {"ban": 1})
        store.write_rooms({ROOM: RoomItems({USER: _item("d")}, {_LEVELS: _levels(2)})})
        assert look() == ("d", Membership.JOIN, {"ban": 2})
        store.write_state(ROOM, _LEVELS, _levels(3))
        assert look() == ("d", Membership.JOIN, {"ban": 3})
        store.set_profile(USER, "displayname", "e")
        assert look() == ("e", Membership.JOIN, {"ban": 3})
        many = {f"@{number}:h": _item("many") for number in range(700)}
        store.write_members(ROOM, {**many, USER: _item("f")})
        assert look() == ("f", Membership.JOIN, {"ban": 3})
        assert not store.is_registered(USER)
        store.registered(USER)
        assert store.is_registered(USER)
        store.invalidate(ROOM, USER)
        store.invalidate(None, OTHER)
        assert look() == ("f", Membership.JOIN, {"ban": 3})

    def test_clocks_may_differ_by_a_minute(self, store: ASStateStore) -> None:
        def write(ahead: int, ban: int) -> None:
            ts, membership = now() + ahead, Membership.JOIN if ban % 2 else Membership.LEAVE
            store.set_membership(ROOM, USER, membership, ts=ts)
            store.set_power_levels(ROOM, {"ban": ban}, ts=ts)

        def known() -> tuple[Any, ...]:
            return store.get_power_levels(ROOM), store.is_joined(ROOM, USER)

        write(30_000, 1)
        write(0, 2)  # what is half a minute in the future is newer
        assert known() == ({"ban": 1}, True)
        write(90_000, 2)
        write(-90_000, 3)  # what is further in the future counts as a minute old
        assert known() == ({"ban": 2}, False)
        write(-30_000, 3)
        assert known() == ({"ban": 3}, True)

    def test_a_clock_that_was_ahead(self, store: ASStateStore) -> None:
        store.set_membership(ROOM, USER, "join", ts=now() + 3_600_000)
        store.set_power_levels(ROOM, {"ban": 1}, ts=now() + 3_600_000)
        store.left(ROOM, USER)
        store.set_power_levels(ROOM, {"ban": 2})
        assert store.is_joined(ROOM, USER) is False
        assert store.get_power_levels(ROOM) == {"ban": 2}

    def test_one_membership_may_be_given_as_it_is(self, store: ASStateStore) -> None:
        store.joined(ROOM, USER)
        assert store.rooms_of(USER, "join") == [ROOM]
        assert store.get_members(ROOM, "join") == [USER]

    @pytest.mark.parametrize("event", ["x", 5, None, {"type": [], "room_id": ROOM, "state_key": "",
                                                      "content": {}}])  # fmt: skip
    def test_what_is_no_event_is_ignored(self, event: Any, store: ASStateStore) -> None:
        store.update_state(event)
        assert store.get_members(ROOM, tuple(Membership)) == []
