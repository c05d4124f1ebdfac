"""``check``: a verdict for each thing that can be wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_runner import AS_TOKEN, BOT, Outcome, run, save_registration, settings

from appservice_api import Registration
from appservice_api.registration import Namespace
from appservice_api.registration.namespaces import example_user
from appservice_api.testing import DROP, Homeserver, StubHomeserver, answer


@pytest.fixture
def hs() -> Iterator[StubHomeserver]:
    with StubHomeserver(as_token=AS_TOKEN) as server:
        yield server


def check(hs: StubHomeserver, folder: Path, **changes: Any) -> Outcome:
    path = save_registration(folder, **changes)
    return run("check", "--base-url", hs.base_url, "--registration", path)


def verdicts(outcome: Outcome) -> dict[str, str]:
    """The verdict on each thing."""
    lines = [line.split(None, 2) for line in outcome.out.splitlines() if line[:1] != " "]
    return {what.rstrip(":"): verdict for verdict, what, _ in lines}


def refusal(http_status: int, errcode: str, error: str, **more: Any) -> Any:
    return answer(http_status, {"errcode": errcode, "error": error, **more})


def test_all_is_well(hs: StubHomeserver, tmp_path: Path) -> None:
    outcome = check(hs, tmp_path)
    assert (outcome.code, outcome.err) == (0, "")
    what = ["registration", "versions", "whoami", "account", "namespaces", "ping"]
    assert verdicts(outcome) == dict.fromkeys(what, "ok")
    assert f"the as_token is that of {BOT}" in outcome.out
    assert r"@_demo_.*:hs\.test, tried with @_demo_check:hs.test" in outcome.out
    assert "http://127.0.0.1:9/as answered within 3 ms" in outcome.out
    assert f"account: {BOT} had none, and was registered" in outcome.out
    # Nobody but the bot is registered, and nobody but it and the example is acted as.
    assert hs.registered == {BOT}
    assert [(one.method, one.user_id) for one in hs.requests] == [
        ("GET", None),
        ("GET", None),
        ("POST", None),
        ("GET", "@_demo_check:hs.test"),
        ("POST", None),
    ]
    assert hs.requests[0].token is None


def test_without_a_file_there_is_less_to_check(hs: StubHomeserver) -> None:
    outcome = run("check", env=settings(hs))
    assert outcome.code == 0
    assert verdicts(outcome) == {
        "registration": "skipped",
        "versions": "ok",
        "whoami": "ok",
        "account": "ok",
        "namespaces": "skipped",
        "ping": "skipped",
    }


def test_a_url_of_null_is_not_pinged(hs: StubHomeserver, tmp_path: Path) -> None:
    outcome = check(hs, tmp_path, url=None)
    assert outcome.code == 0
    assert verdicts(outcome)["ping"] == "skipped"


def test_warnings_of_the_registration_are_shown(hs: StubHomeserver, tmp_path: Path) -> None:
    outcome = check(hs, tmp_path, rate_limited=None)
    assert outcome.code == 0
    assert "warning: rate_limited isn't false" in outcome.out


def test_who_counts_as_a_ghost(hs: StubHomeserver, tmp_path: Path) -> None:
    shared = {"exclusive": False, "regex": r"@.*:hs\.test"}
    ghosts = {"exclusive": True, "regex": r"@_demo_.*:hs\.test"}
    outcome = check(hs, tmp_path, namespaces={"users": [ghosts, shared]})
    assert r"people: a user in @.*:hs\.test, which isn't exclusive, is a ghost" in outcome.out
    assert "stands before" not in outcome.out
    for name, users in (("other", [shared, ghosts]), ("plain", [ghosts])):
        (tmp_path / name).mkdir()
        out = check(hs, tmp_path / name, namespaces={"users": users}).out
        warned = r"warning: @_demo_.*:hs\.test is exclusive, but @.*:hs\.test stands" in out
        assert warned == (name == "other")
        assert ("people:" in out) == (name == "other")


def test_an_unreadable_registration(hs: StubHomeserver, tmp_path: Path) -> None:
    path = tmp_path / "registration.yaml"
    path.write_text(f"id: x\nas_token: {AS_TOKEN}\n")
    outcome = run("check", "--base-url", hs.base_url, "--registration", str(path))
    assert outcome.code == 2
    assert verdicts(outcome).pop("registration") == "FAILED"
    assert set(list(verdicts(outcome).values())[1:]) == {"skipped"}
    assert "hs_token is missing" in outcome.out
    assert hs.requests == []


def test_a_homeserver_that_is_down(hs: StubHomeserver, tmp_path: Path) -> None:
    hs.stop()
    outcome = check(hs, tmp_path)
    assert outcome.code == 75
    assert verdicts(outcome)["versions"] == "FAILED"
    assert verdicts(outcome)["ping"] == "skipped"
    assert "can't be reached" in outcome.out
    assert "to do: check the homeserver's URL" in outcome.out


def test_a_url_of_something_else(hs: StubHomeserver, tmp_path: Path) -> None:
    hs.script("*", "", answer(200, "<html>Welcome</html>"), forever=True)
    outcome = check(hs, tmp_path)
    assert outcome.code == 75
    assert "to do: see whether the URL is the homeserver's" in outcome.out


def test_a_token_that_the_homeserver_does_not_know(tmp_path: Path) -> None:
    with StubHomeserver(as_token="another") as hs:
        outcome = check(hs, tmp_path)
    assert outcome.code == 1
    assert verdicts(outcome) == {
        "registration": "ok",
        "versions": "ok",
        "whoami": "FAILED",
        "account": "skipped",
        "namespaces": "skipped",
        "ping": "skipped",
    }
    assert "M_UNKNOWN_TOKEN" in outcome.out
    assert "app_service_config_files" in outcome.out


def test_a_token_of_another_bot(tmp_path: Path) -> None:
    with StubHomeserver(as_token=AS_TOKEN, sender="@other:hs.test") as hs:
        outcome = check(hs, tmp_path)
    assert outcome.code == 1
    assert f"takes the as_token for @other:hs.test, not for {BOT}" in outcome.out
    assert verdicts(outcome)["account"] == "skipped"


def test_a_bot_that_has_an_account(hs: StubHomeserver, tmp_path: Path) -> None:
    hs.add_user(BOT)
    outcome = check(hs, tmp_path)
    assert outcome.code == 0
    assert f"account: {BOT} has one" in outcome.out


def test_a_bot_that_gets_no_account(hs: StubHomeserver, tmp_path: Path) -> None:
    hs.script("POST", "/register", refusal(400, "M_EXCLUSIVE", "outside of the namespaces"))
    outcome = check(hs, tmp_path)
    assert outcome.code == 0, "it acts without one"
    assert verdicts(outcome)["account"] == "skipped"
    assert f"{BOT} acts without one: " in outcome.out


def test_a_bot_with_half_an_account(hs: StubHomeserver, tmp_path: Path) -> None:
    hs.memory.profiles[BOT] = {"displayname": "Bot"}
    outcome = check(hs, tmp_path)
    assert outcome.code == 1
    assert verdicts(outcome)["account"] == "FAILED"
    assert "remove the row of this full_user_id from its table profiles" in outcome.out
    assert verdicts(outcome)["ping"] == "ok"


def test_the_token_of_an_ordinary_user_makes_no_account(hs: StubHomeserver) -> None:
    hs.script("POST", "/register", refusal(401, "M_UNKNOWN_TOKEN", "Invalid access token"))
    outcome = run("check", env=settings(hs))
    assert outcome.code == 0
    assert verdicts(outcome)["account"] == "skipped"


@pytest.mark.parametrize("there", [True, False])
def test_a_device_that_is_asked_for(there: bool, hs: StubHomeserver, tmp_path: Path) -> None:
    if there:
        hs.memory.devices[BOT] = {"DESK": None}
    hs.add_user("@_demo_check:hs.test")
    path = save_registration(tmp_path)
    outcome = run(
        "check", "--base-url", hs.base_url, "--registration", path,
        env={"APPSERVICE_DEVICE_ID": "DESK"},
    )  # fmt: skip
    assert outcome.code == 0
    assert verdicts(outcome)["device"] == "ok"
    said = f"DESK of {BOT} is there" if there else "DESK isn't there yet"
    assert said in outcome.out
    assert verdicts(outcome)["namespaces"] == "ok"
    assert verdicts(outcome)["ping"] == "ok"
    assert hs.memory.devices == ({BOT: {"DESK": None}} if there else {})


def test_namespaces_that_the_homeserver_does_not_have(tmp_path: Path) -> None:
    with StubHomeserver(as_token=AS_TOKEN, namespace="@else_.*") as hs:
        outcome = check(hs, tmp_path)
    assert outcome.code == 1
    assert verdicts(outcome)["namespaces"] == "FAILED"
    assert "cannot masquerade as this user (@_demo_check:hs.test)" in outcome.out
    assert verdicts(outcome)["ping"] == "ok"


@pytest.mark.parametrize(
    "reply, said, todo",
    [
        (
            refusal(502, "M_CONNECTION_FAILED", "ConnectionRefusedError: 111"),
            "M_CONNECTION_FAILED: ConnectionRefusedError: 111",
            "start the application service, and see that its url can be reached",
        ),
        (
            refusal(502, "M_BAD_STATUS", "HTTP 403 Forbidden", status=403, body='{"x": 1}'),
            'M_BAD_STATUS: HTTP 403 Forbidden: {"x": 1}',
            "with the hs_token of the registration",
        ),
        (
            refusal(502, "M_BAD_STATUS", "HTTP 500 Oops", status=500),
            "M_BAD_STATUS: HTTP 500 Oops",
            "in the log of the application service",
        ),
        (refusal(400, "M_URL_NOT_SET", "No URL"), "M_URL_NOT_SET: No URL", "older registration"),
    ],
)
def test_a_ping_that_fails(
    hs: StubHomeserver, tmp_path: Path, reply: Any, said: str, todo: str
) -> None:
    hs.script("POST", "/ping", reply)
    outcome = check(hs, tmp_path)
    assert outcome.code == 1
    assert verdicts(outcome)["ping"] == "FAILED"
    assert said in outcome.out
    assert todo in outcome.out


def test_a_homeserver_without_ping(hs: StubHomeserver, tmp_path: Path) -> None:
    hs.script("POST", "/ping", refusal(404, "M_UNRECOGNIZED", "Unrecognized request"))
    outcome = check(hs, tmp_path)
    assert outcome.code == 0
    assert verdicts(outcome)["ping"] == "skipped"


def test_a_connection_that_breaks_in_the_middle(hs: StubHomeserver, tmp_path: Path) -> None:
    hs.script("GET", "/whoami", DROP, forever=True)
    outcome = check(hs, tmp_path)
    assert outcome.code == 75
    assert verdicts(outcome)["whoami"] == "FAILED"


@pytest.mark.parametrize(
    "regex, expected",
    [
        (r"@_demo_.*:hs\.test", "@_demo_check:hs.test"),
        (r"^@irc\.net_.+:hs\.test$", "@irc.net_check:hs.test"),
        ("@_x_.*", "@_x_check:hs.test"),
        (r"@_n_\d+:hs\.test", "@_n_1:hs.test"),
        ("@_ab?:hs.test", "@_a:hs.test"),
        ("@bot:hs.test", "@bot:hs.test"),
        (".*", None),
        ("@(a|b)_.*:hs.test", None),
        ("@_demo_.*:other.test", None),
    ],
)
def test_a_user_is_made_up_for_a_namespace(regex: str, expected: str | None) -> None:
    assert example_user(Namespace(True, regex), "hs.test") == expected


def test_on_synapse(homeserver: Homeserver, tmp_path: Path) -> None:
    path = str(tmp_path / "registration.yaml")
    registration = Registration.load(homeserver.registration)
    registration.save(path)
    args = ("check", "--base-url", homeserver.base_url, "--registration", path)
    outcome = run(*args)
    assert outcome.code == 0
    what = ["registration", "versions", "whoami", "account", "namespaces", "ping"]
    assert verdicts(outcome) == dict.fromkeys(what, "ok")
    assert f"{homeserver.bot_mxid} had none, and was registered" in outcome.out
    assert f"{homeserver.bot_mxid} has one" in run(*args).out
    assert outcome.out.count("tried with") == 2

    homeserver.sink.fail_with(homeserver.id, 403)
    try:
        outcome = run(*args)
    finally:
        homeserver.sink.fail_with(homeserver.id, None)
    assert outcome.code == 1
    assert verdicts(outcome)["ping"] == "FAILED"
    assert "M_BAD_STATUS" in outcome.out
    assert "The sink was told to fail" in outcome.out
    assert "hs_token" in outcome.out

    # A registration with more namespaces than the homeserver knows of, and with another token.
    data = registration.as_dict()
    data["namespaces"]["users"][0]["regex"] = r"@_new_.*:hs\.test"
    Registration.load(data).save(path, overwrite=True)
    outcome = run(*args)
    assert outcome.code == 1
    assert "cannot masquerade" in outcome.out
    Registration.load({**data, "as_token": AS_TOKEN}).save(path, overwrite=True)
    outcome = run(*args)
    assert outcome.code == 1
    assert "M_UNKNOWN_TOKEN" in outcome.out
    assert verdicts(outcome)["versions"] == "ok"
