"""Identifiers: strict when they are made, lenient when they are read."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appservice_api import ContentURI, DeviceID, EventID, RoomAlias, RoomID, UserID, ids
from appservice_api.ids import Identifier, ServerName

KINDS: list[type[Identifier]] = [
    ContentURI, DeviceID, EventID, Identifier, RoomAlias, RoomID, ServerName, UserID,
]  # fmt: skip
GOOD: dict[type[Identifier], str] = {
    ContentURI: "mxc://hs.test/media",
    DeviceID: "DEVICE",
    EventID: "$event",
    Identifier: "anything",
    RoomAlias: "#tea:hs.test",
    RoomID: "!room:hs.test",
    ServerName: "hs.test",
    UserID: "@alice:hs.test",
}
SERVERS = [
    "hs.test",
    "hs.test:8448",
    "[::1]:80",
    "[2001:db8::1]",
    "127.0.0.1",
    "localhost",
    "X-1.y",
]


@pytest.mark.parametrize(
    "kind, value",
    [
        *GOOD.items(),
        *((ServerName, server) for server in SERVERS),
        *((UserID, f"@a:{server}") for server in SERVERS),
        *((RoomAlias, f"#ä b/c:{server}") for server in SERVERS),
        *((ContentURI, f"mxc://{server}/a-B_9") for server in SERVERS),
        (UserID, "@Alice!#/ä👍@:hs.test"),
        (UserID, "@" + "x" * 246 + ":hs.test"),
        (RoomAlias, "#@!$ %?:hs.test"),
        (RoomID, "!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM"),
        (RoomID, "!a b/c?#%:hs.test"),
        (EventID, "$acR1l0raoZnm60CBwAVgqbZqoO/mYU81xysh1u7XcJk"),
        (EventID, "$event:hs.test"),
        (DeviceID, "a b/ä"),
    ],
)
def test_what_is_one(kind: type[Identifier], value: str) -> None:
    made = kind(value)
    assert type(made) is kind
    assert made == value


@pytest.mark.parametrize(
    "kind, value, problem",
    [
        *((kind, value, "must be a str|mxc://server/media_id")
          for kind in KINDS for value in (None, 5, b"@alice:hs.test", ["x"])),
        *((kind, GOOD[kind] + "\ud800", "lone surrogate|mxc://server/media_id") for kind in KINDS),
        *((kind, GOOD[kind][:1] + "x" * 255 + GOOD[kind][1:], "255 are allowed")
          for kind in KINDS if kind is not ContentURI),
        *((kind, "", "must|can't be empty") for kind in KINDS if kind is not Identifier),
        (UserID, "@" + "ä" * 124 + ":hs.test", "has 257 bytes; 255 are allowed"),
        *((UserID, value, "must look like '@localpart:server'") for value in (
            "alice", "@alice", "alice:hs.test", "@:hs.test", "@alice:", "@a b:hs.test",
            "@a\n:hs.test", "@a\0:hs.test", "@a:h s", "@a:hs.test\n", "@a:b:c", "@a:hs.test:123456",
            "@a:hs.test:", "@a:[::1", "@a:-x", "@a:hs/test", "#alice:hs.test", " @alice:hs.test",
        )),
        *((RoomAlias, value, "must look like '#localpart:server'") for value in (
            "#tea", "tea:hs.test", "#:hs.test", "#a:h s", "#a\0:hs.test", "#tea:hs.test/",
            "!tea:hs.test",
        )),
        *((RoomID, value, "must start with '!'") for value in ("!", "room", "$room", "@a:hs.test")),
        (RoomID, "#tea:hs.test", "resolve the alias first"),
        *((EventID, value, r"must start with '\$'") for value in ("$", "event", "!event")),
        *((ServerName, value, "must look like 'example.org'") for value in (
            "a b", "hs.test:", "hs.test:x", "hs.test/", "https://hs.test", "::1", "[]", ".", "-a",
            "hs.test\n", "ä.test",
        )),
        *((ContentURI, value, "mxc://server/media_id") for value in (
            "mxc://a", "mxc://a/", "mxc:///a", "mxc://a/../b", "mxc://../x", "http://a/b",
            "mxc://a/b#auto", "mxc://a/b/c", "mxc://a/b?c", "MXC://a/b", "mxc://a/b\n",
        )),
    ],
)  # fmt: skip
def test_what_is_none(kind: type[Identifier], value: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        kind(value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", ["", "x", "@:hs.test", "\ud800", "#" * 300, "a\0:\n"])
def test_what_a_homeserver_sent_is_taken_as_it_is(kind: type[Identifier], value: str) -> None:
    found = kind.read(value)
    assert type(found) is kind
    assert found == value


@pytest.mark.parametrize("kind", KINDS)
def test_an_identifier_is_text(kind: type[Identifier]) -> None:
    plain = GOOD[kind]
    made = kind(plain)
    assert made == plain == f"{made}"
    assert hash(made) == hash(plain)
    assert plain in {made}
    assert type(str(made)) is str
    assert repr(made) == repr(plain)
    assert json.dumps({made: [made]}) == json.dumps({plain: [plain]})
    assert not hasattr(made, "__dict__")
    assert type(made + "") is str


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_is_one_already_stays_itself(kind: type[Identifier]) -> None:
    made = kind(GOOD[kind])
    assert kind(made) is made
    assert kind.read(made) is made
    broken = kind.read("")
    assert kind.read(broken) is broken
    if kind is not Identifier:
        with pytest.raises(ValueError, match=r"must|can.t be empty"):
            kind(broken)


def test_what_may_be_a_token_is_not_shown() -> None:
    with pytest.raises(ValueError, match="'syt_'… is not a user ID") as caught:
        UserID("syt_secret_token")
    assert "secret" not in str(caught.value)


def test_one_of_another_kind_is_looked_at() -> None:
    with pytest.raises(ValueError, match="not a room ID"):
        RoomID(UserID("@alice:hs.test"))
    assert type(Identifier(UserID("@alice:hs.test"))) is Identifier

    class GhostID(UserID):
        __slots__ = ()

    assert type(GhostID(UserID("@alice:hs.test"))) is GhostID
    assert type(UserID(GhostID("@alice:hs.test"))) is UserID


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [None, "", "broken: \0"])
def test_copies(kind: type[Identifier], value: str | None) -> None:
    made = kind(GOOD[kind]) if value is None else kind.read(value)
    assert copy.copy(made) is made
    assert copy.deepcopy({"a": [made]})["a"][0] is made
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(made, protocol))
        assert type(again) is kind
        assert again == made


@pytest.mark.parametrize("server", SERVERS)
def test_parts(server: str) -> None:
    for one in (UserID(f"@a.b:{server}"), RoomAlias(f"#a.b:{server}")):
        assert one.localpart == "a.b"
        assert one.server_name == server
        assert type(one.server_name) is ServerName
        assert type(one.localpart) is str
    media = ContentURI(f"mxc://{server}/Media_-1")
    assert (media.server_name, media.media_id) == (server, "Media_-1")
    assert type(media.server_name) is ServerName


@pytest.mark.parametrize(
    "value, localpart, server",
    [("@:hs.test", "", "hs.test"), ("@a", "a", ""), ("", "", ""), ("@a:b:c:d", "a", "b:c:d")],
)
def test_parts_of_what_is_malformed(value: str, localpart: str, server: str) -> None:
    for kind in (UserID, RoomAlias):
        found = kind.read(value)
        assert (found.localpart, found.server_name) == (localpart, server)


@pytest.mark.parametrize(
    "value, server, media",
    [
        ("mxc://hs.test/media#auto", "hs.test", "media"),
        ("mxc://hs.test/a/b", "hs.test", "a/b"),
        ("mxc://hs.test", "hs.test", ""),
        ("", "", ""),
    ],
)
def test_parts_of_media_as_they_are_read(value: str, server: str, media: str) -> None:
    found = ContentURI.read(value)
    assert (found.server_name, found.media_id) == (server, media)


def test_user_ids_of_parts() -> None:
    made = UserID.of("a.b_c=d-e/f+9", "[::1]:8448")
    assert type(made) is UserID
    assert made == "@a.b_c=d-e/f+9:[::1]:8448"
    for localpart in ("", "Alice", "ä", "a:b", "a b", "a\n", None):
        with pytest.raises(ValueError, match="can't be registered"):
            UserID.of(localpart, "hs.test")  # type: ignore[arg-type]
    for server in ("", "h s", "hs.test/", None):
        with pytest.raises(ValueError, match="server name"):
            UserID.of("alice", server)  # type: ignore[arg-type]
    assert len(UserID.of("x" * 246, "hs.test")) == 255
    with pytest.raises(ValueError, match="has 256 bytes; 255 are allowed"):
        UserID.of("x" * 247, "hs.test")


def test_room_ids_and_aliases() -> None:
    assert type(ids.check_room_id_or_alias("!r")) is RoomID
    assert type(ids.check_room_id_or_alias("#tea:hs.test")) is RoomAlias
    for value in ("#tea", "!"):
        with pytest.raises(ValueError, match="must"):
            ids.check_room_id_or_alias(value)
    for nothing in ("", "tea", "@alice:hs.test", None, 5):
        with pytest.raises(ValueError, match="neither a room ID"):
            ids.check_room_id_or_alias(nothing)


def test_helpers() -> None:
    assert ids.is_server_name("hs.test:80")
    assert not ids.is_server_name("hs.test:80/")
    assert ids.localpart_of("@a:hs.test:80") == "a"
    assert ids.server_of("@a:hs.test:80") == "hs.test:80"
    assert ids.check_localpart("a") == "a"


@given(st.text(max_size=300))
def test_no_text_does_harm(value: str) -> None:
    for kind in KINDS:
        assert kind.read(value) == value
        try:
            made = kind(value)
        except ValueError:
            continue
        assert made == value
        assert len(made.encode()) <= 255 or kind is ContentURI
