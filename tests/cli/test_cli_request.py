"""``request``: what goes over the wire, and what comes back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_runner import AS_TOKEN, BOT, Outcome, run, settings

from appservice_api.testing import StubHomeserver, answer

GHOST = "@_demo_alice:hs.test"


@pytest.fixture
def hs() -> Iterator[StubHomeserver]:
    with StubHomeserver(as_token=AS_TOKEN) as server:
        yield server


def request(hs: StubHomeserver, *args: str, stdin: bytes = b"") -> Outcome:
    return run("request", *args, env=settings(hs), stdin=stdin)


def test_the_answer_is_printed_indented(hs: StubHomeserver) -> None:
    hs.script("GET", "/thing", answer(200, {"name": "Zoë 👋", "list": [1]}))
    outcome = request(hs, "get", "/thing")
    assert outcome.code == 0
    assert outcome.out == '{\n  "name": "Zoë 👋",\n  "list": [\n    1\n  ]\n}\n'
    [sent] = hs.requests
    assert (sent.method, sent.path, sent.user_id) == ("GET", "/_matrix/client/v3/thing", None)


def test_a_whole_path_a_ghost_and_a_query(hs: StubHomeserver) -> None:
    hs.script("GET", "/versions", answer(200, {}))
    query = ("--query", "a=1", "--query", "a=2=3", "--query", "b=")
    assert request(hs, "GET", "/_matrix/client/versions", "--as", "_demo_alice", *query).code == 0
    [sent] = hs.requests
    assert sent.path == "/_matrix/client/versions"
    assert sent.query == {"user_id": [GHOST], "a": ["1", "2=3"], "b": [""]}


@pytest.mark.parametrize("source", ["argument", "file", "stdin"])
def test_data(hs: StubHomeserver, tmp_path: Path, source: str) -> None:
    content = {"topic": "Über"}
    text = json.dumps(content, ensure_ascii=False)
    file = tmp_path / "data.json"
    file.write_text(text, encoding="utf-8")
    given = {"argument": text, "file": f"@{file}", "stdin": "-"}[source]
    room = hs.room(members=[BOT])
    path = f"rooms/{room}/state/m.room.topic"
    assert request(hs, "PUT", path, "--data", given, stdin=text.encode()).code == 0
    assert hs.requests[0].json == content


@pytest.mark.parametrize(
    "args, said",
    [
        (["--data", "{"], "--data isn't JSON"),
        (["--data", "3"], "--data must be a JSON object or list"),
        (["--data", "@/no/such/file"], "'/no/such/file': No such file or directory"),
        (["--query", "a"], "'a' must look like NAME=VALUE"),
        (["--query", "access_token=x"], "an access token must not be in the URL"),
    ],
)
def test_wrong_usage_sends_nothing(hs: StubHomeserver, args: list[str], said: str) -> None:
    outcome = request(hs, "POST", "/thing", *args)
    assert outcome.code == 2
    assert said in outcome.err
    assert hs.requests == []


def test_a_path_with_a_query_is_wrong_usage(hs: StubHomeserver) -> None:
    assert request(hs, "GET", "/thing?limit=1").code == 2
    assert hs.requests == []


def test_a_refusal_prints_nothing_but_the_reason(hs: StubHomeserver) -> None:
    outcome = request(hs, "GET", "/directory/room/%23no%3Ahs.test")
    assert (outcome.code, outcome.out) == (1, "")
    assert "404 M_NOT_FOUND: Room alias #no:hs.test not found" in outcome.err


def test_an_answer_that_is_no_json_exits_1(hs: StubHomeserver) -> None:
    hs.script("GET", "/thing", answer(200, "<html>"))
    assert request(hs, "GET", "/thing").code == 1
