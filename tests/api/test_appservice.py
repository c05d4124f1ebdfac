"""AppServiceAPI and its flyweights: who speaks, and as whom."""

from __future__ import annotations

import gc
import inspect
import os
import threading
import time
import tracemalloc
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import requests

import appservice_api
from appservice_api import (
    HTTPAPI,
    AppServiceAPI,
    ChildAppServiceAPI,
    IntentAPI,
    MemoryStateStore,
    MUnknownDevice,
    Path,
    Registration,
)
from appservice_api.api.event import timestamp_ms
from appservice_api.testing import StubHomeserver, answer
from tests.conftest import BOT, GHOST

ROOM = "!room1:hs.test"
SEND = Path.v3.rooms[ROOM].send["m.room.message"]
CONTENT = {"msgtype": "m.text", "body": "hi"}


@pytest.fixture
def room(stub: StubHomeserver) -> str:
    stub.add_user(GHOST)
    stub.add_user_token("user_token", "@me:hs.test")
    return stub.room(members=[BOT, GHOST, "@me:hs.test"])


def test_the_names_of_the_page() -> None:
    """The signatures that the user asked for, by position."""
    constructor = list(inspect.signature(AppServiceAPI.__init__).parameters)[1:13]
    assert constructor == [
        "base_url", "bot_mxid", "token", "identity", "log", "state_store", "client_session",
        "child", "real_user", "real_user_content_key", "default_retry_count", "loop",
    ]  # fmt: skip
    request = list(inspect.signature(AppServiceAPI.request).parameters)[1:9]
    assert request == [
        "method", "path", "content", "timestamp", "headers", "query_params", "retry_count",
        "metrics_method",
    ]  # fmt: skip
    assert list(inspect.signature(AppServiceAPI.intent).parameters)[1:4] == [
        "user",
        "token",
        "base_url",
    ]
    assert list(inspect.signature(AppServiceAPI.real_user).parameters)[1:4] == [
        "mxid",
        "token",
        "base_url",
    ]
    assert list(inspect.signature(ChildAppServiceAPI.__init__).parameters)[1:3] == [
        "user",
        "parent",
    ]
    assert issubclass(ChildAppServiceAPI, AppServiceAPI)
    assert issubclass(AppServiceAPI, HTTPAPI)
    for name in (
        "HTTPAPI", "IntentAPI", "ASStateStore", "Method", "PathBuilder", "Path", "MediaPath",
        "SynapseAdminPath", "APIPath", "TraceLogger", "UserID",
    ):  # fmt: skip
        assert hasattr(appservice_api, name)
        assert name in appservice_api.__all__


def test_it_is_usable_with_nothing_but_a_url(stub: StubHomeserver) -> None:
    api = AppServiceAPI(stub.base_url)
    assert api.bot_intent().versions()["versions"]
    assert (api.bot_mxid, api.identity, api.token, api.is_real_user) == (None, None, None, False)
    assert isinstance(api.state_store, MemoryStateStore)
    assert api.txn_id == 0
    assert api.base_log is api.log
    assert api.real_user_content_key is None
    assert stub.requests[0].token is None


def test_who_speaks(stub: StubHomeserver, api: AppServiceAPI, room: str) -> None:
    real = api.real_user("@me:hs.test", "user_token")
    for speaker in (api, api.user(GHOST), real):
        speaker.request("PUT", SEND[api.next_txn_id()], CONTENT)
    assert [(request.user_id, request.token) for request in stub.requests] == [
        (None, "as_token"), (GHOST, "as_token"), (None, "user_token"),
    ]  # fmt: skip
    senders = [e["sender"] for e in stub.events(room) if e["type"] == "m.room.message"]
    assert senders == [BOT, GHOST, "@me:hs.test"]


def test_two_calls_give_the_same_object_while_one_is_held(api: AppServiceAPI) -> None:
    child, intent = api.user(GHOST), api.intent(GHOST)
    assert api.user(GHOST) is child is child.user(GHOST)
    assert api.intent(GHOST) is intent
    assert intent.api is child
    assert child.intent(GHOST) is intent
    assert api.intent() is api.bot_intent() is api.intent(BOT) is child.bot_intent()
    assert child.parent is api
    assert dict(api.children) == {GHOST: child}
    assert isinstance(child, ChildAppServiceAPI)
    assert ChildAppServiceAPI(GHOST, api).parent is api
    del child, intent
    assert dict(api.children) == {}


def test_a_dropped_parent_lives_as_long_as_a_child(stub: StubHomeserver, room: str) -> None:
    child = AppServiceAPI(stub.base_url, BOT, "as_token").user(GHOST)
    gc.collect()
    child.request("PUT", SEND["t"], CONTENT)
    assert child.bot_intent().whoami()["user_id"] == BOT


def test_a_second_token_makes_a_second_identity(stub: StubHomeserver, api: AppServiceAPI) -> None:
    stub.add_user_token("a", "@me:hs.test")
    stub.add_user_token("b", "@me:hs.test")
    first = api.intent("@me:hs.test", token="a")
    second = api.intent("@me:hs.test", token="b")
    assert first is not second
    assert first is api.intent("@me:hs.test", token="a")
    assert api.real_user("@me:hs.test", "a", stub.base_url + "/") is first.api
    first.whoami()
    second.whoami()
    assert [request.token for request in stub.requests] == ["a", "b"]
    assert set(api.real_users) == {"@me:hs.test"}
    assert first.api.is_real_user
    assert type(first.api) is AppServiceAPI
    assert first.api.identity == "@me:hs.test"


def test_a_real_user_at_another_homeserver(api: AppServiceAPI) -> None:
    with StubHomeserver(server_name="other.test") as other:
        other.add_user_token("c", "@me:other.test")
        real = api.real_user("@me:other.test", "c", other.base_url)
        assert real.base_url == other.base_url
        assert (
            api.intent("@me:other.test", "c", other.base_url).whoami()["user_id"]
            == "@me:other.test"
        )
        assert other.requests[0].token == "c"


def test_a_real_user_makes_no_others(api: AppServiceAPI) -> None:
    real = api.real_user("@me:hs.test", "t")
    for refused in (
        lambda: real.intent(GHOST), lambda: real.user(GHOST), lambda: real.bot_intent(),
        lambda: real.real_user("@x:hs.test", "t"), lambda: ChildAppServiceAPI(GHOST, real),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="is a real user"):
            refused()


def test_stand_alone_kinds(stub: StubHomeserver, room: str) -> None:
    ghost = AppServiceAPI(stub.base_url, BOT, "as_token", identity=GHOST, child=True)
    real = AppServiceAPI(stub.base_url, None, "user_token", "@me:hs.test", real_user=True)
    ghost.request("PUT", SEND["a"], CONTENT)
    real.request("PUT", SEND["b"], CONTENT)
    assert [(r.user_id, r.token) for r in stub.requests] == [
        (GHOST, "as_token"),
        (None, "user_token"),
    ]
    assert real.is_real_user
    assert not ghost.is_real_user
    for wrong in ({"child": True}, {"real_user": True}, {"child": True, "real_user": True}):
        with pytest.raises(ValueError, match=r"needs|exclude"):
            AppServiceAPI(stub.base_url, **wrong)  # type: ignore[arg-type]


def test_a_real_user_by_way_of_an_application_service(
    stub: StubHomeserver, api: AppServiceAPI, room: str
) -> None:
    intent = api.intent(GHOST, real_user_as_token=True)
    assert intent.api.is_real_user
    intent.send_text(room, "massaged", timestamp=1000, txn_id="m")
    assert (stub.requests[0].user_id, stub.requests[0].token) == (GHOST, "as_token")
    assert stub.requests[0].query["ts"] == ["1000"]
    other = api.real_user("@me:hs.test", "second_as_token", as_token=True)
    assert other.token == "second_as_token"
    with pytest.raises(ValueError, match="token"):
        api.real_user("@me:hs.test")
    with pytest.raises(ValueError, match="must not get this one's token"):
        api.real_user("@me:hs.test", None, "https://other.test", as_token=True)


@pytest.mark.parametrize("timestamp", [
    1_700_000_000_000,
    datetime(2023, 11, 14, 22, 13, 20, tzinfo=timezone.utc),
    datetime(2023, 11, 15, 0, 13, 20, tzinfo=timezone(timedelta(hours=2))),
])  # fmt: skip
def test_timestamps(timestamp: int | datetime) -> None:
    assert timestamp_ms(timestamp) == 1_700_000_000_000


def test_a_naive_datetime_is_local_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert timestamp_ms(datetime(2023, 11, 14, 17, 13, 20)) == 1_700_000_000_000
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("wrong", [-1, 1.5, True, "now", 2**53])
def test_what_is_no_timestamp(wrong: Any) -> None:
    assert [timestamp_ms(right) for right in (0, 2**53 - 1)] == [0, 2**53 - 1]
    with pytest.raises(ValueError, match="timestamp"):
        timestamp_ms(wrong)


def test_ts_is_sent_only_where_it_is_honoured(
    stub: StubHomeserver, api: AppServiceAPI, room: str
) -> None:
    ghost = api.user(GHOST)
    ghost.request("PUT", SEND["t1"], CONTENT, 5)
    api.request("PUT", Path.v3.rooms[room].state["m.room.topic"], {"topic": "x"}, timestamp=5)
    ghost.request("POST", Path.v3.rooms[room].leave, timestamp=5)
    api.real_user("@me:hs.test", "user_token").request("PUT", SEND["t2"], CONTENT, timestamp=5)
    assert ["ts" in request.query for request in stub.requests] == [True, True, False, False]


def test_external_url_and_source_key_never_touch_the_callers_dict(
    stub: StubHomeserver, room: str
) -> None:
    api = AppServiceAPI(stub.base_url, BOT, "as_token", real_user_content_key="x.source")
    content = dict(CONTENT)
    api.request("PUT", SEND["t1"], content, external_url="https://example.org/1")
    api.real_user("@me:hs.test", "user_token").request("PUT", SEND["t2"], content)
    api.user(GHOST).request("PUT", SEND["t3"], content)
    api.real_user("@me:hs.test", "user_token").request(
        "PUT", "/profile/@me:hs.test/displayname", {"displayname": "x"}
    )
    assert content == CONTENT
    sent = [request.json for request in stub.requests]
    assert sent[0] == {**CONTENT, "external_url": "https://example.org/1"}
    assert sent[1] == {**CONTENT, "x.source": True}
    assert sent[2] == CONTENT
    assert sent[3] == {"displayname": "x"}
    for wrong in ("javascript:alert(1)", "ftp://x", 5, "https://a b"):
        with pytest.raises(ValueError, match="external_url"):
            api.request("PUT", SEND["t4"], content, external_url=wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="external_url"):
        api.request("POST", "/x", b"bytes", external_url="https://example.org/1")


@pytest.mark.parametrize("value", [1.5, float("nan"), 2**53, -(2**53), {"deep": [0, {"x": 0.5}]}])
def test_an_event_that_no_homeserver_takes_is_refused(
    value: object, stub: StubHomeserver, api: AppServiceAPI
) -> None:
    with pytest.raises(ValueError, match=r"float|2\^53|JSON"):
        api.request("PUT", SEND["t"], {"x": value})
    with pytest.raises(ValueError, match="65536"):
        api.request("PUT", SEND["t"], {"body": "x" * 65_537})
    assert stub.requests == []
    stub.script("PUT", "/tags/", answer(200, {}))
    api.request("PUT", "/user/@bot:hs.test/rooms/!a:b/tags/m.x", {"order": 0.5})
    assert stub.requests[0].json == {"order": 0.5}


def test_a_device(stub: StubHomeserver, room: str) -> None:
    api = AppServiceAPI(stub.base_url, BOT, "as_token", device_id="MAIN")
    with pytest.raises(MUnknownDevice):
        api.request("GET", "/account/whoami")
    assert stub.requests[0].query["device_id"] == ["MAIN"]
    assert api.user(GHOST).device_id == "MAIN"
    other = api.intent(GHOST, device_id="OTHER")
    assert other is api.intent(GHOST, device_id="OTHER")
    assert other is not api.intent(GHOST)
    stub.script("PUT", "/send/", answer(200, {"event_id": "$x"}))
    other.send_text(room, "x")
    assert stub.requests[1].query == {"user_id": [GHOST], "device_id": ["OTHER"]}


def test_user_id_in_the_query_cannot_speak_for_another(api: AppServiceAPI) -> None:
    with pytest.raises(ValueError, match="speaks as"):
        api.user(GHOST).request("GET", "/account/whoami", query_params={"user_id": "@x:hs.test"})


def registration() -> Registration:
    return Registration.generate("test", url=None, sender_localpart="bot", users=[r"@_.*:hs\.test"])


def test_users_outside_the_namespaces_are_refused_before_the_wire(stub: StubHomeserver) -> None:
    api = AppServiceAPI.from_registration(registration(), stub.base_url)
    assert (api.bot_mxid, api.registration) == (BOT, api.registration)
    assert api.token == registration().as_token or api.token
    for wrong in ("@alice:hs.test", "@_x:evil.test", "@_x:hs.test.evil.test"):
        with pytest.raises(ValueError, match=r"namespaces|homeserver"):
            api.intent(wrong)
        with pytest.raises(ValueError, match=r"namespaces|homeserver"):
            api.real_user(wrong, as_token=True)
        with pytest.raises(ValueError, match=r"namespaces|homeserver"):
            ChildAppServiceAPI(wrong, api)
        with pytest.raises(ValueError, match=r"namespaces|homeserver"):
            AppServiceAPI.from_registration(registration(), stub.base_url, identity=wrong)
    assert api.intent(GHOST).mxid == GHOST
    assert api.user(BOT).identity == BOT
    assert stub.requests == []


@pytest.mark.parametrize(
    "user",
    [None, "", "alice", "@alice", "@:hs.test", "@a b:hs.test", "@x:../..", "@" + "x" * 260 + ":h"],
)
def test_what_is_not_a_user_id(user: object, api: AppServiceAPI) -> None:
    with pytest.raises(ValueError, match="user ID"):
        api.user(user)  # type: ignore[arg-type]


def test_from_env(stub: StubHomeserver, monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    for name in list(os.environ):
        if name.startswith("APPSERVICE_"):
            monkeypatch.delenv(name)
    with pytest.raises(ValueError, match=r"APPSERVICE_BASE_URL.*APPSERVICE_REGISTRATION"):
        AppServiceAPI.from_env()
    monkeypatch.setenv("APPSERVICE_BASE_URL", stub.base_url)
    monkeypatch.setenv("APPSERVICE_TOKEN", "as_token")
    api = AppServiceAPI.from_env(default_retry_count=1)
    assert api.bot_intent().mxid == BOT
    assert api.bot_mxid == BOT, "learnt from whoami"
    path = f"{tmp_path}/registration.yaml"
    registration().save(path)
    monkeypatch.setenv("APPSERVICE_REGISTRATION", path)
    monkeypatch.setenv("APPSERVICE_DEVICE_ID", "D")
    made = AppServiceAPI.from_env()
    assert (made.bot_mxid, made.device_id) == (BOT, "D")
    assert made.registration is not None


def test_transaction_ids_are_unique_and_the_counter_only_goes_on(api: AppServiceAPI) -> None:
    child = api.user(GHOST)
    made: list[str] = []
    threads = [
        threading.Thread(target=lambda: made.extend([child.next_txn_id() for _ in range(500)]))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 4000 == api.txn_id == child.txn_id
    child.txn_id = 5000
    assert api.txn_id == 5000
    with pytest.raises(ValueError, match="can't go back"):
        api.txn_id = 1
    other = AppServiceAPI(api.base_url)
    assert other.next_txn_id() not in made


def test_what_a_ghost_costs(stub: StubHomeserver) -> None:
    api = AppServiceAPI(stub.base_url, BOT, "as_token")
    users = [f"@_ghost{number}:hs.test" for number in range(5000)]
    held: list[IntentAPI] = [api.intent(user) for user in users]  # whatever is made once
    held.clear()
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        held = [api.intent(user) for user in users]
        gc.collect()
        cost = (tracemalloc.get_traced_memory()[0] - before) / len(users)
        held.clear()
        gc.collect()
        left = (tracemalloc.get_traced_memory()[0] - before) / len(users)
    finally:
        tracemalloc.stop()
    assert cost <= 400
    assert left < 40
    assert len(api.children) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("own_session", [True, False])
def test_forked_workers_share_a_preloaded_api(
    own_session: bool, stub: StubHomeserver, room: str
) -> None:
    session = None if own_session else requests.Session()
    api = AppServiceAPI(stub.base_url, BOT, "as_token", client_session=session)
    api.intent(GHOST).send_text(room, "before the fork")
    stub.script(
        "PUT", "/send/",
        lambda request: answer(200, {"event_id": f"$ {request.json['body']}"}), forever=True,
    )  # fmt: skip
    stub.clear()
    with api._shared.lock:  # as another thread may hold it at the moment of a fork
        children = [
            _fork(lambda number=number: _send_hundred(api, room, number)) for number in range(4)
        ]
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0, 0]
    sent = [request for request in stub.requests if "/send/" in request.path]
    assert len(sent) == 400 == len({request.path for request in sent})
    api.intent(GHOST).send_text(room, "the parent still can")


def _send_hundred(api: AppServiceAPI, room: str, number: int) -> None:
    threads = []
    wrong: list[str] = []

    def send(start: int) -> None:
        for turn in range(start, start + 25):
            if api.intent(GHOST).send_text(room, f"{number}/{turn}") != f"$ {number}/{turn}":
                wrong.append(f"{number}/{turn}")

    for start in range(0, 100, 25):
        threads.append(threading.Thread(target=send, args=(start,)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    assert not wrong


def _fork(work: object) -> int:
    child = os.fork()
    if child:
        return child
    try:
        work()  # type: ignore[operator]
    except BaseException:
        os._exit(1)
    os._exit(0)


def test_reprs_are_for_people(api: AppServiceAPI, stub: StubHomeserver) -> None:
    assert repr(api) == f"<AppServiceAPI @bot:hs.test at {stub.base_url}>"
    assert repr(api.user(GHOST)) == f"<ChildAppServiceAPI {GHOST} at {stub.base_url}>"
    assert repr(api.intent(GHOST)) == f"<IntentAPI of {GHOST}>"
    assert "real user @me:hs.test" in repr(api.real_user("@me:hs.test", "t"))
