"""Discovery: whom it asks, what it tells them, and what it takes for an answer."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from appservice_api import (
    AppServiceAPI,
    IntentAPI,
    MatrixConnectionError,
    MatrixResponseError,
    MNotFound,
    MUnrecognized,
)
from appservice_api.api import well_known
from appservice_api.testing import StubHomeserver, answer

WELL_KNOWN = "https://example.org/.well-known/matrix/client"
GOOD = {"m.homeserver": {"base_url": "https://matrix.example.org/"}}


class Web(BaseAdapter):
    """The whole web: answers by URL, and what was asked."""

    def __init__(self, pages: dict[str, Any]) -> None:
        super().__init__()
        self.pages = pages
        self.asked: list[requests.PreparedRequest] = []
        self.timeouts: list[Any] = []

    def send(  # type: ignore[override]
        self, request: requests.PreparedRequest, timeout: Any = None, **_: Any
    ) -> requests.Response:
        self.asked.append(request)
        self.timeouts.append(timeout)
        page = self.pages.get(str(request.url))
        if isinstance(page, Exception):
            raise page
        status, headers, body = page if isinstance(page, tuple) else (200, {}, page)
        if page is None:
            status, body = 404, "nothing"
        if not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        content = body if isinstance(body, bytes) else body.encode()
        response = requests.Response()
        response.status_code = status
        response.headers.update(headers)
        response.url = str(request.url)
        response.request = request
        response.raw = HTTPResponse(io.BytesIO(content), status=status, preload_content=False)
        return response

    def close(self) -> None:
        """Nothing is open."""

    def session(self) -> requests.Session:
        session = requests.Session()
        session.mount("https://", self)
        session.mount("http://", self)
        return session


def moved(target: str, status: int = 302) -> tuple[int, dict[str, str], str]:
    return status, {"Location": target}, ""


def test_a_homeserver_is_found(api: AppServiceAPI) -> None:
    web = Web({WELL_KNOWN: GOOD, "https://[::1]/.well-known/matrix/client": GOOD})
    for domain in ("example.org", "example.org:8448", "[::1]:8448", "[::1]"):
        found = IntentAPI.discover(domain, web.session())
        assert found == "https://matrix.example.org"
    assert [one.url for one in web.asked[:2]] == [WELL_KNOWN] * 2
    assert AppServiceAPI(found, token="t").base_url == found
    assert web.timeouts[0] == (5.0, 10.0)
    assert api.bot_intent().discover("nowhere.test", web.session()) is None


def test_nothing_of_the_session_goes_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login me password secret\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    web = Web({WELL_KNOWN: moved("https://other.test/x"), "https://other.test/x": GOOD})
    session = web.session()
    session.headers["Authorization"] = "Bearer as_token"
    session.headers["X-Key"] = "secret"
    session.auth = ("me", "secret")
    session.params = {"access_token": "as_token"}
    session.cookies.set("id", "secret")
    heard = []
    session.hooks["response"].append(lambda response, **_: heard.append(response.url))
    IntentAPI.discover("example.org", session)
    assert [one.url for one in web.asked] == [WELL_KNOWN, "https://other.test/x"] == heard
    for request in web.asked:
        assert {*request.headers} == {"Accept", "User-Agent"}
        assert request.body is None


def test_redirects() -> None:
    pages: dict[str, Any] = {WELL_KNOWN: moved("/there", 308)}
    pages["https://example.org/there"] = moved("//www.example.org/end", 301)
    pages["https://www.example.org/end"] = GOOD
    assert IntentAPI.discover("example.org", Web(pages).session())
    loop = Web({WELL_KNOWN: moved(WELL_KNOWN)})
    with pytest.raises(MatrixResponseError, match="more than 5 redirects"):
        IntentAPI.discover("example.org", loop.session())
    assert len(loop.asked) == 6


@pytest.mark.parametrize(
    "target",
    ["http://example.org/", "https://u:p@example.org/", "file:///etc/passwd", "https://["],
)  # fmt: skip
def test_redirects_that_are_not_followed(target: str) -> None:
    web = Web({WELL_KNOWN: moved(target)})
    with pytest.raises(MatrixResponseError, match="plain HTTPS"):
        IntentAPI.discover("example.org", web.session())
    assert len(web.asked) == 1


def test_a_redirect_without_end() -> None:
    class Endless(io.RawIOBase):
        read_so_far = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            self.read_so_far += len(buffer)
            return len(buffer)

    endless = Endless()
    web = Web({WELL_KNOWN: moved("/x"), "https://example.org/x": GOOD})
    send = web.send

    def sent(request: requests.PreparedRequest, **how: Any) -> requests.Response:
        response = send(request, **how)
        if "Location" in response.headers:
            response.raw = HTTPResponse(io.BufferedReader(endless), preload_content=False)
        return response

    web.send = sent  # type: ignore[assignment]
    assert IntentAPI.discover("example.org", web.session()) == "https://matrix.example.org"
    assert endless.read_so_far < 100_000


@pytest.mark.parametrize(
    "page, words",
    [
        ("<html>", "isn't JSON"),
        (b"\xff", "isn't JSON"),
        ([], "no URL"),
        ({"m.homeserver": 5}, "no URL"),
        ({"m.homeserver": {"base_url": 5}}, "no URL"),
        ({"m.homeserver": {"base_url": "matrix.example.org"}}, "not the URL"),
        ({"m.homeserver": {"base_url": "https://u:p@example.org"}}, "user name"),
        ({"m.homeserver": {"base_url": "javascript:alert(1)"}}, "not the URL"),
        ((500, {}, "oops"), "500 instead"),
        ((302, {}, ""), "302 instead"),
        ("[" + " " * 70_000 + "]", "larger than 65536 bytes"),
    ],
)
def test_answers_that_can_not_be_used(page: Any, words: str) -> None:
    with pytest.raises(MatrixResponseError, match=words) as caught:
        IntentAPI.discover("example.org", Web({WELL_KNOWN: page}).session())
    assert WELL_KNOWN in str(caught.value)


def test_a_domain_that_can_not_be_reached() -> None:
    broken = Web({WELL_KNOWN: requests.ConnectionError("down")})
    with pytest.raises(MatrixConnectionError, match="down"):
        IntentAPI.discover("example.org", broken.session())
    for bad in ("https://example.org", "@a:example.org", "", "example.org/x", "u@example.org"):
        with pytest.raises(ValueError, match="server name"):
            IntentAPI.discover(bad)


def test_a_session_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    web = Web({WELL_KNOWN: GOOD})
    session = web.session()
    monkeypatch.setattr(well_known, "new_session", lambda: session)
    assert IntentAPI.discover("example.org") == "https://matrix.example.org"


def test_what_the_homeserver_itself_says(stub: StubHomeserver, api: AppServiceAPI) -> None:
    ghost = api.intent("@_nobody:hs.test")
    said = {**GOOD, "m.identity_server": {"base_url": "https://id.test"}, "x": 1}
    support = {"contacts": [{"role": "m.role.admin", "matrix_id": "@a:b"}], "support_page": "p"}
    meta = {"issuer": "https://a.test/", "grant_types_supported": ["authorization_code"]}
    unknown = answer(404, {"errcode": "M_UNRECOGNIZED", "error": "no"})
    stub.script("GET", "/matrix/client$", answer(200, said), answer(404, "<html>"), answer(200))
    stub.script("GET", "/matrix/support$", answer(200, support), answer(404, "<html>"))
    stub.script("GET", "/auth_metadata$", answer(200, meta), unknown)
    found = ghost.get_wellknown()
    assert found == said
    assert found.homeserver is not None
    assert found.identity_server is not None
    assert found.homeserver.base_url == "https://matrix.example.org/"
    assert found.identity_server.base_url == "https://id.test"
    contacts = ghost.get_wellknown_support().contacts or []
    assert [(one.role, one.matrix_id) for one in contacts] == [("m.role.admin", "@a:b")]
    assert ghost.get_auth_metadata().grant_types_supported == ["authorization_code"]
    with pytest.raises(MNotFound):
        ghost.get_wellknown()
    with pytest.raises(MNotFound):
        ghost.get_wellknown_support()
    with pytest.raises(MatrixResponseError, match=r"m\.homeserver"):
        ghost.get_wellknown()
    with pytest.raises(MUnrecognized):
        ghost.get_auth_metadata()
    assert {(one.token, one.user_id) for one in stub.requests} == {(None, None)}
    assert stub.requests[0].target == "/.well-known/matrix/client"
