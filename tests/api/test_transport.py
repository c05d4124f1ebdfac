"""The transport on bad days: what a socket may bring, and what a file may do."""

from __future__ import annotations

import gc
import gzip
import io
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path as FilePath
from typing import Any
from unittest.mock import Mock

import pytest
import requests

from appservice_api import (
    HTTPAPI,
    AppServiceAPI,
    MatrixConnectionError,
    MatrixError,
    MatrixRequestError,
    MatrixTimeoutError,
    MLimitExceeded,
    Path,
)
from appservice_api.testing import ManualClock, Recorded, StubHomeserver, answer

from .raw_homeserver import RawHomeserver, ok


def test_interim_answers_are_read_past(raw: Callable[..., RawHomeserver]) -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    server = raw([interim, ok(b'{"room_id":"!a:h"}')], [ok(b'{"room_id":"!b:h"}')])
    with AppServiceAPI(server.base_url, "@bot:h", "as_token") as api:
        assert api.intent(ensure_joined=False).create_room(name="A") == "!a:h"
        assert api.intent(ensure_joined=False).create_room(name="B") == "!b:h"
    assert server.connections == 1


def test_an_upgrade_is_no_answer_and_its_connection_is_not_used_again(
    raw: Callable[..., RawHomeserver],
) -> None:
    late = ok(b'{"room_id":"!a:h"}')
    server = raw([b"HTTP/1.1 101 Switching Protocols\r\n\r\n", late], [ok(b'{"room_id":"!b:h"}')])
    with AppServiceAPI(server.base_url, "@bot:h", "as_token") as api:
        with pytest.raises(MatrixConnectionError, match="101"):
            api.intent(ensure_joined=False).create_room(name="A")
        assert api.intent(ensure_joined=False).create_room(name="B") == "!b:h"


def test_requests_own_adapter_does_not_mix_answers_up_either(
    raw: Callable[..., RawHomeserver],
) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\n\r\n"
    server = raw([hints, ok(b'{"room_id":"!a:h"}')], [ok(b'{"room_id":"!b:h"}')])
    with requests.Session() as session:
        session.close = unwanted = Mock()  # type: ignore[method-assign]
        api = AppServiceAPI(server.base_url, "@bot:h", "as_token", client_session=session)
        with pytest.raises(MatrixConnectionError, match="103"):
            api.intent(ensure_joined=False).create_room(name="A")
        assert api.intent(ensure_joined=False).create_room(name="B") == "!b:h"
        assert not unwanted.called
        del session.close
    assert server.connections == 2


# urllib3 leaves a connection open where it refuses the head of an answer.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_what_a_plain_session_stumbles_over(raw: Callable[..., RawHomeserver]) -> None:
    nowhere = b"HTTP/1.1 302 F\r\nLocation: http://[::1/\r\nContent-Length: 0\r\n\r\n"
    twice = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"
    server = raw([nowhere], [twice, None])
    heard = []
    with requests.Session() as session:
        hook: Any = lambda response, **_: heard.append(response.headers["Location"])  # noqa: E731
        session.hooks["response"] = hook
        api = AppServiceAPI(server.base_url, "@bot:h", "as_token", client_session=session)
        with pytest.raises(MatrixRequestError, match="redirected to"):
            api.request("POST", "/createRoom")
        session.hooks["response"] = []
        with pytest.raises(MatrixConnectionError) as caught:
            api.request("POST", "/createRoom")
    assert caught.value.sent
    assert heard == ["http://[::1/"]
    gc.collect()


def test_headers_that_a_session_leaves_out(stub: StubHomeserver) -> None:
    with requests.Session() as session:
        session.headers["Accept"] = None  # type: ignore[assignment]
        session.headers["X-Mine"] = "mine"
        api = HTTPAPI(stub.base_url, client_session=session)
        api.request("GET", Path.versions)
        session.headers = {"X-Mine": "yours", "Accept": None}  # type: ignore[assignment]
        api.request("GET", Path.versions)
    assert [one.headers["X-Mine"] for one in stub.requests] == ["mine", "yours"]
    assert not any("Accept" in one.headers for one in stub.requests)


@pytest.fixture
def small_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than 100,000 bytes are taken as an answer."""
    for name, module in list(sys.modules.items()):
        if name.startswith("appservice_api.") and hasattr(module, "MAX_RESPONSE_BYTES"):
            monkeypatch.setattr(module, "MAX_RESPONSE_BYTES", 100_000)


@pytest.mark.usefixtures("small_answers")
@pytest.mark.parametrize("plain", [False, True], ids=["our session", "a plain session"])
def test_json_that_unpacks_to_too_much(plain: bool, raw: Callable[..., RawHomeserver]) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s"
    sizes = (200_000, 100_001, 100_000)
    packed = [gzip.compress(b"[" + b" " * (size - 2) + b"]") for size in sizes]
    server = raw(*[[head % (len(one), one)] for one in packed])
    with requests.Session() as session:
        api = HTTPAPI(
            server.base_url, client_session=session if plain else None, default_retry_count=0
        )
        for _ in range(2):
            with pytest.raises(MatrixConnectionError, match="too large"):
                api.request("GET", Path.versions)
        assert api.request("GET", Path.versions) == []
        api.close()


def test_a_connection_that_was_closed_meanwhile_is_not_used(
    raw: Callable[..., RawHomeserver],
) -> None:
    server = raw([ok(b'{"a":1}'), None], [ok(b'{"a":2}'), None])
    with HTTPAPI(server.base_url) as api:
        assert api.request("POST", "/createRoom") == {"a": 1}
        line = next(iter(api.session.get_adapter(server.base_url)._connections.values()))  # type: ignore[attr-defined]
        line._free[0].sock.recv(1, socket.MSG_PEEK)  # until its end has arrived
        assert api.request("POST", "/createRoom") == {"a": 2}
    assert server.connections == 2


def test_no_more_connections_stay_than_are_wanted(
    stub: StubHomeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolved: list[Any] = []
    resolve = socket.getaddrinfo

    def counting(*args: Any, **kwargs: Any) -> Any:
        resolved.append(args)
        return resolve(*args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", counting)
    everybody = threading.Barrier(3)

    def together(request: Recorded) -> None:
        everybody.wait(10)

    stub.script("GET", "/versions", together, forever=True)
    with HTTPAPI(stub.base_url) as api:
        ours: Any = type(api.session.get_adapter(stub.base_url))
        api.session.mount(stub.base_url, ours(idle=2))
        for connections in (3, 4):
            threads = [
                threading.Thread(target=api.request, args=("GET", Path.versions)) for _ in range(3)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(20)
            assert len(resolved) == connections


@pytest.mark.parametrize(
    "pieces",
    [
        [b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n{}", None],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 400000000\r\n\r\n{}", None],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", None],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}", None],
        [b"nonsense\r\n\r\n", None],
        [b"HTTP/1.1 999999 X\r\n\r\n", None],
        [b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", None],
        [b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", None],
        [b"", None],
    ],
    ids=lambda pieces: pieces[0][:50].decode(),
)
def test_what_is_not_an_answer(
    pieces: list[bytes | None], raw: Callable[..., RawHomeserver]
) -> None:
    server = raw(pieces, [ok(b'{"a":1}')])
    with HTTPAPI(server.base_url, "as_token") as api:
        with pytest.raises(MatrixConnectionError):
            api.request("POST", "/createRoom")
        assert api.request("POST", "/createRoom") == {"a": 1}
    assert len(server.requests) == 2


def test_chunked_and_unbounded_answers(raw: Callable[..., RawHomeserver]) -> None:
    chunked = (
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n'
    )
    to_the_end = b'HTTP/1.1 200 OK\r\n\r\n{"a":2}'
    server = raw([chunked], [to_the_end, None])
    with HTTPAPI(server.base_url, default_retry_count=0) as api:
        assert api.request("GET", Path.versions) == {"a": 1}
        assert api.request("GET", Path.versions) == {"a": 2}


@pytest.mark.usefixtures("small_answers")
@pytest.mark.parametrize(
    "head", [b"", b"Content-Length: %d\r\n", b"Transfer-Encoding: chunked\r\n"]
)
def test_an_answer_that_is_too_large(head: bytes, raw: Callable[..., RawHomeserver]) -> None:
    def large(size: int) -> list[bytes | None]:
        body = b'["%s"]' % (b"x" * (size - 4))
        if b"chunked" in head:
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (size, body)
        fields = head % size if b"%" in head else head
        return [b"HTTP/1.1 200 OK\r\n%s\r\n" % fields, body, None]

    server = raw(large(100_000), large(100_001))
    # Each on a connection of its own: the homeserver closes the first one at some time.
    with HTTPAPI(server.base_url, default_retry_count=0) as api:
        assert api.request("GET", Path.versions) == ["x" * 99_996]
    with (
        HTTPAPI(server.base_url, default_retry_count=0) as api,
        pytest.raises(MatrixConnectionError, match="too large"),
    ):
        api.request("GET", Path.versions)


def test_a_deadline_ends_an_answer_that_drips(raw: Callable[..., RawHomeserver]) -> None:
    server = raw([b"HTTP/1.1 100 Continue\r\n\r\n"] * 2_000_000)
    with (
        HTTPAPI(server.base_url) as api,
        pytest.raises(MatrixTimeoutError, match="in time"),
    ):
        api.request("GET", Path.versions, timeout=0.1, deadline=0.2)


def test_headers_that_frame_a_request_are_ours(stub: StubHomeserver) -> None:
    api = HTTPAPI(stub.base_url, "as_token")
    for name in ("Content-Length", "transfer-encoding", "Host", "Connection", "AUTHORIZATION"):
        with pytest.raises(ValueError, match="set by this package"):
            api.request("PUT", "/x", {"a": 1}, headers={name: "2"})
    assert stub.requests == []
    HTTPAPI(stub.base_url).request("GET", Path.versions, headers={"Authorization": "Bearer mine"})
    assert stub.requests[0].token == "mine"


@pytest.mark.parametrize("plain", [False, True], ids=["our session", "a plain session"])
@pytest.mark.parametrize("value", ["a\nb", "a\r\nX-Injected: b", "a\r"])
def test_a_header_that_holds_a_line_end_is_not_sent(
    value: str, plain: bool, stub: StubHomeserver, clock: ManualClock
) -> None:
    with requests.Session() as session:
        api = HTTPAPI(stub.base_url, client_session=session if plain else None, clock=clock)
        api.session.headers["X-Mine"] = value
        with pytest.raises(ValueError, match="header"):
            api.request("GET", Path.versions)
        del api.session.headers["X-Mine"]
        assert "versions" in api.request("GET", Path.versions)
        api.close()
    assert len(stub.requests) == 1
    assert clock.waits == []


def test_session_params_cannot_change_who_speaks(stub: StubHomeserver) -> None:
    for name in ("user_id", "access_token"):
        with requests.Session() as session:
            session.params = {name: "@evil:hs.test"}
            api = HTTPAPI(stub.base_url, "as_token", client_session=session)
            with pytest.raises(ValueError, match=r"session\.params"):
                api.request("GET", Path.versions)
    assert stub.requests == []


@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
def test_a_redirect_with_a_plain_session(method: str, stub: StubHomeserver) -> None:
    stub.script(method, "/x", answer(301, b"", {"Location": "https://hs.test/x"}))
    with requests.Session() as session:
        api = HTTPAPI(stub.base_url, client_session=session)
        with pytest.raises(MatrixRequestError, match="base_url"):
            api.request(method, "/x")
    assert len(stub.requests) == 1


def test_a_token_that_is_echoed_is_masked(
    stub: StubHomeserver,
    raw: Callable[..., RawHomeserver],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(1)
    echo = "got Authorization: Bearer s3cret"
    body = {"errcode": "M_UNKNOWN", "error": echo, "s3cret": ["s3cret"]}
    stub.script("GET", "/x", answer(400, body), answer(404, f"<html>{echo}"), answer(200, echo))
    server = raw([f"{echo}\r\n\r\n".encode(), None], [f"{echo}\r\n\r\n".encode(), None])
    texts: list[str] = []
    for url, times in ((stub.base_url, 3), (server.base_url, 1)):
        api = HTTPAPI(url, "s3cret", clock=ManualClock(auto=True), default_retry_count=1)
        for turn in range(times):
            with pytest.raises(MatrixError) as caught:
                api.request("GET", "/x", retry_count=0 if turn < 3 and times == 3 else 1)
            texts += [str(caught.value), str(vars(caught.value))]
            texts += traceback.format_exception(caught.value)
    texts += [record.getMessage() for record in caplog.records]
    assert not [text for text in texts if "s3cret" in text]
    assert any("[token]" in text for text in texts)


def test_a_homeserver_that_asks_for_no_wait_is_not_hammered(
    stub: StubHomeserver, api: AppServiceAPI, clock: ManualClock
) -> None:
    limited = answer(429, {"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 1})
    stub.script("GET", "/versions", limited, forever=True)
    with pytest.raises(MLimitExceeded):
        api.request("GET", Path.versions)
    assert len(stub.requests) < 100
    big = answer(429, {"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 10**400})
    stub.unscript()
    stub.script("GET", "/versions", big)
    with pytest.raises(MLimitExceeded) as caught:
        api.request("GET", Path.versions)
    assert caught.value.retry_after == 10**9


def test_a_large_body_arrives_as_a_whole(stub: StubHomeserver, api: AppServiceAPI) -> None:
    # More than a socket takes at once.
    large = {"a": "x" * 20_000_000}
    stub.script("PUT", "/x", answer(200, {}))
    assert api.request("PUT", "/x", large) == {}
    assert stub.requests[0].json == large


def test_a_file_that_grows_is_sent_as_it_was(
    stub: StubHomeserver, api: AppServiceAPI, tmp_path: FilePath
) -> None:
    path = tmp_path / "live.log"
    path.write_bytes(b"x" * 100)

    class Growing(io.FileIO):
        def seek(self, *args: int) -> int:
            where = super().seek(*args)
            with open(path, "ab") as more:
                more.write(b"GET /smuggled HTTP/1.1\r\n\r\n" * 100)
            return where

    with Growing(path) as file:
        assert api.bot_intent().upload_media(file).startswith("mxc://")
    assert [request.method for request in stub.requests] == ["POST"]
    assert stub.requests[0].body == b"x" * 100


def test_a_file_that_shrinks_or_breaks_is_the_files_fault(
    stub: StubHomeserver, api: AppServiceAPI
) -> None:
    class Shrinking(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return b"" if size != 0 else super().read(size)

    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if size:
                raise OSError(5, "disk gone")
            return super().read(size)

    for kind, words in ((Shrinking, "shorter"), (Broken, "disk gone")):
        with pytest.raises(MatrixError, match=words) as caught:
            api.bot_intent().upload_media(kind(b"x" * 100), timeout=1)
        assert not isinstance(caught.value, MatrixConnectionError)
        assert not caught.value.temporary
    assert api.bot_intent().upload_media(b"still works").startswith("mxc://")


def test_what_is_not_a_file(stub: StubHomeserver, api: AppServiceAPI, tmp_path: FilePath) -> None:
    text = tmp_path / "text"
    text.write_text("a\nb\n")
    read_end, write_end = socket.socketpair()
    with (
        open(text) as in_text_mode,
        read_end,
        write_end,
        read_end.makefile("rb") as pipe,
    ):
        for wrong in (in_text_mode, io.StringIO("é"), pipe, ["x"], None, 5, {"a": 1}):
            with pytest.raises(ValueError, match=r"must be bytes"):
                api.bot_intent().upload_media(wrong)  # type: ignore[arg-type]
    assert stub.requests == []


def test_https_to_a_port_that_speaks_http_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(5)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                connection.recv(4096)

        threading.Thread(target=refuse, daemon=True).start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        with HTTPAPI(url) as api, pytest.raises(MatrixConnectionError, match="http://") as caught:
            api.request("GET", Path.versions)
    assert caught.value.attempts == 1
    assert not caught.value.temporary
