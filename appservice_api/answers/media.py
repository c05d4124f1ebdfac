"""Views of answers of the media repository."""

from __future__ import annotations

from ..events.view import View, number, text
from ..ids import ContentURI

__all__ = ["MXOpenGraph", "MediaCreateResponse", "MediaRepoConfig"]


class MediaCreateResponse(View):
    """A content URI without content.

    Attributes:
        content_uri: The ``mxc://`` URI.
        unused_expires_at: When it expires if nothing is uploaded, in milliseconds since 1970.
    """

    content_uri = text(ContentURI)
    unused_expires_at = number()


class MediaRepoConfig(View):
    """The configuration of the media repository.

    Attributes:
        upload_size: The maximal size of an upload in bytes; None if it is missing.
    """

    upload_size = number("m.upload.size")


class MXOpenGraph(View):
    """The preview of a web page: its OpenGraph data, of which any part may be missing.

    Attributes:
        title, description, url, type, site_name: Data of the page.
        image: The ``mxc://`` URI of its image.
        image_type: The media type of the image.
        image_width, image_height: The size of the image in pixels.
        image_size: The size of the image in bytes.
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
