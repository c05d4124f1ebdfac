"""What is nested so deeply that Python can't read it, or can't copy or write it: how deep that is
depends on how much is on the stack."""

from __future__ import annotations

import json
from typing import Any

import pytest

from appservice_api.application import AppService
from appservice_api.receiver.nesting import DEEPEST, cut, loads

from .conftest import Pusher, event

LEVELS = [100, 400, 700, *range(800, 1000, 3), 2000, 100_000]


def nested(levels: int, start: str = "[", end: str = "]") -> str:
    """JSON of so many levels; in its midst is a string with what isn't the end of one."""
    return start * levels + r'"]\"}[\\"' + end * levels


@pytest.mark.parametrize("name", ["event_id", "no_id"])
def test_an_event_that_is_nested_deeply_stalls_nothing(
    app: AppService, pusher: Pusher, name: str
) -> None:
    fails = [True]

    @app.on("*")
    def handle(event: Any) -> None:
        if fails[0]:
            raise RuntimeError

    for levels in LEVELS:
        deep = {**event(), "event_id": f"$deep{levels}", "content": {"a": "@1", "b": 1, "c": "@2"}}
        deep[name] = deep.pop("event_id")
        after = event(levels)
        body = json.dumps({"events": [deep, after]}).replace('"@1"', nested(levels))
        data = body.replace('"@2"', nested(levels, '{"x":', "}")).encode()
        for _ in range(2):
            answer = pusher.ask("PUT", f"/_matrix/app/v1/transactions/{levels}", data)
            assert (answer.status, answer.body) == (200, {})
        first, second = app.state_store.deliveries.parked()
        assert (first.event[name], first.event["content"]["b"]) == (f"$deep{levels}", 1)
        assert (second.event, first.error[:9]) == (after, "Traceback")
        if levels < DEEPEST:
            assert first.event["content"]["a"] == json.loads(nested(levels))
        fails[0] = False
        assert app.retry_parked(second.id)
        fails[0] = True
        app.state_store.deliveries.unpark(first.id)


def test_what_is_no_event_and_nested_deeply_stalls_nothing(app: AppService, pusher: Pusher) -> None:
    seen: list[str] = []
    app.on("*")(lambda event: seen.append(event.event_id))
    for levels in LEVELS:
        body = f'{{"events": [{nested(levels)}, {json.dumps(event(levels))}]}}'
        answer = pusher.ask("PUT", f"/_matrix/app/v1/transactions/{levels}", body.encode())
        assert (answer.status, answer.body) == (200, {})
    assert seen == [f"$event{levels}" for levels in LEVELS]
    assert len(app.state_store.deliveries.parked()) == len(LEVELS)


def test_a_cut_leaves_all_else() -> None:
    # Python 3.12 and 3.13 read some 10,000 levels.
    data = f'{{"a": [1, {nested(100_000)}, "x"], "b": {nested(20)}, "c": {{}}}}'.encode()
    found = loads(data)
    assert found["a"][::2] == [1, "x"]
    assert (found["b"], found["c"]) == (json.loads(nested(20)), {})
    one, levels = found["a"][1], 2
    while isinstance(one, list):
        [one], levels = one, levels + 1
    assert (one, levels) == (None, DEEPEST)
    assert cut(found) == found
    assert loads(data, whole=False) == found


@pytest.mark.parametrize("data", [b"[" * 10_000, b'{"a":' * 10_000 + b'"', b"[" * 9000 + b'"\\"'])
def test_what_is_no_json_is_none(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        loads(data)
