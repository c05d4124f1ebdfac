"""``serve``: run an application service without a framework."""

from __future__ import annotations

import click

from .options import app_of, retry_options, verbose_option

__all__ = ["serve"]


@click.command()
@click.argument("target", metavar="MODULE:APP")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", default=29300, show_default=True, help="The port.")
@click.option("--threads", default=8, show_default=True, help="Transactions handled at once.")
@click.option("--no-ping", is_flag=True, help="Don't let the homeserver ping at the start.")
@click.option("--catch-up", is_flag=True, help="First handle events that were never pushed.")
@retry_options("each call of the homeserver")
@verbose_option
@click.pass_context
def serve(
    ctx: click.Context, target: str, host: str, port: int, threads: int, no_ping: bool,
    catch_up: bool,
) -> None:  # fmt: skip
    """Serve an application service until SIGINT or SIGTERM.

    MODULE:APP names an AppService, for example mybridge.matrix:app; modules in the current folder
    are found.
    """
    app = app_of(ctx, target)
    app.catch_up_at_start |= catch_up
    with app:
        click.echo(f"Serving {app.registration.id} at http://{host}:{port}", err=True)
        app.run(host, port, threads=threads, ping=not no_ping)
