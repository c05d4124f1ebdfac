"""Image packs: custom emoji and stickers. Spec: Client-Server API, "Image packs"."""

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
        url: The image.
        body: A description of the image.
        info: Metadata of the image.
    """

    __slots__ = ()

    url = text(ContentURI)
    body = text(str)
    info = view(ImageInfo)


class ImagePack(View):
    """Metadata of a pack.

    Attributes:
        display_name: The name of the pack; that of the room if None.
        avatar_url: The avatar of the pack; that of the room if None.
        usage: The usage of the images; any if None.
        attribution: The authors of the images.
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
        pack: Metadata of the pack.
    """

    __slots__ = ()

    images = mapping(ImagePackImage)
    pack = view(ImagePack)


class ImagePackRoomsAccountDataEventContent(AccountDataEventContent):
    """The content of ``m.image_pack.rooms``.

    Attributes:
        rooms: The packs that the user has enabled, by room and state key.
    """

    __slots__ = ()

    rooms = mapping(dict)
