"""``flask appservice``: the commands of a Flask application.

Flask finds them by the package's entry point: ``register`` works before there is a registration
that the site could be loaded with.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click
from flask import current_app
from flask.cli import with_appcontext

from ..flask import EXTENSION
from .backlog import catch_up_app
from .check import say
from .commands import Ending
from .examination import examine_app
from .register import register

if TYPE_CHECKING:
    from ..application import AppService

__all__ = ["commands"]


@click.group("appservice", cls=Ending)
def commands() -> None:
    """Look after a Matrix application service."""


@commands.command()
@with_appcontext
def check() -> int:
    """Tell whether the site's application services work.

    The site should be running: the homeserver is asked to ping it. Nothing is changed,
    but a bot that has no account is registered.
    """
    return max(examine_app(app, say) for app in _apps())


@commands.command("catch-up")
@with_appcontext
def catch_up() -> int:
    """Handle what is in rooms and was never pushed.

    A homeserver that is restarted may forget what it has yet to push. The site may be running
    meanwhile, if its state store is in a database.
    """
    remark = partial(click.echo, err=True)
    return max(catch_up_app(app, None, click.echo, remark) for app in _apps())


def _apps() -> list[AppService]:
    """The application services of the site."""
    apps: dict[str, AppService] = current_app.extensions.get(EXTENSION, {})
    if not apps:
        raise click.UsageError("this site has no blueprint of an application service")
    return list(apps.values())


commands.add_command(register)
