"""``serve``: take what the homeserver pushes, without a framework."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import click

from ..application import AppService
from .options import verbose_option

__all__ = ["serve"]


@click.command()
@click.argument("target", metavar="MODULE:APP")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", default=29300, show_default=True, help="The port.")
@click.option("--threads", default=8, show_default=True, help="Requests answered at once.")
@click.option("--no-ping", is_flag=True, help="Don't have the homeserver ping at the start.")
@verbose_option
def serve(target: str, host: str, port: int, threads: int, no_ping: bool) -> None:
    """Serve an application service until SIGINT or SIGTERM comes.

    MODULE:APP names an AppService, as in mybridge.matrix:app; modules in the present folder are
    found.
    """
    app = _load(target)
    click.echo(f"Serving {app.registration.id} at http://{host}:{port}", err=True)
    with app:
        app.run(host, port, threads=threads, ping=not no_ping)


def _load(target: str) -> AppService:
    """The object that a text names.

    Raises:
        click.UsageError: There is none, or it is none.
    """
    name, _, attribute = target.partition(":")
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        found = getattr(import_module(name), attribute or "app")
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise click.UsageError(f"there is no module {name!r} here") from error
    except AttributeError as error:
        raise click.UsageError(f"{target!r} can't be served: {error}") from error
    if not isinstance(found, AppService):
        raise click.UsageError(f"{target!r} is no AppService, but {type(found).__name__}")
    return found
