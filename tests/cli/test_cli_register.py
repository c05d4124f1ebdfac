"""``register``: the file, and what is said about it."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest
from cli_runner import run

from appservice_api import Registration

SERVER = ("--server-name", "hs.test")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the command runs in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_writes_a_registration_and_says_what_to_do_next(folder: Path) -> None:
    outcome = run("register", "demo", "--url", "http://127.0.0.1:29300", *SERVER)
    assert (outcome.code, outcome.err) == (0, "")
    file = folder / "registration.yaml"
    assert file.stat().st_mode & 0o777 == 0o600
    made = Registration.load(file)
    assert (made.id, made.url) == ("demo", "http://127.0.0.1:29300")
    assert made.owns_user("@_demo_alice:hs.test")
    assert made.bot_mxid() == "@_demo:hs.test"
    for said in (str(file), "app_service_config_files", "Restart Synapse", "appservice-api check"):
        assert said in outcome.out
    assert made.as_token not in outcome.out
    assert made.hs_token not in outcome.out


def test_its_options(folder: Path) -> None:
    args = ("--prefix", "irc_", "--bot", "ircbot", "--output", "my file.yaml", "--no-url")
    outcome = run("register", "irc", *args, env={"APPSERVICE_SERVER_NAME": "hs.test"})
    assert outcome.code == 0
    made = Registration.load("my file.yaml")
    assert made.url is None
    assert made.bot_mxid() == "@ircbot:hs.test"
    assert made.owns_user("@irc_bob:hs.test")
    assert f"- '{folder / 'my file.yaml'}'" in outcome.out
    assert f"--registration {shlex.quote('my file.yaml')}" in outcome.out
    assert "\nWarning: " in outcome.out
    assert "should begin with '_'" in outcome.out


def test_an_existing_file_stays_unless_forced() -> None:
    args = ("register", "demo", "--no-url", *SERVER)
    assert run(*args).code == 0
    before = Registration.load("registration.yaml")
    refused = run(*args)
    assert refused.code == 2
    assert "--force" in refused.err
    assert refused.err.count("\n") == 1
    assert Registration.load("registration.yaml") == before
    assert run(*args, "--force").code == 0
    assert Registration.load("registration.yaml") != before


@pytest.mark.parametrize(
    "args, said",
    [
        (["demo", *SERVER], "either --url or --no-url"),
        (["demo", *SERVER, "--no-url", "--url", "http://x"], "either --url or --no-url"),
        (["demo", "--no-url"], "--server-name"),
        (["demo", "--no-url", "--server-name", "a b"], "--server-name 'a b'"),
        (["demo", "--no-url", *SERVER, "--prefix", "Demo"], "--prefix 'Demo'"),
        (["demo", "--no-url", *SERVER, "--bot", "@bot"], "'@bot'"),
        (["a|b", "--no-url", *SERVER, "--prefix", "_x_"], "'a|b'"),
        (["demo", *SERVER, "--url", "localhost"], "url must"),
        (["demo", "--no-url", *SERVER, "--output", "no/such.yaml"], "no/such.yaml"),
    ],
)
def test_wrong_usage_writes_nothing(folder: Path, args: list[str], said: str) -> None:
    outcome = run("register", *args)
    assert outcome.code == 2
    assert said in outcome.err
    assert os.listdir(folder) == []
