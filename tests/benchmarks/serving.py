"""A server in a process of its own, with whatever processes it starts."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from pushing import Connection, request

_LONGEST_START = 60.0
_LONGEST_END = 20


@contextmanager
def serving(
    command: list[str], port: int, path: str, status: int | None = None, **options: Any
) -> Iterator[int]:
    """Run a server, until the end of the block.

    Args:
        command: How it is started.
        port: The port at which it listens.
        path: What is asked for to see that it serves.
        status: The status of the answer to that, None for any.
        options: More arguments of :class:`subprocess.Popen`.

    Returns:
        The process ID.

    Raises:
        SystemExit: It doesn't start.
    """
    process = subprocess.Popen(command, start_new_session=True, **options)
    try:
        _wait_for(process, port, path, status)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(_LONGEST_END)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _wait_for(process: subprocess.Popen[bytes], port: int, path: str, status: int | None) -> None:
    end = time.monotonic() + _LONGEST_START
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError):
            connection = Connection(port)
            answered, _ = connection.exchange(request("GET", path))
            connection.close()
            if status in (None, answered):
                return
        time.sleep(0.05)
    raise SystemExit("the server doesn't start")
