"""Media: pictures and files."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from ..ids import ContentURI
from .base import CallOptions, ClientMethods
from .endpoint import Endpoint, Needs

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["MediaMethods"]

UPLOAD = Endpoint("POST", "/_matrix/media/v3/upload", Needs.REGISTERED)


class MediaMethods(ClientMethods):
    """Uploading to the media repository."""

    __slots__ = ()

    @UPLOAD
    def upload_media(
        self,
        data: bytes | bytearray | memoryview | IO[bytes],
        mime_type: str | None = None,
        filename: str | None = None,
        **options: Unpack[CallOptions],
    ) -> ContentURI:
        """Upload a file. The request is never sent twice where it may have arrived.

        Args:
            data: The bytes, or a seekable binary file, which is streamed from where it stands.
            mime_type: The media type; ``application/octet-stream`` if None.
            filename: The name of the file, None for none.
            options: See :class:`CallOptions`.

        Returns:
            The ``mxc://`` URI.

        Raises:
            ValueError: ``data`` is neither.
            MTooLarge: The homeserver doesn't take files of this size.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``POST /_matrix/media/v3/upload``.
        """
        if not isinstance(data, (bytes, bytearray, memoryview)) and not hasattr(data, "read"):
            raise ValueError(f"data must be bytes or a binary file, not {type(data).__name__}")
        answer = self._call(
            UPLOAD, (), data, options,
            query_params={"filename": filename} if filename else None,
            headers={"Content-Type": mime_type or "application/octet-stream"},
        )  # fmt: skip
        return ContentURI.read(self._field(UPLOAD, answer, "content_uri", str))
