"""People whom an application service may act as: nothing is done for them unasked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from appservice_api import AppServiceAPI, MForbidden, Registration
from appservice_api.testing import ManualClock, StubHomeserver
from tests.conftest import BOT
from tests.receiver.conftest import REGISTRATION

EVE = "@_eve:hs.test"
SHARED = {"users": [{"exclusive": False, "regex": r"@_.*:hs\.test"}]}


@pytest.fixture
def api(stub: StubHomeserver, clock: ManualClock) -> Iterator[AppServiceAPI]:
    """The API of an application service whose one namespace isn't exclusive."""
    registration = Registration.load(
        {**REGISTRATION, "namespaces": SHARED, "sender_localpart": "bot"}
    )
    with AppServiceAPI.from_registration(
        registration, stub.base_url, bot_mxid=BOT, clock=clock
    ) as made:
        yield made


def calls(stub: StubHomeserver) -> list[tuple[str, str | None]]:
    """The last literal part of each request that changes something, and as whom it was made."""
    done = []
    for one in stub.requests:
        parts = [part for part in one.path.split("/") if part.isalpha()]
        found = next(part for part in ("send", "register", "join", "invite", *parts[-1:])
                     if part in parts)  # fmt: skip
        done.append((found, one.user_id))
    stub.clear()
    return done


def test_a_new_user_of_a_shared_namespace_becomes_a_ghost(
    stub: StubHomeserver, api: AppServiceAPI
) -> None:
    room = stub.room(members=[BOT])
    assert not api.state_store.is_registered(EVE)
    api.intent(EVE).send_text(room, "hi")
    assert [what for what, _ in calls(stub)] == [
        "send", "register", "join", "invite", "join", "send",
    ]  # fmt: skip
    assert api.state_store.is_registered(EVE)
    # From now on it is ours, and is acted for.
    api.state_store.left(room, EVE)
    api.intent(EVE).send_text(room, "hi")
    assert calls(stub) == [("join", EVE), ("send", EVE)]


def test_a_person_of_a_shared_namespace_is_left_alone(
    stub: StubHomeserver, api: AppServiceAPI
) -> None:
    stub.add_user(EVE)
    room = stub.room(members=[BOT], public=True)
    eve = api.intent(EVE)
    with pytest.raises(MForbidden, match="not in room") as caught:
        eve.send_text(room, "hi")
    assert calls(stub) == [("send", EVE), ("register", None)]
    for said in ("isn't known to be a ghost", "call ensure_joined()", "state_store.registered()"):
        assert said in str(caught.value)
    assert not api.state_store.is_registered(EVE)
    # Nor is it made to join where it is known not to be.
    api.state_store.left(room, EVE)
    with pytest.raises(MForbidden, match="isn't known to be a ghost"):
        eve.send_text(room, "hi")
    assert calls(stub) == [("send", EVE), ("register", None)]
    with pytest.raises(MForbidden):
        eve.set_user_power_level(room, BOT, 50)
    assert "join" not in dict(calls(stub))
    assert stub.membership(room, EVE) is None
    # What is asked for is done.
    eve.ensure_joined(room)
    eve.send_text(room, "hi")
    assert stub.membership(room, EVE) == "join"
    assert not api.state_store.is_registered(EVE)


def test_another_process_has_just_registered_it(stub: StubHomeserver, api: AppServiceAPI) -> None:
    stub.add_user(EVE)
    room = stub.room(members=[BOT], public=True)
    store, looks = api.state_store, []
    plain = store.invalidate

    def invalidate(room_id: str | None, user_id: str) -> None:
        looks.append(room_id)
        if room_id is None:
            store.registered(EVE)
        plain(room_id, user_id)

    store.invalidate = invalidate  # type: ignore[method-assign]
    api.intent(EVE).send_text(room, "hi")
    assert [what for what, _ in calls(stub)] == ["send", "register", "join", "send"]
    assert looks == [room, None]


def test_a_ghost_that_the_store_has_forgotten_is_told_to_it(
    stub: StubHomeserver, api: AppServiceAPI
) -> None:
    stub.add_user(EVE)
    room = stub.room(members=[BOT], public=True)
    api.intent(EVE).ensure_registered()
    assert not api.state_store.is_registered(EVE)
    api.state_store.registered(EVE)
    api.intent(EVE).send_text(room, "hi")
    assert stub.membership(room, EVE) == "join"
