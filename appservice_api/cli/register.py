"""``register``: a registration file for a new application service."""

from __future__ import annotations

import os
import shlex

import click

from ..errors import RegistrationError
from ..ids import check_localpart, is_server_name
from ..registration import Registration
from .options import verbose_option
from .outcome import one_line

__all__ = ["register"]

_NEXT = """Wrote {path}. It holds secrets: only you can read it.

What to do next:

1. List the file in homeserver.yaml (Synapse's own user must be able to read it):

     app_service_config_files:
       - {yaml}

2. Restart Synapse.

3. See whether it works, with your homeserver's URL:

     appservice-api check --registration {argument} --base-url http://localhost:8008
"""


@click.command()
@click.argument("id")
@click.option("--url", metavar="URL", help="Where the homeserver shall send events to.")
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
    help="What the localparts of all ghosts and aliases begin with.  [default: _ID_]",
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

    ID is the name of the application service on its homeserver; it should never change. New
    tokens are made, and are nowhere but in the file.
    """
    if bool(url) == no_url:
        raise click.UsageError("give either --url or --no-url")
    if not force and os.path.lexists(output):
        raise RegistrationError(
            f"{output!r} exists already, and its tokens may be in use: give another --output, or "
            "--force to replace it"
        )
    prefix = prefix if prefix is not None else f"_{id}_"
    _check(server_name, prefix)
    registration = Registration.generate(
        id, url=url, server_name=server_name, sender_localpart=bot,
        ghost_prefix=prefix,
    )  # fmt: skip
    registration.save(output, overwrite=force)
    path = os.path.abspath(output)
    click.echo(
        _NEXT.format(path=path, yaml=_yaml_text(path), argument=shlex.quote(output)), nl=False
    )
    for warning in registration.warnings():
        click.echo(f"\nWarning: {one_line(warning)}.")


def _check(server_name: str, prefix: str) -> None:
    """Refuse, by the names of the options, what the registration would by its own."""
    if not is_server_name(server_name):
        raise click.UsageError(f"--server-name {server_name!r} isn't a homeserver's name")
    try:
        check_localpart(prefix)
    except ValueError as error:
        raise click.UsageError(f"--prefix {error}") from None


def _yaml_text(path: str) -> str:
    """A path as YAML takes it, in quotes where it must be."""
    plain = path.replace("/", "").replace("-", "").replace("_", "").replace(".", "")
    return path if plain.isalnum() else "'" + path.replace("'", "''") + "'"
