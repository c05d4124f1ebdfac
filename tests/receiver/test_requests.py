"""Routes, authentication, limits: what is answered to which request."""

from __future__ import annotations

import json
from typing import Any

import pytest

from appservice_api import MemoryStateStore, StateStoreError
from appservice_api.application import AppService
from appservice_api.receiver import Request
from appservice_api.receiver.routes import find
from appservice_api.testing import StubHomeserver

from .conftest import HS_TOKEN, Pusher, event, registration

PING = "/_matrix/app/v1/ping"


@pytest.mark.parametrize("path", [PING, "/_matrix/app/unstable/fi.mau.msc2659/ping"])
@pytest.mark.parametrize("body", [{}, {"transaction_id": None}, b""])
def test_a_ping_is_answered(pusher: Pusher, path: str, body: Any) -> None:
    answer = pusher.ask("POST", path, body)
    assert (answer.status, answer.body, answer.data) == (200, {}, b"{}")
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "path, route, name",
    [
        ("/_matrix/app/v1/transactions/5", "transaction", "5"),
        ("/transactions/5", "transaction", "5"),
        ("/_matrix/app/v1/users/%40_irc_a/b%2Bc%3Dd%3Ahs", "user_query", "@_irc_a/b+c=d:hs"),
        ("/users/@_irc_a:hs.test", "user_query", "@_irc_a:hs.test"),
        ("/_matrix/app/v1/rooms/%23_irc_%C3%A9%2F1%3Ahs.test", "alias_query", "#_irc_é/1:hs.test"),
        ("/rooms/%23a:b", "alias_query", "#a:b"),
        ("/_matrix/app/v1/thirdparty/protocol/irc", "protocol", "irc"),
        ("/_matrix/app/unstable/thirdparty/protocol/irc", "protocol", "irc"),
        ("/_matrix/app/v1/thirdparty/user/irc", "user", "irc"),
        ("/_matrix/app/v1/thirdparty/location/irc", "location", "irc"),
        ("/_matrix/app/v1/thirdparty/user", "user", None),
        ("/_matrix/app/unstable/thirdparty/location", "location", None),
        ("/_matrix/app/unstable/org.matrix.msc3983/keys/claim", "keys_claim", None),
        ("/_matrix/app/unstable/org.matrix.msc3984/keys/query", "keys_query", None),
    ],
)  # fmt: skip
def test_paths_lead_somewhere(path: str, route: str, name: str | None) -> None:
    found = find(path)
    assert found is not None
    assert (found.route, found.name) == (route, name)


@pytest.mark.parametrize(
    "path", ["/", "", "/_matrix/app/v1/", "/transactions/", "/ping", "/thirdparty/user"]
)  # fmt: skip
def test_other_paths_lead_nowhere(pusher: Pusher, path: str) -> None:
    answer = pusher.ask("GET", path)
    assert (answer.status, answer.body["errcode"]) == (404, "M_UNRECOGNIZED")  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "method, path, right",
    [("GET", PING, "POST"), ("POST", "/_matrix/app/v1/transactions/1", "PUT"),
     ("PUT", "/users/@a:b", "GET"), ("DELETE", "/healthz", "GET")],
)  # fmt: skip
def test_the_method_must_be_right(pusher: Pusher, method: str, path: str, right: str) -> None:
    answer = pusher.ask(method, path, {})
    assert (answer.status, answer.headers["Allow"]) == (405, right)
    assert b"M_UNRECOGNIZED" in answer.data


def test_every_path_requires_the_token(pusher: Pusher) -> None:
    for path in (PING, "/nowhere", "/_matrix/app/v1/transactions/1"):
        missing = pusher.ask("POST", path, b"no json", token=None)
        assert (missing.status, b"M_MISSING_TOKEN" in missing.data) == (401, True)
        wrong = pusher.ask("POST", path, b"no json", token="as_token")
        assert (wrong.status, b"M_FORBIDDEN" in wrong.data) == (403, True)


@pytest.mark.parametrize("header", ["bearer hs_token", "BEARER   hs_token", "  Bearer hs_token "])
def test_the_header_may_be_written_otherwise(app: AppService, header: str) -> None:
    request = Request("POST", PING, headers=[("AUTHORIZATION", header)])
    assert app.receiver.handle(request).status == 200


@pytest.mark.parametrize(
    "header, status",
    [("Basic hs_token", 401), ("Bearer", 401), ("Bearer ", 401), ("hs_token", 401),
     ("Bearer hs_tokeń", 403), ("Bearer hs_token hs_token", 403), ("Bearer \ud800", 403)],
)  # fmt: skip
def test_what_isnt_the_token_is_refused(app: AppService, header: str, status: int) -> None:
    assert (
        app.receiver.handle(Request("POST", PING, headers={"Authorization": header})).status
        == status
    )


def test_a_token_in_the_query_counts_only_where_that_is_allowed(
    app: AppService, pusher: Pusher, stub: StubHomeserver
) -> None:
    query = f"access_token={HS_TOKEN}"
    assert pusher.ask("POST", PING, query=query, token=None).status == 401
    assert pusher.ask("POST", PING, query="access_token=other").status == 200
    with AppService(registration(), stub.base_url, query_token=True) as old:
        of_old = Pusher(old)
        assert of_old.ask("POST", PING, query=query, token=None).status == 200
        assert of_old.ask("POST", PING, query=query).status == 200
        assert of_old.ask("POST", PING, query="access_token=other").status == 403
        assert of_old.ask("POST", PING, query=query, token="other").status == 403


@pytest.mark.parametrize(
    "body, errcode",
    [(b"", "M_NOT_JSON"), (b"{", "M_NOT_JSON"), (b"\xff", "M_NOT_JSON"),
     (b"[" * 100_000, "M_NOT_JSON"), (b"[]", "M_BAD_JSON"), (b"null", "M_BAD_JSON"),
     (b"1", "M_BAD_JSON")],
)  # fmt: skip
def test_a_body_must_be_an_object(pusher: Pusher, body: bytes, errcode: str) -> None:
    answer = pusher.ask("PUT", "/_matrix/app/v1/transactions/1", body)
    assert answer.status == 400
    assert json.loads(answer.data)["errcode"] == errcode


def test_too_much_is_too_much(stub: StubHomeserver) -> None:
    with AppService(registration(), stub.base_url, max_body=100) as app:
        pusher = Pusher(app)
        assert pusher.ask("POST", PING, b" " * 98 + b"{}").status == 200
        answer = pusher.ask("POST", PING, b" " * 99 + b"{}")
        assert (answer.status, b"M_TOO_LARGE" in answer.data) == (413, True)
        headers = {"Authorization": "Bearer hs_token", "Content-Length": "101"}
        assert app.receiver.handle(Request("POST", PING, headers=headers)).status == 413
        assert pusher.ask("POST", PING, b" " * 101, token=None).status == 401


def test_a_hundred_large_events_are_taken(pusher: Pusher) -> None:
    events = [event(number, content={"body": "x" * 65_000}) for number in range(100)]
    assert pusher.push(*events).status == 200


def test_the_path_of_the_registration_may_come_along(stub: StubHomeserver) -> None:
    with AppService(registration(url="http://as.test/irc/"), stub.base_url) as app:
        pusher = Pusher(app)
        for path in (f"/irc{PING}", PING):
            assert pusher.ask("POST", path, {}).status == 200
        assert pusher.ask("POST", f"/other{PING}", {}).status == 404


def test_health_needs_no_token(pusher: Pusher) -> None:
    for path in ("/healthz", "/readyz"):
        for method in ("GET", "HEAD"):
            assert pusher.ask(method, path, token=None).status == 200


class Unreachable(MemoryStateStore):
    """A store that can't be reached."""

    @property
    def deliveries(self) -> Any:
        raise StateStoreError("no such host")


def test_who_cant_reach_the_store_is_alive_but_not_ready(
    app: AppService, pusher: Pusher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MemoryStateStore, "deliveries", Unreachable.deliveries)
    assert pusher.ask("GET", "/healthz", token=None).status == 200
    answer = pusher.ask("GET", "/readyz", token=None)
    assert answer.status == 503
    assert b"no such host" not in answer.data
