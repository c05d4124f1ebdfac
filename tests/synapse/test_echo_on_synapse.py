"""The example of the README, served by the command line, on a real homeserver."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from appservice_api import AppServiceAPI, Event, Registration
from appservice_api.testing import Homeserver
from appservice_api.testing.process import free_port

pytestmark = pytest.mark.synapse

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
ROOT = EXAMPLES.parent


def test_echo(homeserver: Homeserver, api: AppServiceAPI, tmp_path: Path) -> None:
    file = tmp_path / "registration.yaml"
    Registration.load(homeserver.registration).save(file)
    port = free_port()
    homeserver.forward(f"http://127.0.0.1:{port}")
    account = homeserver.create_user("dora")
    dora = api.intent(account["user_id"], token=account["access_token"])
    process = subprocess.Popen(
        [sys.executable, "-m", "appservice_api", "serve", "echo:app", "--port", str(port)],
        cwd=EXAMPLES,
        env={
            **os.environ, "APPSERVICE_BASE_URL": homeserver.base_url, "PYTHONPATH": str(ROOT),
            "APPSERVICE_REGISTRATION": str(file),
        },
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        assert f":{port}" in process.stderr.readline()
        room = dora.create_room(invitees=[homeserver.bot_mxid])
        since = dora.sync(timeout=0).next_batch
        while homeserver.bot_mxid not in dora.get_joined_members(room):
            since = dora.sync(since=since, timeout=10_000).next_batch
        dora.send_text(room, "hello?")
        said: list[Event] = []
        while not said:
            since = dora.sync(since=since, timeout=10_000).next_batch
            said = [
                event for event in dora.messages(room, limit=10)
                if event.sender == homeserver.bot_mxid and event.type == "m.room.message"
            ]  # fmt: skip
        assert said[0].content == {"msgtype": "m.notice", "body": "hello?"}
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        homeserver.forward(None)
        process.kill()
        process.communicate()


@pytest.mark.parametrize("target, problem", [
    ("nowhere:app", "there is no module 'nowhere'"),
    ("json:app", "can't be served"),
    ("json:dumps", "is no AppService"),
])  # fmt: skip
def test_what_cannot_be_served(target: str, problem: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "appservice_api", "serve", target],
        capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 2
    assert problem in done.stderr
