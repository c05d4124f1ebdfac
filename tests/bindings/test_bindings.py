"""What all bindings do alike, with test clients and over a real WSGI server."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from appservice_api.application import AppService

from ..receiver.conftest import event
from .carriers import AUTH, Carrier, Reply

GHOST = "@_irc_a/b+c=d%2F?#:hs.test"
MIB = 1024 * 1024


def errcode(reply: Reply) -> tuple[int, str]:
    """What was refused, and how."""
    return reply.status, reply.json["errcode"]


def test_a_transaction_is_handled_once(carrier: Carrier, heard: list[str]) -> None:
    for _ in range(2):
        reply = carrier.push(event(1), event(2))
        assert (reply.status, reply.json) == (200, {})
    assert heard == ["$event1", "$event2"]


@pytest.mark.parametrize("path", ["v1/ping", "unstable/fi.mau.msc2659/ping"])
def test_a_ping(carrier: Carrier, path: str) -> None:
    reply = carrier.ask("POST", f"/_matrix/app/{path}", {"transaction_id": "1"})
    assert (reply.status, reply.json) == (200, {})


@pytest.mark.parametrize("base", ["/_matrix/app/v1", ""])
@pytest.mark.parametrize("safe", ["", "/"])
def test_a_user_whose_id_has_slashes(
    carrier: Carrier, app: AppService, base: str, safe: str
) -> None:
    asked = []

    @app.on_user_query
    def user_query(user_id: str) -> bool:
        asked.append(user_id)
        return True

    reply = carrier.ask("GET", f"{base}/users/{quote(GHOST, safe=safe)}")
    assert (reply.status, reply.json) == (200, {})
    assert asked == [GHOST]


def test_a_third_party_lookup(carrier: Carrier, app: AppService) -> None:
    asked: list[Any] = []

    @app.on_user("irc")
    def user(fields: dict[str, str]) -> list[Any]:
        asked.append(fields)
        return []

    reply = carrier.ask("GET", "/_matrix/app/v1/thirdparty/user/irc?nick=y+%C3%A9%26&network=x")
    assert (reply.status, reply.json) == (200, [])
    assert asked == [{"nick": "y é&", "network": "x"}]


def test_only_the_homeserver_comes_in(carrier: Carrier, heard: list[str]) -> None:
    path = "/_matrix/app/v1/transactions/1"
    body = {"events": [event()]}
    assert errcode(carrier.ask("PUT", path, body, {})) == (401, "M_MISSING_TOKEN")
    wrong = {"Authorization": "Bearer wrong"}
    assert errcode(carrier.ask("PUT", path, body, wrong)) == (403, "M_FORBIDDEN")
    query = f"{path}?access_token=hs_token"
    assert errcode(carrier.ask("PUT", query, body, {})) == (401, "M_MISSING_TOKEN")
    assert heard == []


def test_what_is_not_there(carrier: Carrier) -> None:
    assert errcode(carrier.ask("GET", "/_matrix/app/v1/no")) == (404, "M_UNRECOGNIZED")
    assert errcode(carrier.ask("GET", "/_matrix/app/v1/ping")) == (405, "M_UNRECOGNIZED")
    assert errcode(carrier.ask("OPTIONS", "/_matrix/app/v1/ping")) == (405, "M_UNRECOGNIZED")
    assert errcode(carrier.ask("GET", "/rooms/%23no:hs.test")) == (404, "M_NOT_FOUND")
    # Outside of what Matrix has, the site answers.
    assert carrier.ask("GET", "/other").status == 404
    assert carrier.ask("GET", "").status == 404


def test_health(carrier: Carrier) -> None:
    for path in ("/healthz", "/readyz"):
        reply = carrier.ask("GET", path, headers={})
        assert (reply.status, reply.json) == (200, {})
        assert carrier.ask("HEAD", path, headers={}).status == 200
        assert errcode(carrier.ask("POST", path, {}, {})) == (405, "M_UNRECOGNIZED")


def test_a_large_transaction_is_taken(carrier: Carrier, heard: list[str]) -> None:
    body = "x" * (64 * 1024 - 300)
    events = [event(number, content={"msgtype": "m.text", "body": body}) for number in range(100)]
    reply = carrier.push(*events)
    assert (reply.status, reply.json) == (200, {})
    assert len(heard) == 100


def test_a_body_of_33_mib_is_refused(carrier: Carrier) -> None:
    path, body = "/_matrix/app/v1/transactions/1", b" " * (33 * MIB)
    assert errcode(carrier.ask("PUT", path, body)) == (413, "M_TOO_LARGE")
    # Of a stranger's, only as much is read as a mistaken setting may need to be seen.
    small = body[: 64 * 1024]
    assert errcode(carrier.ask("PUT", path, small, {})) == (401, "M_MISSING_TOKEN")


def test_the_sites_own_limit_is_left_alone(carrier: Carrier) -> None:
    reply = carrier.send("POST", "/form", b"x" * 2000, {"Content-Type": "text/plain"})
    assert reply.status in (400, 403, 413)


def test_a_body_that_is_not_json(carrier: Carrier) -> None:
    path = "/_matrix/app/v1/transactions/1"
    assert errcode(carrier.ask("PUT", path, b"{")) == (400, "M_NOT_JSON")
    assert errcode(carrier.ask("PUT", path, b"[]")) == (400, "M_BAD_JSON")
    form = {**AUTH, "Content-Type": "application/x-www-form-urlencoded"}
    assert errcode(carrier.ask("PUT", path, b"a=b", form)) == (400, "M_NOT_JSON")
    # What is said of the body doesn't matter, if it's JSON.
    assert carrier.ask("PUT", path, b'{"events": []}', form).status == 200
