"""Pytest fixtures: a real homeserver, a stub homeserver, and a manual clock."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .clock import ManualClock
from .pool import Homeserver, SynapsePool
from .process import installed
from .stub import StubHomeserver


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", "synapse: needs a real Synapse")


@pytest.hookimpl(tryfirst=True)  # before -m picks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that use a real homeserver, for -m "not synapse"."""
    for item in items:
        if "synapse_pool" in getattr(item, "fixturenames", ()):
            item.add_marker("synapse")


@pytest.fixture(scope="session")
def synapse_pool() -> Iterator[SynapsePool]:
    """The pool of application services on a real Synapse, which is started when first needed."""
    if not installed():
        pytest.skip("Synapse isn't installed: pip install 'appservice_api[demo]'")
    pool = SynapsePool()
    try:
        yield pool
    finally:
        pool.stop()


@pytest.fixture
def homeserver(synapse_pool: SynapsePool) -> Homeserver:
    """A real homeserver with an application service for this test only."""
    return synapse_pool.take()


@pytest.fixture
def stub() -> Iterator[StubHomeserver]:
    """A stub homeserver, started."""
    with StubHomeserver() as server:
        yield server


@pytest.fixture
def clock() -> ManualClock:
    """A clock whose waits return at once."""
    return ManualClock(auto=True)
