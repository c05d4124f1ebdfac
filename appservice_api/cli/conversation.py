"""What the demo's users say to each other."""

from __future__ import annotations

import struct
import zlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..api.appservice import AppServiceAPI
    from ..ids import RoomID
    from ..intent import IntentAPI

__all__ = ["PREFIX", "converse", "picture"]

#: What the localparts of all ghosts begin with.
PREFIX = "_demo_"
_SIZE = 64


def converse(
    api: AppServiceAPI, server_name: str, real_user: IntentAPI, room_version: str
) -> RoomID:
    """Have the bot, three ghosts and a real user talk in an invite-only room.

    Args:
        api: The application service.
        server_name: The homeserver's name.
        real_user: The intent of the real user.
        room_version: The version of the room.

    Returns:
        The room.
    """
    bot = api.bot_intent()
    bot.ensure_registered()
    bot.set_displayname("Demo bot")
    ghosts = []
    for name in ("Alice", "Bob", "Carol"):
        ghost = api.intent(f"@{PREFIX}{name.lower()}:{server_name}")
        # Nobody has this name yet: no need to look first.
        ghost.set_displayname(name, check_current=False)
        ghosts.append(ghost)
    real_user.set_displayname("Dora")
    room_id = bot.create_room(name="The demo", preset="private_chat", room_version=room_version)
    alice, bob, carol = ghosts
    _talk(room_id, bot, alice, bob, carol, real_user)
    return room_id


def _talk(
    room: RoomID, bot: IntentAPI, alice: IntentAPI, bob: IntentAPI, carol: IntentAPI,
    dora: IntentAPI,
) -> None:  # fmt: skip
    """Nobody is invited or joined here: a user's first message sees to it."""
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
    said = dora.send_text(room, "I am a real user, and sent this with my own token.")
    dora.react(room, said, "🎉")
    bot.send_notice(room, "That was all.")


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
