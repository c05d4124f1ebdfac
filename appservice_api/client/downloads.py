"""Downloads: media and its thumbnails."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, overload

import appservice_api

from ..api.endpoint import Endpoint, Needs
from ..api.incoming import Incoming
from ..api.options import CallOptions
from ..compat import Unpack
from .media import media_id_of
from .repository import Repository

__all__ = ["DownloadMethods"]

T = TypeVar("T")

_NEW = "/_matrix/client/v1/media"
_OLD = "/_matrix/media/v3"
_PLACE = "{serverName}/{mediaId}"
DOWNLOAD = Endpoint("GET", f"{_NEW}/download/{_PLACE}", Needs.REGISTERED)
DOWNLOAD_AS = Endpoint("GET", f"{_NEW}/download/{_PLACE}/{{fileName}}", Needs.REGISTERED)
THUMBNAIL = Endpoint("GET", f"{_NEW}/thumbnail/{_PLACE}", Needs.REGISTERED)
OLD_DOWNLOAD = Endpoint("GET", f"{_OLD}/download/{_PLACE}", Needs.REGISTERED)
OLD_DOWNLOAD_AS = Endpoint("GET", f"{_OLD}/download/{_PLACE}/{{fileName}}", Needs.REGISTERED)
OLD_THUMBNAIL = Endpoint("GET", f"{_OLD}/thumbnail/{_PLACE}", Needs.REGISTERED)

# The largest thumbnails that homeservers usually keep, in pixels.
_WIDTH, _HEIGHT = 800, 600
# Without compression the size is known, so an incomplete download is noticed.
_AS_IT_IS = {"Accept-Encoding": "identity"}


class DownloadMethods(Repository):
    """Downloading from the media repository, through the authenticated endpoints if the
    homeserver has them.

    A download has no overall time limit: the deadline applies to the response headers, and the
    timeout to each block. Redirects are followed, without the token, and not from https to
    http. With the caller's session (``client_session``), or through a proxy, requests reads the
    headers with the timeout only: if they arrive byte by byte, that may take longer than the
    deadline.
    """

    __slots__ = ()

    @overload
    def download_media(
        self,
        url: str,
        timeout_ms: int | None = None,
        *,
        path: None = None,
        filename: str | None = None,
        **options: Unpack[CallOptions],
    ) -> bytes: ...
    @overload
    def download_media(
        self,
        url: str,
        timeout_ms: int | None = None,
        *,
        path: str | os.PathLike[str],
        filename: str | None = None,
        **options: Unpack[CallOptions],
    ) -> Path: ...

    @DOWNLOAD
    @DOWNLOAD_AS
    def download_media(
        self,
        url: str,
        timeout_ms: int | None = None,
        *,
        path: str | os.PathLike[str] | None = None,
        filename: str | None = None,
        **options: Unpack[CallOptions],
    ) -> bytes | Path:
        """Download media. An interrupted download is restarted.

        Args:
            url: Its ``mxc://`` URI.
            timeout_ms: How many milliseconds the homeserver waits for media that hasn't been
                uploaded yet; 20 seconds if None.
            path: The file to write to, which is replaced when the download is complete, and
                unchanged if it fails; it keeps its mode. In a folder the file gets the name of the
                upload, or a similar one if that exists.
            filename: The file name that the homeserver gives instead of that of the upload.
            options: See :class:`CallOptions`.

        Returns:
            The bytes, 256 MiB at most; the path of the file if ``path`` is given.

        Raises:
            ValueError: An argument can't be used.
            OSError: The file can't be written.
            MNotFound: There is no such media.
            MNotYetUploaded: Nothing has been uploaded to the URI.
            MatrixResponseError: The media is too large to be kept in memory.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /_matrix/client/v1/media/download/{serverName}/{mediaId}``.
        """
        reader = _reader(url, path)
        return self._download(url, timeout_ms, filename, reader, options)

    @DOWNLOAD
    @DOWNLOAD_AS
    def stream_media(
        self,
        url: str,
        timeout_ms: int | None = None,
        *,
        filename: str | None = None,
        **options: Unpack[CallOptions],
    ) -> appservice_api.MediaStream:
        """Download media while reading it: ``with api.stream_media(url) as media:``. The request
        is repeated until the media begins to arrive, but not after that.

        Args:
            url: Its ``mxc://`` URI.
            timeout_ms, filename: See :meth:`download_media`.
            options: See :class:`CallOptions`.

        Returns:
            The media, to iterate over or to read from; it must be closed.

        Raises:
            ValueError, MNotFound, MNotYetUploaded, MatrixError: See :meth:`download_media`.

        Spec: Client-Server API, ``GET /_matrix/client/v1/media/download/{serverName}/{mediaId}``.
        """
        return self._download(url, timeout_ms, filename, appservice_api.MediaStream, options)

    @overload
    def download_thumbnail(
        self,
        url: str,
        width: int | None = None,
        height: int | None = None,
        resize_method: str | None = None,
        allow_remote: bool | None = None,
        timeout_ms: int | None = None,
        *,
        path: None = None,
        animated: bool | None = None,
        **options: Unpack[CallOptions],
    ) -> bytes: ...
    @overload
    def download_thumbnail(
        self,
        url: str,
        width: int | None = None,
        height: int | None = None,
        resize_method: str | None = None,
        allow_remote: bool | None = None,
        timeout_ms: int | None = None,
        *,
        path: str | os.PathLike[str],
        animated: bool | None = None,
        **options: Unpack[CallOptions],
    ) -> Path: ...

    @THUMBNAIL
    def download_thumbnail(
        self,
        url: str,
        width: int | None = None,
        height: int | None = None,
        resize_method: str | None = None,
        allow_remote: bool | None = None,
        timeout_ms: int | None = None,
        *,
        path: str | os.PathLike[str] | None = None,
        animated: bool | None = None,
        **options: Unpack[CallOptions],
    ) -> bytes | Path:
        """Download a thumbnail of an image.

        Args:
            url: The ``mxc://`` URI of the image.
            width, height: The desired size in pixels, 800 and 600 if None. The thumbnail may
                be larger; it is smaller only if the image is.
            resize_method: ``scale`` keeps the proportions, ``crop`` fills the size; the
                homeserver's choice if None.
            allow_remote: Whether other homeservers are asked; only homeservers without
                authenticated media use it.
            timeout_ms, path: See :meth:`download_media`.
            animated: Whether to prefer an animated thumbnail; the homeserver's choice if None.
            options: See :class:`CallOptions`.

        Returns:
            The bytes; the path of the file if ``path`` is given.

        Raises:
            MTooLarge: The image is too large for a thumbnail.
            ValueError, OSError, MNotFound, MNotYetUploaded, MatrixError: See
                :meth:`download_media`.

        Spec: Client-Server API, ``GET /_matrix/client/v1/media/thumbnail/{serverName}/{mediaId}``.
        """
        if resize_method not in (None, "crop", "scale"):
            raise ValueError(f"resize_method must be 'crop' or 'scale', not {resize_method!r}")
        params = {
            "width": _whole("width", _WIDTH if width is None else width, 1),
            "height": _whole("height", _HEIGHT if height is None else height, 1),
            "method": resize_method,
            "animated": animated,
        }
        reader = _reader(url, path)
        return self._read_media(
            THUMBNAIL, OLD_THUMBNAIL, media_id_of(url), timeout_ms, reader, options, params,
            {"allow_remote": allow_remote},
        )  # fmt: skip

    def _download(
        self,
        url: str,
        timeout_ms: int | None,
        filename: str | None,
        reader: Callable[[Incoming], T],
        options: CallOptions,
    ) -> T:
        place = media_id_of(url)
        if filename is None:
            return self._read_media(DOWNLOAD, OLD_DOWNLOAD, place, timeout_ms, reader, options)
        named = (*place, filename)
        return self._read_media(DOWNLOAD_AS, OLD_DOWNLOAD_AS, named, timeout_ms, reader, options)

    def _read_media(
        self,
        new: Endpoint,
        old: Endpoint,
        values: tuple[str, ...],
        timeout_ms: int | None,
        reader: Callable[[Incoming], T],
        options: CallOptions,
        params: dict[str, Any] | None = None,
        old_params: dict[str, Any] | None = None,
    ) -> T:
        params = params or {}
        more: dict[str, Any] = {"reader": reader, "headers": _AS_IT_IS}
        if timeout_ms is not None:
            params["timeout_ms"] = _whole("timeout_ms", timeout_ms, 0)
            wait = self._waiting(timeout_ms)
            if options.get("timeout") is None:
                more["timeout"] = wait
        old_params = {"allow_redirect": True, **(old_params or {})}
        result: T = self._either(new, old, values, params, options, old_params, **more)
        return result


def _reader(url: str, path: str | os.PathLike[str] | None) -> Callable[[Incoming], bytes | Path]:
    from ..api.media_stream import into_file, into_memory

    return into_memory if path is None else into_file(path, media_id_of(url)[1])


def _whole(name: str, value: object, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} must be a whole number from {least} up, not {value!r}")
    return value
