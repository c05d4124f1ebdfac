"""``catch-up``: handle events that the homeserver never pushed."""

from __future__ import annotations

from functools import partial

import click

from ..operations import backlog
from .options import app_of, retry_options, verbose_option

__all__ = ["catch_up"]


@click.command("catch-up")
@click.argument("target", metavar="MODULE:APP")
@click.argument("rooms", metavar="[ROOM_ID]...", nargs=-1)
@retry_options("each call of the homeserver")
@verbose_option
@click.pass_context
def catch_up(ctx: click.Context, target: str, rooms: tuple[str, ...]) -> int:
    """Handle events that the homeserver never pushed.

    A homeserver that is restarted may forget events that it hasn't pushed yet. MODULE:APP names an
    AppService, for example mybridge.matrix:app, with the handlers. It may be running meanwhile, if
    its state store is in a database. Without ROOM_IDs, the events of all rooms of the bot and its
    ghosts are handled.
    """
    with app_of(ctx, target) as app:
        return backlog.catch_up(app, rooms or None, click.echo, partial(click.echo, err=True))
