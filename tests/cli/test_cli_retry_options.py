"""The retry options of commands, and their defaults."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_runner import AS_TOKEN, BOT, Outcome, run, save_registration, settings

from appservice_api.api.exchange import Exchange
from appservice_api.testing import StubHomeserver, answer
from appservice_api.testing.stub import hang

NEVER = 60.0


@pytest.fixture
def hs() -> Iterator[StubHomeserver]:
    with StubHomeserver(as_token=AS_TOKEN) as server:
        yield server


@pytest.mark.parametrize(
    "args",
    [
        ["send", "#tea:hs.test", "x", "--as", "_demo_alice"],
        ["request", "GET", "account/whoami", "--as", "_demo_alice"],
        ["check"],
    ],
    ids=lambda args: args[0],
)
def test_a_command_ends_at_its_deadline(args: list[str], hs: StubHomeserver) -> None:
    release = threading.Event()
    hs.script("*", "", hang(release), forever=True)
    env = {**settings(hs), "APPSERVICE_BOT_MXID": ""}
    outcome: list[Outcome] = []

    def command() -> None:
        outcome.append(run(*args, "--deadline", "0.5", env=env))

    thread = threading.Thread(target=command, daemon=True)
    thread.start()
    thread.join(NEVER)
    release.set()
    assert outcome, "it didn't end"
    assert outcome[0].code == 75
    assert outcome[0].out.count("Traceback") + outcome[0].err.count("Traceback") == 0


def test_a_command_with_several_requests_has_one_deadline(
    hs: StubHomeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = hs.room(members=[BOT])
    hs.script("GET", "/directory/room/", answer(200, {"room_id": room, "servers": []}))
    seen: list[tuple[float, Any]] = []
    attempt = Exchange.attempt

    def noted(self: Exchange) -> Any:
        left = self.end - self.shared.clock.monotonic()
        seen.append((self.end, (self.limits.policy.repeats, self.limits.timeout, left <= 45)))
        return attempt(self)

    monkeypatch.setattr(Exchange, "attempt", noted)
    assert run("send", "#tea:hs.test", "x", env=settings(hs)).code == 0
    assert len(seen) == 2
    assert {end for end, _ in seen} == {seen[0][0]}
    assert {how for _, how in seen} == {(15, (5.0, 30.0), True)}
    seen.clear()
    options = ["--timeout", "7", "--deadline", "300", "--retry-count", "3"]
    assert run("send", room, "x", *options, env=settings(hs)).code == 0
    assert [how for _, how in seen] == [(3, (5.0, 7.0), False)]


def test_retry_count_0_repeats_nothing(hs: StubHomeserver) -> None:
    hs.script("GET", "/whoami", answer(502, b""), forever=True)
    outcome = run("request", "GET", "account/whoami", "--retry-count", "0", env=settings(hs))
    assert outcome.code == 75
    assert len(hs.requests) == 1


@pytest.fixture
def patient_app(hs: StubHomeserver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An application service in a module of its own."""
    registration = save_registration(tmp_path)
    (tmp_path / "patient_app.py").write_text(
        "from appservice_api import AppService\n"
        f"app = AppService.from_registration({registration!r}, {hs.base_url!r}, "
        f"'sqlite:///{tmp_path}/state.db', server_name='hs.test')\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "patient_app", raising=False)
    return "patient_app:app"


def test_options_hold_for_an_application_service_of_a_module(
    hs: StubHomeserver, patient_app: str
) -> None:
    hs.script("GET", "/joined_rooms", answer(502, b""), forever=True)
    outcome = run("catch-up", patient_app, "--retry-count", "1", "--deadline", "20")
    assert outcome.code == 75
    assert hs.calls().count("GET /joined_rooms") == 2


def test_a_timeout_holds_for_an_application_service_of_a_module(
    hs: StubHomeserver, patient_app: str
) -> None:
    release = threading.Event()
    hs.script("GET", "/joined_rooms", hang(release), forever=True)
    outcome: list[Outcome] = []
    options = ["--timeout", "0.2", "--retry-count", "0", "--deadline", "300"]
    thread = threading.Thread(
        target=lambda: outcome.append(run("catch-up", patient_app, *options)), daemon=True
    )
    thread.start()
    # Less than where nothing is said.
    thread.join(25)
    release.set()
    assert outcome, "it didn't end"
    assert outcome[0].code == 75


@pytest.mark.parametrize("value", ["0", "-1", "x"])
def test_what_is_no_time(value: str, hs: StubHomeserver) -> None:
    outcome = run("check", "--deadline", value, env=settings(hs))
    assert outcome.code == 2
    assert hs.requests == []
