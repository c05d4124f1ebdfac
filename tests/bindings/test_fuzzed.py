"""Whatever comes is answered, without a failure or a traceback: by the core, and through all
bindings. ``FUZZED_REQUESTS=10000`` sends as many through each."""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings

from appservice_api.application import AppService

from .carriers import Carrier, Reply
from .fuzz import REQUESTS, Fuzzed, Tracebacks, over_core, over_site, over_wsgi_alone, watch

NUMBER = int(os.environ.get("FUZZED_REQUESTS", "300"))
ALONE = {"core": over_core, "wsgi": over_wsgi_alone}


@pytest.fixture
def tracebacks() -> Iterator[list[str]]:
    """What is logged with a traceback."""
    handler = Tracebacks()
    logging.getLogger().addHandler(handler)
    yield handler.found
    logging.getLogger().removeHandler(handler)


def run(
    app: AppService, tracebacks: list[str], ask: Callable[[Fuzzed], Reply], *, always_json: bool
) -> None:
    """Make all requests, and print how many were answered in which way."""
    watch(app)
    counts: Counter[int] = Counter()

    @settings(
        max_examples=NUMBER, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(request=REQUESTS)
    def check(request: Fuzzed) -> None:
        reply = ask(request)
        assert reply.status < 500
        assert tracebacks == []
        if reply.data and (always_json or reply.status == 200):
            assert isinstance(json.loads(reply.data), dict | list)
        for parked in app.state_store.deliveries.parked():
            assert parked.error.endswith("isn't an object\n")
            app.state_store.deliveries.unpark(parked.id)
        counts[reply.status] += 1

    check()
    print(f"{counts.total()} requests:", dict(sorted(counts.items())), app.receiver.counters.events)
    assert counts.total() >= NUMBER


@pytest.mark.parametrize("way", ALONE)
def test_whatever_comes_is_answered(way: str, app: AppService, tracebacks: list[str]) -> None:
    run(app, tracebacks, lambda request: ALONE[way](app, request), always_json=True)


def test_whatever_comes_to_a_site_is_answered(
    carrier: Carrier, app: AppService, tracebacks: list[str]
) -> None:
    run(app, tracebacks, lambda request: over_site(carrier, request), always_json=False)


def test_a_failure_would_be_seen(
    carrier: Carrier, app: AppService, tracebacks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(request: object) -> None:
        raise KeyError("seen")

    for place in ("_respond", "handle"):
        monkeypatch.setattr(app.receiver, place, fail)
        assert carrier.ask("GET", "/healthz").status == 500
        assert "KeyError: 'seen'" in tracebacks.pop()
