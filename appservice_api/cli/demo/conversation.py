"""The conversation of the demo's users."""

from __future__ import annotations

import struct
import zlib
from datetime import datetime, timedelta

from ... import events
from ...application import AppService
from ...ids import RoomID
from ...intent import IntentAPI
from .reception import Reception

__all__ = ["PREFIX", "converse", "picture"]

#: What the localparts of all ghosts begin with.
PREFIX = "_demo_"
_SIZE = 64


def converse(
    app: AppService, reception: Reception, server_name: str, real_user: IntentAPI,
    ordinary_user: IntentAPI, room_version: str,
) -> RoomID:  # fmt: skip
    """Let the bot, three ghosts and two real users talk in an invite-only room.

    Args:
        app: The application service, which is being served.
        reception: What is pushed to it.
        server_name: The homeserver's name.
        real_user: The intent of a real user who speaks through the application service.
        ordinary_user: The intent of a real user with an ordinary client.
        room_version: The version of the room.

    Returns:
        The room.

    Raises:
        SynapseError: The homeserver doesn't push an event.
    """
    bot = app.bot
    bot.set_displayname("Demo bot")
    ghosts = []
    for name in ("Alice", "Bob", "Carol"):
        ghost = app.api.intent(f"@{PREFIX}{name.lower()}:{server_name}")
        # The ghost is new: its current name needn't be read first.
        ghost.set_displayname(name, check_current=False)
        ghosts.append(ghost)
    real_user.set_displayname("Dora")
    ordinary_user.set_displayname("Erin")
    room_id = bot.create_room(name="The demo", preset="private_chat", room_version=room_version)
    alice, bob, carol = ghosts
    _talk(room_id, alice, bob, carol, real_user)
    answer(app, alice, ordinary_user.mxid)
    _ask(reception, room_id, bot, ordinary_user)
    said = bot.send_notice(room_id, "That was all.")
    reception.wait_for(said, "the bot's last message")
    return room_id


def answer(app: AppService, ghost: IntentAPI, user_id: str) -> None:
    """Let a ghost answer what a user writes, once the homeserver pushes it."""

    @app.on("m.room.message", sender=user_id, msgtype="m.text")
    def reply(event: events.Event) -> None:
        ghost.reply(str(event.room_id), str(event.event_id), "I do: it was pushed to my handler.")


def _ask(reception: Reception, room: RoomID, bot: IntentAPI, erin: IntentAPI) -> None:
    """An ordinary user joins by herself, and asks a question."""
    bot.invite_user(room, erin.mxid)
    erin.join_room_by_id(room)
    asked = erin.send_text(room, "I use an ordinary client. Does anybody read this?")
    reception.wait_for_reply(asked, "a ghost's answer to Erin")


def _talk(
    room: RoomID, alice: IntentAPI, bob: IntentAPI, carol: IntentAPI,
    dora: IntentAPI,
) -> None:  # fmt: skip
    """Ghosts are invited and joined by their first message. A real user joins only by an explicit
    call."""
    yesterday = datetime.now().replace(hour=21, minute=15, second=0) - timedelta(days=1)
    hello = alice.send_text(room, "Hello! Nobody let me in: my first message did.")
    same = bob.send_text(room, html="Same here, and I speak <b>HTML</b>.")
    bob.react(room, hello, "👋")
    carol.send_text(room, "I wrote this yesterday; the bridge was down.", timestamp=yesterday)
    alice.reply(room, same, "So you do!")
    typo = carol.send_text(room, "Teh picture comes next.")
    carol.edit(room, typo, "The picture comes next.")
    data = picture()
    url = carol.upload_media(data, "image/png", "sunset.png")
    info = {"mimetype": "image/png", "size": len(data), "w": _SIZE, "h": _SIZE}
    carol.send_image(room, url, info, "sunset.png")
    dora.ensure_joined(room)
    said = dora.send_text(room, "I am a real user, and sent this with my own token.")
    dora.react(room, said, "🎉")


def picture() -> bytes:
    """A small PNG: a sunset."""
    rows = bytearray()
    for y in range(_SIZE):
        rows.append(0)  # no filter
        for x in range(_SIZE):
            sun = (x - _SIZE // 2) ** 2 + (y - 40) ** 2 < 200
            rows += bytes((255, 230, 90) if sun else (120 + 2 * y, 60 + y, 180 - 2 * y))
    header = struct.pack(">IIBBBBB", _SIZE, _SIZE, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(kind, data)
        for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + checksum
