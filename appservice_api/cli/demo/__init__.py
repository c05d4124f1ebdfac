"""``demo``: a conversation on a real homeserver that is started for it."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import click
import requests
from rich.console import Console

from ...application import AppService
from ...appservice import AppServiceAPI
from ...clock import monotonic
from ...errors import MissingExtraError
from ...ids import RoomID, UserID
from ...intent import IntentAPI
from ...registration import Registration
from ...server import serve_in_thread
from ...testing import Synapse
from ...testing.process import installed
from ..options import verbose_option
from ..progress import Progress
from .conversation import PREFIX, converse
from .interruption import Interruption
from .kept import go_on
from .reception import Reception
from .timeline import legend, timeline

__all__ = ["demo"]

_SERVER_NAME = "demo.test"
_PASSWORD = "pw"
# Seconds for events that are being handled when the demo ends.
_GRACE = 2.0
_SHOWN = ["m.room.create", "m.room.name", "m.room.member", "m.room.message", "m.reaction"]


@click.command()
@click.option("--keep", is_flag=True, help="Leave Synapse running, and explain how to go on.")
@click.option("--room-version", default="11", show_default=True, help="The version of the room.")
@verbose_option
def demo(keep: bool, room_version: str) -> None:
    """Show a conversation on a real homeserver, in both directions.

    Starts a throw-away Synapse on this machine, lets the bot, three ghosts and a real user talk
    in an invite-only room, lets a ghost answer an ordinary user whose message the homeserver
    pushes, and shows the room. Nothing is left behind, unless --keep is given.
    """
    if not installed():
        raise MissingExtraError("the demo", "demo")
    try:
        # The receiver's port is reserved before it is written into the registration.
        with Interruption() as interruption, socket.create_server(("127.0.0.1", 0)) as listener:
            _run(interruption, listener, keep, room_version)
    except SystemExit:
        with suppress(OSError):  # the terminal may be gone
            click.echo("Interrupted: Synapse is stopped, and its files are removed.", err=True)
        raise


def _run(
    interruption: Interruption, listener: socket.socket, keep: bool, room_version: str
) -> None:
    """Start Synapse, and stop it in every case, unless it is to be kept."""
    registration = Registration.generate(
        "demo", url=f"http://127.0.0.1:{listener.getsockname()[1]}", server_name=_SERVER_NAME,
        ghost_prefix=PREFIX,
    )  # fmt: skip

    def waiting(seconds: float) -> None:
        interruption.check()
        progress.waited(seconds)

    synapse = Synapse([registration.as_dict()], server_name=_SERVER_NAME, on_wait=waiting)
    leave = False
    try:
        with Progress(Console(stderr=True), "Starting Synapse") as progress:
            synapse.start()
        with _serving(synapse, registration, listener) as stage, interruption.allowed():
            room_id = _show(stage, room_version)
        if keep:
            # Not by rich, which would wrap lines that are to be copied.
            click.echo(go_on(
                synapse, registration, room_id, alice=f"@{PREFIX}alice:{_SERVER_NAME}",
                erin=f"@erin:{_SERVER_NAME}", password=_PASSWORD,
            ))  # fmt: skip
            interruption.check()
            # Not before its process ID was printed: otherwise nobody could stop it.
            synapse.detach()
            leave = True
    finally:
        if not leave:
            synapse.stop()
            interruption.check()


class _Stage(NamedTuple):
    """Who takes part, and what is counted.

    Attributes:
        app: The application service, which is being served.
        reception: What is pushed to it.
        dora: A real user, through the application service.
        erin: A real user who doesn't use the application service.
        sent: The responses to the application service's requests.
    """

    app: AppService
    reception: Reception
    dora: IntentAPI
    erin: IntentAPI
    sent: list[requests.Response]


@contextmanager
def _serving(
    synapse: Synapse, registration: Registration, listener: socket.socket
) -> Iterator[_Stage]:
    """Serve the application service, and register two users."""
    sent: list[requests.Response] = []
    with _session() as session, _session() as other, AppService(
        registration, synapse.base_url, client_session=session
    ) as app:  # fmt: skip
        session.hooks["response"].append(lambda response, **_: sent.append(response))
        reception = Reception(app)
        dora, erin = (synapse.create_user(name, _PASSWORD) for name in ("dora", "erin"))
        client = AppServiceAPI(
            synapse.base_url, erin["user_id"], erin["access_token"], client_session=other
        )
        with serve_in_thread(app, "", 0, ping=False, grace=_GRACE, listener=listener):
            yield _Stage(
                app, reception, app.api.intent(dora["user_id"], token=dora["access_token"]),
                client.bot_intent(), sent,
            )  # fmt: skip


def _session() -> requests.Session:
    """A session without the proxies of the environment: requests go to the loopback interface."""
    session = requests.Session()
    session.trust_env = False
    return session


def _show(stage: _Stage, room_version: str) -> RoomID:
    """Hold the conversation, read it back, and print it."""
    console = Console(highlight=False)
    app, reception = stage.app, stage.reception
    since = monotonic()
    room_id = converse(app, reception, _SERVER_NAME, stage.dora, stage.erin, room_version)
    taken = monotonic() - since
    events = app.bot.get_messages(room_id, "f", limit=100, filter_json={"types": _SHOWN})["chunk"]
    members = app.bot.get_joined_members(room_id)
    received = reception.events
    sent = {event["event_id"] for event in events if event["sender"] != stage.erin.mxid}
    ascii_only = console.options.ascii_only
    # Rich itself would end the process when a pipe is closed.
    with console.capture() as capture:
        console.print(timeline(
            events, _names(members), sent, received, width=console.width, ascii_only=ascii_only
        ))  # fmt: skip
    click.echo(capture.get())
    click.echo(f"{legend(ascii_only)}\n")
    click.echo(
        f"{len(members)} members, {len(events)} events shown; the conversation took {taken:.1f} s."
    )
    click.echo(
        f"Sent: {len(stage.sent)} requests. "
        f"Received: {len(received)} events in {reception.transactions} transactions."
    )
    return room_id


def _names(members: Mapping[UserID, Mapping[str, Any]]) -> dict[str, str]:
    return {user: str(member.get("displayname") or user) for user, member in members.items()}
