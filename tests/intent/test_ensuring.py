"""How a ghost comes to be registered and joined: the sequence of requests, and who acts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import pytest

from appservice_api import (
    AppServiceAPI,
    IntentAPI,
    MatrixConnectionError,
    MatrixRequestError,
    MBadState,
    Membership,
    MForbidden,
    MLimitExceeded,
)
from appservice_api.testing import DROP, ManualClock, Recorded, Response, StubHomeserver, answer
from appservice_api.testing.stub import after_applying
from tests.conftest import BOT, GHOST

REFUSED = answer(403, {"errcode": "M_FORBIDDEN", "error": "no"})


def actions(stub: StubHomeserver) -> list[str]:
    """What was asked, shortly: method, last literal part, acting user."""
    short = []
    for request in stub.requests:
        part = next(
            part for part in reversed(request.decoded_path.split("/"))
            if part.isalpha() or part == "read_markers" or part == "joined_members"
        )  # fmt: skip
        if "/send/" in request.path:
            part = "send"
        if "/state/" in request.path:
            part = "state"
        if "/join/" in request.path:
            part = "join"
        short.append(f"{part} {'ghost' if request.user_id == GHOST else request.user_id or 'bot'}")
    return short


def test_an_established_ghost_with_an_empty_store_needs_one_request(
    stub: StubHomeserver, api: AppServiceAPI
) -> None:
    stub.add_user(GHOST)
    room = stub.room(members=[BOT, GHOST])
    api.intent(GHOST).send_text(room, "hi")
    assert actions(stub) == ["send ghost"]


def test_a_new_ghost_into_an_invite_only_room(stub: StubHomeserver, api: AppServiceAPI) -> None:
    room = stub.room(members=[BOT])
    event_id = api.intent(GHOST).send_text(room, "hi")
    assert actions(stub) == [
        "send ghost", "register bot", "join ghost", "invite bot", "join ghost", "send ghost",
    ]  # fmt: skip
    first, *_, last = stub.requests
    assert first.target == last.target
    assert first.body == last.body
    assert stub.events(room)[-1]["event_id"] == event_id
    assert stub.requests[1].json == {
        "type": "m.login.application_service", "username": "_ghost", "inhibit_login": True,
    }  # fmt: skip
    assert stub.requests[3].json == {"user_id": GHOST}
    stub.clear()
    api.intent(GHOST).send_text(room, "again")
    assert actions(stub) == ["send ghost"]


def test_a_bot_that_is_not_in_the_room_joins_it_first(
    stub: StubHomeserver, api: AppServiceAPI
) -> None:
    room = stub.room(public=True, members=["@owner:hs.test"])
    stub.script("POST", f"/join/{room}", REFUSED)
    api.intent(GHOST).send_text(room, "hi")
    assert actions(stub)[:6] == [
        "send ghost", "register bot", "join ghost", "invite bot", "register bot", "join bot",
    ]  # fmt: skip
    assert actions(stub)[-1] == "send ghost"


def test_known_not_joined_is_ensured_before_the_first_try(
    stub: StubHomeserver, api: AppServiceAPI
) -> None:
    stub.add_user(GHOST)
    room = stub.room(members=[BOT])
    api.state_store.registered(GHOST)
    api.state_store.set_membership(room, GHOST, Membership.INVITE)
    api.bot_intent().invite_user(room, GHOST)
    stub.clear()
    api.intent(GHOST).send_text(room, "hi")
    assert actions(stub) == ["join ghost", "send ghost"]


def test_a_stale_membership_is_found_out_by_the_refusal(
    stub: StubHomeserver, api: AppServiceAPI
) -> None:
    stub.add_user(GHOST)
    room = stub.room(members=[BOT])
    api.state_store.registered(GHOST)
    api.state_store.joined(room, GHOST)
    api.intent(GHOST).send_text(room, "hi")
    assert actions(stub) == ["send ghost", "join ghost", "invite bot", "join ghost", "send ghost"]
    assert len({r.target for r in stub.requests if "/send/" in r.path}) == 1


def test_a_stale_registration_is_found_out_too(stub: StubHomeserver, api: AppServiceAPI) -> None:
    room = stub.room(members=[BOT])
    api.state_store.registered(GHOST)
    api.intent(GHOST).send_text(room, "hi")
    assert actions(stub)[-3:] == ["register bot", "join ghost", "send ghost"]
    assert stub.membership(room, GHOST) == "join"


def test_a_lack_of_power_is_asked_once_more_and_then_raised(
    stub: StubHomeserver, api: AppServiceAPI
) -> None:
    stub.add_user(GHOST)
    room = stub.room(members=[BOT, GHOST])
    with pytest.raises(MForbidden, match="permission"):
        api.intent(GHOST).send_state_event(room, "m.room.topic", {"topic": "x"})
    assert actions(stub) == ["state ghost", "register bot", "join ghost", "state ghost"]


def test_a_homeserver_that_says_it_is_the_power_is_believed(
    stub: StubHomeserver, api: AppServiceAPI
) -> None:
    body = {
        "errcode": "M_FORBIDDEN", "error": "no",
        "org.matrix.msc3848.unstable.errcode": "ORG.MATRIX.MSC3848.INSUFFICIENT_POWER",
    }  # fmt: skip
    stub.script("PUT", "/send/", answer(403, body))
    with pytest.raises(MForbidden):
        api.intent(GHOST).send_text("!r:hs.test", "hi")
    assert len(stub.requests) == 1


def test_a_banned_ghost_stays_banned_unless_told(stub: StubHomeserver, api: AppServiceAPI) -> None:
    stub.add_user(GHOST)
    room = stub.room(members=[BOT, GHOST])
    api.bot_intent().ban_user(room, GHOST, "spam")
    stub.clear()
    with pytest.raises((MForbidden, MBadState)):
        api.intent(GHOST).send_text(room, "hi")
    assert stub.membership(room, GHOST) == "ban"
    assert not [call for call in stub.calls() if "unban" in call or "/send/" in call]
    stub.clear()
    assert api.intent(GHOST).ensure_joined(room, unban=True)
    assert actions(stub)[-4:] == ["join ghost", "unban bot", "invite bot", "join ghost"]
    assert stub.membership(room, GHOST) == "join"


def test_a_ban_that_the_homeserver_calls_forbidden(
    stub: StubHomeserver, api: AppServiceAPI
) -> None:
    stub.add_user(GHOST)
    room = stub.room(members=[BOT, GHOST])
    api.bot_intent().ban_user(room, GHOST)
    stub.script("POST", "/join/", REFUSED)
    stub.clear()
    api.intent(GHOST).ensure_joined(room, unban=True)
    assert stub.membership(room, GHOST) == "join"
    assert "unban bot" in actions(stub)


def test_opting_out_for_a_call_and_for_an_intent(stub: StubHomeserver, api: AppServiceAPI) -> None:
    room = stub.room(members=[BOT])
    api.state_store.left(room, GHOST)
    quiet = api.intent(GHOST, ensure_joined=False)
    with pytest.raises(MForbidden):
        api.intent(GHOST).send_text(room, "hi", ensure_joined=False)
    with pytest.raises(MForbidden):
        quiet.send_text(room, "hi")
    with pytest.raises(MForbidden):
        quiet.set_displayname("x", check_current=False)
    assert [action.split()[0] for action in actions(stub)] == ["send", "send", "displayname"]


def test_a_join_that_is_refused_for_good_is_the_error(
    stub: StubHomeserver, api: AppServiceAPI
) -> None:
    room = stub.room(members=[BOT])
    stub.script("POST", f"/join/{room}", REFUSED, forever=True)
    with pytest.raises(MForbidden):
        api.intent(GHOST).ensure_joined(room)
    assert actions(stub) == [
        "register bot", "join ghost", "invite bot", "join ghost", "register bot",
    ]  # fmt: skip


@pytest.mark.parametrize("still", [False, True])
def test_a_ban_that_somebody_else_has_lifted_is_no_error(
    still: bool, stub: StubHomeserver, api: AppServiceAPI
) -> None:
    stub.add_user(GHOST)
    room = stub.room(members=[BOT, GHOST])
    api.bot_intent().ban_user(room, GHOST)
    refused = answer(403, {"errcode": "M_BAD_STATE", "error": "not banned"})
    stub.script("POST", "/unban", refused if still else after_applying(refused))
    stub.script("POST", f"/join/{room}", refused)
    stub.clear()
    ghost = api.intent(GHOST)
    if still:
        with pytest.raises(MBadState, match="not banned"):
            ghost.ensure_joined(room, unban=True)
        assert stub.membership(room, GHOST) == "ban"
    else:
        assert ghost.ensure_joined(room, unban=True)
        assert stub.membership(room, GHOST) == "join"
    assert actions(stub)[-4:] == (
        ["register bot", "join ghost", "unban bot", "state bot"]
        if still else ["unban bot", "state bot", "invite bot", "join ghost"]
    )  # fmt: skip


def test_real_users_are_neither_registered_nor_joined_unasked(
    stub: StubHomeserver, api: AppServiceAPI
) -> None:
    stub.add_user_token("mine", "@me:hs.test")
    room = stub.room(members=[BOT])
    me = api.intent("@me:hs.test", token="mine")
    me.ensure_registered()
    with pytest.raises(MForbidden, match=r"real user.*call ensure_joined\(\)"):
        me.send_text(room, "hi")
    api.state_store.left(room, me.mxid)
    with pytest.raises(MForbidden, match="real user"):
        me.send_text(room, "hi")
    with pytest.raises(MForbidden, match="real user"):
        me.set_user_power_level(room, "@other:hs.test", 5)
    asked = [action.split()[0] for action in actions(stub)]
    assert not {"register", "join", "invite"} & set(asked)
    stub.clear()
    me.ensure_joined(room)
    me.send_text(room, "hi")
    asked = [action.split()[0] for action in actions(stub)]
    assert list(zip(asked, [request.token for request in stub.requests], strict=True)) == [
        ("join", "mine"), ("invite", "as_token"), ("join", "mine"), ("send", "mine"),
    ]  # fmt: skip
    stub.clear()
    api.intent("@me:hs.test", token="mine").send_text(room, "hi")
    assert len(stub.requests) == 1
    with pytest.raises(ValueError, match="only ghosts"):
        me.register()


def test_the_bot_joins_but_is_not_invited(stub: StubHomeserver, api: AppServiceAPI) -> None:
    room = stub.room(public=True)
    api.bot_intent().send_text(room, "hi")
    assert actions(stub) == ["send bot", "register bot", "join bot", "send bot"]
    closed = stub.room()
    stub.clear()
    with pytest.raises(MForbidden):
        api.bot_intent().send_text(closed, "hi")
    assert actions(stub) == ["send bot", "join bot"]


def test_64_threads_with_one_new_ghost(stub: StubHomeserver, api: AppServiceAPI) -> None:
    room = stub.room(public=True, members=[BOT])
    gate = threading.Barrier(64)
    events: list[str] = []

    def send(number: int) -> None:
        gate.wait()
        events.append(api.intent(GHOST).send_text(room, str(number)))

    run([partial(send, number) for number in range(64)])
    calls = [action.split()[0] for action in actions(stub)]
    assert (calls.count("register"), calls.count("join")) == (1, 1)
    assert len(set(events)) == 64
    sends = {request.target for request in stub.requests if "/send/" in request.path}
    assert len(sends) == 64


def test_a_failed_repair_is_everybodys_error_and_is_tried_again_later(
    stub: StubHomeserver, api: AppServiceAPI
) -> None:
    room = stub.room(members=[BOT])
    stub.script("POST", "/invite", REFUSED, forever=True)
    errors: list[MatrixRequestError] = []

    def send() -> None:
        try:
            api.intent(GHOST).send_text(room, "x")
        except MatrixRequestError as error:
            errors.append(error)

    run([send] * 8)
    assert len(errors) == 8
    assert all("tried to invite @_ghost:hs.test" in str(error) for error in errors)
    assert all(error.user == BOT for error in errors)
    stub.unscript()
    assert api.intent(GHOST).send_text(room, "x")


def run(works: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)


def test_a_join_that_fails_for_another_reason_is_no_reason_to_invite(
    stub: StubHomeserver, api: AppServiceAPI
) -> None:
    room = stub.room(members=[BOT])
    stub.script("POST", "/join/", answer(500, {"errcode": "M_UNKNOWN", "error": "boom"}))
    with pytest.raises(MatrixRequestError, match="boom"):
        api.intent(GHOST).send_text(room, "x")
    assert actions(stub) == ["send ghost", "register bot", "join ghost"]


def test_a_registration_that_fails_is_not_remembered(
    stub: StubHomeserver, api: AppServiceAPI
) -> None:
    stub.script("POST", "/register", answer(500, {"errcode": "M_UNKNOWN", "error": "boom"}))
    with pytest.raises(MatrixRequestError, match="boom"):
        api.intent(GHOST).ensure_registered()
    assert not api.state_store.is_registered(GHOST)
    stub.script("POST", "/register", DROP)
    api.intent(GHOST).ensure_registered()
    api.intent(GHOST).ensure_registered()
    assert actions(stub) == ["register bot"] * 3
    assert api.state_store.is_registered(GHOST)


def test_a_taken_user_id_is_our_own_ghost(stub: StubHomeserver, api: AppServiceAPI) -> None:
    stub.add_user(GHOST)
    assert api.intent(GHOST).register() is False
    assert api.intent("@_new:hs.test").register() is True
    assert api.state_store.is_registered(GHOST)


def test_a_name_that_the_grammar_forbids_is_not_registered(
    stub: StubHomeserver, api: AppServiceAPI
) -> None:
    with pytest.raises(ValueError, match="can't be registered"):
        api.intent("@_Ünï:hs.test").ensure_registered()
    assert stub.requests == []


def test_ensure_joined_asks_only_if_it_must(stub: StubHomeserver, api: AppServiceAPI) -> None:
    room = stub.room(public=True, members=[BOT])
    ghost = api.intent(GHOST)
    assert ghost.ensure_joined(room, via=["a.test", "b.test"]) is True
    assert ghost.ensure_joined(room) is False
    assert ghost.ensure_joined(room, ignore_cache=True) is True
    assert actions(stub) == ["register bot", "join ghost", "join ghost"]
    assert stub.requests[1].query["via"] == ["a.test", "b.test"]
    assert stub.requests[1].query["server_name"] == ["a.test", "b.test"]
    closed = stub.room(members=[BOT])
    with pytest.raises(MForbidden):
        ghost.ensure_joined(closed, bot=None)
    for wrong in (None, "#alias:hs.test", "room"):
        with pytest.raises(ValueError, match="room ID"):
            ghost.ensure_joined(wrong)  # type: ignore[arg-type]


def test_another_inviter(stub: StubHomeserver, api: AppServiceAPI) -> None:
    stub.add_user("@_host:hs.test")
    room = stub.room(members=["@_host:hs.test"])
    api.intent(GHOST).ensure_joined(room, bot=api.intent("@_host:hs.test"))
    assert actions(stub) == ["register bot", "join ghost", "invite @_host:hs.test", "join ghost"]


def test_what_needs_registering_only(stub: StubHomeserver, api: AppServiceAPI) -> None:
    api.intent(GHOST).set_displayname("Ghost")
    assert actions(stub) == [
        "displayname ghost", "register bot", "displayname ghost", "displayname ghost",
    ]  # fmt: skip
    assert [request.method for request in stub.requests] == ["GET", "POST", "GET", "PUT"]
    stub.clear()
    room = api.intent("@_two:hs.test").create_room(name="x")
    assert len(stub.calls()) == 3, "createRoom, refused; register; createRoom"
    api.intent("@_two:hs.test").send_text(room, "x")
    assert len(stub.calls()) == 4
    api.state_store.registered("@_three:hs.test")
    stub.clear()
    api.intent("@_three:hs.test").create_room()
    assert len(stub.calls()) == 3, "the homeserver had lost the registration"


def test_a_ghost_that_another_process_registers_meanwhile(
    stub: StubHomeserver, api: AppServiceAPI
) -> None:
    """Between the refusal and the look into the state store that both share."""

    def refuse(request: Recorded) -> Response:
        stub.add_user(GHOST)
        api.state_store.registered(GHOST)
        return REFUSED

    stub.script("PUT", "/displayname", refuse)
    api.intent(GHOST).set_displayname("New", check_current=False)
    assert actions(stub) == ["displayname ghost", "register bot", "displayname ghost"]
    assert stub.requests[0].body == stub.requests[2].body


def test_what_a_ghost_may_not_do_is_asked_once_more_and_then_raised(
    stub: StubHomeserver, api: AppServiceAPI
) -> None:
    stub.add_user(GHOST)
    stub.script("PUT", "/displayname", REFUSED, forever=True)
    with pytest.raises(MForbidden):
        api.intent(GHOST).set_displayname("New", check_current=False)
    assert actions(stub) == ["displayname ghost", "register bot", "displayname ghost"]


def test_a_device_that_is_not_there_is_made(stub: StubHomeserver, api: AppServiceAPI) -> None:
    stub.add_user(GHOST)
    room = stub.room(members=[GHOST])
    intent = api.intent(GHOST, device_id="BRIDGE")
    intent.send_text(room, "x")
    intent.send_text(room, "y")
    assert stub.calls()[1] == f"PUT /devices/BRIDGE as {GHOST}"
    assert "device_id" not in stub.requests[1].query
    sent = [request for request in stub.requests if "/send/" in request.path]
    assert [request.query["device_id"] for request in sent] == [["BRIDGE"]] * 3
    assert len(stub.requests) == 4


def test_ctrl_c_in_the_thread_that_repairs_is_not_the_others_answer(
    stub: StubHomeserver, api: AppServiceAPI
) -> None:
    flights = api._shared.flights
    leading = threading.Event()
    follow = threading.Event()
    results: list[object] = []

    def interrupted() -> None:
        leading.set()
        follow.wait(10)
        raise KeyboardInterrupt

    def lead() -> None:
        with pytest.raises(KeyboardInterrupt):
            flights.run("key", interrupted)

    threads = [threading.Thread(target=lead)]
    threads[0].start()
    leading.wait(10)
    threads.append(threading.Thread(target=lambda: results.append(flights.run("key", lambda: 7))))
    threads[1].start()
    follow.set()
    for thread in threads:
        thread.join(10)
    assert results == [7]


def test_the_message_is_lost_neither_silently_nor_twice_if_the_repair_breaks(
    stub: StubHomeserver, api: AppServiceAPI
) -> None:
    room = stub.room(members=[BOT])
    stub.script("POST", "/join/", DROP, forever=True)
    with pytest.raises(MatrixConnectionError):
        api.intent(GHOST).send_text(room, "x", txn_id="remote-1")
    stub.unscript()
    event_id = api.intent(GHOST).send_text(room, "x", txn_id="remote-1")
    assert api.intent(GHOST).send_text(room, "x", txn_id="remote-1") == event_id
    assert [e["event_id"] for e in stub.events(room) if e["type"] == "m.room.message"] == [event_id]


def test_nothing_is_said_with_somebody_elses_token(
    stub: StubHomeserver, api: AppServiceAPI
) -> None:
    stub.add_user_token("mine", "@me:hs.test")
    room = stub.room(members=["@me:hs.test"])
    mixed_up = api.intent("@other:hs.test", token="mine")
    for call in (
        lambda: mixed_up.send_text(room, "hi"),
        lambda: mixed_up.leave_room(room),
        lambda: mixed_up.ensure_joined(room),
    ):
        with pytest.raises(ValueError, match=r"is that of @me:hs\.test"):
            call()
    assert [action.split()[0] for action in actions(stub)] == ["whoami"] * 3


def test_the_token_of_somebody_else_is_found_out_whatever_is_ensured(
    stub: StubHomeserver, api: AppServiceAPI
) -> None:
    stub.add_user("@mallory:hs.test", "mallory_token")
    room = stub.room(public=True)
    you = api.intent("@you:hs.test", token="mallory_token")
    with pytest.raises(ValueError, match=r"is that of @mallory:hs\.test"):
        you.send_text(room, "x", ensure_joined=False)
    careless = type(you)(you.api, ensure_joined=False)
    with pytest.raises(ValueError, match=r"is that of @mallory:hs\.test"):
        careless.upload_media(b"x")
    assert {request.path.rpartition("/")[2] for request in stub.requests} == {"whoami"}


def test_the_deadline_holds_for_repairs(stub: StubHomeserver, api: AppServiceAPI) -> None:
    room = stub.room()
    limited = answer(429, {"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 4000})
    stub.script("POST", "/register", limited, forever=True)
    with pytest.raises(MLimitExceeded) as caught:
        api.intent(GHOST).send_text(room, "x", retry_count=0)
    assert caught.value.path.endswith("/register")
    with pytest.raises(MLimitExceeded):
        api.intent(GHOST).ensure_joined(room, deadline=1)
    assert len(stub.calls("/register")) == 2


def test_one_way_of_joining_does_not_fail_another(
    stub: StubHomeserver, clock: ManualClock, api: AppServiceAPI
) -> None:
    room = api.bot_intent().create_room()
    ghost = api.intent(GHOST)
    ghost.ensure_registered()
    entered, go_on = threading.Event(), threading.Event()

    def wait(request: Recorded) -> Response:
        entered.set()
        assert go_on.wait(10)
        return answer(403, {"errcode": "M_FORBIDDEN", "error": "not invited"})

    stub.script("POST", "/join/", wait)
    errors: list[Exception] = []

    def alone() -> None:
        try:
            ghost.ensure_joined(room, bot=None)
        except MForbidden as error:
            errors.append(error)

    thread = threading.Thread(target=alone)
    thread.start()
    assert entered.wait(10)
    ghost.send_text(room, "invited by the bot")
    go_on.set()
    thread.join(10)
    assert len(errors) == 1


@pytest.mark.parametrize("call", [
    lambda intent, room: intent.kick_user(room, GHOST, timestamp=5),
    lambda intent, room: intent.join_room(room, timestamp=5),
    lambda intent, room: intent.get_state(room, external_url="https://example.org"),
    lambda intent, room: intent.send_receipt(room, "$e", timestamp=5),
])  # fmt: skip
def test_what_would_be_dropped_is_refused(
    call: Callable[[IntentAPI, str], object], stub: StubHomeserver, api: AppServiceAPI
) -> None:
    with pytest.raises(TypeError, match=r"can't be given here: only .* send_member_event"):
        call(api.bot_intent(), "!r:hs.test")
    assert stub.requests == []
