"""One deadline for a call, whatever it needs and however the homeserver hangs."""

from __future__ import annotations

import contextlib
import inspect
import io
import os
import threading
from collections.abc import Callable
from typing import Any

import pytest
import requests

from appservice_api import (
    AppServiceAPI,
    IntentAPI,
    MatrixConnectionError,
    MatrixError,
    MatrixTimeoutError,
    MLimitExceeded,
    RetryPolicy,
)
from appservice_api.api.exchange import Exchange
from appservice_api.api.media_stream import MediaStream
from appservice_api.api.pages import Pages
from appservice_api.testing import ManualClock, StubHomeserver, answer
from appservice_api.testing.stub import hang
from tests.openapi.rows import OF_REAL_USERS, ROWS
from tests.openapi.rows.sample import EVENT, MXC, ROOM, USER, Call, call

from .hanging import WAYS, hanging
from .raw_homeserver import RawHomeserver, ok

BOT, GHOST = "@bot:hs.test", "@_ghost:hs.test"
# A test that isn't over then won't be.
NEVER = 60.0
# Methods that do more, or less, than the operations of the specification have rows for.
MORE: dict[str, Call] = {
    "create_device_msc4190": call("DEVICE", "A device"),
    "edit": call(ROOM, EVENT, "x"),
    "ensure_joined": call(ROOM),
    "ensure_power_level": call(ROOM, "m.room.topic"),
    "ensure_registered": call(),
    "get_avatar_url": call(USER),
    "get_create": call(ROOM),
    "get_room_tag": call(ROOM, "m.favourite"),
    "react": call(ROOM, EVENT, "x"),
    "reply": call(ROOM, EVENT, "x"),
    "send_audio": call(ROOM, b"x", file_name="x"),
    "send_emote": call(ROOM, "x"),
    "send_file": call(ROOM, b"x", file_name="x"),
    "send_image": call(ROOM, b"x", file_name="x"),
    "send_member_event": call(ROOM, USER, "invite"),
    "send_message": call(ROOM, {"msgtype": "m.text", "body": "x"}),
    "send_notice": call(ROOM, "x"),
    "send_text": call(ROOM, "x"),
    "send_video": call(ROOM, b"x", file_name="x"),
    "set_event_power_level": call(ROOM, "m.x", 50),
    "set_power_levels": call(ROOM, {"ban": 50}),
    "set_user_power_level": call(ROOM, USER, 50),
    "sync_state": call(ROOM),
    "upload_one_signature": call(USER, "DEVICE", {"signatures": {}}),
}
CALLS = {name: calls[0] for name, calls in ROWS.items()} | MORE


def _takes_options(method: Callable[..., Any]) -> bool:
    kinds = [one.kind for one in inspect.signature(method).parameters.values()]
    return inspect.Parameter.VAR_KEYWORD in kinds


METHODS = [
    name for name, method in inspect.getmembers(IntentAPI, inspect.isfunction)
    if name[0] != "_" and _takes_options(method)
]  # fmt: skip


def made(intent: IntentAPI, name: str, **options: Any) -> Any:
    """Call a method, and begin to read what it gives."""
    args, kwargs = CALLS[name]
    outcome = getattr(intent, name)(*args, **{**kwargs, **options})
    if isinstance(outcome, Pages):
        next(outcome, None)
    if isinstance(outcome, MediaStream):
        outcome.close()
    return outcome


def ended(work: Callable[[], Any]) -> Any:
    """What a piece of work raises or returns, in a thread that must end."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(work())
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(NEVER)
    assert outcome, "it didn't end"
    return outcome[0]


@pytest.mark.parametrize("way", WAYS)
def test_a_call_ends_at_its_deadline(way: str) -> None:
    with hanging(way) as (url, _), AppServiceAPI(url, BOT, "as_token", timeout=600) as api:
        error = ended(lambda: api.intent(GHOST).send_text(ROOM, "x", deadline=0.5))
    # Which of the two it is depends on what the deadline meets: a wait, or an attempt.
    limited = (MLimitExceeded, MatrixTimeoutError)
    expected = limited if way == "429 without end" else MatrixTimeoutError
    assert isinstance(error, expected), repr(error)


# What requests itself reads it reads without a clock: the head, and a chunk.
@pytest.mark.parametrize("way", set(WAYS) - {"a dripped head", "a dripped chunk",
                                             "100 Continue without end"})  # fmt: skip
def test_a_call_ends_with_a_session_of_the_callers(way: str) -> None:
    with hanging(way) as (url, _), requests.Session() as session:
        session.trust_env = False
        api = AppServiceAPI(url, BOT, "as_token", timeout=600, client_session=session)
        error = ended(lambda: api.intent(GHOST).send_text(ROOM, "x", deadline=0.5))
    # Which of the two it is depends on what the deadline meets: a wait, or an attempt.
    limited = (MLimitExceeded, MatrixTimeoutError)
    expected = limited if way == "429 without end" else MatrixTimeoutError
    assert isinstance(error, expected), repr(error)


def test_there_is_a_call_of_each_method() -> None:
    assert set(METHODS) == set(CALLS)


def test_each_method_ends_at_its_deadline() -> None:
    outcomes: dict[str, Any] = {}

    def run(api: AppServiceAPI, name: str) -> None:
        real = name in OF_REAL_USERS
        speaker = api.intent(USER, token="user_token") if real else api.intent(GHOST)
        try:
            outcomes[name] = made(speaker, name, deadline=0.5)
        except Exception as error:
            outcomes[name] = error

    with hanging("silence") as (url, _):
        apis = [AppServiceAPI(url, BOT, "as_token", timeout=600) for _ in METHODS]
        threads = [
            threading.Thread(target=run, args=(api, name), daemon=True)
            for api, name in zip(apis, METHODS, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(NEVER)
        for api in apis:
            api.close()
    assert set(METHODS) - set(outcomes) == set(), "these didn't end"
    assert {name: one for name, one in outcomes.items() if not isinstance(one, MatrixError)} == {}


@pytest.mark.parametrize("is_member", [True, False])
def test_all_requests_of_a_call_share_its_deadline(
    is_member: bool, stub: StubHomeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock(auto=True)
    stub.add_user(USER, "user_token")
    ends: list[float] = []
    attempt = Exchange.attempt

    def noted(self: Exchange) -> Any:
        ends.append(self.end)
        clock.advance(1)
        return attempt(self)

    monkeypatch.setattr(Exchange, "attempt", noted)
    several = 0
    for name in METHODS:
        room = stub.room(members=[BOT, GHOST, USER] if is_member else [BOT])
        api = AppServiceAPI(stub.base_url, BOT, "as_token", clock=clock)
        real = name in OF_REAL_USERS
        speaker = api.intent(USER, token="user_token") if real else api.intent(GHOST)
        args, kwargs = CALLS[name]
        ends.clear()
        begun = clock.monotonic()
        with contextlib.suppress(MatrixError):
            getattr(speaker, name)(*[room if one == ROOM else one for one in args], **kwargs)
        several += len(ends) > 1
        # A file's travel is left out of account.
        assert all(end >= begun + 45 for end in ends), name
        assert max(ends, default=0) - min(ends, default=0) < 0.9, name
    assert several > 20


def test_a_sync_may_wait_as_long_as_it_asks_the_homeserver_to(
    stub: StubHomeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends: list[float] = []
    clock = ManualClock(auto=True)
    attempt = Exchange.attempt

    def noted(self: Exchange) -> Any:
        ends.append(self.end)
        return attempt(self)

    monkeypatch.setattr(Exchange, "attempt", noted)
    stub.script("GET", "/sync", answer(200, {"next_batch": "n"}), forever=True)
    api = AppServiceAPI(stub.base_url, BOT, "as_token", clock=clock)
    api.bot_intent().sync(timeout=120_000)
    api.bot_intent().sync(timeout=120_000, deadline=10)
    assert ends == [165, 10]


def test_nothing_is_sent_once_the_time_is_over(stub: StubHomeserver) -> None:
    clock = ManualClock(auto=True)
    room = stub.room(members=[BOT])

    def slow(request: Any) -> Any:
        clock.advance(3)

    stub.script("*", "", slow, forever=True)
    api = AppServiceAPI(stub.base_url, BOT, "as_token", clock=clock, retry=RetryPolicy(deadline=5))
    with pytest.raises(MatrixTimeoutError, match="no time left") as caught:
        api.intent(GHOST).send_text(room, "x")
    assert not caught.value.sent
    assert len(stub.requests) == 2


def test_what_is_given_up_at_its_deadline_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with hanging("silence") as (url, _), AppServiceAPI(url, BOT, "s3cret") as api:
        for _ in range(2):
            assert isinstance(
                ended(lambda: api.intent(GHOST).send_text(ROOM, "x", deadline=0.1)),
                MatrixTimeoutError,
            )
    lines = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(lines) == 2
    assert f"as {GHOST} is given up" in lines[0]
    assert "s3cret" not in "".join(lines)


def test_a_file_may_travel_longer_than_the_deadline(stub: StubHomeserver) -> None:
    clock = ManualClock(auto=True)

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if size:
                threading.Event().wait(0.05)
            return super().read(size)

    with AppServiceAPI(stub.base_url, BOT, "as_token", clock=clock) as api:
        bot = api.bot_intent()
        uri = bot.upload_media(Slow(bytes(600_000)), deadline=0.3)
        room = stub.room(members=[BOT])
        bot.send_file(room, Slow(bytes(600_000)), file_name="x", deadline=0.3)
        assert len(bot.download_media(uri, deadline=0.3)) == 600_000


def test_a_download_waits_for_data_as_long_as_its_timeout() -> None:
    class Late(RawHomeserver):
        def _talk(self, connection: Any, stream: Any) -> None:
            stream.readline()
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
            for _ in range(4):
                threading.Event().wait(0.15)
                connection.sendall(b"x")

    for session in (None, requests.Session()):
        server = Late([])
        api = AppServiceAPI(server.base_url, BOT, "as_token", client_session=session, timeout=5)
        api._shared.versions[server.base_url] = {"versions": ["v1.11"]}
        assert api.bot_intent().download_media(MXC, deadline=0.2) == b"xxxx"
        server.close()
        api.session.close()


@pytest.mark.parametrize("own", [True, False])
def test_a_download_that_stalls_is_not_begun_again_after_its_deadline(own: bool) -> None:
    class Stalling(RawHomeserver):
        def _talk(self, connection: Any, stream: Any) -> None:
            stream.readline()
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nxx")
            stream.read()  # until it is given up

    with requests.Session() as session:
        server = Stalling([])
        api = AppServiceAPI(server.base_url, BOT, "as_token", timeout=0.3,
                            client_session=None if own else session)  # fmt: skip
        api._shared.versions[server.base_url] = {"versions": ["v1.11"]}
        error = ended(lambda: api.bot_intent().download_media(MXC, deadline=0.25))
        server.close()
        api.session.close()
    assert isinstance(error, MatrixConnectionError)
    assert error.attempts == 1


@pytest.mark.parametrize("way", ["silence", "a dripped head", "a dripped body"])
def test_close_ends_what_waits_for_data(way: str) -> None:
    with hanging(way) as (url, server):
        api = AppServiceAPI(url, BOT, "as_token", timeout=600, retry=RetryPolicy(deadline=600))
        outcome: list[Any] = []
        thread = threading.Thread(
            target=lambda: outcome.append(ended(lambda: api.intent(GHOST).send_text(ROOM, "x")))
        )
        thread.start()
        while not server.connections:
            threading.Event().wait(0.01)
        api.close()
        thread.join(NEVER)
        assert server.connections == 1
    assert isinstance(outcome[0], MatrixConnectionError)
    assert "the API was closed" in str(outcome[0])
    assert not outcome[0].temporary


def test_close_ends_a_stream_that_is_read() -> None:
    server = RawHomeserver([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nxx"])
    api = AppServiceAPI(server.base_url, BOT, "as_token", timeout=600)
    api._shared.versions[server.base_url] = {"versions": ["v1.11"]}
    media = api.bot_intent().stream_media(MXC)
    assert media.read1() == b"xx"
    api.close()
    with pytest.raises(MatrixConnectionError, match="the API was closed"):
        media.read()
    server.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_close_in_a_forked_child_is_not_the_parents(stub: StubHomeserver) -> None:
    release = threading.Event()
    stub.script("GET", "/whoami", hang(release))
    with AppServiceAPI(stub.base_url, BOT, "as_token") as api:
        outcome: list[Any] = []
        thread = threading.Thread(
            target=lambda: outcome.append(ended(api.bot_intent().whoami)), daemon=True
        )
        thread.start()
        stub.wait_for_calls(1)
        child = os.fork()
        if child == 0:
            try:
                api.close()
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        release.set()
        thread.join(NEVER)
    assert outcome[0]["user_id"] == BOT
    assert len(stub.requests) == 1


def test_a_connection_that_is_used_again_is_not_left_in_use(stub: StubHomeserver) -> None:
    with AppServiceAPI(stub.base_url, BOT, "as_token") as api:
        api.bot_intent().whoami()
        lines = api.session.get_adapter(stub.base_url)._connections  # type: ignore[attr-defined]
        assert [(len(line.busy), len(line._free)) for line in lines.values()] == [(0, 1)]


def test_the_hurry_of_one_thread_is_not_the_others(stub: StubHomeserver) -> None:
    """A thread that waits for another one's repair goes on if that one has no time left."""
    release = threading.Event()
    room = stub.room(members=[BOT])
    stub.script("POST", "/register", hang(release))
    api = AppServiceAPI(stub.base_url, BOT, "as_token")
    outcomes: list[Any] = []

    def send(seconds: float) -> Any:
        with api._shared.calls.within(seconds):
            return api.intent(GHOST).send_text(room, "x")

    threads = [
        threading.Thread(target=lambda wait: outcomes.append(ended(lambda: send(wait))), args=(s,))
        for s in (0.5, 30)
    ]
    threads[0].start()
    stub.wait_for_calls(1, "POST /register")
    threads[1].start()
    for thread in threads:
        thread.join(NEVER)
    release.set()
    errors = [one for one in outcomes if isinstance(one, Exception)]
    assert [type(error) for error in errors] == [MatrixTimeoutError]
    assert len([one for one in stub.events(room) if one["type"] == "m.room.message"]) == 1


def test_a_body_as_json_with_a_session_of_the_callers(stub: StubHomeserver) -> None:
    """It is read against the clock, and the connection is used again."""
    server = RawHomeserver([ok(b'{"a": 1}')], [ok(b'{"a": 2}')])
    with requests.Session() as session:
        api = AppServiceAPI(server.base_url, BOT, "as_token", client_session=session)
        assert [api.request("GET", "/x") for _ in range(2)] == [{"a": 1}, {"a": 2}]
    assert server.connections == 1
    server.close()
