"""Paths: parts, values, and texts."""

from __future__ import annotations

import copy
import pickle
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appservice_api import ClientPath, MediaPath, Path, PathBuilder, SynapseAdminPath
from appservice_api.api.path import as_path


def test_parts_and_values() -> None:
    path = Path.v3.rooms["!a/b:hs.test"].send["m.room.message"]["txn 1"]
    assert str(path) == ("/_matrix/client/v3/rooms/%21a%2Fb%3Ahs.test/send/m.room.message/txn%201")
    assert as_path(path)[1] == "/_matrix/client/v3/rooms/{}/send/{}/{}"
    assert str(Path.v1("mutual_rooms")) == "/_matrix/client/v1/mutual_rooms"
    assert str(MediaPath.v3.upload) == "/_matrix/media/v3/upload"
    assert str(SynapseAdminPath.v2.users["@a:b"]) == "/_synapse/admin/v2/users/%40a%3Ab"
    assert Path is ClientPath


@pytest.mark.parametrize("value", [None, "", ".", "..", b"x", 1.5, True, "\ud800", ["x"]])
def test_a_value_that_would_make_another_path_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"must|surrogate") as caught:
        Path.v3.rooms[value]
    assert repr(value) in str(caught.value) or "surrogate" in str(caught.value)


@given(st.text(min_size=1).filter(lambda text: text not in (".", "..")))
def test_any_other_value_is_one_part(value: str) -> None:
    path = str(Path.v3.rooms[value])
    assert path.count("/") == 5
    assert unquote(path.rpartition("/")[2]) == value
    assert path.isascii()


def test_paths_are_values() -> None:
    path = Path.v3.rooms["!a:b"]
    assert path == Path.v3.rooms["!a:b"] != Path.v3.rooms["!a:c"]
    assert len({path, Path.v3.rooms["!a:b"]}) == 1
    assert pickle.loads(pickle.dumps(path)) == path
    assert as_path(pickle.loads(pickle.dumps(path))) == as_path(path)
    assert copy.deepcopy(path) == path
    assert repr(path) == "PathBuilder('/_matrix/client/v3/rooms/%21a%3Ab')"
    with pytest.raises(AttributeError):
        path.send = 1
    with pytest.raises(AttributeError):
        path.__wrapped__  # noqa: B018 - what inspect and Jupyter look for must not be a part


def test_tab_completion_knows_the_usual_parts() -> None:
    assert "rooms" in dir(Path.v3)
    assert {"send", "state", "messages"} <= set(dir(Path.v3.rooms["!a:b"]))
    assert "whoami" in dir(Path.v3.account)


@pytest.mark.parametrize(
    "text, path",
    [
        ("/rooms/!a:b/messages", "/_matrix/client/v3/rooms/!a:b/messages"),
        ("account/whoami", "/_matrix/client/v3/account/whoami"),
        ("/_matrix/client/versions", "/_matrix/client/versions"),
        ("/_synapse/admin/v1/server_version", "/_synapse/admin/v1/server_version"),
        ("/profile/%40a%3Ab", "/_matrix/client/v3/profile/%40a%3Ab"),
        ("/directory/room/ä b", "/_matrix/client/v3/directory/room/%C3%A4%20b"),
        ("/rooms/!a:b/state/m.x/", "/_matrix/client/v3/rooms/!a:b/state/m.x/"),
    ],
)
def test_a_text(text: str, path: str) -> None:
    assert as_path(text) == (path, path)


@pytest.mark.parametrize(
    "text",
    ["/rooms/../x", "/rooms/%2e%2E/x", "/a//b", "/a?b=c", "/a#b", "/a\r\nX: y", "/..", "/a/."],
)
def test_a_text_that_means_something_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="path"):
        as_path(text)


def test_what_is_not_a_path() -> None:
    with pytest.raises(ValueError, match="not None"):
        as_path(None)  # type: ignore[arg-type]
    assert isinstance(PathBuilder("/x").y, PathBuilder)
