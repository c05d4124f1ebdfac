"""``request``: any request, also one for which there is no method."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from .options import api_of, intent_of, read_stdin, settings_of, settings_options

__all__ = ["request"]


@click.command()
@click.argument("method")
@click.argument("path")
@click.option(
    "--as",
    "user",
    metavar="USER",
    help="The acting user: a user ID, or the localpart of a ghost.  [default: the bot]",
)
@click.option(
    "--data",
    metavar="JSON",
    help="The body; @FILE reads it from a file, - from standard input.",
)
@click.option(
    "--query",
    metavar="NAME=VALUE",
    multiple=True,
    help="A query parameter. Can be given more than once.",
)
@settings_options
@click.pass_context
def request(
    ctx: click.Context, method: str, path: str, user: str | None, data: str | None,
    query: tuple[str, ...],
) -> None:  # fmt: skip
    """Make a request, and print the JSON that the homeserver answers.

    PATH is relative to /_matrix/client/v3, unless it begins with /_matrix or /_synapse. Room IDs
    and other identifiers in it aren't percent-encoded, except / as %2F. No user is registered or
    joined for it.
    """
    settings = settings_of(ctx)
    content, params = _content(data), _params(query)
    with api_of(ctx, settings) as api:
        speaker = intent_of(api, settings, user).api
        answer = speaker.request(method.upper(), path, content, query_params=params)
    # JSON escapes where the output can't show a character.
    ascii_only = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    click.echo(json.dumps(answer, indent=2, ensure_ascii=ascii_only))


def _content(data: str | None) -> Any:
    if data is None:
        return None
    if data == "-":
        data = read_stdin()
    elif data.startswith("@"):
        with open(data[1:], encoding="utf-8") as file:
            data = file.read()
    try:
        content = json.loads(data)
    except ValueError as error:
        raise click.UsageError(f"--data isn't JSON: {error}") from None
    if not isinstance(content, (dict, list)):
        raise click.UsageError("--data must be a JSON object or list")
    return content


def _params(query: tuple[str, ...]) -> dict[str, list[str]]:
    params: dict[str, list[str]] = {}
    for pair in query:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise click.UsageError(f"--query {pair!r} must look like NAME=VALUE")
        params.setdefault(name, []).append(value)
    return params
