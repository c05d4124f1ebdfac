"""Handlers: what they are called for, and what they get."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from appservice_api.application import AppService
from appservice_api.events import StateEvent
from appservice_api.intent import Room

from .conftest import ALICE, BOT, GHOST, ROOM, Pusher, event


def test_handlers_get_what_they_ask_for(app: AppService, pusher: Pusher) -> None:
    got: dict[str, Any] = {}

    @app.on("m.room.member", mine=True)
    def invited(event, mine, room, intent, *, ghost, app, api, more=5):  # type: ignore[no-untyped-def]
        got.update(locals())

    pusher.push(
        event(
            1, type="m.room.member", state_key=GHOST, content={"membership": "invite"}, sender=BOT
        )
    )
    assert isinstance(got["event"], StateEvent)
    assert got["mine"] is True
    assert got["room"] == Room(app.bot, ROOM)
    assert got["intent"] is app.bot
    assert got["ghost"].mxid == GHOST
    assert (got["app"], got["api"], got["more"]) == (app, app.api, 5)


def test_what_isnt_there_is_none(app: AppService, pusher: Pusher) -> None:
    got: list[Any] = []
    app.on("*")(lambda room, ghost: got.append((room, ghost)))
    pusher.push(
        {"type": "x"}, event(2, type="m.room.member", state_key=ALICE), event(3, room_id="x")
    )
    pusher.push(event(4, type="m.room.member", state_key=BOT), id="2")
    assert [ghost for _, ghost in got] == [None] * 4
    assert [room is None for room, _ in got] == [True, False, True, False]


FILTERS: list[tuple[dict[str, Any], list[int]]] = [
    ({"type": "m.room.message"}, [1, 2, 3]),
    ({"type": ["m.room.message", "m.sticker"]}, [1, 2, 3, 4]),
    ({"type": "*"}, [1, 2, 3, 4, 5]),
    ({"type": "*", "room": "!other:hs.test"}, [2]),
    ({"type": "*", "room": [ROOM, "!other:hs.test"], "sender": "@carol:hs.test"}, [3]),
    ({"type": "m.room.message", "msgtype": "m.notice"}, [3]),
    ({"type": "*", "msgtype": {"m.notice", "m.text"}}, [1, 2, 3]),
]  # fmt: skip


@pytest.mark.parametrize("filters, wanted", FILTERS)
def test_filters(
    app: AppService, pusher: Pusher, filters: dict[str, Any], wanted: list[int]
) -> None:
    seen: list[str] = []
    app.on(**filters)(lambda event: seen.append(event.event_id))
    pusher.push(
        event(1),
        event(2, room_id="!other:hs.test"),
        event(3, sender="@carol:hs.test", content={"msgtype": "m.notice"}),
        event(4, type="m.sticker", content=None),
        event(5, type="m.room.topic", state_key="", content={}),
    )
    assert seen == [f"$event{number}" for number in wanted]


@pytest.mark.parametrize(
    "filters, wanted",
    [({"type": "m.x"}, [2, 3]), ({"type": "m.x", "state_key": "a"}, [3]),
     ({"type": "*", "state_key": ""}, [2])],
)  # fmt: skip
def test_state_has_a_key(app: AppService, pusher: Pusher, filters: Any, wanted: list[int]) -> None:
    seen: list[str] = []
    app.on_state(**filters)(lambda event: seen.append(event.event_id))
    pusher.push(
        event(1, type="m.x"),
        event(2, type="m.x", state_key=""),
        event(3, type="m.x", state_key="a"),
    )
    assert seen == [f"$event{number}" for number in wanted]


def test_handlers_are_called_in_the_order_in_which_they_were_made(
    app: AppService, pusher: Pusher
) -> None:
    seen: list[str] = []
    for name, kind in [("a", "*"), ("b", "m.room.message"), ("c", "*")]:
        app.on(kind)(lambda name=name: seen.append(name))
    pusher.push(event(1))
    assert seen == ["a", "b", "c"]


def test_a_function_may_handle_several_kinds(app: AppService, pusher: Pusher) -> None:
    seen: list[Any] = []

    @app.on("m.room.message")
    @app.on_state("m.room.topic")
    def both(event: Any) -> None:
        seen.append(event.type)

    pusher.push(event(1), event(2, type="m.room.topic", state_key=""))
    assert seen == ["m.room.message", "m.room.topic"]


async def coroutine(event: Any) -> None:
    """Not a handler."""


def generator(event: Any) -> Iterator[int]:
    """Not a handler."""
    yield 1


@pytest.mark.parametrize(
    "function, what",
    [
        (coroutine, "coroutine is a coroutine function"),
        (generator, "generator is a generator"),
        (lambda evt: None, "asks for 'evt'; .* may ask for event, mine, room, ghost, intent"),
        (lambda *event: None, r"asks for '\*event'"),
        (lambda **event: None, r"asks for '\*\*event'"),
        (lambda event, /: None, "asks for 'event'"),
        (dict, "has no signature"),
        (5, "a handler is a function, not 5"),
    ],
)  # fmt: skip
def test_what_cant_be_a_handler(app: AppService, function: Any, what: str) -> None:
    with pytest.raises(TypeError, match=what):
        app.on("*")(function)


def test_decorators_need_their_arguments(app: AppService) -> None:
    with pytest.raises(TypeError, match="needs the type of events"):
        app.on(lambda event: None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="the type of events is missing"):
        app.on(None)
    needs: list[Any] = [app.on_protocol, app.on_location, app.on_user]
    for decorator in needs:
        with pytest.raises(TypeError, match="needs the name of a protocol"):
            decorator(lambda protocol: None)
    with pytest.raises(TypeError, match="on_protocol needs the name of a protocol, not None"):
        app.on_protocol(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("wanted", [5, ["a", 5], [None], [["a"]], b"a", True])
def test_filters_are_texts(app: AppService, wanted: Any) -> None:
    with pytest.raises(TypeError, match="needs a str, several, or None, not "):
        app.on(wanted)
    with pytest.raises(TypeError, match="needs a str, several, or None, not "):
        app.on("m.room.message", room=wanted)


def test_filters_may_be_any_iterable(app: AppService, pusher: Pusher) -> None:
    seen: list[Any] = []
    app.on(one for one in ("m.a", "m.b"))(lambda event: seen.append(event.type))
    pusher.push(event(1, type="m.a"), event(2, type="m.b"), event(3, type="m.c"))
    assert seen == ["m.a", "m.b"]
