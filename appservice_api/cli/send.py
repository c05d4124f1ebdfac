"""``send``: one message, for scripts and cron jobs."""

from __future__ import annotations

import click

from ..appservice import AppServiceAPI
from ..ids import check_room_id_or_alias
from .options import api_of, intent_of, read_stdin, settings_of, settings_options

__all__ = ["send"]


@click.command()
@click.argument("room")
@click.argument("text")
@click.option(
    "--as",
    "user",
    metavar="USER",
    help="The sender: a user ID, or the localpart of a ghost.  [default: the bot]",
)
@click.option("--html", metavar="HTML", help="The formatted text, in addition to the plain text.")
@click.option("--notice", is_flag=True, help="Send a notice (m.notice).")
@click.option("--emote", is_flag=True, help="Send an emote (m.emote).")
@click.option(
    "--timestamp",
    metavar="MS",
    type=click.IntRange(min=0),
    help="The timestamp of the message, in milliseconds since 1970.",
)
@click.option(
    "--txn-id",
    metavar="ID",
    help="The transaction ID of this message. Running the same command again is then harmless: "
    "the message is sent once, and both runs print the same event ID. The homeserver decides how "
    "long it remembers the ID: Synapse for 30 to 60 minutes, unless it is restarted; with a device "
    "in APPSERVICE_DEVICE_ID, for 24 hours.",
)
@settings_options
@click.pass_context
def send(
    ctx: click.Context, room: str, text: str, user: str | None, html: str | None, notice: bool,
    emote: bool, timestamp: int | None, txn_id: str | None,
) -> None:  # fmt: skip
    """Send a text message, and print its event ID.

    ROOM is a room ID or an alias. TEXT is the text; - reads it from standard input. The user is
    registered and joined if necessary.
    """
    if notice and emote:
        raise click.UsageError("--notice and --emote exclude each other")
    settings = settings_of(ctx)
    if text == "-":
        text = read_stdin().rstrip("\n")
    if not text:
        raise ValueError("the text is empty: nothing was sent")
    with api_of(ctx, settings) as api:
        intent = intent_of(api, settings, user)
        msgtype = "m.notice" if notice else "m.emote" if emote else "m.text"
        event_id = intent.send_text(
            _room_id(api, room), text, html, msgtype, txn_id=txn_id, timestamp=timestamp
        )
    click.echo(event_id)


def _room_id(api: AppServiceAPI, room: str) -> str:
    """The room ID of a room ID or an alias."""
    if check_room_id_or_alias(room).startswith("!"):
        return room
    return str(api.bot_intent().resolve_room_alias(room)["room_id"])
