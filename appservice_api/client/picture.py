"""Pictures: how large they are, and a smaller one. Needs the extra ``images``."""

from __future__ import annotations

import io
from typing import Any, NamedTuple

__all__ = ["Picture", "Thumbnail", "look_at"]

_WIDTH, _HEIGHT = 800, 600
# What isn't among them is left alone: other formats start programs, or are rare.
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")
# A file of a few kibibytes can unpack to gigabytes.
_MAX_PIXELS = 64 * 2**20
_CAMERAS = ("JPEG", "MPO", "TIFF", "WEBP")
_ORIENTATION, _LYING = 0x0112, range(5, 9)


class Thumbnail(NamedTuple):
    """A smaller picture: its bytes, media type, width and height."""

    data: bytes
    type: str
    width: int
    height: int


class Picture(NamedTuple):
    """What is known of a picture: media type, width, height, and a thumbnail if it is large."""

    type: str | None
    width: int
    height: int
    thumbnail: Thumbnail | None


def look_at(file: Any) -> Picture | None:
    """Look at a picture; None if it can't be read as one, or Pillow isn't installed.

    Args:
        file: A seekable binary file that stands at its beginning.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError:
        return None
    # A picture that nobody here can read is still one that can be sent.
    try:
        with Image.open(file, formats=_FORMATS) as image:
            width, height = image.size
            # Others would be unpacked for it, and hardly ever have it.
            if image.format in _CAMERAS and image.getexif().get(_ORIENTATION) in _LYING:
                width, height = height, width
            thumbnail = None
            large = width > _WIDTH or height > _HEIGHT
            if large and width * height <= _MAX_PIXELS:
                thumbnail = _thumbnail(image, ImageOps)
            # Some cameras put two pictures into a JPEG, which Pillow has a name of its own for.
            kind = "JPEG" if image.format == "MPO" else image.format or ""
            return Picture(Image.MIME.get(kind), width, height, thumbnail)
    except Exception:
        return None


def _thumbnail(image: Any, operations: Any) -> Thumbnail | None:
    try:
        # JPEG is read at a fraction of its size.
        image.draft("RGB", (2 * _WIDTH, 2 * _HEIGHT))
        small = operations.exif_transpose(image)
        small.thumbnail((_WIDTH, _HEIGHT))
        opaque = small.mode not in ("RGBA", "LA", "PA") and "transparency" not in small.info
        kind = "JPEG" if opaque else "PNG"
        small = small.convert("RGB" if opaque else "RGBA")
        content = io.BytesIO()
        small.save(content, kind)
    except Exception:
        return None
    return Thumbnail(content.getvalue(), f"image/{kind.lower()}", *small.size)
