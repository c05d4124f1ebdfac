"""What another process has just done is done, on a real homeserver."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from appservice_api import AppService, AppServiceAPI, IntentAPI, MUnknown, Registration
from appservice_api.receiver import Request
from appservice_api.testing import Homeserver
from appservice_api.testing.process import installed

pytestmark = pytest.mark.synapse

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tests" / "benchmarks" / "new_ghost.py"
COUNT = 4


@pytest.fixture
def apis(homeserver: Homeserver) -> Iterator[list[AppServiceAPI]]:
    """APIs that share nothing, as those of several processes."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                AppServiceAPI.from_registration(
                    Registration.load(homeserver.registration), homeserver.base_url,
                    device_id="BRIDGE",
                )
            )
            for _ in range(COUNT)
        ]  # fmt: skip


def together(*works: Callable[[], Any]) -> list[Any]:
    """Do things at the same moment; what came of each, or an error."""
    gate = Barrier(len(works))

    def work(one: Callable[[], Any]) -> Any:
        gate.wait()
        return one()

    with ThreadPoolExecutor(len(works)) as threads:
        return [one.result(120) for one in [threads.submit(work, one) for one in works]]


@pytest.mark.parametrize("device", [(), ("--device", "BRIDGE")])
def test_processes_with_the_same_new_ghost(device: tuple[str, ...]) -> None:
    """The long run is that of the script."""
    if not installed():
        pytest.skip("Synapse isn't installed: pip install 'appservice_api[demo]'")
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--processes", "4", "--rounds", "2", *device],
        capture_output=True, text=True, timeout=180, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("0 of 8 refused, lost or doubled")


def test_the_same_bot_its_device_and_its_name(
    apis: list[AppServiceAPI], homeserver: Homeserver
) -> None:
    bots = [api.bot_intent() for api in apis]
    together(*(lambda bot=bot: bot.set_displayname("Bot") for bot in bots))
    assert bots[0].get_displayname(homeserver.bot_mxid) == "Bot"
    assert [one.device_id for one in bots[0].get_devices()] == ["BRIDGE"]
    assert bots[0].register() is False


def test_the_same_alias(apis: list[AppServiceAPI], homeserver: Homeserver) -> None:
    bots = [api.bot_intent() for api in apis]
    room, other = bots[0].create_room(), bots[0].create_room()
    localpart = homeserver.alias("tea")[1:].partition(":")[0]
    together(*(lambda bot=bot: bot.add_room_alias(room, localpart) for bot in bots))
    assert bots[0].resolve_room_alias(homeserver.alias("tea")).room_id == room
    with pytest.raises(MUnknown) as caught:
        bots[0].add_room_alias(other, localpart)
    assert caught.value.http_status == 409


def test_an_alias_that_several_people_join_at_once(app: AppService, homeserver: Homeserver) -> None:
    asked: list[str] = []

    @app.on_alias_query
    def make(alias: str) -> Any:
        asked.append(alias)
        return {"preset": "public_chat"}

    people: list[IntentAPI] = []
    for name in ("carol", "dave", "erin"):
        account = homeserver.create_user(name)
        people.append(app.api.intent(account["user_id"], token=account["access_token"]))
    alias = homeserver.alias("busy")
    rooms = together(*(lambda one=one: one.join_room(alias) for one in people))
    assert len(set(rooms)) == 1
    assert asked == [alias]
    members = app.bot.get_joined_members(rooms[0])
    assert set(members) == {app.bot.mxid, *(one.mxid for one in people)}


def test_two_processes_that_are_asked_for_the_same_alias(
    apis: list[AppServiceAPI], homeserver: Homeserver
) -> None:
    """Each has its own single flight; the homeserver takes one of the rooms."""
    alias = homeserver.alias("twice")
    with ExitStack() as stack:
        apps = [
            stack.enter_context(
                AppService.from_registration(homeserver.registration, homeserver.base_url)
            )
            for _ in range(2)
        ]
        for one in apps:
            one.on_alias_query(lambda: {"preset": "public_chat"})

        def ask(one: AppService) -> int:
            path = f"/_matrix/app/v1/rooms/{alias.replace('#', '%23')}"
            headers = {"authorization": f"Bearer {homeserver.hs_token}"}
            return one.receiver.handle(Request("GET", path, "", headers, b"")).status

        for _ in range(2):  # at once, and once more
            answers = together(*(lambda one=one: ask(one) for one in apps))
            assert answers == [200, 200]
    assert apis[0].bot_intent().resolve_room_alias(alias).room_id
