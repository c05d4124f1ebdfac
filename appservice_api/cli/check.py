"""``check``: does the application service work, and if it doesn't, why not?"""

from __future__ import annotations

import click

from .examination import examine
from .options import made, settings_of, settings_options
from .outcome import one_line

__all__ = ["check"]

_COLORS = {"ok": "green", "FAILED": "red", "skipped": "yellow"}


@click.command()
@settings_options
@click.pass_context
def check(ctx: click.Context) -> int:
    """Tell whether an application service works.

    Looks at the registration, at the homeserver's versions, at whom it takes the as_token for,
    whether the bot has an account and its device, whether ghosts may be acted as, and has it ping
    the application service. Nothing is changed, but a bot that has no account is registered.
    """
    settings = settings_of(ctx)
    return examine(lambda: made(ctx, settings, default_retry_count=0), settings.registration, say)


def say(verdict: str, text: str) -> None:
    """Print a verdict in its color, or what belongs to the one above."""
    click.secho(f"{verdict:8}", fg=_COLORS.get(verdict), nl=False)
    click.echo(f" {one_line(text)}")
