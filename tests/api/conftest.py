"""The fixtures of the tests of the transport."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from .raw_homeserver import RawHomeserver


@pytest.fixture
def raw() -> Iterator[Callable[..., RawHomeserver]]:
    made: list[RawHomeserver] = []

    def make(*answers: list[bytes | None]) -> RawHomeserver:
        made.append(RawHomeserver(*answers))
        return made[-1]

    yield make
    for server in made:
        server.close()
