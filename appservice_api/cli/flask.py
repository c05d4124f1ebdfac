"""``flask appservice``: the commands of a Flask application.

Flask finds them by the entry point of this package. ``register`` needs no site: it works before
there is a registration with which the site could be loaded.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click
from flask import current_app
from flask.cli import with_appcontext

from ..flask import EXTENSION
from ..operations import backlog
from ..operations.examination import examine_app
from .check import report
from .commands import Ending
from .register import register

if TYPE_CHECKING:
    from ..application import AppService

__all__ = ["commands"]


@click.group("appservice", cls=Ending)
def commands() -> None:
    """Manage a Matrix application service."""


@commands.command()
@with_appcontext
def check() -> int:
    """Examine whether the site's application services work.

    The site should be running: the homeserver is asked to ping it. Nothing is changed, except
    that a bot without an account is registered.
    """
    return max(examine_app(app, report) for app in _apps())


@commands.command("catch-up")
@with_appcontext
def catch_up() -> int:
    """Handle events that the homeserver never pushed.

    A homeserver that is restarted may forget events that it hasn't pushed yet. The site may be
    running meanwhile, if its state store is in a database.
    """
    err = partial(click.echo, err=True)
    return max(backlog.catch_up(app, None, click.echo, err) for app in _apps())


def _apps() -> list[AppService]:
    """The application services of the site."""
    apps: dict[str, AppService] = current_app.extensions.get(EXTENSION, {})
    if not apps:
        raise click.UsageError("this site has no blueprint of an application service")
    return list(apps.values())


commands.add_command(register)
