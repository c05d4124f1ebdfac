"""The registration: its file, its checks, its namespaces, and that it never shows a token."""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import pickle
import re
import stat
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from appservice_api.errors import MissingExtraError, RegistrationError
from appservice_api.registration import Namespace, Namespaces, Registration

AS_TOKEN = "as-SECRET-aaaaaaaa"
HS_TOKEN = "hs-SECRET-bbbbbbbb"
CONTENT: dict[str, Any] = {
    "id": "demo",
    "url": "http://127.0.0.1:8080/hook",
    "as_token": AS_TOKEN,
    "hs_token": HS_TOKEN,
    "sender_localpart": "_demo",
    "namespaces": {
        "users": [{"exclusive": True, "regex": r"@_demo_.*:hs\.test", "group_id": "+demo:hs.test"}],
        "aliases": [{"exclusive": False, "regex": r"#_demo_.*:hs\.test"}],
        "rooms": [],
        "com.example.more": [1],
    },
    "rate_limited": False,
    "receive_ephemeral": True,
    "protocols": ["demo"],
    "de.sorunome.msc2409.push_ephemeral": True,
    "org.matrix.msc3202": True,
    "io.element.msc4190": True,
    "com.example.deep": {"list": [1, None, "a"], "text": "größer 😀"},
}
MISSING = object()
_UNSTABLE = "de.sorunome.msc2409.push_ephemeral"


def content(**changes: Any) -> dict[str, Any]:
    data = copy.deepcopy(CONTENT) | changes
    return {key: value for key, value in data.items() if value is not MISSING}


def demo(**options: Any) -> Registration:
    return Registration.generate("demo", server_name="hs.test", ghost_prefix="_demo_", **options)


def users(*regexes: str, **changes: Any) -> Registration:
    spaces = {"users": [{"exclusive": True, "regex": regex} for regex in regexes]}
    return Registration.load(content(namespaces=spaces, **changes))


def refusal(source: Any) -> str:
    with pytest.raises(RegistrationError) as caught:
        Registration.load(source)
    # All that a traceback or an error collector would show.
    error = caught.value
    shown = "".join(traceback.format_exception(type(error), error, None)) + repr(error)
    assert "SECRET" not in shown
    assert error.__context__ is None or isinstance(error.__context__, OSError)
    return str(error)


# --- generate


def test_generated() -> None:
    registration = demo(url="http://localhost:1")
    assert [s.regex for s in registration.namespaces.users] == [r"@_demo_.*:hs\.test"]
    assert [s.regex for s in registration.namespaces.aliases] == [r"#_demo_.*:hs\.test"]
    assert registration.namespaces.rooms == []
    assert registration.namespaces.users[0].exclusive
    assert (registration.rate_limited, registration.receive_ephemeral) == (False, False)
    assert registration.server_name == "hs.test"
    assert registration.bot_mxid() == "@_demo:hs.test"
    assert registration.warnings() == []
    other = demo()
    tokens = {r.as_token for r in (registration, other)} | {
        r.hs_token for r in (registration, other)
    }
    assert len(tokens) == 4
    assert min(map(len, tokens)) >= 43


def test_generated_with_everything() -> None:
    registration = Registration.generate(
        "x",
        sender_localpart="bot",
        users=["@_a.*:hs"],
        aliases="#_a.*:hs",
        rooms=("!a",),
        exclusive=False,
        rate_limited=None,
        receive_ephemeral=True,
        protocols="irc",
    )
    data = registration.as_dict()
    assert data["namespaces"] == {
        "users": [{"exclusive": False, "regex": "@_a.*:hs"}],
        "aliases": [{"exclusive": False, "regex": "#_a.*:hs"}],
        "rooms": [{"exclusive": False, "regex": "!a"}],
    }
    assert (data["url"], data["protocols"], data["receive_ephemeral"]) == (None, ["irc"], True)
    assert "rate_limited" not in data


@pytest.mark.parametrize(
    ("prefix", "sender"), [("_demo_", "_demo"), ("irc-", "irc"), ("irc", "id"), ("_", "id")]
)
def test_generated_bot_is_no_ghost_by_accident(prefix: str, sender: str) -> None:
    registration = Registration.generate("id", ghost_prefix=prefix, server_name="hs.test")
    assert registration.sender_localpart == sender
    assert not re.match(registration.namespaces.users[0].regex, f"@{sender}:hs.test")


@pytest.mark.parametrize("server", ["my-hs.test", "hs.test:8448", "[::1]:8008", "localhost"])
def test_generated_escapes(server: str) -> None:
    registration = Registration.generate("id", ghost_prefix="_a.b-c+_", server_name=server)
    assert registration.server_name == server
    assert registration.owns_user(f"@_a.b-c+_x:{server}")
    assert not registration.owns_user(f"@_aXb-c+_x:{server}")
    assert r"\-" not in registration.namespaces.users[0].regex


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ghost_prefix": "_a_"}, "ghost_prefix needs server_name"),
        ({"ghost_prefix": "_a_", "server_name": "no name"}, "'no name' is none"),
        ({"ghost_prefix": "_A_", "server_name": "hs"}, "ghost_prefix '_A_' can't be registered"),
        ({"users": ["("]}, r"namespaces.users[0].regex '(' isn't a regular expression"),
        ({"url": "hs.test"}, "url must be null or begin with http"),
        ({"sender_localpart": "Bot"}, "sender_localpart 'Bot' can't be registered"),
    ],
)
def test_generate_refuses(options: dict[str, Any], message: str) -> None:
    with pytest.raises(RegistrationError, match=re.escape(message)):
        Registration.generate("id", **options)


# --- load and save


@pytest.mark.parametrize("name", ["registration.yaml", "registration.json"])
def test_round_trip(tmp_path: Path, name: str) -> None:
    registration = Registration.load(CONTENT)
    assert registration.as_dict() == CONTENT
    assert registration.extra["org.matrix.msc3202"] is True
    assert registration.namespaces.users[0].extra == {"group_id": "+demo:hs.test"}
    path = tmp_path / name
    registration.save(path)
    again = Registration.load(path)
    assert again == registration == Registration.load(str(path))
    assert again.as_dict() == CONTENT
    assert yaml.safe_load(path.read_text("utf-8")) == CONTENT
    assert path.read_text("utf-8").startswith("{") == name.endswith("json")


@given(
    st.dictionaries(
        st.text().filter(lambda key: key not in CONTENT),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=5,
        ),
        max_size=3,
    )
)
def test_unknown_keys_survive(extra: dict[str, Any]) -> None:
    data = content() | extra
    assert Registration.load(data).as_dict() == data


def test_as_dict_is_the_callers_own() -> None:
    data = content()
    registration = Registration.load(data)
    copied = registration.as_dict()
    copied["com.example.deep"]["list"].append(2)
    copied["namespaces"]["users"].clear()
    copied["protocols"].append("x")
    assert registration.as_dict() == data == CONTENT


def test_known_keys_win_over_extra() -> None:
    registration = dataclasses.replace(Registration.load(CONTENT), extra={"id": "other"})
    assert registration.as_dict()["id"] == "demo"


def test_defaults() -> None:
    missing = dict.fromkeys(("rate_limited", "receive_ephemeral", _UNSTABLE), MISSING)
    data = content(**missing, protocols=None, url=None)
    data["namespaces"] = {}
    registration = Registration.load(data)
    assert (registration.url, registration.rate_limited) == (None, None)
    assert (registration.receive_ephemeral, registration.protocols) == (False, [])
    assert registration.namespaces == Namespaces()


@pytest.fixture(params=[0, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
@pytest.mark.skipif(os.name != "posix", reason="file modes are a matter of POSIX")
def test_only_the_owner_can_read_it_from_the_first_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes = []
    really = os.open

    def spy(*args: Any, **options: Any) -> int:
        descriptor = really(*args, **options)
        modes.append((stat.S_IMODE(os.fstat(descriptor).st_mode), os.fstat(descriptor).st_size))
        return descriptor

    path = tmp_path / "registration.yaml"
    monkeypatch.setattr(os, "open", spy)
    demo().save(path)
    path.chmod(0o644)
    demo().save(path, overwrite=True)
    assert modes == [(0o600, 0), (0o600, 0)]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["registration.yaml"]


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    path, first, second = tmp_path / "r.yaml", demo(), demo()
    first.save(path)
    with pytest.raises(RegistrationError, match=r"exists already.*overwrite=True"):
        second.save(path)
    assert Registration.load(path) == first
    second.save(path, overwrite=True)
    assert Registration.load(path) == second
    assert os.listdir(tmp_path) == ["r.yaml"]


def test_overwriting_keeps_a_symbolic_link(tmp_path: Path) -> None:
    target, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    demo().save(target)
    link.symlink_to(target)
    registration = demo()
    with pytest.raises(RegistrationError, match="exists already"):
        registration.save(link)
    registration.save(link, overwrite=True)
    assert link.is_symlink()
    assert Registration.load(target) == registration


def test_an_interrupted_save_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RegistrationError, match=r"can't be written \(No space left on device\)"):
        demo().save(tmp_path / "r.yaml")
    assert os.listdir(tmp_path) == []


def test_save_into_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(RegistrationError, match=r"r\.yaml' can't be written"):
        demo().save(tmp_path / "missing" / "r.yaml")


# YAML writes a lone surrogate as an escape.
@pytest.mark.parametrize(
    ("name", "value"),
    [("r.yaml", object()), ("r.yaml", {1, object()}), ("r.json", object()), ("r.json", "\ud800")],
    ids=range(4),
)
def test_save_refuses_what_no_file_holds(tmp_path: Path, name: str, value: object) -> None:
    registration = dataclasses.replace(Registration.load(CONTENT), extra={"x": value})
    with pytest.raises(RegistrationError, match="unknown key") as caught:
        registration.save(tmp_path / name)
    assert caught.value.__context__ is None
    assert os.listdir(tmp_path) == []


# --- without PyYAML


@pytest.fixture
def no_yaml(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)


@pytest.mark.usefixtures("no_yaml")
def test_json_needs_no_pyyaml(tmp_path: Path) -> None:
    path = tmp_path / "registration.yaml"
    Registration.load(CONTENT).save(path)
    assert json.loads(path.read_text("utf-8")) == CONTENT
    assert yaml.safe_load(path.read_text("utf-8")) == CONTENT  # as a homeserver reads it
    assert Registration.load(path).as_dict() == CONTENT


@pytest.mark.usefixtures("no_yaml")
def test_yaml_needs_the_extra(tmp_path: Path) -> None:
    path = tmp_path / "registration.yaml"
    path.write_text(yaml.safe_dump(CONTENT))
    with pytest.raises(MissingExtraError, match=r"reading a YAML registration.*\[yaml\]") as caught:
        Registration.load(path)
    assert caught.value.__context__ is None


def test_import_is_cheap() -> None:
    code = (
        "import sys, appservice_api.errors; before = set(sys.modules);"
        "import appservice_api.registration;"
        "print(*(set(sys.modules) - before) & {'yaml', 'secrets', 'tempfile'})"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


# --- files that can't be read


def test_unreadable(tmp_path: Path) -> None:
    assert "missing.yaml' can't be read (No such file" in refusal(tmp_path / "missing.yaml")
    assert "can't be read (Is a directory)" in refusal(tmp_path)


# With IDs of their own, as pytest would put the texts into the name of tmp_path.
@pytest.mark.parametrize("text", ["", "[]", "SECRET", "- SECRET", "12", "null"], ids=range(6))
def test_not_a_mapping(tmp_path: Path, text: str) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    assert "r.yaml' must be a mapping of id" in refusal(path)


@pytest.mark.parametrize(
    "text",
    [
        "id: x\nas_token: 'SECRET\n",
        "id: x\nas_token: SECRET: SECRET\n",
        "as_token: !!python/object:os.SECRET x\n",
        "as_token: *SECRET\n",
        "as_token: SECRET\x01\n",
        "as_token: [SECRET\n",
        '{"as_token": "SECRET",\n "id" "x"}',
        "SECRET: 2020-99-99\n",
    ],
    ids=range(8),
)
def test_broken_files_show_no_excerpt(tmp_path: Path, text: str) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    assert "r.yaml' is neither YAML nor JSON" in refusal(path)


def test_broken_yaml_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("id: x\nas_token: SECRET: SECRET\n")
    assert "at line 2: fix the file" in refusal(path)


def test_nested_too_deep(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("[" * 100_000)
    assert "is neither YAML nor JSON" in refusal(path)


def test_encodings(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_bytes("as_token: SECRET\xff".encode("latin-1"))
    assert "must be a YAML or JSON file in UTF-8" in refusal(path)
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(CONTENT).encode())
    assert Registration.load(path).id == "demo"


@pytest.mark.parametrize("text", ["id: x\nas_token: SECRET\n", '{"as_token": "SECRET"}'])
def test_text_instead_of_a_path(text: str) -> None:
    assert "must be a path or a mapping" in refusal(text)
    assert "must be a path or a mapping" in refusal(text.encode())


def test_neither_path_nor_mapping() -> None:
    with pytest.raises(RegistrationError, match="not int"):
        Registration.load(12)  # type: ignore[arg-type]


# --- problems

SPACE = {"exclusive": True, "regex": "@_a.*:hs"}
BAD_SPACES: list[tuple[Any, str]] = [
    (["SECRET"], "namespaces must be a mapping of users, aliases and rooms"),
    ({"users": None}, "namespaces.users must be a list"),
    ({"rooms": {"regex": "!a"}}, "namespaces.rooms must be a list"),
    ({"aliases": ["#a"]}, "namespaces.aliases[0] must be a mapping of exclusive and regex"),
    ({"users": [SPACE, {"regex": "@a"}]}, "namespaces.users[1].exclusive must be true or false"),
    ({"users": [{**SPACE, "exclusive": "no"}]}, "namespaces.users[0].exclusive must be true"),
    ({"users": [{"exclusive": True}]}, "namespaces.users[0].regex must be a string"),
    ({"users": [{**SPACE, "regex": "@(a"}]}, "users[0].regex '@(a' isn't a regular expression"),
    ({"users": [{**SPACE, "regex": "a{99999999999999}"}]}, "isn't a regular expression"),
]
TOKEN_TEXT = "holds white space, control or non-ASCII characters, which no header takes"
PROBLEMS: list[tuple[str, Any, str]] = [
    *[(key, MISSING, f"{key} is missing") for key in list(CONTENT)[:6]],
    *[(key, 12, f"{key} must be a string") for key in list(CONTENT)[:5] if key != "url"],
    *[(key, None, f"{key} must be a string") for key in list(CONTENT)[:5] if key != "url"],
    *[(key, "", f"{key} is empty") for key in list(CONTENT)[:5] if key != "url"],
    ("url", MISSING, "(null if the homeserver shall send nothing)"),
    *[
        ("url", url, "url must be null or begin with http:// or https:// and a host")
        for url in ["", "localhost:80", "ftp://x", "http://", "http://a b", "http://[x", 12]
    ],
    ("url", "http://user:SECRET@x:99999", "url must be null or begin with http"),
    ("id", "a|b", "id 'a|b' must not contain '|'"),
    *[
        ("sender_localpart", bot, f"sender_localpart {bot!r} must need no percent-encoding")
        for bot in ["@bot:hs", "a=b", "a+b", "a b", "größe", "a\n", "\ud800"]
    ],
    ("as_token", HS_TOKEN, "as_token and hs_token must not be equal"),
    *[
        (key, f"SECRET{text}x", f"{key} {TOKEN_TEXT}")
        for key in ("as_token", "hs_token")
        for text in (" ", "\n", "\t", "\x7f", "é", "\u2028", "\0")
    ],
    ("as_token", "SECRET\n", f"as_token {TOKEN_TEXT}"),
    *[("namespaces", spaces, message) for spaces, message in BAD_SPACES],
    ("rate_limited", "no", "rate_limited must be true or false"),
    ("receive_ephemeral", 1, "receive_ephemeral must be true or false"),
    ("protocols", "irc", "protocols must be a list of strings"),
    ("protocols", [1], "protocols must be a list of strings"),
]


@pytest.mark.parametrize(("key", "value", "message"), PROBLEMS)
def test_problems(key: str, value: Any, message: str) -> None:
    shown = refusal(content(**{key: value}))
    assert shown.startswith("The registration isn't valid: ")
    assert message in shown
    assert shown.count(";") == 0


def test_all_problems_in_one_message(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    data = content(id=MISSING, url="x", as_token="SECRET x", rate_limited=3)
    data["namespaces"]["users"][0]["regex"] = "("
    path.write_text(yaml.safe_dump(data))
    shown = refusal(path)
    assert shown.startswith(f"The registration {str(path)!r} isn't valid: ")
    words = ["id is missing", "url must", "as_token holds", "users[0].regex", "rate_limited must"]
    assert all(word in shown for word in words)
    assert shown.count("; ") == len(words) - 1
    with pytest.raises(RegistrationError) as caught:
        Registration.load(path)
    assert len(caught.value.problems) == len(words)
    assert shown.endswith("; ".join(caught.value.problems))
    assert pickle.loads(pickle.dumps(caught.value)).problems == caught.value.problems


def test_problems_are_those_of_the_content(tmp_path: Path) -> None:
    with pytest.raises(RegistrationError) as caught:
        dataclasses.replace(demo(), id="")
    assert caught.value.problems == ["id is empty"]
    with pytest.raises(RegistrationError) as caught:
        Registration.load(tmp_path / "missing.yaml")
    assert caught.value.problems == []


def test_nothing_but_problems() -> None:
    shown = refusal({})
    assert all(f"{key} is missing" in shown for key in list(CONTENT)[:6])


def test_none_is_made_invalid() -> None:
    with pytest.raises(RegistrationError, match=r"as_token is empty; hs_token is empty"):
        Registration(id="x", url=None, as_token="", hs_token="", sender_localpart="x")
    with pytest.raises(RegistrationError, match="url must"):
        dataclasses.replace(demo(), url="x")
    with pytest.raises(dataclasses.FrozenInstanceError):
        demo().url = "x"  # type: ignore[misc]


# --- tokens stay hidden


def test_no_token_is_shown() -> None:
    registration = Registration.load(content(url="http://user:SECRET@hs.test"))
    for shown in (repr(registration), str(registration), f"{registration}", f"{[registration]}"):
        assert "SECRET" not in shown
        assert "demo" in shown
    assert "SECRET" not in "".join(registration.warnings()) + registration.describe_users()


def test_not_pickled() -> None:
    registration = demo()
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="holds tokens"):
            pickle.dumps(registration, protocol)


def test_equality() -> None:
    first, second = Registration.load(CONTENT), Registration.load(content())
    assert first == second
    assert first != dataclasses.replace(second, url=None)
    assert first != object()
    assert Registration.load(content(receive_ephemeral=False)) == Registration.load(
        content(receive_ephemeral=MISSING)
    )


# --- whose is it

REGEXES = ["@_a.*", "@_a.*:hs\\.test", "@_a_[0-9]+:hs$", "^@b:hs", "(?i)@_A", "@_a|@b", ".*", "_a"]


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from(REGEXES)), max_size=4),
    st.from_regex(r"@(_a|b|_a_|x)[a-z0-9]{0,3}:(hs|hs\.test|else)\Z") | st.text(),
)
def test_owns_as_re_match_does(spaces: list[tuple[bool, str]], name: str) -> None:
    entries = [{"exclusive": exclusive, "regex": regex} for exclusive, regex in spaces]
    registration = Registration.load(
        content(namespaces={"users": entries, "aliases": entries, "rooms": entries})
    )
    matching = [exclusive for exclusive, regex in spaces if re.match(regex, name)]
    bot = name == registration.bot_mxid()
    here = registration.server_name in (None, name.partition(":")[2])
    exclusive = matching[:1] == [True]
    assert registration.owns_user(name) == (here and (bool(matching) or bot))
    assert registration.owns_user(name, exclusive_only=True) == (here and (exclusive or bot))
    assert registration.owns_alias(name) == bool(matching)
    assert registration.owns_room(name) == bool(matching)


def test_the_bot_is_owned_where_the_server_is_known() -> None:
    assert users(r"@_x_.*:hs\.test").owns_user("@_demo:hs.test", exclusive_only=True)
    assert not users(r"@_x_.*:hs\.test").owns_user("@_demo:hs.tests")
    assert not users("@_x_.*").owns_user("@_demo:hs.test")


@pytest.mark.parametrize(
    ("regexes", "server"),
    [
        ([r"@_a_.*:hs\.test"], "hs.test"),
        ([r"@_a_.*:hs\.test$"], "hs.test"),
        ([r"@_a_.*:hs\.test\Z"], "hs.test"),
        ([r"^@_a_[^:]+:hs\.test$", r"@bot:hs.test"], "hs.test"),
        ([r"@_a_.*:my\-hs\.test:8448"], "my-hs.test:8448"),
        ([r"@_a_.*:\[::1\]:8448$"], "[::1]:8448"),
        ([r"@_a_.*:localhost"], "localhost"),
        ([r"(@_a|@_b).*:hs\.test"], "hs.test"),
        ([r"(?:@_a|@_(b|c)).*:hs\.test"], "hs.test"),
        ([r"@[|]_a.*:hs\.test"], "hs.test"),
        ([r"@[]|]_a\|.*:hs\.test"], "hs.test"),
        ([], None),
        (["@_a_.*"], None),
        ([r"@_a_.*:hs\.test", r"@_b_.*:hs2\.test"], None),
        ([r"@_a_.*:hs\.test", "@_b_.*"], None),
        ([r"@_a:hs\.test|@_b:hs2\.test"], None),
        ([r"(@_a|@_b):hs|(@_c):hs2"], None),
        ([r"@_a_.*:.*"], None),
        ([r"@_a_.*:.+\.test"], None),
        ([r"@_a_.*:hs\d"], None),
        ([r"@_a_.*(:hs\.test)?"], None),
        ([r"@_a_[^:hs]"], None),
        ([r"@_a_.*:hs\.test\$"], None),
        ([r"@_a_.*:hs\\.test"], None),
        ([r"@_a_.*:hs_x"], None),
        (["@_a_.*:" + "h" * 256], None),
    ],
)
def test_server_name(regexes: list[str], server: str | None) -> None:
    registration = users(*regexes)
    assert registration.server_name == server
    assert registration.bot_mxid() == (f"@_demo:{server}" if server else None)


@pytest.mark.filterwarnings("ignore:Possible .* at position:FutureWarning")
@given(st.text(alphabet="aA1.-\\:[]()|^$*+?@{}_ Z", max_size=30))
def test_any_regex_can_be_judged(regex: str) -> None:
    try:
        registration = users(regex)
    except RegistrationError:
        return
    assert isinstance(registration.warnings(), list)
    if registration.server_name is not None:
        assert registration.server_name in regex.replace("\\", "")


def test_bot_mxid_of_a_given_server() -> None:
    assert users("@_a").bot_mxid("hs.test") == "@_demo:hs.test"
    with pytest.raises(ValueError, match="is not a user ID"):
        users("@_a").bot_mxid("")


def test_describe_users() -> None:
    assert demo().describe_users() == r"the users namespaces '@_demo_.*:hs\.test'"
    assert users("@a", "@b").describe_users() == "the users namespaces '@a', '@b'"
    assert users().describe_users() == "the users namespaces (there are none)"


def test_namespaces_are_values() -> None:
    space = Namespace(True, "@_a")
    assert space == Namespace(True, "@_a", {})
    assert len({space, Namespace(True, "@_a")}) == 1
    assert space.matches("@_ab")
    assert not space.matches("x@_a")


# --- warnings


@pytest.mark.parametrize(
    ("kind", "regex", "words"),
    [
        ("users", "@_irc_.*", "has no server part"),
        ("users", "@_irc_[^:]*", "has no server part"),
        ("users", "@_irc_(?:a|b)", "has no server part"),
        ("users", r"@_irc_.*:hs\.test", ""),
        ("users", r"@_irc_.*\:(hs|hs2)\.test", ""),
        ("users", r"@irc_.*:hs\.test", "should begin with '_'"),
        ("users", r"@.*:hs\.test", "should begin with '_'"),
        ("users", r"^@(?:_a|_b).*:hs\.test$", ""),
        ("users", r"^@\_a.*:hs\.test$", ""),
        ("users", r"^@_demo:hs\.test$", ""),
        ("aliases", r"#irc_.*:hs\.test", "should begin with '_'"),
        ("aliases", r"#_irc_.*:hs\.test", ""),
        ("rooms", r"!abc:hs\.test", "never matches rooms of version 12"),
        ("rooms", r"!.*:hs\.test", "never matches rooms of version 12"),
        ("rooms", "!abc", ""),
    ],
)
def test_warnings(kind: str, regex: str, words: str) -> None:
    spaces = {kind: [{"exclusive": True, "regex": regex}]}
    found = Registration.load(content(namespaces=spaces)).warnings()
    assert len(found) == bool(words)
    assert all(words in w and f"namespaces.{kind} '{regex}'" in w for w in found)
    assert all("\n" not in w for w in found)


def test_the_bots_own_namespace_needs_no_underscore() -> None:
    assert users(r"@my\-bot:hs\.test", sender_localpart="my-bot").warnings() == []
    assert users(r"@my-bots:hs\.test", sender_localpart="my-bot").warnings() != []


def test_shared_namespaces_need_no_underscore() -> None:
    spaces = {"users": [{"exclusive": False, "regex": r"@.*:hs\.test"}]}
    assert Registration.load(content(namespaces=spaces)).warnings() == []


@pytest.mark.parametrize("value", [True, None])
def test_rate_limited_warns(value: bool | None) -> None:
    found = Registration.load(content(rate_limited=value)).warnings()
    assert len(found) == 1
    assert "rate_limited isn't false" in found[0]


# --- what a homeserver says


@pytest.mark.parametrize("name", ["registration.yaml", "registration.json"])
def test_synapse_takes_it(tmp_path: Path, name: str) -> None:
    loader = pytest.importorskip("synapse.config.appservice", reason="needs matrix-synapse")
    path = tmp_path / name
    registration = demo(url="http://127.0.0.1:9/x", receive_ephemeral=True, protocols=["demo"])
    registration.save(path)
    (service,) = loader.load_appservices("hs.test", [str(path)])
    assert (service.id, service.url) == ("demo", "http://127.0.0.1:9/x")
    assert (service.token, service.hs_token) == (registration.as_token, registration.hs_token)
    assert service.sender.to_string() == registration.bot_mxid()
    assert service.is_rate_limited() is False
    assert service.supports_ephemeral
    assert service.protocols == {"demo"}
    for user in ("@_demo_a:hs.test", "@_demo:hs.test", "@x:hs.test", "@_demo_a:else.test"):
        assert service.is_interested_in_user(user) == registration.owns_user(user)
        assert service.is_exclusive_user(user) == registration.owns_user(user, exclusive_only=True)


@pytest.mark.parametrize("key", ["receive_ephemeral", _UNSTABLE])
@pytest.mark.parametrize("other", [MISSING, None, False])
def test_ephemeral_events_are_asked_for_by_both_names(key: str, other: object) -> None:
    # Synapse 1.143 reads the unstable name only.
    data = content(receive_ephemeral=other, **{_UNSTABLE: other}) | {key: True}
    registration = Registration.load({name: one for name, one in data.items() if one != MISSING})
    assert registration.receive_ephemeral
    assert registration.warnings() == []
    written = registration.as_dict()
    assert (written["receive_ephemeral"], written[_UNSTABLE]) == (True, True)
    assert Registration.load(written) == registration
    assert demo(receive_ephemeral=True).as_dict()[_UNSTABLE] is True


def test_without_ephemeral_events_there_is_no_unstable_name() -> None:
    assert _UNSTABLE not in demo().as_dict()
    off = Registration.load(content(receive_ephemeral=False, **{_UNSTABLE: False}))
    assert not off.receive_ephemeral
    assert _UNSTABLE not in off.as_dict()
    assert f"{_UNSTABLE} must be true or false" in refusal(content(**{_UNSTABLE: "yes"}))


@pytest.mark.parametrize("bot", ["IRC", "a~b"])
def test_a_bot_of_old_times_is_taken_with_a_warning(bot: str) -> None:
    registration = Registration.load(content(sender_localpart=bot))
    assert registration.owns_user(f"@{bot}:hs.test")
    (warning,) = registration.warnings()
    assert warning.startswith(f"sender_localpart {bot!r}")
    assert Registration.load(content(sender_localpart="a/b.c_d-1")).warnings() == []


@pytest.mark.parametrize(
    "server", ["hs.test.evil.com", "hs.test:8448", "hs.tes", "evil.com:hs.test", "evil.com", ""]
)
def test_users_of_other_homeservers_are_never_owned(server: str) -> None:
    registration = demo()
    assert registration.owns_user("@_demo_x:hs.test")
    assert not registration.owns_user(f"@_demo_x:{server}")
    assert not registration.owns_user(f"@_demo:{server}")
    assert users("@_demo_.*").owns_user(f"@_demo_x:{server}")  # whose server isn't known
