"""The Flask binding: hooks of the site, several blueprints, commands."""

from __future__ import annotations

import configparser
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("flask", reason="the extra flask isn't installed")

import flask

from appservice_api import MemoryStateStore, Registration
from appservice_api.application import AppService
from appservice_api.cli.flask import commands
from appservice_api.flask import EXTENSION, blueprint
from appservice_api.testing import StubHomeserver

from ..receiver.conftest import event, registration
from .carriers import AUTH, Carrier, over_flask

ROOT = Path(__file__).parents[2]


def test_without_flask_one_sentence_tells_what_to_install() -> None:
    code = "import sys; sys.modules['flask'] = None; import appservice_api.flask"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "pip install 'appservice_api[flask]'" in done.stderr


def test_a_hook_of_the_site_may_read_the_body(flask_site: Any, heard: list[str]) -> None:
    flask_site.config["MAX_CONTENT_LENGTH"] = None
    flask_site.before_request(lambda: flask.request.get_data() and None)
    reply = Carrier(over_flask(flask_site)).push(event())
    assert (reply.status, reply.json) == (200, {})
    assert heard == ["$event1"]


def test_a_body_that_breaks_off(flask_site: Any, heard: list[str]) -> None:
    headers = {**AUTH, "Content-Length": "100"}
    reply = Carrier(over_flask(flask_site)).ask(
        "PUT", "/_matrix/app/v1/transactions/1", b'{"ev', headers
    )
    assert (reply.status, reply.json["errcode"]) == (400, "M_NOT_JSON")
    assert heard == []


def test_a_chunked_body(flask_site: Any, app: AppService, heard: list[str]) -> None:
    def put(body: bytes) -> int:
        return int(flask_site.test_client().open(
            "/bridge/_matrix/app/v1/transactions/1", method="PUT", headers=AUTH,
            input_stream=io.BytesIO(body), environ_overrides={"wsgi.input_terminated": True},
        ).status_code)  # fmt: skip

    body = json.dumps({"events": [event()]}).encode()
    assert put(body) == 200
    assert heard == ["$event1"]
    app.receiver.max_body = len(body) - 1
    assert put(body) == 413


def test_two_in_one_site_without_a_prefix(stub: StubHomeserver, app: AppService) -> None:
    with AppService(registration(id="other"), stub.base_url, MemoryStateStore()) as other:
        site = flask.Flask("site")
        site.register_blueprint(blueprint(app, "one"))
        site.register_blueprint(blueprint(other, "two"), url_prefix="/two")
        site.add_url_rule("/users/me", view_func=lambda: "me")
        assert site.extensions[EXTENSION] == {"one": app, "two": other}
        client = site.test_client()
        for prefix in ("", "/two"):
            path = f"{prefix}/_matrix/app/v1/ping"
            assert client.post(path, headers=AUTH).json == {}
        # The site's own pages stay its own.
        assert client.get("/users/me").text == "me"
        assert client.get("/users/@_irc_me:hs.test", headers=AUTH).status_code == 404


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(site: Any, *args: str) -> Any:
    return site.test_cli_runner().invoke(commands, args)


def test_check(flask_site: Any, stub: StubHomeserver) -> None:
    done = run(flask_site, "check")
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0].startswith("ok       registration: ")
    assert [line.split()[0] for line in lines if line[:1] != " "] == ["ok"] * 6
    assert stub.requests[-1].path.endswith("/ping")


def test_check_of_a_site_without_an_application_service() -> None:
    done = run(flask.Flask("site"), "check")
    assert done.exit_code == 2
    assert "has no blueprint" in done.output


def test_check_of_a_homeserver_that_is_away(flask_site: Any, stub: StubHomeserver) -> None:
    stub.stop()
    assert run(flask_site, "check").exit_code == 75


def test_catching_up(flask_site: Any, app: Any, stub: StubHomeserver) -> None:
    room = stub.room(members=[app.api.bot_mxid])
    stub.sender = stub.memory.sender = app.api.bot_mxid
    app.state_store.deliveries.note_handled(stub.events(room)[-2]["event_id"], room)
    done = run(flask_site, "catch-up")
    assert (done.exit_code, done.output.splitlines()[0]) == (0, f"{room}  1")
    stub.stop()
    assert run(flask_site, "catch-up").exit_code == 75
    assert run(flask.Flask("site"), "catch-up").exit_code == 2


def test_register(folder: Path) -> None:
    site = flask.Flask("site")
    args = ("register", "irc", "--url", "http://127.0.0.1:5000", "--server-name", "hs.test")
    assert run(site, *args).exit_code == 0
    assert Registration.load("registration.yaml").id == "irc"
    refused = run(site, *args)
    assert refused.exit_code == 2
    assert "--force" in refused.output


def test_flask_finds_the_commands(folder: Path) -> None:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    points = parser["options.entry_points"]["flask.commands"]
    info = folder / "installed-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: installed\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[flask.commands]{points}\n")
    (folder / "site_without_registration.py").write_text("raise FileNotFoundError('no.yaml')")
    command = (
        "-m", "flask", "--app", "site_without_registration", "appservice", "register", "irc",
        "--no-url", "--server-name", "hs.test",
    )  # fmt: skip
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}
    done = subprocess.run(
        [sys.executable, *command], env=environ, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert Registration.load("registration.yaml").id == "irc"


@pytest.mark.parametrize("method, path", [
    ("TRACE", "/_matrix/app/v1/ping"), ("GET", "/users//a"), ("GET", "/users/a%0Ab"),
    ("GET", "/_matrix/app//"),
])  # fmt: skip
def test_odd_requests_get_json_too(flask_site: Any, method: str, path: str) -> None:
    answer = flask_site.test_client().open(f"/bridge{path}", method=method)
    assert answer.status_code == 401
    assert answer.get_json()["errcode"] == "M_MISSING_TOKEN"


def test_each_attempt_has_a_context_of_its_own(app: AppService, flask_site: Any) -> None:
    """Its own g, and teardown functions that are told of the error."""
    story: list[Any] = []

    @flask_site.teardown_appcontext  # type: ignore[untyped-decorator]
    def tear_down(error: BaseException | None) -> None:
        story.append(f"end: {error}")

    @app.on("m.room.message")
    def handle(event: Any) -> None:
        assert flask.current_app.name == "site"
        story.append((event.event_id, "row" in flask.g))
        flask.g.row = event.event_id
        if len(story) < 3:
            raise RuntimeError("busy")

    assert Carrier(over_flask(flask_site)).push(event(1), event(2)).status == 200
    *handled, request_end = story
    assert handled == [
        ("$event1", False), "end: busy", ("$event1", False), "end: None",
        ("$event2", False), "end: None",
    ]  # fmt: skip
    assert request_end == "end: None"


def test_a_retry_outside_of_requests_has_one_too(app: AppService, flask_site: Any) -> None:
    names: list[str] = []

    @app.on("m.room.message")
    def handle() -> None:
        names.append(flask.current_app.name)

    assert not flask.has_app_context()
    assert app.retry_parked(app.state_store.deliveries.park(event(), ""))
    assert names == ["site"]
    assert not flask.has_app_context()


def test_a_unit_of_work_of_ones_own_takes_its_place(stub: StubHomeserver) -> None:
    entered: list[bool] = []

    @contextmanager
    def unit() -> Iterator[None]:
        entered.append(flask.has_app_context())
        yield

    with AppService(registration(), stub.base_url, unit_of_work=unit) as app:
        flask.Flask("site").register_blueprint(blueprint(app))
        app.on("m.room.message")(lambda: None)
        app.retry_parked(app.state_store.deliveries.park(event(), ""))
    assert entered == [False]
