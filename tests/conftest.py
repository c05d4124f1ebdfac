"""The fixtures of all tests."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from appservice_api import AppServiceAPI
from appservice_api.testing import ManualClock, StubHomeserver

pytest_plugins = ["appservice_api.testing.plugin"]

BOT = "@bot:hs.test"
GHOST = "@_ghost:hs.test"


@pytest.fixture
def api(stub: StubHomeserver, clock: ManualClock) -> Iterator[AppServiceAPI]:
    """The API of the stub's application service; its waits return at once."""
    with AppServiceAPI(stub.base_url, BOT, "as_token", clock=clock) as made:
        yield made


@pytest.fixture
def interruptible() -> Iterator[None]:
    """SIGINT interrupts, even where a shell has started the tests in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
