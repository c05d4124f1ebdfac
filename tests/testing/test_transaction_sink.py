"""The sink for what a homeserver pushes, and the application services that tests take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from appservice_api.testing import Homeserver, SynapsePool, TransactionSink


@pytest.fixture
def sink() -> Iterator[TransactionSink]:
    with TransactionSink() as sink:
        yield sink


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


def ask(
    homeserver: Homeserver,
    session: requests.Session,
    method: str,
    path: str,
    body: Any = None,
    user: str | None = None,
) -> tuple[int, Any]:
    reply = session.request(
        method,
        f"{homeserver.base_url}/_matrix/client/{path}",
        json=body,
        params={"user_id": user} if user else {},
        headers={"Authorization": f"Bearer {homeserver.as_token}"},
        timeout=30,
    )
    return reply.status_code, reply.json()


def test_it_answers_what_a_homeserver_asks(
    sink: TransactionSink, session: requests.Session
) -> None:
    base = f"{sink.url_for('x')}/_matrix/app/v1"
    assert session.put(f"{base}/transactions/1", json={"events": []}, timeout=10).json() == {}
    assert session.post(f"{base}/ping", json={}, timeout=10).json() == {}
    query = session.get(f"{base}/users/%40_x:hs.test", timeout=10)
    assert (query.status_code, query.json()["errcode"]) == (404, "M_NOT_FOUND")
    assert [request.method for request in sink.received("x")] == ["PUT", "POST", "GET"]
    assert sink.received("y") == []


def test_it_fails_for_one_registration_only(
    sink: TransactionSink, session: requests.Session
) -> None:
    sink.fail_with("x", 503)
    statuses = {
        one: session.put(f"{sink.url_for(one)}/transactions/1", json={}, timeout=10).status_code
        for one in "xy"
    }
    assert statuses == {"x": 503, "y": 200}
    sink.fail_with("x", None)
    assert session.post(f"{sink.url_for('x')}/ping", json={}, timeout=10).status_code == 200


def test_a_missing_event_is_an_error(sink: TransactionSink) -> None:
    with pytest.raises(AssertionError, match="no such event"):
        sink.wait_for_event("x", lambda event: True, timeout=0.01)


def test_a_real_homeserver_pings_and_pushes(
    homeserver: Homeserver, session: requests.Session
) -> None:
    path = f"v1/appservice/{homeserver.id}/ping"
    status, answered = ask(homeserver, session, "POST", path, {"transaction_id": "p"})
    assert status == 200
    assert "duration_ms" in answered
    [ping] = homeserver.sink.received(homeserver.id)
    assert ping.json == {"transaction_id": "p"}
    assert ping.token == homeserver.hs_token

    ghost = homeserver.ghost("alice")
    body: Any = {"type": "m.login.application_service", "username": ghost[1:].partition(":")[0]}
    body["inhibit_login"] = True
    status, answered = ask(homeserver, session, "POST", "v3/register", body)
    assert (status, answered["user_id"]) == (200, ghost)
    room = ask(homeserver, session, "POST", "v3/createRoom", {}, ghost)[1]["room_id"]
    path = f"v3/rooms/{room}/send/m.room.message/T"
    sent = ask(homeserver, session, "PUT", path, {"msgtype": "m.text", "body": "hi"}, ghost)[1]
    event = homeserver.sink.wait_for_event(
        homeserver.id, lambda event: event["event_id"] == sent["event_id"]
    )
    assert event["sender"] == ghost
    assert any(event in one["events"] for one in homeserver.transactions())


def test_a_failing_sink_fails_a_real_ping(
    homeserver: Homeserver, session: requests.Session
) -> None:
    path = f"v1/appservice/{homeserver.id}/ping"
    homeserver.sink.fail_with(homeserver.id, 500)
    status, body = ask(homeserver, session, "POST", path, {})
    assert (status, body["errcode"], body["status"]) == (502, "M_BAD_STATUS", 500)
    homeserver.sink.fail_with(homeserver.id, None)
    assert ask(homeserver, session, "POST", path, {})[0] == 200


def test_a_real_user_can_be_spoken_for(homeserver: Homeserver, session: requests.Session) -> None:
    user = homeserver.create_user("dora")["user_id"]
    assert user == f"@real_{homeserver.id}_dora:hs.test"
    assert ask(homeserver, session, "GET", "v3/account/whoami", user=user)[1]["user_id"] == user
    bot = ask(homeserver, session, "GET", "v3/account/whoami")[1]["user_id"]
    assert bot == homeserver.bot_mxid
    assert homeserver.as_token not in repr(homeserver)
    body = {"room_alias_name": homeserver.alias("room")[1:].partition(":")[0]}
    room = ask(homeserver, session, "POST", "v3/createRoom", body)[1]["room_id"]
    alias = homeserver.alias("room").replace("#", "%23")
    found = ask(homeserver, session, "GET", f"v3/directory/room/{alias}")[1]
    assert found["room_id"] == room


def test_tests_do_not_share(homeserver: Homeserver, synapse_pool: SynapsePool) -> None:
    other = synapse_pool.take()
    assert other.id != homeserver.id
    assert other.as_token != homeserver.as_token
    assert other.synapse is homeserver.synapse


@pytest.mark.usefixtures("synapse_pool")  # skips without Synapse
def test_a_dry_pool_starts_another_homeserver(session: requests.Session) -> None:
    pool = SynapsePool(size=1)
    try:
        first, second = pool.take(), pool.take()
        assert first.synapse is not second.synapse
        assert first.id != second.id
        for one in (first, second):
            assert ask(one, session, "GET", "v3/account/whoami")[1]["user_id"] == one.bot_mxid
    finally:
        pool.stop()
    assert not first.synapse.running
    assert not second.synapse.running
