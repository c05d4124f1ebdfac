"""``check``: examine whether an application service works."""

from __future__ import annotations

import click

from ..operations.examination import examine
from ..operations.outcome import one_line
from .options import api_of, settings_of, settings_options

__all__ = ["check", "report"]

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
    return examine(
        lambda: api_of(ctx, settings, default_retry_count=0), settings.registration, report
    )


def report(verdict: str, text: str) -> None:
    """Print a verdict in its color."""
    click.secho(f"{verdict:8}", fg=_COLORS.get(verdict), nl=False)
    click.echo(f" {one_line(text)}")
