"""``demo``: a conversation on a real homeserver that is started for it."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import click
import requests
from rich.console import Console

from ..api.appservice import AppServiceAPI
from ..errors import MissingExtraError
from ..ids import RoomID, UserID
from ..registration import Registration
from ..testing import Synapse
from ..testing.process import installed
from .conversation import PREFIX, converse
from .interruption import Interruption
from .options import verbose_option
from .progress import Progress
from .timeline import timeline

__all__ = ["demo"]

_SERVER_NAME = "demo.test"
_SHOWN = ["m.room.create", "m.room.name", "m.room.member", "m.room.message", "m.reaction"]

_KEPT = """
Synapse goes on running, for you to play with:

  homeserver    {base_url}
  registration  {registration}
  room          {room_id}
  process       {pid}

Speak to it in Python:

from appservice_api import AppServiceAPI

api = AppServiceAPI.from_registration(
    "{registration}",
    "{base_url}",
)
alice = api.intent("{alice}")
alice.send_text("{room_id}", "Hello again")

Stop it, and remove its files:

  kill {pid}; sleep 1; rm -r {home}
"""


@click.command()
@click.option("--keep", is_flag=True, help="Leave Synapse running, and tell how to go on.")
@click.option("--room-version", default="11", show_default=True, help="The version of the room.")
@verbose_option
def demo(keep: bool, room_version: str) -> None:
    """Show a conversation on a real homeserver.

    Starts a throw-away Synapse on this machine, lets the bot, three ghosts and a real user talk
    in an invite-only room, and shows the room. Nothing is left behind, unless --keep is given.
    """
    if not installed():
        raise MissingExtraError("the demo", "demo")
    registration = Registration.generate("demo", server_name=_SERVER_NAME, ghost_prefix=PREFIX)
    try:
        with Interruption() as interruption:
            _run(interruption, registration, keep, room_version)
    except SystemExit:
        with suppress(OSError):  # the terminal may be gone
            click.echo("Interrupted: Synapse is stopped, and its files are removed.", err=True)
        raise


def _run(
    interruption: Interruption, registration: Registration, keep: bool, room_version: str
) -> None:
    """Start Synapse, and stop it again whatever happens, unless it is to be kept."""

    def waiting(seconds: float) -> None:
        interruption.check()
        progress.waited(seconds)

    synapse = Synapse([registration.as_dict()], server_name=_SERVER_NAME, on_wait=waiting)
    leave = False
    try:
        with Progress(Console(stderr=True), "Starting Synapse") as progress:
            synapse.start()
        with interruption.allowed():
            room_id = _show(synapse, registration, room_version)
        if keep:
            _tell(synapse, room_id)
            interruption.check()
            # Not before: what nobody was told of must not stay.
            synapse.detach()
            leave = True
    finally:
        if not leave:
            synapse.stop()
            interruption.check()


def _show(synapse: Synapse, registration: Registration, room_version: str) -> RoomID:
    """Hold the conversation, read it back, and print it."""
    console = Console(highlight=False)
    counted: list[requests.Response] = []
    with requests.Session() as session:
        # A proxy of the environment has no business on the loopback interface.
        session.trust_env = False
        session.hooks["response"].append(lambda response, **_: counted.append(response))
        api = AppServiceAPI.from_registration(
            registration, synapse.base_url, client_session=session
        )
        user = synapse.create_user("dora")
        dora = api.intent(user["user_id"], token=user["access_token"])
        since = time.monotonic()
        room_id = converse(api, _SERVER_NAME, dora, room_version)
        taken = time.monotonic() - since
        bot = api.bot_intent()
        events = bot.get_messages(room_id, "f", limit=100, filter_json={"types": _SHOWN})["chunk"]
        members = bot.get_joined_members(room_id)
    # Rich on its own would end the process where a pipe is closed.
    with console.capture() as capture:
        console.print(timeline(events, _names(members), console.width))
    click.echo(capture.get())
    click.echo(
        f"{len(members)} members, {len(events)} events, {len(counted)} requests; "
        f"the conversation took {taken:.1f} s."
    )
    return room_id


def _names(members: Mapping[UserID, Mapping[str, Any]]) -> dict[str, str]:
    return {user: str(member.get("displayname") or user) for user, member in members.items()}


def _tell(synapse: Synapse, room_id: str) -> None:
    """Print what it takes to go on with a homeserver that is kept."""
    text = _KEPT.format(
        base_url=synapse.base_url,
        registration=str(synapse.home / "registration-0.yaml"),
        home=shlex.quote(str(synapse.home)),
        room_id=str(room_id),
        pid=synapse.pid,
        alice=f"@{PREFIX}alice:{_SERVER_NAME}",
    )
    # Not by rich, which would break lines that are to be copied.
    click.echo(text)
