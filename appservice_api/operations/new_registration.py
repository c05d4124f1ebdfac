"""A new registration file, and how to install it."""

from __future__ import annotations

import os
import shlex

from ..errors import RegistrationError
from ..ids import check_localpart, is_server_name
from ..registration import Registration
from .outcome import one_line

__all__ = ["OptionError", "write_registration"]

_NEXT = """Wrote {path}. It holds secrets: only you can read it.

What to do next:

1. List the file in homeserver.yaml (Synapse's own user must be able to read it):

     app_service_config_files:
       - {yaml}

2. Restart Synapse.

3. See whether it works, with your homeserver's URL:

     appservice-api check --registration {argument} --base-url http://localhost:8008
"""


class OptionError(ValueError):
    """An option of a command that has a wrong value."""


def write_registration(
    id: str, *, url: str | None, no_url: bool, server_name: str, prefix: str | None,
    bot: str | None, output: str, force: bool,
) -> str:  # fmt: skip
    """Write a registration file with new tokens.

    Args:
        id: The registration's ID.
        url: Where the homeserver shall send events to.
        no_url: Whether the homeserver shall send no events.
        server_name: The homeserver's name.
        prefix: What the localparts of ghosts begin with; by default the ID between underscores.
        bot: The localpart of the bot; by default the prefix without its end.
        output: The file.
        force: Whether an existing file is replaced.

    Returns:
        The next steps, as text for a person.

    Raises:
        OptionError: An option has a wrong value.
        RegistrationError: The file exists, or can't be written.
    """
    if bool(url) == no_url:
        raise OptionError("give either --url or --no-url")
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
    text = _NEXT.format(path=path, yaml=_yaml_text(path), argument=shlex.quote(output))
    for warning in registration.warnings():
        text += f"\nWarning: {one_line(warning)}.\n"
    return text


def _check(server_name: str, prefix: str) -> None:
    """Check what the registration would refuse, to name the option in the error."""
    if not is_server_name(server_name):
        raise OptionError(f"--server-name {server_name!r} isn't a homeserver's name")
    try:
        check_localpart(prefix)
    except ValueError as error:
        raise OptionError(f"--prefix {error}") from None


def _yaml_text(path: str) -> str:
    """A path in YAML, quoted if necessary."""
    plain = path.replace("/", "").replace("-", "").replace("_", "").replace(".", "")
    return path if plain.isalnum() else "'" + path.replace("'", "''") + "'"
