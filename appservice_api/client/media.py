"""Media: uploads, and previews of web pages."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import IO, Any

from .. import answers, errors
from ..api.body import Body, body_of
from ..api.endpoint import Endpoint, Needs
from ..api.event import timestamp_ms
from ..api.options import CallOptions
from ..compat import Unpack
from ..errors import MatrixConnectionError, MatrixResponseError
from ..ids import ContentURI
from .repository import Repository

__all__ = ["MediaMethods", "check_text", "guess_type", "media_id_of", "opened"]

UPLOAD = Endpoint("POST", "/_matrix/media/v3/upload", Needs.REGISTERED)
CREATE = Endpoint("POST", "/_matrix/media/v1/create", Needs.REGISTERED)
UPLOAD_TO = Endpoint(
    "PUT", "/_matrix/media/v3/upload/{serverName}/{mediaId}", Needs.REGISTERED,
    already=("M_CANNOT_OVERWRITE_MEDIA",),
)  # fmt: skip
PREVIEW = Endpoint("GET", "/_matrix/client/v1/media/preview_url", Needs.REGISTERED)
OLD_PREVIEW = Endpoint("GET", "/_matrix/media/v3/preview_url", Needs.REGISTERED)

_UNKNOWN_TYPE = "application/octet-stream"
_ADDRESSES = ("mxc://", "http://", "https://")
# No homeserver's limit is lower, and asking for it would take longer than the upload.
_ALWAYS_TAKEN = 2**20
# Seconds for which a known limit is used to accept a file, and for which to refuse one.
_LIMIT_HOLDS, _LIMIT_REFUSES = 3600.0, 60.0


def media_id_of(url: str) -> tuple[str, str]:
    """The server name and the media ID of an ``mxc://`` URI, which may end in a fragment.

    Raises:
        ValueError: ``url`` isn't such a URI.
    """
    uri = ContentURI(url.partition("#")[0] if isinstance(url, str) else url)
    return uri.server_name, uri.media_id


def guess_type(*names: str | None) -> str:
    """The media type of a file, from the first of its names that has a known suffix."""
    import mimetypes

    for name in names:
        kind, packed = mimetypes.guess_type(name or "")
        if packed is not None:
            return f"application/{'' if packed == 'gzip' else 'x-'}{packed}"
        if kind is not None:
            return kind
    return _UNKNOWN_TYPE


def check_text(**named: object) -> None:
    """Refuse arguments that are neither a str nor None.

    Raises:
        ValueError: One is; the error names it.
    """
    for name, value in named.items():
        if value is not None and not isinstance(value, str):
            raise ValueError(f"{name} must be a str, not {value!r}")


@contextlib.contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[tuple[IO[bytes], str]]:
    """Open a regular file to send it. Yields the file and its name as valid text.

    Raises:
        ValueError: It is a URL, or a device or a pipe.
        OSError: It can't be opened.
    """
    text = os.fsdecode(path)
    if text.startswith(_ADDRESSES):
        raise ValueError(
            f"{text!r} is an address, not the path of a file: download it first (a message may "
            "have the mxc:// URI of its file)"
        )
    kind = os.stat(path).st_mode
    # Opening a pipe would block until another process writes to it.
    if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
        raise ValueError(f"{text!r} isn't a file with an end: open it, and give size=")
    with open(path, "rb", buffering=0) as file:
        yield file, os.fsencode(os.path.basename(text)).decode(errors="replace")


class MediaMethods(Repository):
    """Uploading to the media repository."""

    __slots__ = ()

    @CREATE
    def create_mxc(self, **options: Unpack[CallOptions]) -> answers.MediaCreateResponse:
        """Create a URI to upload to later, so that an event can be sent before its media is
        uploaded. Homeservers allow only a few unused ones at a time.

        Args:
            options: See :class:`CallOptions`.

        Returns:
            ``content_uri``, and ``unused_expires_at`` in milliseconds.

        Raises:
            MLimitExceeded: There are too many unused URIs.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``POST /_matrix/media/v1/create``.
        """
        answer = self._call(CREATE, (), None, options)
        self._field(CREATE, answer, "content_uri", str)
        return answers.MediaCreateResponse(answer)

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

        An upload to a new URI isn't repeated if the homeserver may have received it; one to
        ``mxc`` is. An iterable is sent once. A file larger than the homeserver's limit isn't sent:
        the homeserver is asked for the limit before the first file of more than 1 MiB, and again
        from time to time.

        Args:
            data: Bytes, the path of a file, a binary file (read from its present position), or an
                iterable of bytes.
            mime_type: The media type; guessed from ``filename`` or the path if None.
            filename: The name of the file; if None, that of the path, or no name.
            size: The number of bytes. An iterable, a file that can't seek, and a device
                need it; they are read once.
            mxc: The URI to upload to, from :meth:`create_mxc` of the same user.
            async_upload: Whether to create such a URI first and upload to it: two requests, of
                which the larger is repeated if the connection breaks. The method still returns
                when the upload is done.
            options: See :class:`CallOptions`.

        Returns:
            The ``mxc://`` URI.

        Raises:
            ValueError: ``data`` can't be sent, or doesn't have the given size.
            OSError: The file can't be opened.
            MTooLarge: The homeserver doesn't accept files of this size.
            MCannotOverwriteMedia: Something was uploaded to ``mxc`` already.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``POST /_matrix/media/v3/upload`` and
        ``PUT /_matrix/media/v3/upload/{serverName}/{mediaId}``.
        """
        with contextlib.ExitStack() as stack:
            check_text(mime_type=mime_type, filename=filename)
            source: Any = data
            own_name = None
            if isinstance(data, (str, os.PathLike)):
                source, own_name = stack.enter_context(opened(data))
                filename = own_name if filename is None else filename
            body = body_of(source, size)
            kind = mime_type or guess_type(filename, own_name)
            return self._upload(body, kind, filename, mxc, async_upload, options)

    def _upload(
        self,
        body: Body,
        mime_type: str,
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
            try:
                target = media_id_of(mxc)
            except ValueError as error:
                raise MatrixResponseError(
                    str(error), method="POST", path=CREATE.template, user=self.api.acting_user
                ) from None
        try:
            answer = self._call(
                endpoint, target or (), body, options,
                query_params={"filename": filename} if filename else None,
                headers={"Content-Type": mime_type},
            )  # fmt: skip
        except MatrixConnectionError as error:
            if error.sent and body.length > _ALWAYS_TAKEN:
                error.context = f"uploading {body.length} bytes; too large for a proxy on the way?"
            raise
        except errors.MTooLarge:
            self.api._shared.upload_limits.pop(self.api._access.base_url, None)
            raise
        if mxc is not None:
            return ContentURI.read(mxc)
        return ContentURI.read(self._field(UPLOAD, answer, "content_uri", str))

    def _check_size(self, endpoint: Endpoint, body: Body, options: CallOptions) -> None:
        api = self.api
        known = api._shared.upload_limits.get(api._access.base_url)
        limit = known[1] if known is not None else None
        once = not isinstance(body.data, bytes) and body.data is not None and body.data.once
        if once and not (api.is_real_user or api.state_store.is_registered(self.mxid)):
            # The body can't be sent again, so another request must find a missing user first.
            limit = self._upload_limit(options, -1.0, ("of", self.mxid))
        elif body.length > _ALWAYS_TAKEN:
            limit = self._upload_limit(options, _LIMIT_HOLDS)
        if limit is not None and body.length > limit:
            # The limit may have been raised since it was asked for.
            limit = self._upload_limit(options, _LIMIT_REFUSES)
        if limit is not None and body.length > limit:
            raise errors.MTooLarge(
                f"the file has {body.length} bytes, and the homeserver takes {limit}; it wasn't "
                "sent",
                http_status=413, errcode="M_TOO_LARGE", method=endpoint.method,
                path=endpoint.template, user=api.acting_user, attempts=0,
            )  # fmt: skip

    @PREVIEW
    def get_url_preview(
        self, url: str, timestamp: int | datetime | None = None, **options: Unpack[CallOptions]
    ) -> answers.MXOpenGraph:
        """Get a preview of a web page, made by the homeserver.

        Args:
            url: The http(s) URL of the page.
            timestamp: The time of the preview: int milliseconds since 1970, or a datetime.
            options: See :class:`CallOptions`.

        Returns:
            The OpenGraph data of the page.

        Raises:
            ValueError: ``url`` isn't an http(s) URL.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /_matrix/client/v1/media/preview_url``.
        """
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise ValueError(f"{url!r} can't be previewed: it must begin with http:// or https://")
        moment = None if timestamp is None else timestamp_ms(timestamp)
        answer = self._either(PREVIEW, OLD_PREVIEW, (), {"url": url, "ts": moment}, options)
        return answers.MXOpenGraph(answer if isinstance(answer, dict) else {})
