"""WSGI and servers: what becomes of a request on its way."""

from __future__ import annotations

import http.client
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
import requests

from appservice_api import MissingExtraError
from appservice_api.application import AppService
from appservice_api.server import serve_in_thread
from appservice_api.testing import StubHomeserver, answer
from appservice_api.wsgi import path_of

from .conftest import GHOST, event, registration

AUTH = {"Authorization": "Bearer hs_token"}
PUSH = "/_matrix/app/v1/transactions/1"


def call(
    app: AppService, method: str, path: str, **environ: Any
) -> tuple[str, dict[str, str], bytes]:
    """Call the WSGI application as a server does."""
    told: dict[str, Any] = {
        "REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": "", "SCRIPT_NAME": "",
        "HTTP_AUTHORIZATION": "Bearer hs_token", **environ,
    }  # fmt: skip
    setup_testing_defaults(told)
    answered: list[Any] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        answered.extend((status, dict(headers)))

    with closing(validator(app.wsgi)(told, start_response)) as parts:  # type: ignore[type-var]
        data = b"".join(parts)
    return answered[0], answered[1], data


@pytest.mark.parametrize(
    "environ, path",
    [
        ({"PATH_INFO": "/users/@a/b:hs"}, "/users/@a/b:hs"),
        ({"PATH_INFO": "/rooms/#\xc3\xa9%2F:hs"}, "/rooms/%23%C3%A9%252F:hs"),
        ({"PATH_INFO": "/x/@a/b", "RAW_URI": "/x/%40a%2Fb?x=%2F"}, "/x/%40a%2Fb"),
        ({"PATH_INFO": "/ping", "SCRIPT_NAME": "/a b", "REQUEST_URI": "/a%20b/ping"}, "/ping"),
        ({"PATH_INFO": "/ping", "REQUEST_URI": "http://as.test/ping"}, "/ping"),
        ({"PATH_INFO": "/ping", "SCRIPT_NAME": "/x", "RAW_URI": "/elsewhere"}, "/ping"),
        ({"PATH_INFO": "/ping", "RAW_URI": "http://[/ping"}, "/ping"),
        ({}, ""),
    ],
)  # fmt: skip
def test_the_path_is_as_it_came(environ: dict[str, Any], path: str) -> None:
    assert path_of(environ) == path


def test_a_wsgi_server_gets_json(app: AppService) -> None:
    body = json.dumps({"events": [event(1)]}).encode()
    seen: list[str] = []
    app.on("*")(lambda event: seen.append(event.event_id))
    more = {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
    status, headers, data = call(app, "PUT", PUSH, SCRIPT_NAME="/mounted", **more)
    assert (status, data, headers["Content-Length"]) == ("200 OK", b"{}", "2")
    assert headers["Content-Type"] == "application/json"
    assert seen == ["$event1"]
    status, headers, data = call(app, "HEAD", "/healthz")
    assert (status, data, headers["Content-Length"]) == ("200 OK", b"", "2")


def test_chunks_are_read_to_their_end(app: AppService) -> None:
    body = json.dumps({"events": [event(1)]}).encode()
    terminated = {
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": True,
        "CONTENT_LENGTH": "",
    }
    assert call(app, "PUT", PUSH, **terminated)[0] == "200 OK"
    unknown = {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": ""}
    assert call(app, "PUT", PUSH, **unknown)[0] == "400 Bad Request"


class Endless(io.BytesIO):
    """A body that doesn't end; how much of it was read."""

    taken = 0

    def read(self, size: Any = -1) -> bytes:
        self.taken += size
        return bytes(size)


def test_what_is_refused_is_taken_to_the_end_within_bounds(app: AppService) -> None:
    """Whoever still sends doesn't read the answer."""
    large = Endless()
    said = {"wsgi.input": large, "CONTENT_LENGTH": str(33 * 1024 * 1024)}
    assert call(app, "PUT", PUSH, **said)[0].startswith("413 ")
    assert large.taken == 33 * 1024 * 1024
    endless = Endless()
    said = {"wsgi.input": endless, "CONTENT_LENGTH": str(10**12)}
    assert call(app, "PUT", PUSH, **said)[0].startswith("413 ")
    assert endless.taken < 65 * 1024 * 1024
    other = Endless()
    said = {"wsgi.input": other, "CONTENT_LENGTH": "5"}
    assert call(app, "PUT", PUSH, HTTP_AUTHORIZATION="Bearer x", **said)[0] == "403 Forbidden"
    assert other.taken == 5
    stranger = Endless()
    said = {"wsgi.input": stranger, "CONTENT_LENGTH": "65537"}
    assert call(app, "PUT", PUSH, HTTP_AUTHORIZATION="Bearer x", **said)[0] == "403 Forbidden"
    assert stranger.taken == 0


@pytest.fixture
def served(app: AppService) -> Iterator[str]:
    """The URL of an application service that is served in a thread."""
    with app.serve_in_thread(ping=False) as url:
        yield url


def test_served_in_a_thread(app: AppService, served: str) -> None:
    seen: list[str] = []
    app.on("*")(lambda event: seen.append(event.event_id))
    app.on_user_query(lambda user_id: seen.append(user_id))
    assert requests.put(f"{served}{PUSH}", json={"events": [event(1)]}, headers=AUTH).json() == {}
    ghost = GHOST.replace("bob", "bob%2Fat%252Fhome")
    assert requests.get(f"{served}/users/{ghost}", headers=AUTH).status_code == 404
    assert requests.get(f"{served}/healthz").status_code == 200
    assert seen == ["$event1", "@_irc_bob/at%2Fhome:hs.test"]


def test_a_socket_that_listens_already_is_served(app: AppService) -> None:
    """What came before is answered, and the port is free afterwards."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = int(listener.getsockname()[1])
    early = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    with closing(early):
        early.request("GET", "/healthz")
        with serve_in_thread(app, "", 0, ping=False, grace=20, listener=listener) as url:
            assert url == f"http://127.0.0.1:{port}"
            assert early.getresponse().status == 200
            assert requests.get(f"{url}/healthz").status_code == 200
    assert listener.fileno() == -1
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_much_is_taken_and_more_is_refused(app: AppService, served: str) -> None:
    seen: list[str] = []
    app.on("*")(lambda event: seen.append(event.event_id))
    events = [event(number, content={"body": "x" * 65_000}) for number in range(100)]
    assert requests.put(f"{served}{PUSH}", json={"events": events}, headers=AUTH).json() == {}
    assert len(seen) == 100
    answer = requests.put(f"{served}{PUSH}", data=b" " * (33 * 1024 * 1024), headers=AUTH)
    assert (answer.status_code, answer.json()["errcode"]) == (413, "M_TOO_LARGE")


def test_what_is_being_handled_at_the_end_is_finished(app: AppService) -> None:
    begun, go_on = threading.Event(), threading.Event()
    answers: list[int] = []

    @app.on("*")
    def slow() -> None:
        begun.set()
        assert go_on.wait(20)

    def push(url: str) -> None:
        answers.append(
            requests.put(f"{url}{PUSH}", json={"events": [event(1)]}, headers=AUTH).status_code
        )

    with app.serve_in_thread(ping=False) as url:
        pushing = threading.Thread(target=push, args=(url,))
        pushing.start()
        assert begun.wait(20)
        ending = threading.Timer(0.05, go_on.set)
        ending.start()
    pushing.join(20)
    ending.join(20)
    assert answers == [200]


def test_the_homeserver_says_why_it_cant_ping(
    app: AppService, stub: StubHomeserver, caplog: pytest.LogCaptureFixture
) -> None:
    from appservice_api.server import _ping

    stub.script(
        "POST",
        "/_matrix/client/v1/appservice/irc/ping",
        answer(502, {"errcode": "M_CONNECTION_FAILED", "error": "refused"}),
    )
    _ping(app)
    assert "doesn't reach this application service at http://127.0.0.1:1" in caplog.text
    assert "refused" in caplog.text


def test_waitress_is_an_extra(app: AppService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "waitress.server", None)
    monkeypatch.delitem(sys.modules, "appservice_api.waitress_server", raising=False)
    with pytest.raises(MissingExtraError, match=r"app.run\(\) needs the extra 'server'"):
        app.run(port=0)


SCRIPT = """
import sys, threading
from appservice_api.application import AppService

app = AppService.from_registration(sys.argv[1], "http://127.0.0.1:1")

@app.on("*")
def slow():
    print("begun", flush=True)
    sys.stdin.readline()
    print("done", flush=True)

app.run(port=int(sys.argv[2]), ping=False)
print("ended", flush=True)
"""


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.mark.skipif(os.name == "nt", reason="signals are others there")
def test_waitress_ends_once_all_is_answered(tmp_path: Any) -> None:
    pytest.importorskip("waitress")
    path, port = tmp_path / "registration.json", free_port()
    registration().save(path)
    command = [sys.executable, "-c", SCRIPT, str(path), str(port)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdin is not None
            until_up(port)
            answers: list[int] = []
            url = f"http://127.0.0.1:{port}{PUSH}"

            def push() -> None:
                found = requests.put(url, json={"events": [event(1)]}, headers=AUTH)
                answers.append(found.status_code)

            pushing = threading.Thread(target=push)
            pushing.start()
            assert process.stdout.readline() == "begun\n"
            process.send_signal(signal.SIGTERM)
            process.stdin.write("\n")
            process.stdin.flush()
            assert process.stdout.readline() == "done\n"
            pushing.join(20)
            assert answers == [200]
            assert process.stdout.readline() == "ended\n"
            assert process.wait(20) == 0
        finally:
            process.kill()


def until_up(port: int) -> None:
    """Wait until a server answers."""
    while True:
        connection = http.client.HTTPConnection(urlsplit(f"//127.0.0.1:{port}").netloc, timeout=20)
        try:
            connection.request("GET", "/healthz")
            assert connection.getresponse().status == 200
            return
        except ConnectionError:
            threading.Event().wait(0.02)
        finally:
            connection.close()


def test_a_port_that_is_taken_is_named(app: AppService) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = f"127.0.0.1, port {port}: Address.* in use; choose"
        with pytest.raises(OSError, match=told), app.serve_in_thread(port=port):
            pass


def test_what_was_closed_isnt_served(app: AppService) -> None:
    app.close()
    with (
        pytest.raises(RuntimeError, match="was closed; make a new one"),
        app.serve_in_thread(),
    ):
        pass
    status, _, body = call(app, "GET", "/readyz")
    assert (status, json.loads(body)["error"]) == (
        "503 Service Unavailable", "The application service was closed",
    )  # fmt: skip
