"""Media: uploads, and previews of pages."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any

from ..api.body import Body, body_of
from ..api.event import timestamp_ms
from ..errors import MatrixConnectionError, MTooLarge
from ..ids import ContentURI
from .base import CallOptions
from .endpoint import Endpoint, Needs
from .repository import Repository

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ..answers.media import MediaCreateResponse, MXOpenGraph

__all__ = ["MediaMethods", "guess_type", "media_id_of"]

UPLOAD = Endpoint("POST", "/_matrix/media/v3/upload", Needs.REGISTERED)
CREATE = Endpoint("POST", "/_matrix/media/v1/create", Needs.REGISTERED)
UPLOAD_TO = Endpoint(
    "PUT", "/_matrix/media/v3/upload/{serverName}/{mediaId}", Needs.REGISTERED,
    already=("M_CANNOT_OVERWRITE_MEDIA",),
)  # fmt: skip
PREVIEW = Endpoint("GET", "/_matrix/client/v1/media/preview_url", Needs.REGISTERED)
OLD_PREVIEW = Endpoint("GET", "/_matrix/media/v3/preview_url", Needs.REGISTERED)

_UNKNOWN_TYPE = "application/octet-stream"
# No homeserver's limit is lower; asking for it would be most of the work.
_ALWAYS_TAKEN = 2**20


def media_id_of(url: str) -> tuple[str, str]:
    """The server name and the media ID of an ``mxc://`` URI, which may end in a fragment.

    Raises:
        ValueError: It is none.
    """
    uri = ContentURI(url.partition("#")[0] if isinstance(url, str) else url)
    return uri.server_name, uri.media_id


def guess_type(name: str | None) -> str:
    """The media type of a file by its name."""
    import mimetypes

    kind, packed = mimetypes.guess_type(name or "")
    if packed is not None:
        return f"application/{'' if packed == 'gzip' else 'x-'}{packed}"
    return kind or _UNKNOWN_TYPE


class MediaMethods(Repository):
    """Uploading to the media repository."""

    __slots__ = ()

    @CREATE
    def create_mxc(self, **options: Unpack[CallOptions]) -> MediaCreateResponse:
        """Make a URI to upload to later, so that an event can be sent before its media is there.
        Homeservers allow only a few of them at a time.

        Args:
            options: See :class:`CallOptions`.

        Returns:
            ``content_uri``, and ``unused_expires_at`` in milliseconds.

        Raises:
            MLimitExceeded: There are too many that nothing was uploaded to.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``POST /_matrix/media/v1/create``.
        """
        from ..answers.media import MediaCreateResponse

        answer = self._call(CREATE, (), None, options)
        self._field(CREATE, answer, "content_uri", str)
        return MediaCreateResponse(answer)

    @UPLOAD
    @UPLOAD_TO
    def upload_media(
        self,
        data: bytes | bytearray | memoryview | IO[bytes] | str | os.PathLike[str] | Iterable[bytes],
        mime_type: str | None = None,
        filename: str | None = None,
        size: int | None = None,
        mxc: str | None = None,
        async_upload: bool = False,
        **options: Unpack[CallOptions],
    ) -> ContentURI:
        """Upload a file, in blocks, so that it need not fit into memory.

        An upload to a new URI is never sent twice where it may have arrived; one to ``mxc`` is
        repeated. What an iterable yields is sent once. A file that is larger than the homeserver
        takes isn't sent at all: it is asked for its limit once, before the first file of more
        than a mebibyte.

        Args:
            data: Bytes, the path of a file, a binary file (from where it stands), or an iterable
                of bytes.
            mime_type: The media type; guessed by ``filename`` if None.
            filename: The name of the file; that of the path if None, or else none.
            size: How many bytes there are. An iterable, and a file that can't seek, need it.
            mxc: The URI to upload to, of :meth:`create_mxc`, by the same user.
            async_upload: Whether such a URI is made first and uploaded to: two requests, of
                which the larger is repeated if the connection breaks. The method returns when
                the upload is done, here, too.
            options: See :class:`CallOptions`.

        Returns:
            The ``mxc://`` URI.

        Raises:
            ValueError: ``data`` can't be sent, or hasn't the given size.
            OSError: The file can't be opened.
            MTooLarge: The homeserver doesn't take files of this size.
            MCannotOverwriteMedia: Something was uploaded to ``mxc`` already.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``POST /_matrix/media/v3/upload`` and
        ``PUT /_matrix/media/v3/upload/{serverName}/{mediaId}``.
        """
        with contextlib.ExitStack() as stack:
            source: Any = data
            if isinstance(data, (str, os.PathLike)):
                path = _path(data)
                source = stack.enter_context(open(path, "rb", buffering=0))
                filename = os.path.basename(path) if filename is None else filename
            body = body_of(source, size)
            return self._upload(body, mime_type, filename, mxc, async_upload, options)

    def _upload(
        self,
        body: Body,
        mime_type: str | None,
        filename: str | None,
        mxc: str | None,
        async_upload: bool,
        options: CallOptions,
    ) -> ContentURI:
        target = media_id_of(mxc) if mxc is not None else None
        endpoint = UPLOAD if target is None and not async_upload else UPLOAD_TO
        self._check_size(endpoint, body, options)
        if target is None and async_upload:
            mxc = self.create_mxc(**options)["content_uri"]
            target = media_id_of(mxc)
        try:
            answer = self._call(
                endpoint, target or (), body, options,
                query_params={"filename": filename} if filename else None,
                headers={"Content-Type": mime_type or guess_type(filename)},
            )  # fmt: skip
        except MatrixConnectionError as error:
            if error.sent and body.length > _ALWAYS_TAKEN:
                error.context = f"uploading {body.length} bytes; too large for a proxy on the way?"
            raise
        if mxc is not None:
            return ContentURI.read(mxc)
        return ContentURI.read(self._field(UPLOAD, answer, "content_uri", str))

    def _check_size(self, endpoint: Endpoint, body: Body, options: CallOptions) -> None:
        api = self.api
        limit = api._shared.upload_limits.get(api._access.base_url)
        once = not isinstance(body.data, bytes) and body.data is not None and body.data.once
        if once and not (api.is_real_user or api.state_store.is_registered(self.mxid)):
            # A body that can't be sent again can't be what finds out that the user is missing.
            api._shared.upload_limits.pop(api._access.base_url, None)
            limit = self._upload_limit(options)
        elif body.length > _ALWAYS_TAKEN:
            limit = self._upload_limit(options)
        if limit is not None and body.length > limit:
            raise MTooLarge(
                f"the file has {body.length} bytes, and the homeserver takes {limit}; it wasn't "
                "sent",
                http_status=413, errcode="M_TOO_LARGE", method=endpoint.method,
                path=endpoint.template, user=api.acting_user, attempts=0,
            )  # fmt: skip

    @PREVIEW
    def get_url_preview(
        self, url: str, timestamp: int | datetime | None = None, **options: Unpack[CallOptions]
    ) -> MXOpenGraph:
        """Preview a page, as the homeserver sees it.

        Args:
            url: The http(s) URL of the page.
            timestamp: As it was then: int milliseconds since 1970, or a datetime.
            options: See :class:`CallOptions`.

        Returns:
            The OpenGraph data of the page.

        Raises:
            ValueError: ``url`` is no http(s) URL.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /_matrix/client/v1/media/preview_url``.
        """
        from ..answers.media import MXOpenGraph

        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise ValueError(f"{url!r} can't be previewed: it must begin with http:// or https://")
        moment = None if timestamp is None else timestamp_ms(timestamp)
        answer = self._either(PREVIEW, OLD_PREVIEW, (), {"url": url, "ts": moment}, options)
        return MXOpenGraph(answer if isinstance(answer, dict) else {})


def _path(path: str | os.PathLike[str]) -> str:
    text = os.fsdecode(path)
    if text.startswith(("mxc://", "http://", "https://")):
        raise ValueError(f"{text!r} is an address, not the path of a file: download it first")
    return text
