"""Progress of an operation that takes a while."""

from __future__ import annotations

from rich.console import Console
from rich.status import Status

__all__ = ["Progress"]

_LINE_EVERY = 5.0


class Progress:
    """On a terminal a line that counts the seconds, elsewhere a new line every few seconds.

    Args:
        console: Where it is shown.
        text: Names the operation.
    """

    def __init__(self, console: Console, text: str) -> None:
        self._console = console
        self._text = text
        self._next = _LINE_EVERY
        self._status = Status(text, console=console) if console.is_terminal else None

    def __enter__(self) -> Progress:
        if self._status:
            self._status.start()
        else:
            self._console.print(f"{self._text} ...")
        return self

    def __exit__(self, *error: object) -> None:
        if self._status:
            self._status.stop()

    def waited(self, seconds: float) -> None:
        """Show how many seconds it has taken so far."""
        if self._status:
            self._status.update(f"{self._text} [dim]{seconds:.0f} s[/]")
        elif seconds >= self._next:
            self._next += _LINE_EVERY
            self._console.print(f"{self._text} ... {seconds:.0f} s")
