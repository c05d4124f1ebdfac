"""Pictures: how large they are, and a smaller one. Needs the extra ``images``."""

from __future__ import annotations

import io
from typing import Any, NamedTuple

__all__ = ["Picture", "Thumbnail", "look_at"]

_WIDTH, _HEIGHT = 800, 600
# What isn't among them is left alone: other formats start programs, or are rare.
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")
# A file of a few kibibytes can unpack to gigabytes.
_MAX_PIXELS = 40_000_000
_CAMERAS = ("JPEG", "MPO", "PNG", "TIFF", "WEBP")
_ORIENTATION, _LYING = 0x0112, range(5, 9)


class Thumbnail(NamedTuple):
    """A smaller picture: its bytes, media type, width and height."""

    data: bytes
    type: str
    width: int
    height: int

    @property
    def info(self) -> dict[str, Any]:
        """Its ``thumbnail_info``."""
        return {"mimetype": self.type, "size": len(self.data), "w": self.width, "h": self.height}


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
            sensible = width * height <= _MAX_PIXELS
            lies = _lies(image, sensible)
            if lies:
                width, height = height, width
            thumbnail = None
            if (width > _WIDTH or height > _HEIGHT) and sensible:
                thumbnail = _thumbnail(image, ImageOps, lies)
            # Some cameras put two pictures into a JPEG, which Pillow has a name of its own for.
            kind = "JPEG" if image.format == "MPO" else image.format or ""
            return Picture(Image.MIME.get(kind), width, height, thumbnail)
    except Exception:
        return None


def _lies(image: Any, sensible: bool) -> bool:
    """Whether a picture is shown on its side."""
    # Others would be unpacked for it, and hardly ever have it. PNG may have it at its end.
    if image.format not in _CAMERAS:
        return False
    if image.format == "PNG" and "exif" not in image.info and not sensible:
        return False
    try:
        return image.getexif().get(_ORIENTATION) in _LYING
    except Exception:
        return False


def _thumbnail(image: Any, operations: Any, lies: bool) -> Thumbnail | None:
    box = (_HEIGHT, _WIDTH) if lies else (_WIDTH, _HEIGHT)
    try:
        # JPEG is read at a fraction of its size. What is small is turned, not the whole.
        image.draft("RGB", (2 * _WIDTH, 2 * _HEIGHT))
        image.thumbnail(box)
        small = operations.exif_transpose(image)
        opaque = small.mode not in ("RGBA", "LA", "PA") and "transparency" not in small.info
        kind = "JPEG" if opaque else "PNG"
        small = small.convert("RGB" if opaque else "RGBA")
        content = io.BytesIO()
        small.save(content, kind)
    except Exception:
        return None
    return Thumbnail(content.getvalue(), f"image/{kind.lower()}", *small.size)
