"""The group of all commands."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from .._version import __version__
from .options import VERBOSITY
from .outcome import ending

__all__ = ["commands"]

_NAMES = ("demo", "register", "check", "send", "request", "state", "parked")


class Commands(click.Group):
    """Commands that are imported when they are asked for, and end as :mod:`.outcome` says."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order in which a newcomer needs them."""
        return list(_NAMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in _NAMES:
            return None
        command: click.Command = getattr(import_module(f".{cmd_name}", __package__), cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for, and end with its exit code."""
        invoke = super().invoke
        ctx.exit(ending(lambda: invoke(ctx), lambda: int(ctx.meta.get(VERBOSITY, 0))))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="appservice_api")
def commands() -> None:
    """Speak to a Matrix homeserver as an application service.

    \b
    Exit codes:
      0   done
      1   the homeserver refused
      2   wrong usage, or a file or database that can't be used
      75  the homeserver can't be reached or is busy: try again later
    """
