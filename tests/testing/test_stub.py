"""The stub homeserver's wire: what it records and how it misbehaves."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from appservice_api.testing import (
    DROP,
    RESET,
    StubHomeserver,
    after_applying,
    answer,
    hang,
    truncated,
)

V3 = "/_matrix/client/v3"
BOT = "@bot:hs.test"


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = "Bearer as_token"
        yield session


def whoami(stub: StubHomeserver, session: requests.Session, **more: Any) -> requests.Response:
    return session.get(f"{stub.base_url}{V3}/account/whoami", timeout=10, **more)


def test_it_records_a_request_as_it_was_sent(
    stub: StubHomeserver, session: requests.Session
) -> None:
    session.put(
        f"{stub.base_url}{V3}/rooms/%21r%3Ahs.test/send/m.room.message/a%2Fb?user_id=@_g:hs.test",
        data=b'{"body":"x"}',
        headers={"X-Test": "1"},
        timeout=10,
    )
    [request] = stub.requests
    assert request.method == "PUT"
    assert request.path == f"{V3}/rooms/%21r%3Ahs.test/send/m.room.message/a%2Fb"
    assert request.target == request.path + "?user_id=@_g:hs.test"
    assert request.query == {"user_id": ["@_g:hs.test"]}
    assert request.user_id == "@_g:hs.test"
    assert request.token == "as_token"
    assert request.headers["x-test"] == "1"
    assert request.body == b'{"body":"x"}'
    assert request.json == {"body": "x"}
    assert stub.calls() == ["PUT /rooms/!r:hs.test/send/m.room.message/a/b as @_g:hs.test"]


def test_no_token_in_what_is_printed(stub: StubHomeserver, session: requests.Session) -> None:
    whoami(stub, session)
    assert "as_token" not in repr(stub.requests) + str(stub.calls()) + repr(stub)


def test_calls_can_be_filtered_and_cleared(stub: StubHomeserver, session: requests.Session) -> None:
    whoami(stub, session)
    session.get(f"{stub.base_url}/_matrix/client/versions", timeout=10)
    assert stub.calls("whoami") == ["GET /account/whoami"]
    assert len(stub.calls("whoami", "versions")) == 2
    stub.clear()
    assert stub.calls() == []


def test_no_json_is_none(stub: StubHomeserver, session: requests.Session) -> None:
    session.post(f"{stub.base_url}/x", data=b"\xff{", timeout=10)
    assert stub.requests[0].json is None
    assert stub.requests[0].user_id is None


def test_a_chunked_body_is_read(stub: StubHomeserver, session: requests.Session) -> None:
    url = f"{stub.base_url}/_matrix/media/v3/upload"
    reply = session.post(url, data=iter([b"ab", b"cde"]), timeout=10)
    assert reply.json()["content_uri"].startswith("mxc://hs.test/")
    assert stub.requests[0].headers["Transfer-Encoding"] == "chunked"
    assert stub.requests[0].body == b"abcde"


def test_a_connection_serves_many_requests(stub: StubHomeserver) -> None:
    connection = http.client.HTTPConnection(stub.base_url.removeprefix("http://"), timeout=10)
    connection.connect()
    local = connection.sock.getsockname()
    for _ in range(3):
        connection.request("GET", "/_matrix/client/versions")
        assert connection.getresponse().read()
        assert connection.sock.getsockname() == local
    connection.close()


def test_expect_continue_is_answered(stub: StubHomeserver) -> None:
    host, port = stub.base_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as raw:
        raw.sendall(
            b"PUT /x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        )
        assert raw.recv(100).startswith(b"HTTP/1.1 100 ")
        raw.sendall(b"{}")
        assert raw.recv(100).startswith(b"HTTP/1.1 404 ")


def test_64_threads_at_once(stub: StubHomeserver) -> None:
    barrier = threading.Barrier(64)

    def work(_: int) -> list[int]:
        barrier.wait(10)
        with requests.Session() as session:
            session.trust_env = False
            session.headers["Authorization"] = "Bearer as_token"
            return [whoami(stub, session).status_code for _ in range(3)]

    with ThreadPoolExecutor(64) as executor:
        assert list(executor.map(work, range(64))) == [[200] * 3] * 64
    assert len(stub.requests) == 192


def test_answers_are_used_in_order_then_default_is_back(
    stub: StubHomeserver, session: requests.Session
) -> None:
    stub.script(
        "GET",
        "whoami$",
        answer(502, "<html>", {"Content-Type": "text/html"}),
        answer(429, {"errcode": "M_LIMIT_EXCEEDED"}, {"Retry-After": "1"}),
    )
    first, second, third = (whoami(stub, session) for _ in range(3))
    assert (first.status_code, first.text) == (502, "<html>")
    assert first.headers["Content-Type"] == "text/html"
    assert (second.status_code, second.json()) == (429, {"errcode": "M_LIMIT_EXCEEDED"})
    assert second.headers["Retry-After"] == "1"
    assert third.json()["user_id"] == BOT


def test_a_script_applies_to_its_method_and_decoded_path_only(
    stub: StubHomeserver, session: requests.Session
) -> None:
    stub.script("PUT", "whoami", answer(500))
    stub.script("GET", r"/rooms/!r:hs\.test/", answer(500))
    assert whoami(stub, session).status_code == 200
    url = f"{stub.base_url}{V3}/rooms/%21r%3Ahs.test/state"
    assert session.get(url, timeout=10).status_code == 500


def test_forever_repeats_the_last_answer(stub: StubHomeserver, session: requests.Session) -> None:
    stub.script("*", "whoami", answer(500), answer(503), forever=True)
    assert [whoami(stub, session).status_code for _ in range(4)] == [500, 503, 503, 503]
    stub.unscript()
    assert whoami(stub, session).status_code == 200


def test_a_script_needs_an_answer(stub: StubHomeserver) -> None:
    with pytest.raises(ValueError, match="at least one"):
        stub.script("GET", "x")


@pytest.mark.parametrize("broken", [DROP, RESET])
def test_a_connection_ends_without_an_answer(
    stub: StubHomeserver, session: requests.Session, broken: Any
) -> None:
    stub.script("GET", "whoami", broken)
    with pytest.raises(requests.ConnectionError):
        whoami(stub, session)
    assert stub.calls() == ["GET /account/whoami"]
    assert whoami(stub, session).status_code == 200


def test_a_reset_is_one(stub: StubHomeserver) -> None:
    stub.script("GET", "versions", RESET)
    connection = http.client.HTTPConnection(stub.base_url.removeprefix("http://"), timeout=10)
    connection.request("GET", "/_matrix/client/versions")
    with pytest.raises(ConnectionResetError):
        connection.getresponse()
    connection.close()


def test_a_body_can_be_shorter_than_promised(
    stub: StubHomeserver, session: requests.Session
) -> None:
    stub.script("GET", "whoami", truncated(b'{"user', 100))
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        whoami(stub, session)


def test_after_applying_the_client_never_learns(
    stub: StubHomeserver, session: requests.Session
) -> None:
    room = stub.room(members=[BOT])
    url = f"{stub.base_url}{V3}/rooms/{room}/send/m.room.message/T"
    stub.script("PUT", "/send/", after_applying(DROP))
    with pytest.raises(requests.ConnectionError):
        session.put(url, json={"body": "once"}, timeout=10)
    again = session.put(url, json={"body": "once"}, timeout=10).json()["event_id"]
    messages = [event for event in stub.events(room) if event["type"] == "m.room.message"]
    assert [event["event_id"] for event in messages] == [again]


def test_a_hanging_request_goes_on_with_the_event(
    stub: StubHomeserver, session: requests.Session
) -> None:
    event = threading.Event()
    stub.script("GET", "whoami", hang(event))
    with ThreadPoolExecutor(1) as executor:
        reply = executor.submit(whoami, stub, session)
        stub.wait_for_calls(1, "whoami")
        assert not reply.done()
        event.set()
        assert reply.result(10).status_code == 200


def test_a_callable_decides(stub: StubHomeserver, session: requests.Session) -> None:
    stub.script(
        "GET", "whoami", lambda request: answer(418) if "x" in request.query else None, forever=True
    )
    assert whoami(stub, session, params={"x": "1"}).status_code == 418
    assert whoami(stub, session).status_code == 200


def test_a_bug_in_a_script_is_a_500_that_says_so(
    stub: StubHomeserver, session: requests.Session, capfd: pytest.CaptureFixture[str]
) -> None:
    stub.script("GET", "whoami", lambda request: 1 // 0)
    reply = whoami(stub, session)
    assert reply.status_code == 500
    assert "ZeroDivisionError" in reply.json()["error"]
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_missing_calls_are_an_error(stub: StubHomeserver) -> None:
    with pytest.raises(AssertionError, match="0 of 1 requests"):
        stub.wait_for_calls(1, timeout=0.01)


def test_it_comes_back_on_its_port_with_its_memory(session: requests.Session) -> None:
    with StubHomeserver() as stub:
        room, url = stub.room(members=[BOT]), stub.base_url
        assert whoami(stub, session).status_code == 200
        stub.stop()
        with pytest.raises(requests.ConnectionError):
            whoami(stub, session)
        stub.start()
        assert stub.base_url == url
        assert whoami(stub, session).status_code == 200
        assert stub.membership(room, BOT) == "join"
        stub.stop()
        stub.stop()
