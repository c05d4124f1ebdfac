"""Links: matrix.to and matrix:."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appservice_api import EventID, RoomAlias, RoomID, UserID
from appservice_api.uris import MatrixURI

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
SERVERS = st.sampled_from(["hs.test", "hs.test:8448", "127.0.0.1", "[::1]", "[2001:db8::1]:80"])
ALIASES = st.builds(
    lambda name, server: f"#{name}:{server}",
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters=":\0"), min_size=1,
            max_size=40),
    SERVERS,
)  # fmt: skip
USERS = st.builds(
    lambda name, server: f"@{name}:{server}",
    st.text(st.characters(min_codepoint=33, exclude_categories=["Cs"],
                          exclude_characters=":\x7f"), min_size=1, max_size=40),
    SERVERS,
)  # fmt: skip
ROOMS = st.builds(lambda rest: f"!{rest}", TEXT)
EVENTS = st.none() | st.builds(lambda rest: f"${rest}", TEXT)


@given(USERS | ALIASES | ROOMS, EVENTS, st.lists(SERVERS, max_size=3), st.booleans())
def test_what_is_made_is_read(target: str, event: str | None, via: list[str], acts: bool) -> None:
    action = ("chat" if target[0] == "@" else "join") if acts else None
    made = MatrixURI.of(target, None if target[0] == "@" else event, via, action)
    assert made.target == target
    assert MatrixURI.parse(made.matrix_to) == made == MatrixURI.parse(made.matrix_uri)
    assert MatrixURI.parse(str(made)) == made
    for link in (made.matrix_to, made.matrix_uri):
        assert link.isascii()
        assert not set(link) & set(" \"'<>()[]\\^`{}|\n")


@pytest.mark.parametrize(
    "made, matrix_to, matrix_uri",
    [
        (MatrixURI.of("@alice:example.org"),
         "%40alice%3Aexample.org", "u/alice:example.org"),
        (MatrixURI.of("@alice:example.org", action="chat"),
         "%40alice%3Aexample.org?action=chat", "u/alice:example.org?action=chat"),
        (MatrixURI.of("#somewhere:example.org"),
         "%23somewhere%3Aexample.org", "r/somewhere:example.org"),
        (MatrixURI.of("!somewhere:example.org", via=["elsewhere.ca", "[::1]:80"]),
         "!somewhere%3Aexample.org?via=elsewhere.ca&via=%5B::1%5D:80",
         "roomid/somewhere:example.org?via=elsewhere.ca&via=%5B::1%5D:80"),
        (MatrixURI.of("!somewhere:example.org", "$event:example.org", "elsewhere.ca", "join"),
         "!somewhere%3Aexample.org/%24event%3Aexample.org?action=join&via=elsewhere.ca",
         "roomid/somewhere:example.org/e/event:example.org?action=join&via=elsewhere.ca"),
        (MatrixURI.of("#a b/?#%:hs.test", "$a/b+c"),
         "%23a%20b%2F%3F%23%25%3Ahs.test/%24a%2Fb%2Bc", "r/a%20b%2F%3F%23%25:hs.test/e/a%2Fb%2Bc"),
        (MatrixURI.of("!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM"),
         "!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM",
         "roomid/31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM"),
    ],
)  # fmt: skip
def test_the_exact_text(made: MatrixURI, matrix_to: str, matrix_uri: str) -> None:
    assert made.matrix_to == str(made) == f"https://matrix.to/#/{matrix_to}"
    assert made.matrix_uri == f"matrix:{matrix_uri}"


@pytest.mark.parametrize(
    "text, made",
    [
        ("https://matrix.to/#/#tea:hs.test", MatrixURI.of("#tea:hs.test")),
        ("  http://MATRIX.TO/#/#tea:hs.test/ ", MatrixURI.of("#tea:hs.test")),
        ("https://www.matrix.to/#/%21r:hs.test", MatrixURI.of("!r:hs.test")),
        ("https://matrix.to/#/@a/b:hs.test:80", MatrixURI.of("@a/b:hs.test:80")),
        ("https://matrix.to/#/#a/b:hs.test/$e/f+g", MatrixURI.of("#a/b:hs.test", "$e/f+g")),
        ("https://matrix.to/#/#a/b:hs.test/%24e", MatrixURI.of("#a/b:hs.test", "$e")),
        ("https://matrix.to/#/!r:hs.test/$e:hs.test?via=a.test&via=b.test&via=",
         MatrixURI.of("!r:hs.test", "$e:hs.test", ["a.test", "b.test"])),
        ("https://matrix.to/#/!r:hs.test?client=x&via=a.test%3A80&web-instance[x]=y",
         MatrixURI.of("!r:hs.test", via="a.test:80")),
        ("https://matrix.to/#/#täe 👍:hs.test", MatrixURI.of("#täe 👍:hs.test")),
        ("matrix:u/alice:hs.test", MatrixURI.of("@alice:hs.test")),
        ("MATRIX:user/alice:hs.test?action=chat", MatrixURI.of("@alice:hs.test", action="chat")),
        ("matrix:room/a/b:hs.test", MatrixURI.of("#a/b:hs.test")),
        ("matrix:r/tea:hs.test/event/e", MatrixURI.of("#tea:hs.test", "$e")),
        ("matrix:roomid/r:hs.test/e/a/b+", MatrixURI.of("!r:hs.test", "$a/b+")),
        ("matrix:roomid/r/e/e?via=hs.test#more", MatrixURI.of("!r", "$e", "hs.test")),
        ("matrix://authority/roomid/r%2F/?action=join", MatrixURI.of("!r/", action="join")),
    ],
)  # fmt: skip
def test_links_as_they_are_written(text: str, made: MatrixURI) -> None:
    found = MatrixURI.parse(text)
    assert found == made
    assert type(found.target) is type(made.target)
    assert type(found.event_id) is type(made.event_id)


def test_an_action_that_is_not_known_is_kept() -> None:
    assert MatrixURI.parse("matrix:r/tea:hs.test?action=org.x").action == "org.x"


@pytest.mark.parametrize(
    "text, problem",
    [
        (None, "must be a str"),
        ("", "must begin with 'https://matrix.to/#/' or 'matrix:'"),
        ("https://example.org/#/@a:b", "must begin with"),
        ("https://matrix.to/@a:b", "must begin with"),
        ("@a:hs.test", "must begin with"),
        ("https://matrix.to/#/", "nothing follows"),
        ("https://matrix.to/#/?via=hs.test", "nothing follows"),
        ("https://matrix.to/#/+group:hs.test", "no user ID, room ID or room alias"),
        ("https://matrix.to/#/#tea", "not a room alias"),
        ("https://matrix.to/#/#tea:hs.test/foo", "not a room alias"),
        ("https://matrix.to/#/@a:hs.test/$e", "which is no room"),
        ("https://matrix.to/#/!r:hs.test/foo", "must be a room ID, or one with '/'"),
        ("https://matrix.to/#/!r:hs.test/$", "not an event ID"),
        ("https://matrix.to/#/%23%ff:hs.test", "isn't percent-encoded UTF-8"),
        ("https://matrix.to/#/#tea:hs.test?via=a b", "'a b' is not a server name"),
        ("https://matrix.to/#/#" + "x" * 260 + ":hs.test", "255 are allowed"),
        ("matrix:", "must begin with u/, r/ or roomid/"),
        ("matrix:u/", "must begin with u/, r/ or roomid/"),
        ("matrix:g/a:hs.test", "must begin with u/, r/ or roomid/"),
        ("matrix:u/alice", "not a user ID"),
        ("matrix:u/a:hs.test/e/e", "which is no room"),
        ("matrix:roomid/r:hs.test/x", "must be a room ID, or one with '/'"),
    ],
)
def test_what_is_no_link(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as caught:
        MatrixURI.parse(text)
    assert repr(text) in str(caught.value)


def test_what_can_not_be_made() -> None:
    with pytest.raises(ValueError, match="begin with '@', '!' or '#'"):
        MatrixURI.of("$event")
    with pytest.raises(ValueError, match="begin with '@', '!' or '#'"):
        MatrixURI.of(None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not an event ID"):
        MatrixURI.of("!r", "e")
    with pytest.raises(ValueError, match="server name"):
        MatrixURI.of("!r", via=["a b"])
    for target, action in (("@a:hs.test", "join"), ("!r", "chat"), ("!r", "dance")):
        with pytest.raises(ValueError, match=f"action '{action}' isn't"):
            MatrixURI.of(target, action=action)
    with pytest.raises(ValueError, match="which is no room"):
        MatrixURI.of("@a:hs.test", "$e")
    with pytest.raises(ValueError, match=r"of\(\) makes them"):
        MatrixURI("!r")  # type: ignore[arg-type]


def test_a_value() -> None:
    made = MatrixURI(RoomID("!r"), EventID("$e"))
    assert made == MatrixURI.of("!r", "$e")
    assert len({made, MatrixURI.of("!r", "$e"), MatrixURI.of("!r")}) == 2
    assert copy.deepcopy(made) == made == pickle.loads(pickle.dumps(made))
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.action = "join"  # type: ignore[misc]
    assert {type(MatrixURI.of(one).target) for one in ("@a:b", "!r", "#a:b")} == {
        UserID, RoomID, RoomAlias,
    }  # fmt: skip
