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
    """Examine whether an application service works.

    Examines the registration, the homeserver's versions, the user of the as_token, the bot's
    account and device, and whether the application service may act as its ghosts; and lets the
    homeserver ping the application service. Nothing is changed, except that a bot without an
    account is registered.
    """
    settings = settings_of(ctx)
    return examine(
        lambda: api_of(ctx, settings, default_retry_count=0), settings.registration, report
    )


def report(verdict: str, text: str) -> None:
    """Print a verdict in its color."""
    click.secho(f"{verdict:8}", fg=_COLORS.get(verdict), nl=False)
    click.echo(f" {one_line(text)}")
