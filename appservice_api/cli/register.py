"""``register``: a registration file for a new application service."""

from __future__ import annotations

import click

from ..operations.new_registration import OptionError, write_registration
from .options import verbose_option

__all__ = ["register"]


@click.command()
@click.argument("id")
@click.option("--url", metavar="URL", help="The URL to which the homeserver shall send events.")
@click.option("--no-url", is_flag=True, help="The homeserver shall send no events.")
@click.option(
    "--server-name",
    metavar="NAME",
    required=True,
    envvar="APPSERVICE_SERVER_NAME",
    show_envvar=True,
    help="The homeserver's name, as in user IDs.",
)
@click.option(
    "--prefix",
    metavar="TEXT",
    help="The prefix of the localparts of all ghosts and aliases.  [default: _ID_]",
)
@click.option(
    "--bot",
    metavar="LOCALPART",
    help="The localpart of the bot.  [default: the prefix, without its end]",
)
@click.option(
    "--output",
    metavar="FILE",
    default="registration.yaml",
    show_default=True,
    help="The file to write.",
)
@click.option("--force", is_flag=True, help="Replace the file, and the tokens in it.")
@verbose_option
def register(
    id: str, url: str | None, no_url: bool, server_name: str, prefix: str | None,
    bot: str | None, output: str, force: bool,
) -> None:  # fmt: skip
    """Write a registration file.

    ID is the ID of the application service on its homeserver; it must never change. The file gets
    new tokens, which are stored nowhere else.
    """
    try:
        text = write_registration(
            id, url=url, no_url=no_url, server_name=server_name, prefix=prefix, bot=bot,
            output=output, force=force,
        )  # fmt: skip
    except OptionError as error:
        raise click.UsageError(str(error)) from None
    click.echo(text, nl=False)
