"""Looking changes nothing: no property and no display registers, joins, makes or remembers."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from typing import Any

import pytest

from appservice_api import (
    AppService,
    AppServiceAPI,
    MemoryStateStore,
    MForbidden,
    MUnknownDevice,
    Registration,
)
from appservice_api.intent import Room
from appservice_api.testing import StubHomeserver
from tests.conftest import BOT, GHOST

_READS = (
    "close", "deliveries", "find_", "get_", "has_", "is_", "leave_thread", "open", "read_",
)  # fmt: skip
_DISPLAYS = (repr, str, dir, bool, hash, lambda one: format(one, ""))


class Untouched(MemoryStateStore):
    """A store that is only read: what else is called is noted."""

    def __init__(self) -> None:
        super().__init__()
        self._called: list[str] = []

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name.startswith(("_", *_READS)) or not inspect.ismethod(found):
            return found

        def noted(*args: Any, **kwargs: Any) -> Any:
            self._called.append(name)
            return found(*args, **kwargs)

        return noted


@pytest.fixture
def looked_at(stub: StubHomeserver) -> Iterator[list[object]]:
    """All that a user holds in his hands, of a ghost and a bot who are nowhere yet."""
    registration = Registration.load({
        "id": "x", "url": "http://127.0.0.1:1", "as_token": "as_token", "hs_token": "hs",
        "sender_localpart": "bot", "rate_limited": False,
        "namespaces": {"users": [{"exclusive": True, "regex": r"@_.*:hs\.test"}]},
    })  # fmt: skip
    room = stub.room(members=["@owner:hs.test"])
    stub.add_user("@me:hs.test", "mine")
    with (
        AppService(registration, stub.base_url, Untouched(), device_id="BRIDGE") as app,
        AppServiceAPI(stub.base_url, token="as_token", state_store=Untouched()) as unknown,
    ):
        api = app.api
        me = api.intent("@me:hs.test", token="mine")
        yield [
            app, api, api.user(GHOST), me.api, api.bot_intent(), api.intent(GHOST), me,
            api.bot_intent().room(room), api.intent(GHOST).room(room), me.room(room), unknown,
            unknown.bot_intent(), unknown.bot_intent().room(room),
        ]  # fmt: skip


def properties_of(one: object) -> list[str]:
    """The public properties of an object."""
    return [
        name for name in dir(type(one))
        if not name.startswith("_")
        and isinstance(inspect.getattr_static(type(one), name), (property, cached_property))
    ]  # fmt: skip


def store_of(one: Any) -> Untouched:
    """The store of an application service, an API, an intent or a room."""
    owner: Any = one.intent.api if isinstance(one, Room) else one
    store: Untouched = getattr(owner, "api", owner).state_store
    return store


def test_no_property_and_no_display_changes_anything(
    stub: StubHomeserver, looked_at: list[object]
) -> None:
    looks = 0
    for one in looked_at:
        for name in properties_of(one):
            looks += 1
            with suppress(MForbidden, MUnknownDevice):
                getattr(one, name)
        for display in _DISPLAYS:
            display(one)
    assert looks > 60
    assert {request.method for request in stub.requests} == {"GET"}
    assert stub.registered == {"@me:hs.test"}
    assert stub.memory.devices == {}
    for one in looked_at:
        assert store_of(one)._called == []


def test_what_may_not_be_seen_is_the_homeservers_refusal(
    stub: StubHomeserver, api: AppServiceAPI
) -> None:
    closed = stub.room(members=[BOT])
    room = api.intent(GHOST).room(closed)
    for name in ("members", "name", "power_levels", "is_encrypted"):
        with pytest.raises(MForbidden, match="has not registered"):
            getattr(room, name)
    assert len(stub.requests) == 4
    assert stub.registered == set()
    assert stub.membership(closed, GHOST) is None
    # The method is what sees to it.
    assert set(room.get_joined_members()) == {BOT, GHOST, "@owner:hs.test"}


def test_members_are_those_of_now(stub: StubHomeserver, api: AppServiceAPI) -> None:
    room = api.bot_intent().room(stub.room(members=[BOT]))
    assert set(room.members) == {BOT, "@owner:hs.test"}
    assert api.state_store.get_membership(room.room_id, "@owner:hs.test") is None
    assert room.power_levels.users[BOT] == 100
    assert api.state_store.get_power_levels(room.room_id) is None


def test_whoever_looks_for_something_is_not_stopped(stub: StubHomeserver) -> None:
    room_id = stub.room(members=["@owner:hs.test"])
    with AppServiceAPI(stub.base_url, BOT, "as_token") as api:
        room = api.intent(GHOST).room(room_id)
        assert not hasattr(room, "members")
        assert getattr(room, "name", "hidden") == "hidden"
        assert "send_text" in dict(inspect.getmembers(room))
        with pytest.raises(MForbidden) as caught:
            _ = room.members
    copied = pickle.loads(pickle.dumps(caught.value))
    assert (copied.user, copied.http_status, str(copied)) == (GHOST, 403, str(caught.value))
    assert {request.method for request in stub.requests} == {"GET"}
