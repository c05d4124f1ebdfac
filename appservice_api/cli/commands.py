"""The group of all commands."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from .._version import __version__
from .options import VERBOSITY
from .outcome import ending

__all__ = ["Ending", "commands"]

_NAMES = ("demo", "register", "check", "send", "request", "serve", "catch-up", "state", "parked")


class Ending(click.Group):
    """Commands that end as :mod:`.outcome` says."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for, and end with its exit code."""
        invoke = super().invoke
        ctx.exit(ending(lambda: invoke(ctx), lambda: int(ctx.meta.get(VERBOSITY, 0))))


class Commands(Ending):
    """Commands that are imported when they are asked for."""

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
