"""``catch-up``: handle what is in rooms and was never pushed."""

from __future__ import annotations

from functools import partial

import click

from .backlog import catch_up_app
from .options import patience_options, patient, verbose_option
from .target import load

__all__ = ["catch_up"]


@click.command("catch-up")
@click.argument("target", metavar="MODULE:APP")
@click.argument("rooms", metavar="[ROOM_ID]...", nargs=-1)
@patience_options("each call of the homeserver")
@verbose_option
@click.pass_context
def catch_up(ctx: click.Context, target: str, rooms: tuple[str, ...]) -> int:
    """Handle what is in rooms and was never pushed.

    A homeserver that is restarted may forget what it has yet to push. MODULE:APP names an
    AppService, as in mybridge.matrix:app, whose handlers get it. It may be running meanwhile, if
    its state store is in a database. Without ROOM_IDs, all rooms of the bot and its ghosts are
    looked after.
    """
    with patient(ctx, load(target)) as app:
        return catch_up_app(app, rooms or None, click.echo, partial(click.echo, err=True))
