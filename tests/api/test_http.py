"""HTTPAPI: what goes over the wire, and what comes back."""

from __future__ import annotations

import logging
import pickle
import socket
import threading
import traceback
from typing import Any

import pytest
import requests
import requests_mock
import responses

from appservice_api import (
    HTTPAPI,
    AppServiceAPI,
    MatrixConnectionError,
    MatrixError,
    MatrixRequestError,
    MatrixResponseError,
    MForbidden,
    MUnrecognized,
    Path,
)
from appservice_api.errors import MatrixRequestError as Refusal
from appservice_api.log import TRACE
from appservice_api.testing import ManualClock, StubHomeserver, answer, truncated

TOKEN = "as_token"


def test_it_is_usable_by_itself(stub: StubHomeserver) -> None:
    with HTTPAPI(stub.base_url) as api:
        answered = api.request("GET", Path.versions)
        assert answered == api.request("GET", "/_matrix/client/versions")
        assert answered["versions"]
        assert api.token is None
    assert stub.requests[0].token is None
    assert stub.requests[0].headers["User-Agent"].startswith("appservice_api/")


def test_json_headers_and_query(stub: StubHomeserver) -> None:
    stub.script("POST", "/x", answer(200, {"ok": True}))
    api = HTTPAPI(stub.base_url, TOKEN)
    headers = {"X-Mine": "1"}
    query = {"a b": "ü&", "list": [1, 2], "yes": True, "none": None}
    content = {"text": "grüße \U0001f600"}
    assert api.request("POST", "/x", content, headers, query) == {"ok": True}
    (sent,) = stub.requests
    assert sent.target == "/_matrix/client/v3/x?a%20b=%C3%BC%26&list=1&list=2&yes=true"
    assert sent.body == '{"text":"grüße \U0001f600"}'.encode()
    assert sent.headers["Content-Type"] == "application/json"
    assert sent.headers["X-Mine"] == "1"
    assert sent.token == TOKEN
    assert (headers, query["list"], content) == (
        {"X-Mine": "1"},
        [1, 2],
        {"text": "grüße \U0001f600"},
    )


def test_a_post_without_content_sends_an_object_and_a_get_nothing(stub: StubHomeserver) -> None:
    stub.script("POST", "/x", answer(200, {}))
    stub.script("GET", "/y", answer(200, [1, {"a": 2}]))
    api = HTTPAPI(stub.base_url)
    api.request("POST", "/x")
    assert api.request("GET", "/y") == [1, {"a": 2}]
    assert [request.body for request in stub.requests] == [b"{}", b""]


def test_one_connection_serves_all_requests(stub: StubHomeserver) -> None:
    connected: list[object] = []
    original = socket.socket.connect

    def connect(self: socket.socket, address: object) -> None:
        connected.append(address)
        original(self, address)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect)
        api = HTTPAPI(stub.base_url)
        for _ in range(5):
            api.request("GET", Path.versions)
    assert len(connected) == 1


BODIES: dict[str, tuple[Any, type[MatrixError]]] = {
    "HTML with 200": (answer(200, "<html>"), MatrixResponseError),
    "nothing with 200": (answer(200, b""), MatrixResponseError),
    "a number with 200": (answer(200, b"5"), MatrixResponseError),
    "not UTF-8": (answer(200, b'{"a": "\xff"}'), MatrixResponseError),
    "nested too deeply": (answer(200, b"[" * 100_000), MatrixResponseError),
    "HTML with 502": (answer(502, "<html>"), MatrixRequestError),
    "empty 504": (answer(504, b""), MatrixRequestError),
    "a list with 400": (answer(400, [1]), MatrixRequestError),
    "a number for an errcode": (answer(400, {"errcode": 7, "error": ["x"]}), MatrixRequestError),
    "truncated": (truncated(b'{"a":', 50), MatrixConnectionError),
    "a length that is none": (answer(200, b"", {"Content-Length": "x"}), MatrixConnectionError),
    "wrong gzip": (answer(200, b"{}", {"Content-Encoding": "gzip"}), MatrixConnectionError),
}


@pytest.mark.parametrize("fault, kind", BODIES.values(), ids=BODIES)
def test_every_answer_that_is_not_the_expected_json_is_a_typed_error(
    fault: Any, kind: type[MatrixError], stub: StubHomeserver
) -> None:
    stub.script("GET", "/x", fault, forever=True)
    api = HTTPAPI(stub.base_url, clock=ManualClock(auto=True))
    with pytest.raises(kind) as caught:
        api.request("GET", "/x")
    assert caught.value.path == "/_matrix/client/v3/x"  # type: ignore[attr-defined]
    if isinstance(caught.value, MatrixRequestError):
        assert caught.value.errcode is None
        assert isinstance(caught.value.message, str)


def test_the_error_tells_all(stub: StubHomeserver, api: AppServiceAPI) -> None:
    body = {"errcode": "COM.EXAMPLE_X", "error": "no", "extra": [1]}
    stub.script("GET", "/rooms/", answer(418, body))
    with pytest.raises(MatrixRequestError) as caught:
        api.user("@_g:hs.test").request("GET", Path.v3.rooms["!a:b"].messages)
    error = caught.value
    assert (error.http_status, error.errcode, error.message, error.body) == (
        418, "COM.EXAMPLE_X", "no", body,
    )  # fmt: skip
    assert (error.method, error.path, error.user) == (
        "GET", "/_matrix/client/v3/rooms/{}/messages", "@_g:hs.test",
    )  # fmt: skip
    assert str(error) == (
        "GET /_matrix/client/v3/rooms/!a:b/messages as @_g:hs.test: 418 COM.EXAMPLE_X: no"
    )
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.body) == (type(error), str(error), body)


def test_each_errcode_has_its_class(stub: StubHomeserver) -> None:
    api = HTTPAPI(stub.base_url)
    with pytest.raises(MUnrecognized):
        api.request("GET", "/nothing/here")
    unstable = Refusal.of("ORG.MATRIX.MSC4326.M_UNKNOWN_DEVICE", message="x", http_status=400)
    assert type(unstable).__name__ == "MUnknownDevice"
    assert len(Refusal._classes) >= 50


@pytest.mark.parametrize("status", [300, 304, 400, 599])
def test_what_is_no_success_is_a_refusal(
    status: int, stub: StubHomeserver, api: AppServiceAPI
) -> None:
    stub.script("POST", "/createRoom", answer(status, {"room_id": "!not:hs.test"}))
    with pytest.raises(MatrixRequestError) as caught:
        api.intent(ensure_joined=False).create_room()
    assert caught.value.http_status == status


def test_a_redirect_says_where_to(stub: StubHomeserver) -> None:
    stub.script("GET", "/versions", answer(302, b"", {"Location": "https://other.test/x"}))
    with pytest.raises(MatrixRequestError, match=r"https://other\.test/x.*base_url"):
        HTTPAPI(stub.base_url).request("GET", Path.versions)
    assert len(stub.requests) == 1


@pytest.mark.parametrize(
    "url", ["", "hs.test", "ftp://hs.test", "http://", "http://u:p@hs.test", "http://hs.test?x=1",
            "http://hs.test#x", "http://h s", "http://hs.test:99999", "http://a..b",
            "http://hs.test/_matrix/client/v3"],
)  # fmt: skip
def test_a_base_url_that_is_none(url: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        HTTPAPI(url)


def test_a_base_url_may_be_anything_whose_text_is_one(stub: StubHomeserver) -> None:
    class URL:
        def __str__(self) -> str:
            return stub.base_url + "/"

    assert HTTPAPI(URL()).base_url == stub.base_url
    assert HTTPAPI(URL()).request("GET", Path.versions)


@pytest.mark.parametrize("token", ["", "a b", "secret\n", "sécret"])
def test_a_token_that_no_header_carries_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(ValueError, match="token") as caught:
        HTTPAPI("http://hs.test", token)
    assert not token or token.strip() not in str(caught.value)


@pytest.mark.parametrize(
    "arguments",
    [
        {"query_params": {"access_token": "secret"}},
        {"headers": {"X": "a\r\nY: b"}},
        {"headers": {"X": 5}},
        {"content": {"a": float("nan")}},
        {"content": {"a": "\ud800"}},
        {"content": {"a": b"bytes"}},
        {"content": {"a": {1}}},
        {"method": None},
        {"method": "FETCH"},
        {"query_params": 5},
        {"query_params": {5: "a"}},
        {"query_params": {"a": "\ud800"}},
        {"headers": [("a", "b")]},
        {"headers": {"X": "\u20ac"}},
        {"headers": {"": "a"}},
        {"retry_count": "2"},
        {"deadline": "soon"},
        {"content": object()},
        {"timeout": 0},
        {"timeout": (1, 2, 3)},
        {"retry_count": -1},
        {"path": "/a?b"},
    ],
    ids=str,
)
def test_wrong_arguments_are_value_errors_before_the_wire(
    arguments: dict[str, object], stub: StubHomeserver
) -> None:
    api = HTTPAPI(stub.base_url, TOKEN)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - each has words of its own
        api.request(**{"method": "PUT", "path": "/x", **arguments})  # type: ignore[arg-type]
    assert "secret" not in str(caught.value)
    assert stub.requests == []


def test_no_token_in_any_repr_error_pickle_or_log_line(
    stub: StubHomeserver, caplog: pytest.LogCaptureFixture
) -> None:
    token = "s3cret-token"
    caplog.set_level(1)
    stub.script("GET", "/x", answer(401, {"errcode": "M_UNKNOWN_TOKEN", "error": "Invalid"}))
    stub.script(
        "GET", "/y", answer(502, "<html>"), answer(200, b"<html>"), truncated(b"{", 9), forever=True
    )
    api = AppServiceAPI(stub.base_url, "@bot:hs.test", token, clock=ManualClock(auto=True))
    real = api.real_user("@me:hs.test", "s3cret-other")
    texts = [repr(thing) for thing in (
        api, real, api.user("@_g:hs.test"), api.bot_intent(), api._access, api._shared,
        api.real_users, dict(api.children), vars(api._shared),
    )]  # fmt: skip
    errors: list[BaseException] = []
    for speaker, path in ((api, "/x"), (api, "/y"), (real, "/y")):
        with pytest.raises(MatrixError) as caught:
            speaker.request("GET", path)
        errors.append(caught.value)
    down = AppServiceAPI("http://127.0.0.1:9", "@bot:hs.test", token, default_retry_count=0)
    with pytest.raises(MatrixConnectionError) as unreachable:
        down.request("GET", "/x")
    errors.append(unreachable.value)
    for error in errors:
        texts += [
            str(error), repr(error), str(vars(error)), pickle.dumps(error).decode("latin-1"),
            "".join(traceback.format_exception(error)),
        ]  # fmt: skip
        cause: Any = error.__cause__
        while cause is not None:
            request = getattr(cause, "request", None)
            texts += [repr(cause), str(vars(cause)), str(getattr(request, "headers", ""))]
            cause = cause.__cause__ or cause.__context__
    texts += [record.getMessage() for record in caplog.records]
    assert any("/y" in record.getMessage() for record in caplog.records)
    assert not [text for text in texts if "s3cret" in text]
    for thing in (api, real, api.bot_intent(), api.user("@_g:hs.test")):
        with pytest.raises(TypeError, match="can't be pickled"):
            pickle.dumps(thing)
    assert not [request.target for request in stub.requests if "s3cret" in request.target]


def test_logging_has_levels(stub: StubHomeserver, caplog: pytest.LogCaptureFixture) -> None:
    api = HTTPAPI(stub.base_url)
    caplog.set_level(logging.DEBUG)
    api.request("GET", Path.versions)
    lines = [r.getMessage() for r in caplog.records if r.name == "appservice_api"]
    assert len(lines) == 1
    assert lines[0].startswith("GET /_matrix/client/versions: 200, ")
    for level, seen in ((logging.DEBUG, False), (TRACE, True)):
        caplog.clear()
        caplog.set_level(level)
        api.log.trace("a line of %s", "TRACE")
        assert ("a line of TRACE" in caplog.text) is seen
    assert logging.getLevelName(TRACE) == "TRACE"


def test_a_session_of_the_user_is_used_as_it_is(stub: StubHomeserver) -> None:
    session = requests.Session()
    session.headers["X-Session"] = "yes"
    session.params = {"tenant": "7"}
    session.cookies.set("sticky", "1")
    seen: list[str] = []
    session.hooks["response"].append(lambda response, **_: seen.append(response.url))
    before = {key: repr(value) for key, value in vars(session).items()}
    adapters = dict(session.adapters)
    api = HTTPAPI(stub.base_url, TOKEN, client_session=session)
    api.request("GET", Path.versions, query_params={"a": 1})
    (sent,) = stub.requests
    assert (sent.headers["X-Session"], sent.headers["Cookie"]) == ("yes", "sticky=1")
    assert sent.query == {"a": ["1"], "tenant": ["7"]}
    assert sent.token == TOKEN
    assert len(seen) == 1
    assert {key: repr(value) for key, value in vars(session).items()} == before
    assert dict(session.adapters) == adapters
    api.close()
    assert session.get(stub.base_url + "/_matrix/client/versions").ok


def test_a_hook_that_raises_for_status_changes_nothing(stub: StubHomeserver) -> None:
    session = requests.Session()
    session.hooks["response"].append(lambda response, **_: response.raise_for_status())
    stub.script("GET", "/x", answer(403, {"errcode": "M_FORBIDDEN", "error": "no"}))
    with pytest.raises(MForbidden):
        HTTPAPI(stub.base_url, client_session=session).request("GET", "/x")


def test_netrc_never_replaces_the_token(
    stub: StubHomeserver, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = f"{tmp_path}/netrc"
    with open(netrc, "w") as file:
        file.write("machine 127.0.0.1 login u password p\n")
    monkeypatch.setenv("NETRC", netrc)
    HTTPAPI(stub.base_url, TOKEN).request("GET", Path.versions)
    assert stub.requests[0].headers["Authorization"] == f"Bearer {TOKEN}"


def test_a_proxy_of_the_environment_is_used(
    stub: StubHomeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", stub.base_url)
    monkeypatch.delenv("no_proxy", raising=False)
    api = HTTPAPI("http://hs.example", TOKEN)
    stub.script("GET", "versions", answer(200, {"versions": []}), forever=True)
    assert api.request("GET", Path.versions) == {"versions": []}
    assert stub.requests[0].target == "http://hs.example/_matrix/client/versions"
    monkeypatch.delenv("http_proxy")
    assert api.request("GET", Path.versions) == {"versions": []}, "read once for a base URL"


def test_the_tools_that_fake_requests_work() -> None:
    url = "http://hs.example/_matrix/client/versions"
    api = HTTPAPI("http://hs.example", TOKEN)
    with responses.RequestsMock() as fake:
        fake.get(url, json={"versions": ["by responses"]})
        assert api.request("GET", Path.versions) == {"versions": ["by responses"]}
    with requests_mock.Mocker() as mocker:
        mocker.get(url, json={"versions": ["by requests_mock"]})
        assert api.request("GET", Path.versions) == {"versions": ["by requests_mock"]}
        assert mocker.last_request.headers["Authorization"] == f"Bearer {TOKEN}"


def test_vcr_records_and_plays_back(stub: StubHomeserver, tmp_path: object) -> None:
    import vcr

    cassette = f"{tmp_path}/cassette.yaml"
    for _ in range(2):
        with vcr.use_cassette(cassette, filter_headers=["authorization"]):
            assert HTTPAPI(stub.base_url, TOKEN).request("GET", Path.versions)
    assert len(stub.requests) == 1


def test_a_compressed_answer(stub: StubHomeserver) -> None:
    import gzip

    body = gzip.compress(b'{"a":1}')
    stub.script("GET", "/x", answer(200, body, {"Content-Encoding": "gzip"}))
    assert HTTPAPI(stub.base_url).request("GET", "/x") == {"a": 1}


def test_many_threads_get_their_own_answers(stub: StubHomeserver) -> None:
    api = HTTPAPI(stub.base_url)
    stub.script("GET", "/echo/", lambda request: answer(200, {"path": request.path}), forever=True)
    wrong: list[str] = []

    def ask(number: int) -> None:
        for turn in range(20):
            path = f"/_matrix/client/v3/echo/{number}/{turn}"
            if api.request("GET", path)["path"] != path:
                wrong.append(path)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert wrong == []
    assert len(stub.requests) == 640


def test_a_cookie_of_a_load_balancer_comes_back(stub: StubHomeserver) -> None:
    cookies = {"Set-Cookie": "worker=3; Path=/"}
    stub.script("GET", "/versions", answer(200, {"versions": []}, cookies))
    api = HTTPAPI(stub.base_url)
    seen: list[requests.Response] = []
    api.session.hooks["response"].append(lambda response, **_: seen.append(response))
    api.request("GET", Path.versions)
    api.request("GET", Path.versions)
    assert "Cookie" not in stub.requests[0].headers
    assert stub.requests[1].headers["Cookie"] == "worker=3"
    assert seen[0].cookies["worker"] == "3"
    assert seen[0].headers["set-cookie"] == "worker=3; Path=/"
    assert (seen[0].reason, seen[0].ok, seen[0].json()) == ("OK", True, {"versions": []})
