"""The fixtures of the tests on a real homeserver; all of them carry the marker ``synapse``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from appservice_api import AppServiceAPI, Registration
from appservice_api.testing import Homeserver


@pytest.fixture
def api(homeserver: Homeserver) -> Iterator[AppServiceAPI]:
    """The API of an application service of this test's own."""
    registration = Registration.load(homeserver.registration)
    with AppServiceAPI.from_registration(registration, homeserver.base_url) as made:
        assert made.bot_mxid == homeserver.bot_mxid
        yield made
