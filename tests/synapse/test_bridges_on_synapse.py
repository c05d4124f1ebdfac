"""The example bridges under gunicorn on a real homeserver, their pages in a real browser."""

from __future__ import annotations

import configparser
import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from appservice_api import AppServiceAPI, Event, IntentAPI, Registration
from appservice_api.testing import Synapse
from appservice_api.testing.process import installed

from .browser import browser, missing
from .sites import listening, registered, serving, wait_for

pytestmark = pytest.mark.synapse

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
SERVER_NAME = "hs.test"
NEEDED = {"flask": ("flask", "sqlalchemy", "gunicorn"), "django": ("django", "gunicorn")}
MODULES = {"flask": "bridge:app", "django": "bridge.wsgi:application"}


@dataclass
class Bridge:
    """A bridge that runs, and a person in Matrix."""

    url: str
    alias: str
    registration: Registration
    alice: IntentAPI
    bot: IntentAPI
    environ: dict[str, str]
    folder: Path
    room: str = ""
    http: requests.Session = field(default_factory=requests.Session)

    def post(self, nick: str, body: str, key: str | None = None) -> int:
        """Write on the page, as its form does; what is answered."""
        page = self.http.get(self.url, timeout=30)
        form = {"nick": nick, "body": body, "key": key or uuid.uuid4().hex}
        if token := page.text.partition('csrfmiddlewaretoken" value="')[2]:
            form["csrfmiddlewaretoken"] = token.partition('"')[0]
        answer = self.http.post(f"{self.url}/messages", form, timeout=60)
        return answer.status_code

    def page(self) -> list[dict[str, Any]]:
        """What the page shows."""
        answer = self.http.get(f"{self.url}/messages", timeout=30)
        assert answer.status_code == 200
        found: list[dict[str, Any]] = answer.json()
        return found

    def bodies(self) -> list[str]:
        """The texts that the page shows."""
        return [one["body"] for one in self.page()]

    def said(self, body: str) -> list[Event]:
        """The messages in the room that say this."""
        return [one for one in self.alice.messages(self.room, limit=200)
                if one.type == "m.room.message" and one.content.get("body") == body]  # fmt: skip


@pytest.fixture(scope="module")
def listeners() -> Iterator[dict[str, socket.socket]]:
    """A listening socket for each site."""
    with listening(MODULES) as made:
        yield made


def _url(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture(scope="module")
def synapse(listeners: dict[str, socket.socket]) -> Iterator[Synapse]:
    """A homeserver that knows the bridges."""
    if not installed():
        pytest.skip("Synapse isn't installed: pip install 'appservice_api[demo]'")
    registrations = [
        Registration.generate(
            name, url=_url(listener), server_name=SERVER_NAME, ghost_prefix=f"_{name}_"
        ).as_dict()
        for name, listener in listeners.items()
    ]
    with Synapse(registrations, server_name=SERVER_NAME) as made:
        yield made


@pytest.fixture(scope="module", params=list(MODULES))
def bridge(
    request: pytest.FixtureRequest,
    synapse: Synapse,
    listeners: dict[str, socket.socket],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Bridge]:
    """A bridge under gunicorn, run as its README says."""
    name: str = request.param
    folder = tmp_path_factory.mktemp(name)
    registration = registered(synapse, name, folder / "registration.yaml", NEEDED[name])
    alias = f"#_{name}_chat:{SERVER_NAME}"
    environ = {
        **os.environ,
        "APPSERVICE_REGISTRATION": str(folder / "registration.yaml"),
        "APPSERVICE_BASE_URL": synapse.base_url,
        "BRIDGE_ROOM": alias,
        "BRIDGE_FOLDER": str(folder),
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    home = EXAMPLES / f"{name}_bridge"
    if name == "django":
        command = [sys.executable, "manage.py", "migrate", "-v", "0"]
        subprocess.run(command, cwd=home, env=environ, check=True, timeout=60)
    else:
        environ["PYTHONPATH"] += os.pathsep + str(_flask_commands(folder))
    listener = listeners[name]
    command = [
        sys.executable, "-m", "gunicorn", "--workers", "3", "--timeout", "90",
        "--bind", f"fd://{listener.fileno()}", "--log-level", "warning", MODULES[name],
    ]  # fmt: skip
    url = _url(listener)
    with serving(command, url, cwd=home, env=environ, pass_fds=[listener.fileno()]):
        user = synapse.create_user(f"alice_{name}")
        with (
            AppServiceAPI.from_registration(registration, synapse.base_url) as api,
            AppServiceAPI(synapse.base_url, user["user_id"], user["access_token"]) as alice,
        ):
            alice.bot_intent().set_displayname("Alice")
            made = Bridge(url, alias, registration, alice.bot_intent(), api.bot_intent(),
                          environ, folder)  # fmt: skip
            made.room = made.alice.join_room(alias)
            yield made


def _flask_commands(folder: Path) -> Path:
    """A folder in which Flask finds the package's commands as where that is installed."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    info = folder / "site" / "installed-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: installed\nVersion: 1\n")
    points = parser["options.entry_points"]["flask.commands"]
    (info / "entry_points.txt").write_text(f"[flask.commands]{points}\n")
    return info.parent


def test_what_is_written_on_the_page_comes_from_a_ghost(bridge: Bridge) -> None:
    assert bridge.post("Zoë B", "hello from the page") == 204
    [event] = bridge.said("hello from the page")
    assert event.sender == bridge.registration.user_id_for("Zoë B")
    assert event.content == {"msgtype": "m.text", "body": "hello from the page"}
    assert bridge.alice.get_room_displayname(bridge.room, event.sender) == "Zoë B"
    [shown] = [one for one in bridge.page() if one["body"] == "hello from the page"]
    assert (shown["name"], shown["web"], shown["file"]) == ("Zoë B", True, False)


def test_what_is_written_in_the_room_comes_to_the_page(bridge: Bridge) -> None:
    bridge.alice.send_text(bridge.room, "<b>hello</b> from the room")
    bridge.alice.send_emote(bridge.room, "waves")
    uri = bridge.alice.upload_media(b"<script>alert(1)</script>", "text/html")
    bridge.alice.send_image(bridge.room, uri, file_name="t&a.html")
    wait_for(lambda: bridge.bodies()[-3:] == ["<b>hello</b> from the room", "waves", "t&a.html"])
    text, emote, image = bridge.page()[-3:]
    assert [one["kind"] for one in (text, emote, image)] == ["m.text", "m.emote", "m.image"]
    assert {(one["name"], one["web"]) for one in (text, emote, image)} == {("Alice", False)}
    answer = bridge.http.get(f"{bridge.url}/files/{image['id']}", timeout=30)
    assert answer.content == b"<script>alert(1)</script>"
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert bridge.http.get(f"{bridge.url}/files/{text['id']}", timeout=30).status_code == 404


def test_edits_and_redactions(bridge: Bridge) -> None:
    event_id = bridge.alice.send_text(bridge.room, "tee")
    wait_for(lambda: "tee" in bridge.bodies())
    # Nobody edits what others wrote.
    bridge.post("mallory", "hello")
    mallory = bridge.bot.user(bridge.registration.user_id_for("mallory"))
    mallory.edit(bridge.room, event_id, "poison")
    bridge.alice.edit(bridge.room, event_id, "tea")
    wait_for(lambda: "tea" in bridge.bodies())
    assert not {"tee", "poison", "* tea", "* poison"} & set(bridge.bodies())
    bridge.alice.redact(bridge.room, event_id)
    wait_for(lambda: "tea" not in bridge.bodies())
    # What the page wrote is deleted by a moderator, and a late repeat doesn't bring it back.
    key = uuid.uuid4().hex
    bridge.post("bob", "something rude", key)
    [event] = bridge.said("something rude")
    bridge.bot.set_user_power_level(bridge.room, bridge.alice.mxid, 50)
    bridge.alice.redact(bridge.room, str(event.event_id))
    wait_for(lambda: "something rude" not in bridge.bodies())
    assert bridge.post("bob", "something rude", key) == 204
    assert "something rude" not in bridge.bodies()
    assert not bridge.said("something rude")


def test_a_message_that_is_posted_again_and_again_is_sent_once(bridge: Bridge) -> None:
    key = uuid.uuid4().hex
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: bridge.post("carol", "once", key), range(8))) == {204}
    assert bridge.post("carol", "another text with the same key", key) == 204
    assert len(bridge.said("once")) == 1
    assert bridge.bodies().count("once") == 1
    assert not bridge.said("another text with the same key")


def test_a_crash_before_the_event_is_noted_doubles_nothing(bridge: Bridge) -> None:
    key, body = str(uuid.uuid4()), "sent, and not noted"
    api: Any = bridge.bot.api
    frank = api.intent(bridge.registration.user_id_for("frank"), device_id="WEB")
    event_id = frank.send_text(bridge.room, body, txn_id=key)
    assert body not in bridge.bodies()
    assert bridge.post("frank", body, key) == 204
    assert [event.event_id for event in bridge.said(body)] == [event_id]
    assert bridge.bodies().count(body) == 1


def test_what_the_page_refuses(bridge: Bridge) -> None:
    before = bridge.bodies()
    for nick, body, key in (
        ("", "text", None), ("n" * 33, "text", None), ("😀" * 32, "text", None),
        ("a\nb", "text", None), ("bob", " ", None), ("bob", "x" * 2001, None),
        ("bob", "text", "no UUID"),
    ):  # fmt: skip
        assert bridge.post(nick, body, key) == 400, (nick, body)
    assert bridge.bodies() == before


@pytest.mark.parametrize("bridge", ["django"], indirect=True)
def test_django_wants_its_csrf_token(bridge: Bridge) -> None:
    form = {"nick": "eve", "body": "forged", "key": uuid.uuid4().hex}
    assert requests.post(f"{bridge.url}/messages", form, timeout=30).status_code == 403


def test_nothing_new_is_said_in_few_bytes(bridge: Bridge) -> None:
    first = bridge.http.get(f"{bridge.url}/messages", timeout=30)
    tag = {"If-None-Match": first.headers["ETag"]}
    again = bridge.http.get(f"{bridge.url}/messages", headers=tag, timeout=30)
    assert (again.status_code, again.content) == (304, b"")


def test_the_pages_are_the_same() -> None:
    page = (EXAMPLES / "flask_bridge/templates/chat.html").read_text()
    other = (EXAMPLES / "django_bridge/chat/templates/chat.html").read_text()
    assert other.replace("      {% csrf_token %}\n", "") == page


def test_check(bridge: Bridge) -> None:
    commands = {
        "flask": ["-m", "flask", "--app", "bridge", "appservice", "check"],
        "django": ["manage.py", "appservice_check"],
    }
    done = subprocess.run(
        [sys.executable, *commands[bridge.registration.id]],
        cwd=EXAMPLES / f"{bridge.registration.id}_bridge", env=bridge.environ,
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    for token in (bridge.registration.as_token, bridge.registration.hs_token):
        assert token not in done.stdout + done.stderr


@pytest.mark.skipif(missing() is not None, reason=f"{missing()} isn't installed")
def test_a_conversation_in_a_browser(bridge: Bridge, tmp_path: Path) -> None:
    texts = "[...document.querySelectorAll('#messages li p')].map(one => one.innerText)"
    with browser(tmp_path) as window:
        window.resize(1000, 720)
        window.open(bridge.url)
        window.type("#nick", "Dora")
        window.click("#join button")
        window.type("#compose [name=body]", "Is there tea?")
        window.click("#compose button")
        window.wait_for(f"{texts}.includes('Is there tea?')")
        [event] = bridge.said("Is there tea?")
        assert event.sender == bridge.registration.user_id_for("Dora")
        # It comes without a reload, and is text whatever it looks like.
        rude = "There is! <img src=x onerror=\"document.title='gotcha'\">"
        event_id = bridge.alice.send_text(bridge.room, rude)
        window.wait_for(f"{texts}.includes(arguments[0])", rude)
        bridge.alice.edit(bridge.room, event_id, "There is, and it is hot")
        window.wait_for(f"{texts}.includes('There is, and it is hot')")
        window.type("#compose [name=body]", "Then I shall come and have a cup or two. " * 4)
        window.click("#compose button")
        window.wait_for(f"{texts}.at(-1).startsWith('Then I shall')")
        bridge.alice.send_emote(bridge.room, "puts another kettle on")
        bridge.alice.send_notice(bridge.room, "The kettle boils")
        window.wait_for(f"{texts}.includes('The kettle boils')")
        assert window.run("return document.title") == "Web chat"
        for width, height in ((1000, 720), (380, 700)):
            window.resize(width, height)
            fits = "document.documentElement.scrollWidth <= innerWidth"
            window.wait_for(f"innerWidth === {width} && {fits}")
            end = "list.scrollHeight - list.scrollTop - list.clientHeight"
            window.wait_for(f"{end} < 2")
            window.screenshot(tmp_path / f"{width}.png")
        # The nickname is remembered.
        window.open(bridge.url)
        window.wait_for("document.querySelector('#note').innerText.includes('You are Dora')")
        assert window.problems() == []


def test_an_upgrade_of_the_room_is_followed(bridge: Bridge) -> None:
    assert bridge.post("eve", "before the upgrade") == 204
    bridge.room = bridge.bot.upgrade_room(bridge.room, "12")
    bridge.alice.join_room(bridge.room)
    # The tombstone has to be pushed; then all three workers know it.
    wait_for(lambda: bridge.post("eve", "is it there?") == 204)
    for number in range(9):
        assert bridge.post("eve", f"after it {number}") == 204
        [event] = bridge.said(f"after it {number}")
        assert event.sender == bridge.registration.user_id_for("eve")
    for number in range(9):
        bridge.alice.send_text(bridge.room, f"an answer {number}")
    answers = [f"an answer {number}" for number in range(9)]
    wait_for(lambda: [one for one in bridge.bodies() if one in answers] == answers)
