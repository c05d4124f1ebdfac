"""Packs of images: emoji and stickers of one's own. Spec: Client-Server API, "Image packs"."""

from __future__ import annotations

from ..ids import ContentURI
from .enumerations import ImagePackUsage
from .event_content import AccountDataEventContent, StateEventContent
from .media_info import ImageInfo
from .view import View, items, mapping, text, view

__all__ = [
    "ImagePack",
    "ImagePackImage",
    "ImagePackRoomsAccountDataEventContent",
    "RoomImagePackStateEventContent",
]


class ImagePackImage(View):
    """An image of a pack.

    Attributes:
        url: Where it is.
        body: What it shows, in words.
        info: What is told of it.
    """

    __slots__ = ()

    url = text(ContentURI)
    body = text(str)
    info = view(ImageInfo)


class ImagePack(View):
    """What is told of a pack.

    Attributes:
        display_name: Its name; that of the room if None.
        avatar_url: Its avatar; that of the room if None.
        usage: What its images are for; everything if None.
        attribution: Whose images they are.
    """

    __slots__ = ()

    display_name = text(str)
    avatar_url = text(ContentURI)
    usage = items(ImagePackUsage)
    attribution = text(str)


class RoomImagePackStateEventContent(StateEventContent):
    """The content of ``m.room.image_pack``; the state key is the pack's ID.

    Attributes:
        images: The images by shortcode.
        pack: What is told of the pack.
    """

    __slots__ = ()

    images = mapping(ImagePackImage)
    pack = view(ImagePack)


class ImagePackRoomsAccountDataEventContent(AccountDataEventContent):
    """The content of ``m.image_pack.rooms``.

    Attributes:
        rooms: The packs that the user has chosen: by room, then by state key.
    """

    __slots__ = ()

    rooms = mapping(dict)
