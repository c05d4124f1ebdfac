"""Names of other networks as localparts, and as ghosts of a registration."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appservice_api import Registration, UserID
from appservice_api.errors import RegistrationError
from appservice_api.ids import check_localpart
from appservice_api.localparts import decode_localpart, encode_localpart
from appservice_api.registration import Namespace, Namespaces

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(NAMES)
def test_every_name_has_a_localpart_and_comes_back(name: str) -> None:
    localpart = encode_localpart(name)
    assert check_localpart(localpart) == localpart
    assert decode_localpart(localpart) == name


@given(NAMES)
def test_without_case_only_the_case_of_a_to_z_is_lost(name: str) -> None:
    localpart = encode_localpart(name, case_sensitive=False)
    assert check_localpart(localpart) == localpart
    lower = "".join(char.lower() if "A" <= char <= "Z" else char for char in name)
    assert decode_localpart(localpart, case_sensitive=False) == lower


@given(st.text("_=abcAB0123456789\n/ä"))
def test_what_is_decoded_is_what_is_encoded(localpart: str) -> None:
    for case_sensitive in (True, False):
        try:
            name = decode_localpart(localpart, case_sensitive=case_sensitive)
        except ValueError:
            continue
        assert encode_localpart(name, case_sensitive=case_sensitive) == localpart


@pytest.mark.parametrize(
    "name, localpart, without_case",
    [
        ("alice", "alice", "alice"),
        ("Alice_B", "_alice___b", "alice_b"),
        ("a.b/c+d-e", "a.b/c+d-e", "a.b/c+d-e"),
        ("a=b c", "a=3db=20c", "a=3db=20c"),
        ("@x:y", "=40x=3ay", "=40x=3ay"),
        ("Ä", "=c3=84", "=c3=84"),
        ("👍\n", "=f0=9f=91=8d=0a", "=f0=9f=91=8d=0a"),
    ],
)
def test_encoded(name: str, localpart: str, without_case: str) -> None:
    assert encode_localpart(name) == localpart
    assert encode_localpart(name, case_sensitive=False) == without_case


@pytest.mark.parametrize("name", ["", None, 5, b"x"])
def test_what_is_no_name(name: object) -> None:
    with pytest.raises(ValueError, match="can't be made of"):
        encode_localpart(name)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="is no localpart of an encoded name"):
        decode_localpart(name)  # type: ignore[arg-type]


def test_a_lone_surrogate() -> None:
    with pytest.raises(ValueError, match="lone surrogate"):
        encode_localpart("a\ud800")


@pytest.mark.parametrize(
    "localpart, problem",
    [
        ("_", "'_'"), ("_1", "'_'"), ("a_", "'_'"), ("=C3=A4", "'='"), ("=", "'='"), ("a=4", "'='"),
        ("=61", "'=61' stands for nothing"), ("=5f", "'=5f'"), ("Alice", "'A'"), ("ä", "'ä'"),
        ("a\n", r"'\\n'"), ("a:b", "':'"), ("=c3", "unexpected end"), ("=ff", "invalid start"),
    ],
)  # fmt: skip
def test_what_no_name_is_encoded_to(localpart: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as caught:
        decode_localpart(localpart)
    assert repr(localpart) in str(caught.value)


def registration(*users: str, sender_localpart: str = "_demo_bot") -> Registration:
    return Registration.generate("demo", users=users, sender_localpart=sender_localpart)


DEMO = registration(r"@_demo_.*:hs\.test")


@given(NAMES.filter(lambda name: len(name.encode()) < 75))
def test_ghosts_of_a_registration(name: str) -> None:
    if name == "bot":
        return
    user_id = DEMO.user_id_for(name)
    assert type(user_id) is UserID
    assert DEMO.owns_user(user_id)
    assert DEMO.remote_name(user_id) == name


def test_a_ghost_id() -> None:
    assert DEMO.ghost_prefix == "_demo_"
    assert DEMO.user_id_for("Zoë") == "@_demo__zo=c3=ab:hs.test"
    assert DEMO.remote_name("@_demo__zo=c3=ab:hs.test") == "Zoë"


@pytest.mark.parametrize(
    "user_id",
    [
        "@_demo_bot:hs.test", "@_demo_:hs.test", "@alice:hs.test", "@_demo_a:other.test",
        "@_demo_Alice:hs.test", "@_demo_=61:hs.test", "nothing", "",
    ],
)  # fmt: skip
def test_who_has_no_remote_name(user_id: str) -> None:
    assert DEMO.remote_name(user_id) is None


def test_names_that_can_have_no_ghost() -> None:
    with pytest.raises(ValueError, match=r"'bot' can't have a ghost: @_demo_bot:hs.test is the"):
        DEMO.user_id_for("bot")
    with pytest.raises(ValueError, match=r"has 315 bytes; 255 are allowed"):
        DEMO.user_id_for("ä" * 50)
    with pytest.raises(ValueError, match="not empty"):
        DEMO.user_id_for("")
    with pytest.raises(ValueError, match="isn't in the users namespaces"):
        DEMO.user_id_for("alice", "other.test")
    digits = registration(r"@wa_[0-9]+:hs\.test")
    assert digits.user_id_for("4912345") == "@wa_4912345:hs.test"
    with pytest.raises(ValueError, match=r"'Alice' can't have a ghost: .* isn't in"):
        digits.user_id_for("Alice")


@pytest.mark.parametrize(
    "users, prefix",
    [
        ((r"@_demo_.*:hs\.test", r"@_demo_bot:hs\.test"), "_demo_"),
        ((r"@_demo_.*:hs\.test", r"@_demo_[a-z]+:hs\.test"), "_demo_"),
        ((r"^@irc\..+$",), "irc."),
        ((r"@_demo_",), "_demo_"),
        ((r"@_demo_(a|b).*:hs\.test",), "_demo_"),
        ((r"@_demo_a*:hs\.test",), "_demo_"),
        ((r"@_a_.*:hs\.test", r"@_b_.*:hs\.test"), None),
        ((r"@_a_.*:hs\.test|@_b_.*:hs\.test",), None),
        ((r"@bot:hs\.test",), None),
        ((r"@bot\:hs\.test",), None),
        ((r"@.*:hs\.test",), None),
        ((r"@(a|b)_.*:hs\.test",), None),
        ((), None),
    ],
)
def test_ghost_prefix(users: tuple[str, ...], prefix: str | None) -> None:
    made = registration(*users)
    assert made.ghost_prefix == prefix
    if prefix is None:
        with pytest.raises(RegistrationError, match="don't tell what ghosts begin with"):
            made.user_id_for("a", "hs.test")
        assert made.remote_name("@_a_b:hs.test") is None


def test_exclusive_namespaces_tell_ghosts_from_others() -> None:
    shared, ghosts = Namespace(False, "@real_.*:hs.test"), Namespace(True, "@_demo_.*:hs.test")
    spaces = Namespaces(users=[shared, ghosts])
    assert replace(DEMO, namespaces=spaces).ghost_prefix == "_demo_"
    assert replace(DEMO, namespaces=Namespaces(users=[shared])).ghost_prefix == "real_"


def test_a_server_name_that_only_the_caller_knows() -> None:
    anywhere = registration("@_demo_.*")
    with pytest.raises(RegistrationError, match="give server_name"):
        anywhere.user_id_for("a")
    with pytest.raises(ValueError, match="server name"):
        anywhere.user_id_for("a", "")
    assert anywhere.user_id_for("a", "[::1]:8448") == "@_demo_a:[::1]:8448"
    assert anywhere.remote_name("@_demo_a:[::1]:8448") == "a"
    assert anywhere.remote_name("@_demo_bot:[::1]:8448") is None
