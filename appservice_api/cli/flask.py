"""``flask appservice``: the commands of a Flask application.

Flask finds them by the package's entry point: ``register`` works before there is a registration
that the site could be loaded with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from flask import current_app
from flask.cli import with_appcontext

from ..flask import EXTENSION
from .check import say
from .commands import Ending
from .examination import examine_app
from .register import register

if TYPE_CHECKING:
    from ..application import AppService

__all__ = ["commands"]


@click.group("appservice", cls=Ending)
def commands() -> None:
    """Check or register a Matrix application service."""


@commands.command()
@with_appcontext
def check() -> int:
    """Tell whether the site's application services work.

    The site should be running: the homeserver is asked to ping it. Nothing is changed.
    """
    apps: dict[str, AppService] = current_app.extensions.get(EXTENSION, {})
    if not apps:
        raise click.UsageError("this site has no blueprint of an application service")
    return max(examine_app(app, say) for app in apps.values())


commands.add_command(register)
