"""Metadata of files in messages.

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
        kty: The type of key, ``oct``.
        key_ops: The operations, ``encrypt`` and ``decrypt``.
        alg: The algorithm, ``A256CTR``.
        k: The key, unpadded URL-safe base64.
        ext: Whether the key is extractable, True.
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
        url: The encrypted file.
        key: The key.
        iv: The counter block, unpadded base64.
        hashes: Hashes of the encrypted file by algorithm, unpadded base64.
        v: The version of the scheme, ``v2``.
    """

    __slots__ = ()

    url = text(ContentURI)
    key = view(JSONWebKey)
    iv = text(str)
    hashes = mapping(str)
    v = text(str)


class BaseFileInfo(View):
    """Metadata of any file.

    Attributes:
        mimetype: The media type.
        size: The size in bytes.
    """

    __slots__ = ()

    mimetype = text(str)
    size = number()


class ThumbnailInfo(BaseFileInfo):
    """Metadata of a thumbnail.

    Attributes:
        w, width: The width in pixels.
        h, height: The height in pixels.
        is_animated: Whether it is animated.
    """

    __slots__ = ()

    w = number()
    h = number()
    width = number("w")
    height = number("h")
    is_animated = flag()


class LocationInfo(View):
    """Metadata of a location.

    Attributes:
        thumbnail_url: The thumbnail.
        thumbnail_file: The thumbnail, if it is encrypted.
        thumbnail_info: Metadata of the thumbnail.
    """

    __slots__ = ()

    thumbnail_url = text(ContentURI)
    thumbnail_file = view(EncryptedFile)
    thumbnail_info = view(ThumbnailInfo)


class FileInfo(BaseFileInfo):
    """Metadata of a file of a general type.

    Attributes:
        thumbnail_url: The thumbnail.
        thumbnail_file: The thumbnail, if it is encrypted.
        thumbnail_info: Metadata of the thumbnail.
    """

    __slots__ = ()

    thumbnail_url = text(ContentURI)
    thumbnail_file = view(EncryptedFile)
    thumbnail_info = view(ThumbnailInfo)


class ImageInfo(FileInfo):
    """Metadata of an image.

    Attributes:
        w, width: The width in pixels for display.
        h, height: The height in pixels for display.
        is_animated: Whether it is animated.
    """

    __slots__ = ()

    w = number()
    h = number()
    width = number("w")
    height = number("h")
    is_animated = flag()


class VideoInfo(FileInfo):
    """Metadata of a video.

    Attributes:
        w, width: The width in pixels.
        h, height: The height in pixels.
        duration: The duration in milliseconds.
    """

    __slots__ = ()

    w = number()
    h = number()
    width = number("w")
    height = number("h")
    duration = number()


class AudioInfo(BaseFileInfo):
    """Metadata of an audio file.

    Attributes:
        duration: The duration in milliseconds.
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
    """The ``info`` of a message with a file, as the class of its ``msgtype``."""

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
