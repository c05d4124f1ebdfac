"""What the tests of sites in processes of their own have in common."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from appservice_api import Registration
from appservice_api.testing import Synapse

__all__ = ["listening", "registered", "serving", "wait_for"]


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


def registered(synapse: Synapse, name: str, file: Path, needed: Iterable[str]) -> Registration:
    """The registration of a site, saved; the test is skipped where a module isn't installed."""
    for module in needed:
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} isn't installed: pip install 'appservice_api[test]'")
    [given] = [one for one in synapse.registrations if one["id"] == name]
    registration = Registration.load(dict(given))
    registration.save(file)
    return registration


@contextmanager
def serving(command: list[str], url: str, **options: Any) -> Iterator[None]:
    """A server in a process of its own, once it is ready, and with whatever it starts."""
    server = subprocess.Popen(command, start_new_session=True, **options)
    try:
        ready = f"{url}/readyz"
        wait_for(lambda: server.poll() is None and _answers(ready), 30)
        yield
    finally:
        server.terminate()
        try:
            server.wait(20)
        finally:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGKILL)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=20).status_code == 200
    except requests.ConnectionError:
        return False
