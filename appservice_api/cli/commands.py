"""The group of all commands, and how a command ends."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from importlib import import_module
from typing import Any

import click
import requests

from .._version import __version__
from ..errors import MatrixError
from ..operations.outcome import DONE, exit_code, sentence
from .options import VERBOSITY

__all__ = ["Ending", "commands"]

_NAMES = ("demo", "register", "check", "send", "request", "serve", "catch-up", "state", "parked")
# At -vv, tracebacks are shown.
_TRACE = 2
_FULL = "the output can't be written (No space left on device); the work was done before"


class Ending(click.Group):
    """A group whose commands end with an exit code, and with one line on stderr if they fail."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what it returns is the exit code, if it is an int."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            code = result if isinstance(result, int) else DONE
        except BrokenPipeError:
            # The reader has seen enough.
            _discard_output()
            code = DONE
        except (
            MatrixError, requests.RequestException, ValueError, OSError, KeyboardInterrupt,
        ) as error:  # fmt: skip
            code = _failed(error, int(ctx.meta.get(VERBOSITY, 0)))
        ctx.exit(code)


def _failed(error: BaseException, verbosity: int) -> int:
    """Print an error, and return its exit code."""
    text = sentence(error)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC and not error.filename:
        _discard_output()
        text = _FULL
    if verbosity >= _TRACE:
        traceback.print_exception(error)
    if not isinstance(error, KeyboardInterrupt):
        print(f"appservice-api: {text}", file=sys.stderr, flush=True)
    return exit_code(error)


def _discard_output() -> None:
    """Send what is still buffered to nowhere, so that it doesn't fail again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Commands(Ending):
    """Commands that are imported when they are run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order in which a newcomer needs them."""
        return list(_NAMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in _NAMES:
            return None
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(import_module(f".{name}", __package__), name)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="appservice_api")
def commands() -> None:
    """Speak to a Matrix homeserver as an application service.

    \b
    Exit codes:
      0   done
      1   the homeserver refused, or a parked event failed again
      2   wrong usage, or a file or database that can't be used
      75  the homeserver can't be reached or is busy: try again later
    """
