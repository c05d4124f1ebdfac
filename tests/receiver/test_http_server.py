"""The server of ``serve_in_thread``: what it takes from a socket, and what it gives back."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
import requests

from appservice_api.application import AppService

from .conftest import event

PATH = "/_matrix/app/v1/transactions"
ALLOWED = "Authorization: Bearer hs_token"


def transaction(number: int, *more: str, method: str = "PUT", version: str = "1.1") -> bytes:
    """A request with one event."""
    body = json.dumps({"events": [event(number)]})
    lines = [f"{method} {PATH}/{number} HTTP/{version}", ALLOWED, f"Content-Length: {len(body)}",
             *more]  # fmt: skip
    return "\r\n".join([*lines, "", body]).encode()


class Client:
    """A connection to a server."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.socket = socket.create_connection((parts.hostname, parts.port or 0), timeout=20)
        self._got = b""

    def send(self, data: bytes) -> None:
        """Send what isn't a request at all, perhaps."""
        self.socket.sendall(data)

    def _read_until(self, come: Callable[[], bool]) -> None:
        while not come():
            part = self.socket.recv(65536)
            assert part
            self._got += part

    def answer(self, *, bare: bool = False) -> tuple[int, dict[str, str], bytes]:
        """The next answer."""
        self._read_until(lambda: b"\r\n\r\n" in self._got)
        head, _, self._got = self._got.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        length = 0 if bare else int(headers.get("Content-Length", "0"))
        self._read_until(lambda: len(self._got) >= length)
        body, self._got = self._got[:length], self._got[length:]
        return int(first.split()[1]), headers, body

    def is_closed(self) -> bool:
        """Whether the server has closed it, with nothing left to read."""
        return not self._got and self.socket.recv(1) == b""


@pytest.fixture
def seen(app: AppService) -> list[str]:
    """The events that were handled."""
    found: list[str] = []
    app.on("*")(lambda event: found.append(event.event_id))
    return found


@pytest.fixture
def client(app: AppService, seen: list[str]) -> Iterator[Client]:
    """A connection."""
    with app.serve_in_thread(ping=False) as url:
        made = Client(url)
        yield made
        made.socket.close()


def test_a_connection_stays_open(client: Client, seen: list[str]) -> None:
    for number in range(3):
        client.send(transaction(number))
        status, headers, body = client.answer()
        assert (status, body, headers["Content-Type"]) == (200, b"{}", "application/json")
        assert headers["Date"].endswith(" GMT")
        assert "Connection" not in headers
    assert seen == ["$event0", "$event1", "$event2"]


def test_requests_may_come_at_once_or_in_pieces(client: Client, seen: list[str]) -> None:
    client.send(transaction(1) + transaction(2))
    assert [client.answer()[0] for _ in range(2)] == [200, 200]
    for byte in transaction(3):
        client.send(bytes([byte]))
    assert client.answer()[0] == 200
    assert seen == ["$event1", "$event2", "$event3"]


@pytest.mark.parametrize(
    "request_",
    [transaction(1, "Connection: close"), transaction(1, "connection: Close"),
     transaction(1, version="1.0")],
)  # fmt: skip
def test_it_is_closed_when_the_client_wants_it(client: Client, request_: bytes) -> None:
    client.send(request_)
    status, headers, _ = client.answer()
    assert (status, headers["Connection"]) == (200, "close")
    assert client.is_closed()


def test_who_waits_to_be_asked_is_asked(client: Client, seen: list[str]) -> None:
    head, end, body = transaction(1, "Expect: 100-Continue").partition(b"\r\n\r\n")
    client.send(head + end)
    assert client.answer()[:2] == (100, {})
    client.send(body)
    assert client.answer()[0] == 200
    assert seen == ["$event1"]


def test_a_body_that_isnt_read_is_no_request(client: Client) -> None:
    client.send(b"GET /healthz HTTP/1.1\r\nContent-Length: 24\r\n\r\nGET /readyz HTTP/1.1\r\n\r\n")
    status, headers, body = client.answer()
    assert (status, headers["Connection"], body) == (200, "close", b"{}")
    assert client.is_closed()


def test_a_refused_body_is_taken_and_the_connection_stays(client: Client, seen: list[str]) -> None:
    client.send(transaction(1).replace(b"hs_token", b"xx_token"))
    assert client.answer()[0] == 403
    client.send(transaction(1))
    assert client.answer()[0] == 200
    assert seen == ["$event1"]


def test_paths_and_heads(client: Client) -> None:
    client.send(b"HEAD http://as.test/healthz?x=y HTTP/1.1\r\nHost:\tas.test \r\n\r\n")
    status, headers, _ = client.answer(bare=True)
    assert (status, headers["Content-Length"]) == (200, "2")
    client.send(transaction(1, method="POST"))
    status, headers, _ = client.answer()
    assert (status, headers["Allow"]) == (405, "PUT")


@pytest.mark.parametrize(
    "data, status",
    [
        (b"hello\r\n\r\n", 400),
        (b"GET /healthz HTTP/2.0\r\n\r\n", 505),
        (b"BREW /healthz HTTP/1.1\r\n\r\n", 501),
        (b"PUT / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"PUT / HTTP/1.1\r\nContent-Length: \xb2\r\n\r\n", 400),
        (b"PUT / HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
        (b"PUT / HTTP/1.1\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\n", 400),
        (b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}", 411),
        (b"GET /healthz HTTP/1.1\r\nA: " + b"b" * 70_000 + b"\r\n\r\n", 431),
    ],
)  # fmt: skip
def test_what_cant_be_understood_is_refused(client: Client, data: bytes, status: int) -> None:
    """Where the next request begins isn't known then: the connection is closed."""
    client.send(data)
    found, headers, body = client.answer()
    assert (found, headers["Connection"]) == (status, "close")
    assert json.loads(body)["errcode"] == "M_UNRECOGNIZED"
    assert client.is_closed()


def test_a_client_that_goes_away_disturbs_nobody(
    app: AppService, client: Client, seen: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    client.send(transaction(1)[:-5])
    client.socket.shutdown(socket.SHUT_WR)
    status, _, body = client.answer()
    assert (status, json.loads(body)["errcode"]) == (400, "M_NOT_JSON")
    assert client.is_closed()
    assert seen == []
    assert capfd.readouterr() == ("", "")


def test_idle_connections_end_with_the_server(app: AppService) -> None:
    with app.serve_in_thread(ping=False) as url:
        client = Client(url)
        client.send(transaction(1))
        assert client.answer()[0] == 200
    assert client.is_closed()
    client.socket.close()
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}/healthz", timeout=20)


def test_ipv6(app: AppService) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("there is no IPv6")
    with app.serve_in_thread("::1", ping=False) as url:
        assert requests.get(f"{url}/healthz", timeout=20).status_code == 200
