"""``catch-up``: handle the events of rooms that were never pushed."""

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
    """Handle what is in rooms and was never pushed.

    A homeserver that is restarted may forget what it has yet to push. MODULE:APP names an
    AppService, as in mybridge.matrix:app, whose handlers get it. It may be running meanwhile, if
    its state store is in a database. Without ROOM_IDs, all rooms of the bot and its ghosts are
    looked after.
    """
    with app_of(ctx, target) as app:
        return backlog.catch_up(app, rooms or None, click.echo, partial(click.echo, err=True))
