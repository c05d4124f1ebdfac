"""What the tests of sites in processes of their own have in common."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["listening", "wait_for"]


def wait_for(come: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Wait until something is so."""
    until = time.monotonic() + seconds
    while True:
        found = come()
        if found or time.monotonic() > until:
            assert found
            return found
        time.sleep(0.05)


@contextmanager
def listening(names: Iterable[str]) -> Iterator[dict[str, socket.socket]]:
    """A listening socket for each site: the homeserver must know its port when it starts."""
    made = {name: socket.create_server(("127.0.0.1", 0), backlog=128) for name in names}
    try:
        yield made
    finally:
        for one in made.values():
            one.close()
