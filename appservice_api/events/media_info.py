"""What messages tell of their files.

Spec: Client-Server API, "Instant messaging" and "Sending encrypted attachments".
"""

from __future__ import annotations

from typing import overload

from ..compat import Self
from ..ids import ContentURI
from .enumerations import MessageType
from .view import Field, View, flag, items, mapping, number, text, view

__all__ = [
    "AudioInfo",
    "BaseFileInfo",
    "EncryptedFile",
    "FileInfo",
    "ImageInfo",
    "JSONWebKey",
    "LocationInfo",
    "MediaInfo",
    "ThumbnailInfo",
    "VideoInfo",
]


class JSONWebKey(View):
    """The key of an encrypted file.

    Attributes:
        kty: The kind of key, ``oct``.
        key_ops: What it is for: ``encrypt`` and ``decrypt``.
        alg: The algorithm, ``A256CTR``.
        k: The key, unpadded URL-safe base64.
        ext: Whether it may be taken out, True.
    """

    __slots__ = ()

    kty = text(str)
    key_ops = items(str)
    alg = text(str)
    k = text(str)
    ext = flag()


class EncryptedFile(View):
    """An encrypted file.

    Attributes:
        url: Where it is.
        key: Its key.
        iv: The counter block, unpadded base64.
        hashes: Hashes of the encrypted bytes by algorithm, unpadded base64.
        v: The version of all this, ``v2``.
    """

    __slots__ = ()

    url = text(ContentURI)
    key = view(JSONWebKey)
    iv = text(str)
    hashes = mapping(str)
    v = text(str)


class BaseFileInfo(View):
    """What is told of every file.

    Attributes:
        mimetype: Its media type.
        size: Its size in bytes.
    """

    __slots__ = ()

    mimetype = text(str)
    size = number()


class ThumbnailInfo(BaseFileInfo):
    """What is told of a thumbnail.

    Attributes:
        w, width: Its width in pixels.
        h, height: Its height in pixels.
        is_animated: Whether it moves.
    """

    __slots__ = ()

    w = number()
    h = number()
    width = number("w")
    height = number("h")
    is_animated = flag()


class LocationInfo(View):
    """What is told of a location.

    Attributes:
        thumbnail_url: A picture of it.
        thumbnail_file: The same, encrypted.
        thumbnail_info: What is told of the picture.
    """

    __slots__ = ()

    thumbnail_url = text(ContentURI)
    thumbnail_file = view(EncryptedFile)
    thumbnail_info = view(ThumbnailInfo)


class FileInfo(BaseFileInfo):
    """What is told of a file that is none of the others.

    Attributes:
        thumbnail_url: Its thumbnail.
        thumbnail_file: The same, encrypted.
        thumbnail_info: What is told of the thumbnail.
    """

    __slots__ = ()

    thumbnail_url = text(ContentURI)
    thumbnail_file = view(EncryptedFile)
    thumbnail_info = view(ThumbnailInfo)


class ImageInfo(FileInfo):
    """What is told of an image.

    Attributes:
        w, width: The width in pixels with which it is meant to be shown.
        h, height: The height in pixels with which it is meant to be shown.
        is_animated: Whether it moves.
    """

    __slots__ = ()

    w = number()
    h = number()
    width = number("w")
    height = number("h")
    is_animated = flag()


class VideoInfo(FileInfo):
    """What is told of a video.

    Attributes:
        w, width: Its width in pixels.
        h, height: Its height in pixels.
        duration: How long it takes, in milliseconds.
    """

    __slots__ = ()

    w = number()
    h = number()
    width = number("w")
    height = number("h")
    duration = number()


class AudioInfo(BaseFileInfo):
    """What is told of a sound.

    Attributes:
        duration: How long it takes, in milliseconds.
    """

    __slots__ = ()

    duration = number()


MediaInfo = ImageInfo | VideoInfo | AudioInfo | FileInfo
_INFOS: dict[str, type[MediaInfo]] = {
    MessageType.IMAGE: ImageInfo,
    MessageType.VIDEO: VideoInfo,
    MessageType.AUDIO: AudioInfo,
}


class InfoOfMessage(Field[MediaInfo]):
    """The ``info`` of a file, as the class of the message's type."""

    __slots__ = ("_default",)

    def __init__(self, default: type[FileInfo]) -> None:
        super().__init__("info", FileInfo)
        self._default = default

    @overload
    def __get__(self, view: None, owner: type) -> Self: ...
    @overload
    def __get__(self, view: View, owner: type) -> MediaInfo | None: ...
    def __get__(self, view: View | None, owner: type) -> Self | MediaInfo | None:
        if view is None:
            return self
        found = view.get("info")
        msgtype = view.get("msgtype")
        kind: type[MediaInfo] = self._default
        if isinstance(msgtype, str):
            kind = _INFOS.get(msgtype, kind)
        if not isinstance(found, dict) or isinstance(found, kind):
            return found if isinstance(found, kind) else None
        made = kind(found)
        view["info"] = made
        return made
