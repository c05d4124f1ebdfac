"""SIGINT, SIGTERM and SIGHUP, acted on where that is safe."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

__all__ = ["Interruption"]

_SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


class Interruption:
    """Turns signals into SystemExit, at :meth:`check` and within :meth:`allowed`. At other times,
    for example while Synapse is started or removed, they wait. Only the first signal counts.
    """

    def __init__(self) -> None:
        self._signal = 0
        self._raised = False
        self._allowed = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interruption:
        for number in _SIGNALS:
            # nohup ignores SIGHUP, and it stays ignored.
            if number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._signal = self._signal or number
        if self._allowed:
            self.check()

    def check(self) -> None:
        """Raise SystemExit if a signal was received, with a shell's exit code (130 for Ctrl-C)."""
        if self._signal and not self._raised:
            self._raised = True
            raise SystemExit(128 + self._signal)

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """Within this context a signal raises at once."""
        self._allowed = True
        try:
            self.check()
            yield
        finally:
            self._allowed = False
