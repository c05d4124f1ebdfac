"""Connections to servers: who never authenticated keeps nobody else out, and what hangs keeps no
health check from its answer."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import pytest
import requests

from appservice_api import http_server
from appservice_api.application import AppService
from appservice_api.testing import StubHomeserver

from .conftest import GHOST, event, registration
from .test_http_server import Client, transaction

pytest.importorskip("waitress")

from waitress import wasyncore

from appservice_api import waitress_server

SHORT = 0.2
AUTH = {"Authorization": "Bearer hs_token"}


@pytest.fixture
def app(stub: StubHomeserver) -> Iterator[AppService]:
    """An application service that handles everything."""
    with AppService(registration(), stub.base_url) as made:
        made.on("*")(lambda: None)
        yield made


@contextmanager
def by_waitress(app: AppService, threads: int = 4) -> Iterator[str]:
    """Serve as ``app.run()`` does, in a thread."""
    server = waitress_server.create(app.receiver, "127.0.0.1", 0, threads)
    app.receiver.limit_waiting(threads)
    server.adj.cleanup_interval = 0
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            wasyncore.loop(0.02, True, server._map, 1)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        ended.set()
        thread.join(20)
        server.task_dispatcher.shutdown()
        wasyncore.close_all(server._map)


@pytest.fixture(params=["waitress", "thread"])
def serve(request: pytest.FixtureRequest, app: AppService) -> Iterator[Callable[[], str]]:
    """Serves it, under either server."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(
            by_waitress(app) if request.param == "waitress" else app.serve_in_thread(ping=False)
        )


@pytest.fixture
def connect() -> Iterator[Callable[[str], Client]]:
    """Connects to a server."""
    made: list[Client] = []

    def open_(url: str) -> Client:
        made.append(Client(url))
        return made[-1]

    yield open_
    for client in made:
        client.socket.close()


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections that never authenticated are closed very soon."""
    for module in (http_server, waitress_server):
        monkeypatch.setattr(module, "UNAUTHENTICATED_IDLE", SHORT)


def close_by(client: Client) -> None:
    """Wait until the server has closed a connection, whose client doesn't read."""
    with suppress(ConnectionError):
        while client.socket.recv(65536):
            pass


def drip(client: Client, data: bytes) -> bool:
    """Send endlessly, a little at a time; whether the server closed the connection."""
    client.send(data)
    client.socket.settimeout(0.02)
    for _ in range(1000):
        try:
            client.socket.send(b"x")
            if client.socket.recv(65536) == b"":
                return True
        except TimeoutError:
            continue
        except ConnectionError:
            return True
    return False


@pytest.mark.usefixtures("short")
def test_silent_connections_are_closed_and_the_homeservers_stays(serve: Any, connect: Any) -> None:
    url = serve()
    homeserver, silent = connect(url), connect(url)
    homeserver.send(transaction(1))
    assert homeserver.answer()[0] == 200
    close_by(silent)
    late = connect(url)
    close_by(late)
    homeserver.send(transaction(2))
    assert homeserver.answer()[0] == 200


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize(
    "data",
    [
        b"PUT /_matrix/app/v1/transactions/1 HTT",
        b"PUT /_matrix/app/v1/transactions/1 HTTP/1.1\r\nA: ",
        b"PUT /_matrix/app/v1/transactions/1 HTTP/1.1\r\nContent-Length: 60000\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nContent-Length: 60000\r\n\r\n",
    ],
)
def test_what_dribbles_is_closed(serve: Any, connect: Any, data: bytes) -> None:
    assert drip(connect(serve()), data)


@pytest.mark.usefixtures("short")
def test_after_an_answer_they_are_kept_as_long_again(serve: Any, connect: Any) -> None:
    client = connect(serve())
    for _ in range(3):
        client.send(transaction(1).replace(b"hs_token", b"xx_token"))
        assert client.answer()[0] == 403
    close_by(client)


@pytest.mark.usefixtures("short")
def test_the_homeserver_may_take_long_for_a_body(serve: Any, connect: Any) -> None:
    url = serve()
    homeserver = connect(url)
    request = transaction(1)
    homeserver.send(request[:-5])
    for _ in range(2):
        close_by(connect(url))
    homeserver.send(request[-5:])
    assert homeserver.answer()[0] == 200


@pytest.mark.parametrize("length", ["Content-Length: 20000000", "Transfer-Encoding: chunked"])
def test_no_large_body_is_read_of_who_isnt_the_homeserver(
    serve: Any, connect: Any, length: str
) -> None:
    client = connect(serve())
    head = ["PUT /_matrix/app/v1/transactions/1 HTTP/1.1", "Authorization: Bearer x", length]
    client.send("\r\n".join([*head, "Expect: 100-continue", "", ""]).encode())
    status, headers, _ = client.answer()
    assert status in (403, 411)
    assert headers["Connection"] == "close"
    close_by(client)


def test_an_endless_head_is_refused(serve: Any, connect: Any) -> None:
    client = connect(serve())
    client.send(b"GET /healthz HTTP/1.1\r\n" + b"A: %s\r\n" % (b"b" * 1000) * 70 + b"\r\n")
    assert client.answer()[0] == 431
    close_by(client)


def test_too_many_take_the_place_of_the_oldest_silent_one(
    serve: Any, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_server, "_MAX_UNAUTHENTICATED", 5)
    monkeypatch.setattr(waitress_server, "max_connections", lambda: 8)
    url = serve()
    homeserver = connect(url)
    homeserver.send(transaction(1))
    assert homeserver.answer()[0] == 200
    silent = []
    for _ in range(20):
        silent.append(connect(url))
        # Each is taken before the next one.
        assert requests.get(f"{url}/healthz", timeout=20).status_code == 200
    for client in silent[:10]:
        close_by(client)
    homeserver.send(transaction(2))
    assert homeserver.answer()[0] == 200
    silent[-1].send(transaction(3))
    assert silent[-1].answer()[0] == 200


def test_many_wrong_tokens_keep_nobody_out(serve: Any, connect: Any) -> None:
    url = serve()
    clients = [connect(url) for _ in range(100)]
    for client in clients:
        client.send(transaction(1).replace(b"hs_token", b"xx_token"))
    answer = requests.put(
        f"{url}/_matrix/app/v1/transactions/9",
        json={"events": [event(9)]},
        headers=AUTH,
        timeout=20,
    )
    assert answer.status_code == 200
    assert {client.answer()[0] for client in clients} == {403}


def test_handlers_that_hang_keep_nobody_else_waiting(app: AppService) -> None:
    """Copies of the transaction, queries, health checks: each is answered all the same."""
    begun, asked, go_on = threading.Event(), threading.Event(), threading.Event()
    answers: list[int] = []

    @app.on("m.hangs")
    def hang() -> None:
        begun.set()
        go_on.wait(60)

    @app.on_user_query
    def hang_too() -> None:
        asked.set()
        go_on.wait(60)

    def push(url: str, id: int, **changes: Any) -> int:
        return requests.put(
            f"{url}/_matrix/app/v1/transactions/{id}", json={"events": [event(id, **changes)]},
            headers=AUTH, timeout=60,
        ).status_code  # fmt: skip

    def ask(url: str) -> int:
        users = f"{url}/_matrix/app/v1/users/{GHOST}"
        return requests.get(users, headers=AUTH, timeout=60).status_code

    def run(call: Callable[[], int]) -> threading.Thread:
        thread = threading.Thread(target=lambda: answers.append(call()))
        thread.start()
        return thread

    with by_waitress(app) as url:
        try:
            threads = [run(lambda: push(url, 1, type="m.hangs")) for _ in range(8)]
            threads += [run(lambda: ask(url)) for _ in range(8)]
            assert begun.wait(20)
            assert asked.wait(20)
            while len(answers) < 5:
                threading.Event().wait(0.01)
            assert answers == [503] * 5
            for path in ("healthz", "readyz"):
                assert requests.get(f"{url}/{path}", timeout=20).status_code == 200
            ping = f"{url}/_matrix/app/v1/ping"
            assert requests.post(ping, json={}, headers=AUTH, timeout=20).status_code == 200
            assert push(url, 2) == 200
        finally:
            go_on.set()
            for thread in threads:
                thread.join(20)
    assert sorted(answers[5:]) == [200] * 3 + [404] * 8


@pytest.mark.parametrize(
    ("files", "most"), [(64, 16), (256, 128), (1024, 896), (65536, 1000), (None, 1000)]
)
def test_files_bound_connections(
    monkeypatch: pytest.MonkeyPatch, files: int | None, most: int
) -> None:
    resource = pytest.importorskip("resource", reason="Windows has no such limits")
    soft = resource.RLIM_INFINITY if files is None else files
    monkeypatch.setattr(waitress_server, "getrlimit", lambda _: (soft, soft))
    assert waitress_server.max_connections() == most


def test_without_limits_of_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waitress_server, "getrlimit", None)
    assert waitress_server.max_connections() == 400


def test_several_addresses(app: AppService) -> None:
    """``localhost`` may be two."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("there is no IPv6")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
    server = waitress_server.create(app.receiver, "localhost", port, 2)
    sockets = server.map if hasattr(server, "map") else server._map
    servers = [one for one in sockets.values() if isinstance(one, waitress_server.Server)]
    assert {one.effective_port for one in servers} == {str(port)}
    server.task_dispatcher.shutdown()
    wasyncore.close_all(sockets)
