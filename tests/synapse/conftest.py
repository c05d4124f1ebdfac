"""The fixtures of the tests on a real homeserver; all of them carry the marker ``synapse``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from appservice_api import AppService, AppServiceAPI, IntentAPI, Registration
from appservice_api.testing import Homeserver


@pytest.fixture
def api(homeserver: Homeserver) -> Iterator[AppServiceAPI]:
    """The API of an application service of this test's own."""
    registration = Registration.load(homeserver.registration)
    with AppServiceAPI.from_registration(registration, homeserver.base_url) as made:
        assert made.bot_mxid == homeserver.bot_mxid
        yield made


@pytest.fixture
def app(homeserver: Homeserver) -> Iterator[AppService]:
    """An application service that the homeserver pushes to."""
    with (
        AppService.from_registration(homeserver.registration, homeserver.base_url) as made,
        made.serve_in_thread() as url,
    ):
        homeserver.forward(url)
        yield made
        homeserver.forward(None)


@pytest.fixture
def carol(homeserver: Homeserver) -> Iterator[IntentAPI]:
    """An ordinary user, whose client has nothing to do with the application service."""
    account = homeserver.create_user("carol")
    with AppServiceAPI(
        homeserver.base_url, None, account["access_token"], account["user_id"], real_user=True
    ) as made:
        yield IntentAPI(made)
