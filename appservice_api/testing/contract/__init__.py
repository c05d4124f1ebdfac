"""The contract of state stores as tests for pytest: what each store keeps to, yours too.

Subclass these in a test module, and say with a fixture where the store is::

    from appservice_api.testing.contract import SharedDeliveriesContract, StateStoreContract

    class TestStore(StateStoreContract):
        @pytest.fixture
        def store(self, tmp_path):
            with MyStore(tmp_path) as store:
                yield store

    class TestDeliveries(SharedDeliveriesContract):
        @pytest.fixture
        def another(self, tmp_path):
            return lambda: MyStore(tmp_path).deliveries

Where deliveries are kept in memory, the second one is a `DeliveriesContract` with the fixture
``deliveries``.

A store implements the abstract methods of :class:`~appservice_api.state_store.ASStateStore`, with
what is in :mod:`appservice_api.state_store`: the items, and `supersedes`, which tells which of two
counts. One that has a better place for deliveries than memory overrides ``deliveries`` and
implements :class:`~appservice_api.state_store.Deliveries`.
"""

from __future__ import annotations

import pytest

# So that a failed assertion shows its values; to be said before the modules are imported.
pytest.register_assert_rewrite(f"{__name__}.deliveries", f"{__name__}.state_store")

from .deliveries import DeliveriesContract, Opening, SharedDeliveriesContract  # noqa: E402
from .state_store import StateStoreContract  # noqa: E402

__all__ = ["DeliveriesContract", "Opening", "SharedDeliveriesContract", "StateStoreContract"]
