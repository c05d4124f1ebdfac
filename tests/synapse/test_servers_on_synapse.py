"""Flask and Django sites under gunicorn with four workers, and an application service under
waitress, pushed to by a real homeserver."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from appservice_api import AppServiceAPI, IntentAPI, Registration
from appservice_api.testing import Synapse
from appservice_api.testing.pool import make_registration
from appservice_api.testing.process import installed

from .sites import listening, registered, serving, wait_for

pytestmark = pytest.mark.synapse

ROOT = Path(__file__).parents[2]
#: What each needs to be installed.
SITES = {
    "flask": ("flask", "sqlalchemy", "gunicorn"),
    "django": ("django", "gunicorn"),
    "waitress": ("click", "sqlalchemy", "waitress"),
}
PLACE = "tests.bindings.sites"
SERVER_NAME = "hs.test"
WORKERS = 4


@dataclass
class Site:
    """A site and its homeserver."""

    registration: Registration
    api: AppServiceAPI
    alice: IntentAPI
    url: str
    heard: Path
    workers: int

    def seen(self, what: str) -> list[Any]:
        """What was handled, in order."""
        return [one["found"] for one in self.lines() if one["what"] == what]

    def lines(self) -> list[dict[str, Any]]:
        """What the workers have written down."""
        text = self.heard.read_text() if self.heard.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    def bodies(self) -> list[str]:
        """The bodies of the messages that were handled."""
        return [one["content"]["body"] for one in self.seen("event")
                if one["type"] == "m.room.message"]  # fmt: skip

    def ghost(self, name: str) -> str:
        """The ID of a ghost."""
        return f"@_{self.registration.id}_{name}:{SERVER_NAME}"

    def alias(self, name: str) -> str:
        """An alias in the namespace."""
        return "#" + self.ghost(name)[1:]


@pytest.fixture(scope="module")
def listeners() -> Iterator[dict[str, socket.socket]]:
    """A listening socket for each site."""
    with listening(SITES) as made:
        yield made


@pytest.fixture(scope="module")
def synapse(listeners: dict[str, socket.socket]) -> Iterator[Synapse]:
    """A homeserver that knows the sites."""
    if not installed():
        pytest.skip("Synapse isn't installed: pip install 'appservice_api[demo]'")
    registrations = [
        {**make_registration(name, _url(listener), SERVER_NAME), "protocols": [name]}
        for name, listener in listeners.items()
    ]
    with Synapse(registrations, server_name=SERVER_NAME) as made:
        yield made


def _url(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}/bridge"


@pytest.fixture(scope="module", params=list(SITES))
def site(
    request: pytest.FixtureRequest,
    synapse: Synapse,
    listeners: dict[str, socket.socket],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    """A site under its server."""
    name: str = request.param
    folder = tmp_path_factory.mktemp(name)
    registration = registered(synapse, name, folder / "registration.json", SITES[name])
    environ = {
        **os.environ,
        "APPSERVICE_REGISTRATION": str(folder / "registration.json"),
        "APPSERVICE_BASE_URL": synapse.base_url,
        "DATABASE": str(folder / "site.db"),
        "HEARD": str(folder / "heard"),
        "PYTHONPATH": str(ROOT),
    }
    if name == "django":
        command = [sys.executable, "-m", f"{PLACE}.django_site", "migrate", "-v", "0"]
        subprocess.run(command, cwd=folder, env=environ, check=True, timeout=60)
    listener = listeners[name]
    url, descriptors = _url(listener), [listener.fileno()]
    command = [sys.executable, "-m", *_command(name, listener)]
    if name == "waitress":
        # It binds the port itself, which was kept for it.
        listener.close()
        descriptors = []
    with serving(command, url, cwd=folder, env=environ, pass_fds=descriptors):
        user = synapse.create_user(f"alice_{name}")
        with (
            AppServiceAPI.from_registration(registration, synapse.base_url) as api,
            AppServiceAPI(synapse.base_url, user["user_id"], user["access_token"]) as alice,
        ):
            workers = 1 if name == "waitress" else WORKERS
            yield Site(registration, api, alice.bot_intent(), url, folder / "heard", workers)


def _command(name: str, listener: socket.socket) -> list[str]:
    """What serves a site, as ``python -m`` takes it."""
    if name == "waitress":
        port = str(listener.getsockname()[1])
        return ["appservice_api", "serve", f"{PLACE}.plain_site:app", "--port", port]
    # Preloaded, the Flask site's application service is made before the workers are forked.
    more = ["--preload"] if name == "flask" else []
    return [
        "gunicorn", "--workers", str(WORKERS), "--bind", f"fd://{listener.fileno()}",
        "--log-level", "warning", *more, f"{PLACE}.{name}_site:application",
    ]  # fmt: skip


def test_ping(site: Site) -> None:
    assert site.api.bot_intent().appservice_ping(site.registration.id) >= 0


def test_messages_arrive_once_and_in_order(site: Site) -> None:
    bot = site.api.bot_intent()
    room = bot.create_room(preset="public_chat")
    site.alice.join_room(room)
    sent = [f"message {number}" for number in range(30)]
    for body in sent:
        site.alice.send_text(room, body)
    wait_for(lambda: sent[-1] in site.bodies())
    assert [body for body in site.bodies() if body in sent] == sent
    # The bot's own events aren't handled; alice's are, who has joined.
    members = [one for one in site.seen("event") if one["type"] == "m.room.member"]
    assert [one["sender"] for one in members if one["room_id"] == room] == [site.alice.mxid]


def test_silent_connections_keep_nobody_out(site: Site) -> None:
    if site.workers > 1:
        pytest.skip("how gunicorn takes connections is its own")
    room = site.api.bot_intent().create_room(preset="public_chat")
    site.alice.join_room(room)
    address = ("127.0.0.1", urlsplit(site.url).port or 0)
    with ExitStack() as silent:
        for _ in range(150):
            silent.enter_context(socket.create_connection(address, timeout=20))
        site.alice.send_text(room, "heard")
        wait_for(lambda: "heard" in site.bodies())
        assert requests.get(f"{site.url}/healthz", timeout=20).status_code == 200


def test_an_answer_goes_back(site: Site) -> None:
    room = site.api.bot_intent().create_room(preset="public_chat")
    site.alice.join_room(room)
    site.alice.send_text(room, "echo hello")

    def notices() -> list[str]:
        chunk = site.alice.get_messages(room, limit=10)["chunk"]
        return [one["sender"] for one in chunk if one["content"].get("msgtype") == "m.notice"]

    assert wait_for(notices) == [site.api.bot_mxid]


def test_typing_and_receipts_arrive(site: Site) -> None:
    room = site.api.bot_intent().create_room(preset="public_chat")
    site.alice.join_room(room)
    event_id = site.alice.send_text(room, "read me")
    site.alice.set_typing(room, 10_000)
    site.alice.mark_read(room, event_id)

    def contents() -> list[dict[str, Any]]:
        return [one["content"] for one in site.seen("ephemeral") if one.get("room_id") == room]

    wait_for(lambda: {"user_ids": [site.alice.mxid]} in contents())
    receipts = wait_for(lambda: [one[event_id] for one in contents() if event_id in one])
    assert list(receipts[-1]["m.read"]) == [site.alice.mxid]


def test_an_invitation_asks_for_the_ghost(site: Site) -> None:
    ghost = site.ghost("a/b")
    room = site.alice.create_room()
    site.alice.invite_user(room, ghost)
    wait_for(lambda: ghost in site.seen("user"))
    invites = wait_for(lambda: [one for one in site.seen("event") if one.get("state_key") == ghost])
    assert [one["content"]["membership"] for one in invites] == ["invite"]
    assert wait_for(lambda: site.alice.get_displayname(ghost)) == "Somebody"


def test_an_alias_is_made_when_it_is_asked_for(site: Site) -> None:
    alias = site.alias("chat/é")
    room = site.alice.join_room(alias)
    assert site.seen("alias") == [alias]
    assert site.api.bot_intent().resolve_room_alias(alias).room_id == room


def test_third_party_lookups(site: Site) -> None:
    protocol = site.registration.id
    found = site.alice.query_user_by_protocol(protocol, {"nick": "b&c"})
    assert [(one.userid, one.fields) for one in found] == [(site.api.bot_mxid, {"nick": "b&c"})]
    assert site.seen("lookup") == [{"nick": "b&c"}]
    assert site.alice.get_protocol_metadata(protocol)["user_fields"] == ["nick"]
    assert site.seen("protocol") == [protocol]


def test_a_transaction_that_comes_20_times_at_once_is_handled_once(site: Site) -> None:
    headers = {"Authorization": f"Bearer {site.registration.hs_token}"}

    def push(name: str) -> tuple[int, str]:
        event: dict[str, Any] = {
            "type": "m.room.message", "event_id": f"${name}", "room_id": "!nowhere:hs.test",
            "sender": "@carol:hs.test", "origin_server_ts": 1,
            "content": {"msgtype": "m.text", "body": name},
        }  # fmt: skip
        url = f"{site.url}/_matrix/app/v1/transactions/{name}"
        while True:
            answer = requests.put(url, json={"events": [event]}, headers=headers, timeout=60)
            if answer.status_code != 503:
                return answer.status_code, answer.text
            # Only a few copies wait for the first; homeservers repeat the others.
            threading.Event().wait(0.1)

    with ThreadPoolExecutor(20) as pool:
        for number in range(3):
            assert set(pool.map(push, [f"same{number}"] * 20)) == {(200, "{}")}
        assert set(pool.map(push, [f"other{number}" for number in range(40)])) == {(200, "{}")}
    counts = Counter(body for body in site.bodies() if body.startswith(("same", "other")))
    assert len(counts) == 43
    assert set(counts.values()) == {1}
    processes = {one["pid"] for one in site.lines()}
    assert (len(processes) > 1) == (site.workers > 1)


def test_a_large_transaction_and_one_that_is_too_large(site: Site) -> None:
    headers = {"Authorization": f"Bearer {site.registration.hs_token}"}
    url = f"{site.url}/_matrix/app/v1/transactions/large"
    content = {"body": "x" * 65_000}
    events: list[Any] = [
        {"event_id": f"$large{number}", "content": content, "type": "large"}
        for number in range(100)
    ]
    answer = requests.put(url, json={"events": events}, headers=headers, timeout=60)
    assert (answer.status_code, answer.json()) == (200, {})
    assert [one["event_id"] for one in site.seen("event") if one["type"] == "large"] == [
        one["event_id"] for one in events
    ]
    answer = requests.put(url, data=b" " * 33 * 1024 * 1024, headers=headers, timeout=60)
    assert (answer.status_code, answer.json()["errcode"]) == (413, "M_TOO_LARGE")
