"""Sites that serve an application service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from appservice_api import MemoryStateStore
from appservice_api.application import AppService
from appservice_api.testing import ManualClock, StubHomeserver

from ..receiver.conftest import registration
from . import project
from .carriers import PREFIX, Carrier, over_django, over_flask, over_wsgi

NAMESPACES = {"users": [{"exclusive": True, "regex": r"@_irc_.*:hs\.test"}]}


@pytest.fixture
def app(stub: StubHomeserver, clock: ManualClock) -> Iterator[AppService]:
    """An application service whose waits return at once; its bot is the stub's."""
    mine = registration(sender_localpart="bot", rate_limited=False, namespaces=NAMESPACES)
    store = MemoryStateStore()
    store.registered("@bot:hs.test")
    with AppService(mine, stub.base_url, store, clock=clock) as made:
        yield made


@pytest.fixture
def flask_site(app: AppService) -> Any:
    """A Flask site with a page of its own, which takes little."""
    flask = pytest.importorskip("flask", reason="the extra flask isn't installed")
    from appservice_api.flask import blueprint

    site = flask.Flask("site")
    site.config["MAX_CONTENT_LENGTH"] = 1000
    site.register_blueprint(blueprint(app), url_prefix=PREFIX)

    def form() -> str:
        return f"{len(flask.request.get_data())} bytes"

    site.add_url_rule("/form", view_func=form, methods=["POST"])
    return site


@pytest.fixture(scope="session")
def django_ready(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Django, set up once in a process."""
    pytest.importorskip("django", reason="the extra django isn't installed")
    from ..state_store import django_project

    django_project.set_up(tmp_path_factory.mktemp("django"))


@pytest.fixture
def django_site(
    app: AppService, django_ready: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """A Django site with a page of its own, which takes little."""
    from django.core.wsgi import get_wsgi_application
    from django.test import override_settings

    monkeypatch.setattr(project, "app", app, raising=False)
    with override_settings(
        APPSERVICE={"APP": f"{project.__name__}.app"},
        ROOT_URLCONF=f"{__package__}.django_urls",
        MIDDLEWARE=[
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
        ],
        ALLOWED_HOSTS=["127.0.0.1", "testserver"],
        DATA_UPLOAD_MAX_MEMORY_SIZE=1000,
    ):
        yield get_wsgi_application()


@pytest.fixture(params=["flask", "django", "flask-wsgi", "django-wsgi"])
def carrier(request: pytest.FixtureRequest) -> Iterator[Carrier]:
    """Each way to each site."""
    name, _, server = request.param.partition("-")
    site = request.getfixturevalue(f"{name}_site")
    if server:
        with over_wsgi(site) as send:
            yield Carrier(send)
    else:
        yield Carrier(over_django() if name == "django" else over_flask(site))


@pytest.fixture
def heard(app: AppService) -> list[str]:
    """The event IDs that were handled."""
    found: list[str] = []
    handle: Callable[[Any], None] = lambda event: found.append(event.event_id)  # noqa: E731
    app.on("*")(handle)
    return found
