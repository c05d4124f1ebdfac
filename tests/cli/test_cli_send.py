"""``send``: one message, and what a cron job can tell from the exit code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_runner import AS_TOKEN, BOT, Outcome, run, save_registration, settings

from appservice_api import AppServiceAPI, Registration, appservice
from appservice_api.testing import Homeserver, ManualClock, StubHomeserver, answer

GHOST = "@_demo_alice:hs.test"


@pytest.fixture
def hs() -> Iterator[StubHomeserver]:
    with StubHomeserver(as_token=AS_TOKEN) as server:
        yield server


@pytest.fixture
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(appservice, "SystemClock", lambda: ManualClock(auto=True))


def send(hs: StubHomeserver, *args: str, stdin: bytes = b"") -> Outcome:
    return run("send", *args, env=settings(hs), stdin=stdin)


def message(hs: StubHomeserver, room: str) -> dict[str, Any]:
    return [event for event in hs.events(room) if event["type"] == "m.room.message"][-1]


def test_the_bot_speaks_in_one_request_and_only_the_event_id_is_printed(
    hs: StubHomeserver,
) -> None:
    room = hs.room(members=[BOT])
    outcome = send(hs, room, "Hello")
    event = message(hs, room)
    assert outcome == (0, event["event_id"] + "\n", "")
    assert event["content"] == {"msgtype": "m.text", "body": "Hello"}
    assert event["sender"] == BOT
    [request] = hs.requests
    assert (request.method, request.user_id, request.token) == ("PUT", None, AS_TOKEN)


@pytest.mark.parametrize("user", [GHOST, "_demo_alice", "@_demo_alice"])
def test_a_ghost_is_registered_invited_and_joined_where_needed(
    hs: StubHomeserver, user: str
) -> None:
    room = hs.room(members=[BOT])
    outcome = send(hs, room, "Hello", "--as", user)
    assert outcome.code == 0
    assert message(hs, room)["sender"] == GHOST
    assert hs.membership(room, GHOST) == "join"


def test_the_homeserver_of_a_localpart_is_asked_for_where_nobody_tells(
    hs: StubHomeserver,
) -> None:
    room = hs.room(members=[GHOST])
    hs.add_user(GHOST)
    env = {**settings(hs), "APPSERVICE_BOT_MXID": ""}
    assert run("send", room, "Hello", "--as", "_demo_alice", env=env).code == 0
    assert [request.method for request in hs.requests] == ["GET", "PUT"]
    assert hs.requests[0].path.endswith("/account/whoami")
    assert hs.requests[1].user_id == GHOST


def test_the_server_name_can_be_given(hs: StubHomeserver) -> None:
    room = hs.room(members=[GHOST])
    hs.add_user(GHOST)
    env = {**settings(hs), "APPSERVICE_BOT_MXID": ""}
    args = ("send", room, "Hello", "--as", "_demo_alice", "--server-name", "hs.test")
    assert run(*args, env=env).code == 0
    assert [request.user_id for request in hs.requests] == [GHOST]


def test_a_dash_reads_standard_input(hs: StubHomeserver) -> None:
    room = hs.room(members=[BOT])
    assert send(hs, room, "-", stdin="One\n  Zwölf\n".encode()).code == 0
    assert message(hs, room)["content"]["body"] == "One\n  Zwölf"


@pytest.mark.parametrize(
    "options, expected",
    [
        (["--notice"], {"msgtype": "m.notice", "body": "Hi"}),
        (["--emote"], {"msgtype": "m.emote", "body": "Hi"}),
        (
            ["--html", "<b>Hi</b>"],
            {
                "msgtype": "m.text",
                "body": "Hi",
                "format": "org.matrix.custom.html",
                "formatted_body": "<b>Hi</b>",
            },
        ),
    ],
)
def test_kinds_of_messages(
    hs: StubHomeserver, options: list[str], expected: dict[str, Any]
) -> None:
    room = hs.room(members=[BOT])
    assert send(hs, room, "Hi", *options).code == 0
    assert message(hs, room)["content"] == expected


def test_a_timestamp_is_massaged(hs: StubHomeserver) -> None:
    room = hs.room(members=[BOT])
    assert send(hs, room, "Then", "--timestamp", "1234567890123").code == 0
    assert hs.requests[0].query["ts"] == ["1234567890123"]


def test_an_alias_is_resolved_as_the_bot(hs: StubHomeserver) -> None:
    room = hs.room(members=[GHOST])
    hs.add_user(GHOST)
    hs.memory.aliases["#lobby/1:hs.test"] = room
    assert send(hs, "#lobby/1:hs.test", "Hello", "--as", GHOST).code == 0
    assert [(one.method, one.user_id) for one in hs.requests] == [("GET", None), ("PUT", GHOST)]
    assert hs.requests[0].path.endswith("/directory/room/%23lobby%2F1%3Ahs.test")


def test_a_transaction_id_makes_a_rerun_harmless(hs: StubHomeserver) -> None:
    room = hs.room(members=[BOT])
    first = send(hs, room, "Backup is done", "--txn-id", "backup-2024-06-01")
    second = send(hs, room, "Backup is done", "--txn-id", "backup-2024-06-01")
    assert first.code == second.code == 0
    assert first.out == second.out
    assert hs.requests[0].target == hs.requests[1].target
    assert "/backup-2024-06-01." in hs.requests[0].path
    assert len([one for one in hs.events(room) if one["type"] == "m.room.message"]) == 1


def test_the_same_transaction_id_of_two_ghosts_is_two_messages(hs: StubHomeserver) -> None:
    room = hs.room(members=[GHOST, f"{GHOST[:-8]}2:hs.test"])
    for user in (GHOST, f"{GHOST[:-8]}2:hs.test"):
        hs.add_user(user)
        assert send(hs, room, user, "--as", user, "--txn-id", "backup-1").code == 0
    messages = [one for one in hs.events(room) if one["type"] == "m.room.message"]
    assert [one["content"]["body"] for one in messages] == [one["sender"] for one in messages]
    assert len(messages) == 2


def test_without_a_transaction_id_two_runs_are_two_messages(hs: StubHomeserver) -> None:
    room = hs.room(members=[BOT])
    assert send(hs, room, "Hi").out != send(hs, room, "Hi").out


@pytest.mark.parametrize(
    "args, stdin, said",
    [
        (["!r:hs.test", ""], b"", "the text is empty"),
        (["!r:hs.test", "-"], b"\n\n", "the text is empty"),
        (["!r:hs.test", "-"], b"\xff\xfe", "the input isn't UTF-8"),
        (["!r:hs.test", "Hi", "--notice", "--emote"], b"", "exclude each other"),
        (["r:hs.test", "Hi"], b"", "'r:hs.test' is neither a room ID"),
        (["#r", "Hi"], b"", "'#r' is not a room alias"),
        (["!r:hs.test", "Hi", "--as", "@:x y"], b"", "is not a user ID"),
        (["!r:hs.test", "Hi", "--timestamp", "-1"], b"", "--timestamp"),
        (["!r:hs.test"], b"", "TEXT"),
    ],
)
def test_wrong_usage_sends_nothing(
    hs: StubHomeserver, args: list[str], stdin: bytes, said: str
) -> None:
    outcome = send(hs, *args, stdin=stdin)
    assert outcome.code == 2
    assert said in outcome.err
    assert outcome.out == ""
    assert hs.requests == []


def test_a_user_outside_the_registration_is_wrong_usage(hs: StubHomeserver, tmp_path: Path) -> None:
    path = save_registration(tmp_path)
    args = ("send", "!r:hs.test", "Hi", "--as", "other", "--base-url", hs.base_url)
    outcome = run(*args, "--registration", path)
    assert outcome.code == 2
    assert outcome.err.startswith("appservice-api: @other:hs.test is not this application service")
    assert hs.requests == []


def test_options_win_over_the_environment(hs: StubHomeserver, tmp_path: Path) -> None:
    room = hs.room(members=[BOT])
    env = {"APPSERVICE_BASE_URL": "http://127.0.0.1:9", "APPSERVICE_TOKEN": "wrong"}
    path = save_registration(tmp_path)
    args = ("send", room, "Hi", "--base-url", hs.base_url, "--registration", path)
    assert run(*args, env=env).code == 0


@pytest.mark.parametrize(
    "missing, said",
    [
        ("APPSERVICE_BASE_URL", "--base-url, or APPSERVICE_BASE_URL"),
        ("APPSERVICE_TOKEN", "--registration, or APPSERVICE_REGISTRATION"),
    ],
)
def test_missing_settings_are_named(hs: StubHomeserver, missing: str, said: str) -> None:
    env = {name: value for name, value in settings(hs).items() if name != missing}
    outcome = run("send", "!r:hs.test", "Hi", env=env)
    assert outcome.code == 2
    assert said in " ".join(outcome.err.split())


def test_an_unreadable_registration(hs: StubHomeserver, tmp_path: Path) -> None:
    path = str(tmp_path / "nowhere.yaml")
    outcome = run("send", "!r:hs.test", "Hi", "--base-url", hs.base_url, "--registration", path)
    assert outcome.code == 2
    assert outcome.err.count("\n") == 1
    assert path in outcome.err


def test_a_refusal_exits_1_with_the_homeservers_own_words(hs: StubHomeserver) -> None:
    refused = answer(403, {"errcode": "M_FORBIDDEN", "error": "Not\n on \x1b[31mmy watch"})
    hs.script("*", "/send/|/join|/invite", refused, forever=True)
    outcome = send(hs, hs.room(members=[BOT]), "Hi")
    assert outcome.code == 1
    assert "the homeserver refused: " in outcome.err
    assert "403 M_FORBIDDEN: Not on \ufffd[31mmy watch" in outcome.err
    assert outcome.err.count("\n") == 1


def test_an_unknown_token_exits_1_and_says_what_to_do(hs: StubHomeserver) -> None:
    outcome = run("send", "!r:hs.test", "Hi", env={**settings(hs), "APPSERVICE_TOKEN": "other"})
    assert outcome.code == 1
    assert "M_UNKNOWN_TOKEN" in outcome.err
    assert "app_service_config_files" in outcome.err


def test_a_rate_limit_exits_75_and_says_when(hs: StubHomeserver) -> None:
    limited = {"errcode": "M_LIMIT_EXCEEDED", "error": "Slow down", "retry_after_ms": 900_000}
    hs.script("PUT", "/send/", answer(429, limited))
    outcome = send(hs, hs.room(members=[BOT]), "Hi")
    assert outcome.code == 75
    assert "try again in 900 seconds" in outcome.err


@pytest.mark.usefixtures("_no_waits")
def test_a_gateway_exits_75(hs: StubHomeserver) -> None:
    hs.script("PUT", "/send/", answer(502, "<html>Bad Gateway</html>"), forever=True)
    outcome = send(hs, hs.room(members=[BOT]), "Hi")
    assert outcome.code == 75
    assert "try again later" in outcome.err


@pytest.mark.usefixtures("_no_waits")
def test_a_homeserver_that_is_down_exits_75(hs: StubHomeserver) -> None:
    hs.stop()
    outcome = send(hs, "!r:hs.test", "Hi")
    assert outcome.code == 75
    assert "can't be reached" in outcome.err
    assert outcome.err.count("\n") == 1


def test_on_synapse(homeserver: Homeserver, tmp_path: Path) -> None:
    path = str(tmp_path / "registration.yaml")
    Registration.load(homeserver.registration).save(path)
    base_url = homeserver.base_url
    with AppServiceAPI.from_registration(path, base_url) as api:
        bot = api.bot_intent()
        room = bot.create_room()
        ghost = homeserver.ghost("cron")
        args = ("send", room, "Nightly", "--as", ghost, "--txn-id", "n1", "--timestamp", "86400000")
        env = {"APPSERVICE_BASE_URL": base_url, "APPSERVICE_REGISTRATION": path}
        first, second = run(*args, env=env), run(*args, env=env)
        assert first == second
        assert first.code == 0
        event = bot.get_messages(room, limit=1)["chunk"][0]
    assert event["event_id"] == first.out.strip()
    assert (event["sender"], event["origin_server_ts"]) == (ghost, 86_400_000)
    assert homeserver.as_token not in first.out + first.err
