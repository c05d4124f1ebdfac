"""What is repeated, and after which wait."""

from __future__ import annotations

import threading
from email.utils import formatdate
from typing import Any

import pytest
import requests

from appservice_api import (
    HTTPAPI,
    AppServiceAPI,
    MatrixConnectionError,
    MatrixRequestError,
    MatrixResponseError,
    MatrixTimeoutError,
    MConnectionFailed,
    MLimitExceeded,
    Path,
    RetryPolicy,
)
from appservice_api.api.retry import may_repeat, retry_after
from appservice_api.testing import (
    DROP,
    RESET,
    ManualClock,
    Recorded,
    StubHomeserver,
    answer,
    truncated,
)
from appservice_api.testing.stub import after_applying, hang

ROOM = "!room1:hs.test"
SEND = Path.v3.rooms[ROOM].send["m.room.message"]["txn1"]
CONTENT = {"msgtype": "m.text", "body": "hi"}
HTML = answer(502, "<html>Bad Gateway</html>", {"Content-Type": "text/html"})
OK_HTML = answer(200, "<html>Welcome</html>", {"Content-Type": "text/html"})

UNANSWERED: dict[str, Any] = {
    "502 with HTML": HTML,
    "empty 504": answer(504, b""),
    "dropped": DROP,
    "reset": RESET,
    "truncated": truncated(b'{"event_id": ', 100),
    "200 with HTML": OK_HTML,
    "200 cut short": answer(200, b'{"event_id": "$a'),
}


@pytest.mark.parametrize("fault", UNANSWERED.values(), ids=UNANSWERED)
def test_a_put_is_repeated_with_the_very_same_path_and_body(
    fault: Any, stub: StubHomeserver, api: AppServiceAPI
) -> None:
    stub.room(members=["@bot:hs.test"])
    stub.script("PUT", "/send/", fault, fault)
    event_id = api.request("PUT", SEND, CONTENT)["event_id"]
    assert len(stub.requests) == 3
    assert len({(r.target, r.body) for r in stub.requests}) == 1
    assert [
        event["event_id"] for event in stub.events(ROOM) if event["type"] == "m.room.message"
    ] == [event_id]


@pytest.mark.parametrize("fault", UNANSWERED.values(), ids=UNANSWERED)
def test_create_room_is_never_sent_twice(
    fault: Any, stub: StubHomeserver, api: AppServiceAPI
) -> None:
    stub.script("POST", "/createRoom", fault)
    with pytest.raises((MatrixConnectionError, MatrixRequestError, MatrixResponseError)) as caught:
        api.intent(ensure_joined=False).create_room(name="once")
    assert stub.calls() == ["POST /createRoom"]
    assert caught.value.attempts == 1


def test_a_message_that_arrived_but_whose_answer_was_lost_is_there_once(
    stub: StubHomeserver, api: AppServiceAPI
) -> None:
    room = stub.room(members=["@_ghost:hs.test"])
    stub.add_user("@_ghost:hs.test")
    stub.script("PUT", "/send/", after_applying(DROP))
    event_id = api.intent("@_ghost:hs.test").send_text(room, "once")
    sent = [event for event in stub.events(room) if event["type"] == "m.room.message"]
    assert [event["event_id"] for event in sent] == [event_id]
    assert len(stub.requests) == 2


def test_what_never_reached_the_homeserver_is_repeated_even_for_create_room() -> None:
    clock = ManualClock(auto=True)
    api = AppServiceAPI("http://127.0.0.1:9", "@bot:hs.test", "as_token", clock=clock)
    with pytest.raises(MatrixConnectionError) as caught:
        api.intent(ensure_joined=False).create_room(retry_count=6)
    assert caught.value.attempts == 7
    assert not caught.value.sent
    assert not caught.value.repeated
    assert isinstance(caught.value, requests.exceptions.ConnectionError)
    assert len(clock.waits) == 6
    for wait, bound in zip(clock.waits, (0.5, 1, 2, 4, 5, 5), strict=True):
        assert bound / 2 <= wait <= bound


@pytest.mark.parametrize("luck", [0.0, 0.5, 0.999])
def test_the_defaults_ride_out_a_restart_of_30_seconds(
    luck: float, stub: StubHomeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.uniform", lambda low, high: low + luck * (high - low))
    clock = ManualClock(auto=True)
    room = stub.room(members=["@bot:hs.test"])

    def restarting(request: Recorded) -> Any:
        return HTML if clock.monotonic() < 30 else None

    stub.script("PUT", "/send/", restarting, forever=True)
    api = AppServiceAPI(stub.base_url, "@bot:hs.test", "as_token", clock=clock)
    api.bot_intent().send_text(room, "once")
    assert len([e for e in stub.events(room) if e["type"] == "m.room.message"]) == 1
    assert len({(request.target, request.body) for request in stub.requests}) == 1
    assert 30 <= clock.monotonic() < 36

    stub.unscript()
    stub.script("PUT", "/send/", HTML, forever=True)
    begun = clock.monotonic()
    with pytest.raises(MatrixRequestError):
        api.bot_intent().send_text(room, "never")
    assert 30 < clock.monotonic() - begun <= 45


def test_retry_count_zero_turns_all_of_it_off(stub: StubHomeserver, api: AppServiceAPI) -> None:
    stub.script("GET", "/versions", HTML, answer(429, {"errcode": "M_LIMIT_EXCEEDED"}))
    for _ in range(2):
        with pytest.raises(MatrixRequestError):
            api.request("GET", Path.versions, retry_count=0)
    assert stub.calls() == ["GET /_matrix/client/versions"] * 2


def test_retry_count_is_how_often_it_is_repeated(stub: StubHomeserver, api: AppServiceAPI) -> None:
    stub.script("GET", "/versions", HTML, forever=True)
    with pytest.raises(MatrixRequestError) as caught:
        api.request("GET", Path.versions, retry_count=2)
    assert len(stub.requests) == 3
    assert caught.value.attempts == 3
    assert caught.value.errcode is None
    assert caught.value.temporary
    assert "Bad Gateway" in caught.value.text


def test_an_answer_with_an_errcode_inside_a_502_is_an_answer(
    stub: StubHomeserver, api: AppServiceAPI
) -> None:
    body = {"errcode": "M_CONNECTION_FAILED", "error": "refused"}
    stub.script("POST", "/ping", answer(502, body))
    with pytest.raises(MConnectionFailed) as caught:
        api.bot_intent().appservice_ping("test")
    assert len(stub.requests) == 1
    assert not caught.value.temporary


def test_a_500_is_not_repeated(stub: StubHomeserver, api: AppServiceAPI) -> None:
    stub.script("PUT", "/send/", answer(500, {"errcode": "M_UNKNOWN", "error": "boom"}))
    with pytest.raises(MatrixRequestError, match="boom"):
        api.request("PUT", SEND, CONTENT)
    assert len(stub.requests) == 1


def test_a_rate_limit_is_waited_out_even_for_create_room(
    stub: StubHomeserver, api: AppServiceAPI, clock: ManualClock
) -> None:
    limited = answer(
        429, {"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 855}, {"Retry-After": "1"}
    )
    stub.script("POST", "/createRoom", limited, limited)
    api.intent(ensure_joined=False).create_room()
    assert stub.calls() == ["POST /createRoom"] * 3
    assert clock.waits[0] == pytest.approx(0.855)


def test_rate_limits_do_not_use_up_the_repeats(stub: StubHomeserver, api: AppServiceAPI) -> None:
    limited = answer(429, {"errcode": "M_LIMIT_EXCEEDED"}, {"Retry-After": "1"})
    stub.script("GET", "/versions", *[limited] * 8, HTML)
    api.request("GET", Path.versions, retry_count=1)
    assert len(stub.requests) == 10


def test_a_wait_beyond_the_deadline_raises_at_once(
    stub: StubHomeserver, api: AppServiceAPI, clock: ManualClock
) -> None:
    stub.script(
        "POST", "/upload", answer(429, {"errcode": "M_LIMIT_EXCEEDED"}, {"Retry-After": "86400"})
    )
    with pytest.raises(MLimitExceeded) as caught:
        api.bot_intent().upload_media(b"x")
    assert caught.value.retry_after == 86400
    assert caught.value.attempts == 1
    assert clock.waits == []
    api.request("GET", Path.versions)  # and it holds up nothing else
    assert clock.waits == []


def test_the_deadline_counts_rate_limits_in(stub: StubHomeserver, clock: ManualClock) -> None:
    limited = answer(429, {"errcode": "M_LIMIT_EXCEEDED"}, {"Retry-After": "50"})
    stub.script("GET", "/versions", limited, forever=True)
    api = HTTPAPI(stub.base_url, clock=clock, retry=RetryPolicy(deadline=180))
    with pytest.raises(MLimitExceeded) as caught:
        api.request("GET", Path.versions)
    assert clock.waits == [50, 50, 50]
    assert caught.value.attempts == 4


def test_one_wait_for_all_threads_that_speak_as_the_same_user(stub: StubHomeserver) -> None:
    clock = ManualClock()
    api = AppServiceAPI(stub.base_url, "@bot:hs.test", "as_token", clock=clock)
    ghosts = ["@_one:hs.test", "@_two:hs.test"]
    room = stub.room(members=ghosts)
    for ghost in ghosts:
        stub.add_user(ghost)
    stub.script("PUT", "/send/", answer(429, {"errcode": "M_LIMIT_EXCEEDED"}, {"Retry-After": "1"}))
    one = api.intent(ghosts[0])
    threads = [threading.Thread(target=one.send_text, args=(room, "first"))]
    threads[0].start()
    clock.wait_for_waiters(1)
    for number in range(5):
        threads.append(threading.Thread(target=one.send_text, args=(room, str(number))))
        threads[-1].start()
    clock.wait_for_waiters(6)
    assert len(stub.requests) == 1, "the others knew without asking"
    api.intent(ghosts[1]).send_text(room, "another user isn't held up")
    assert len(stub.requests) == 2
    clock.advance(1.0)
    for thread in threads:
        thread.join(10)
    assert len(stub.requests) == 8
    assert clock.waiters == 0


def test_close_ends_all_waiting(stub: StubHomeserver) -> None:
    clock = ManualClock()
    api = HTTPAPI(stub.base_url, clock=clock)
    stub.script("GET", "/versions", HTML, forever=True)
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            api.request("GET", Path.versions)
        except MatrixConnectionError as error:
            errors.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    clock.wait_for_waiters(1)
    api.close()
    thread.join(10)
    assert [str(error) for error in errors] == ["GET /_matrix/client/versions: the API was closed"]
    with pytest.raises(MatrixConnectionError, match="closed") as caught:
        api.request("GET", Path.versions)
    assert not caught.value.temporary
    assert caught.value.attempts == 0


def test_a_read_timeout_is_typed_and_a_put_is_repeated(stub: StubHomeserver) -> None:
    release = threading.Event()
    stub.script("PUT", "/send/", hang(release), forever=True)
    api = AppServiceAPI(
        stub.base_url, "@bot:hs.test", "as_token", timeout=(5, 0.05),
        clock=ManualClock(auto=True), retry=RetryPolicy(repeats=1),
    )  # fmt: skip
    with pytest.raises(MatrixTimeoutError) as caught:
        api.request("PUT", SEND, CONTENT)
    release.set()
    assert isinstance(caught.value, requests.exceptions.Timeout)
    assert caught.value.attempts == 2
    assert len(stub.requests) == 2


def test_a_file_is_sent_again_from_where_it_began(stub: StubHomeserver, api: AppServiceAPI) -> None:
    import io

    file = io.BytesIO(b"skipped" + b"x" * 100_000)
    file.seek(7)
    stub.script(
        "POST", "/upload", answer(429, {"errcode": "M_LIMIT_EXCEEDED"}, {"Retry-After": "1"})
    )
    assert api.bot_intent().upload_media(file, "text/plain", "x.txt").startswith("mxc://")
    assert [request.body for request in stub.requests] == [b"x" * 100_000] * 2
    assert stub.requests[0].headers["Content-Type"] == "text/plain"
    assert stub.requests[0].query["filename"] == ["x.txt"]


@pytest.mark.parametrize(
    "method, path, repeatable",
    [
        ("GET", "/anything", True),
        ("PUT", "/anything", True),
        ("DELETE", "/anything", True),
        ("POST", "/_matrix/client/v3/join/{roomIdOrAlias}", True),
        ("POST", "/_matrix/client/v3/rooms/!a:b/invite", True),
        ("POST", "/_matrix/client/r0/rooms/!a:b/read_markers", True),
        ("POST", "/_matrix/client/v3/register", True),
        ("POST", "/_matrix/client/v1/appservice/x/ping", True),
        ("POST", "/_matrix/client/v3/keys/device_signing/upload", True),
        ("POST", "/_matrix/client/v3/keys/signatures/upload", True),
        ("POST", "/_matrix/client/v3/keys/upload", False),
        ("POST", "/_matrix/client/v3/room_keys/version", False),
        ("POST", "/_matrix/client/v3/createRoom", False),
        ("POST", "/_matrix/client/v3/rooms/!a:b/upgrade", False),
        ("POST", "/_matrix/media/v3/upload", False),
        ("POST", "/_matrix/media/v1/create", False),
        ("POST", "/_matrix/client/v3/login", False),
        ("POST", "/_matrix/client/v3/knock/!a:b", False),
        ("POST", "/_matrix/client/v3/rooms/!a:b/report/$e", False),
        ("POST", "/_matrix/client/v3/keys/claim", False),
        ("POST", "/_matrix/client/v3/user/@a:b/openid/request_token", False),
        ("POST", "/_synapse/admin/v1/rooms/!a:b", False),
        ("PATCH", "/anything", False),
    ],
)
def test_the_table_of_what_may_be_repeated(method: str, path: str, repeatable: bool) -> None:
    assert may_repeat(method, path) is repeatable


@pytest.mark.parametrize(
    "headers, body, seconds",
    [
        ({}, {}, None),
        ({"Retry-After": "7"}, {}, 7),
        ({"Retry-After": "1"}, {"retry_after_ms": 855}, 0.855),
        ({"Retry-After": "9"}, {"retry_after_ms": 855}, 9),
        ({}, {"retry_after_ms": 1500}, 1.5),
        ({}, {"retry_after_ms": -1795564250348}, None),
        ({}, {"retry_after_ms": "soon"}, None),
        ({"Retry-After": "nonsense"}, {"retry_after_ms": 10}, 0.01),
        ({"Retry-After": formatdate(1_000_030, usegmt=True)}, {}, 30),
        ({"Retry-After": formatdate(999_000, usegmt=True)}, {}, 0),
        ({"Retry-After": "-5"}, {}, 0),
        ({"Retry-After": "1.5"}, {}, 1.5),
        ({"Retry-After": "inf"}, {}, None),
        ({"Retry-After": "nan"}, {"retry_after_ms": 10}, 0.01),
        ({}, {"retry_after_ms": True}, None),
    ],
)
def test_how_long_the_homeserver_asks_to_wait(
    headers: dict[str, str], body: dict[str, object], seconds: float | None
) -> None:
    assert retry_after(headers, body, now=1_000_000) == pytest.approx(seconds)


def test_a_wait_of_another_thread_beyond_my_deadline_raises_at_once(stub: StubHomeserver) -> None:
    clock = ManualClock()
    api = HTTPAPI(stub.base_url, clock=clock, retry=RetryPolicy(deadline=180))
    limited = answer(429, {"errcode": "M_LIMIT_EXCEEDED"}, {"Retry-After": "100"})
    stub.script("GET", "/versions", limited)
    thread = threading.Thread(target=api.request, args=("GET", Path.versions))
    thread.start()
    clock.wait_for_waiters(1)
    with pytest.raises(MLimitExceeded) as caught:
        api.request("GET", Path.versions, deadline=10)
    assert caught.value.retry_after == pytest.approx(100)
    assert caught.value.attempts == 0
    assert len(stub.requests) == 1
    clock.advance(100)
    thread.join(10)
    assert len(stub.requests) == 2
