"""Answers of the media repository."""

from __future__ import annotations

from ..events.view import View, number, text
from ..ids import ContentURI

__all__ = ["MXOpenGraph", "MediaCreateResponse", "MediaRepoConfig"]


class MediaCreateResponse(View):
    """A URI that nothing has been uploaded to.

    Attributes:
        content_uri: The ``mxc://`` URI.
        unused_expires_at: When it ends if nothing is uploaded, in milliseconds since 1970.
    """

    content_uri = text(ContentURI)
    unused_expires_at = number()


class MediaRepoConfig(View):
    """What the media repository takes.

    Attributes:
        upload_size: How many bytes an upload may have; None if the homeserver doesn't tell.
    """

    upload_size = number("m.upload.size")


class MXOpenGraph(View):
    """The preview of a page: its OpenGraph data, of which any part may be missing.

    Attributes:
        title, description, url, type, site_name: What the page says of itself.
        image: The ``mxc://`` URI of its picture.
        image_type: The media type of the picture.
        image_width, image_height: Its size in pixels.
        image_size: Its size in bytes.
    """

    title = text(str, "og:title")
    description = text(str, "og:description")
    url = text(str, "og:url")
    type = text(str, "og:type")
    site_name = text(str, "og:site_name")
    image = text(ContentURI, "og:image")
    image_type = text(str, "og:image:type")
    image_width = number("og:image:width")
    image_height = number("og:image:height")
    image_size = number("matrix:image:size")
