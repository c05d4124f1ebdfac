"""Attachments: files, images, videos and audio as messages."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
from collections.abc import Iterator, Mapping
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from ..api.body import Body, body_of
from ..api.call import split_timeout
from ..api.event import event_body, timestamp_ms, with_external_url
from ..api.options import CallOptions, EventOptions, call_options, check_options
from ..api.retry import retry_policy
from ..api.txn_id import REPEATABLE
from ..compat import Unpack
from ..errors import MatrixError
from ..events.content import content_of
from ..ids import ContentURI, EventID
from . import messages
from .media import MediaMethods, check_text, guess_type, opened
from .messages import MessageMethods, RelatesTo

if TYPE_CHECKING:
    from ..picture import Thumbnail

__all__ = ["Attachment", "AttachmentMethods"]

#: An ``mxc://`` URI, the path of a file, bytes, or a seekable binary file.
Attachment: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes]"

# For the check of the event's size before the upload, when the URI isn't known yet.
_LONGEST_URI = f"mxc://{'s' * 255}/{'m' * 255}"
# Larger images in memory, or inside another file, aren't examined.
_MAX_LOOK = 64 * 2**20


class AttachmentMethods(MessageMethods, MediaMethods):
    """Sending files, which are uploaded first if they aren't on the homeserver yet."""

    __slots__ = ()

    def send_file(
        self,
        room_id: str,
        url: Attachment,
        info: Mapping[str, Any] | None = None,
        file_name: str | None = None,
        file_type: str = "m.file",
        relates_to: RelatesTo | None = None,
        txn_id: str | None = None,
        **options: Unpack[EventOptions],
    ) -> EventID:
        """Send a file. Sending it twice with the same ``txn_id`` uploads it twice, but creates one
        event.

        Args:
            room_id: The room.
            url: The ``mxc://`` URI of an uploaded file; or the file to upload: a path, bytes, or
                a seekable binary file.
            info: Its ``info``: ``mimetype``, ``size`` in bytes, and more. If the file is
                uploaded, these two are filled in unless they are given.
            file_name: Its name, which becomes the body; if None, the name of the path or the media
                ID. Bytes and binary files need it.
            file_type: ``m.file``, ``m.image``, ``m.audio`` or ``m.video``.
            relates_to: The ``m.relates_to`` of the content.
            txn_id, options: See :meth:`send_message_event`.

        Returns:
            The event ID.

        Raises:
            ValueError: An argument can't be used, for example an ``https://`` URL. Nothing has
                been uploaded.
            OSError: The file can't be opened.
            MTooLarge: The homeserver doesn't accept files of this size.
            MatrixError: The homeserver refused, or couldn't be reached.
        """
        check_text(file_name=file_name, file_type=file_type)
        content: dict[str, Any] = {"msgtype": file_type}
        if relates_to is not None:
            content["m.relates_to"] = content_of(relates_to, "relates_to")
        with _attached(url, info, file_name, file_type == "m.image") as attached:
            content["body"] = attached.name
            if file_name or attached.body is not None:
                content["filename"] = attached.name
            return self._send_attached(
                room_id, "m.room.message", content, attached, txn_id, options
            )

    def send_image(
        self,
        room_id: str,
        url: Attachment,
        info: Mapping[str, Any] | None = None,
        file_name: str | None = None,
        relates_to: RelatesTo | None = None,
        txn_id: str | None = None,
        **options: Unpack[EventOptions],
    ) -> EventID:
        """Send an image; see :meth:`send_file`.

        ``info`` may have ``w`` and ``h`` in pixels. If the image is uploaded and the extra
        ``images`` is installed, they are filled in, and for an image larger than 800x600 a
        thumbnail is uploaded, too, unless ``info`` has one. If that fails, the image is sent
        without a thumbnail.
        """
        return self.send_file(
            room_id, url, info, file_name, "m.image", relates_to, txn_id, **options
        )

    def send_video(
        self,
        room_id: str,
        url: Attachment,
        info: Mapping[str, Any] | None = None,
        file_name: str | None = None,
        relates_to: RelatesTo | None = None,
        txn_id: str | None = None,
        **options: Unpack[EventOptions],
    ) -> EventID:
        """Send a video; see :meth:`send_file`. ``info`` may have ``w`` and ``h`` in pixels and
        ``duration`` in milliseconds."""
        return self.send_file(
            room_id, url, info, file_name, "m.video", relates_to, txn_id, **options
        )

    def send_audio(
        self,
        room_id: str,
        url: Attachment,
        info: Mapping[str, Any] | None = None,
        file_name: str | None = None,
        relates_to: RelatesTo | None = None,
        txn_id: str | None = None,
        **options: Unpack[EventOptions],
    ) -> EventID:
        """Send audio; see :meth:`send_file`. ``info`` may have ``duration`` in milliseconds."""
        return self.send_file(
            room_id, url, info, file_name, "m.audio", relates_to, txn_id, **options
        )

    def send_sticker(
        self,
        room_id: str,
        url: Attachment,
        info: Mapping[str, Any] | None = None,
        text: str = "",
        relates_to: RelatesTo | None = None,
        txn_id: str | None = None,
        **options: Unpack[EventOptions],
    ) -> EventID:
        """Send a sticker, an ``m.sticker`` event; otherwise like :meth:`send_image`.

        Args:
            room_id, url, info, relates_to, txn_id, options, errors: See :meth:`send_image`.
            text: A description of the sticker.

        Returns:
            The event ID.
        """
        if not isinstance(text, str):
            raise ValueError(f"text must be a str, not {text!r}")
        content: dict[str, Any] = {"body": text, "info": {}}
        if relates_to is not None:
            content["m.relates_to"] = content_of(relates_to, "relates_to")
        with _attached(url, info, text, True, named=False) as attached:
            return self._send_attached(room_id, "m.sticker", content, attached, txn_id, options)

    def _send_attached(
        self,
        room_id: str,
        event_type: str,
        content: dict[str, Any],
        attached: _Attached,
        txn_id: str | None,
        options: EventOptions,
    ) -> EventID:
        """Upload the file if needed, and send the event. An event that can't be sent is refused
        before the upload."""
        info, small = attached.info, attached.thumbnail
        final_id = self._txn_id(
            txn_id, (room_id, event_type), [content, attached.url, info, attached.digest()]
        )
        if small is not None:
            info = {**info, "thumbnail_url": _LONGEST_URI, "thumbnail_info": small.info}
        self._check_event(
            (room_id, event_type, final_id),
            _with(content, attached.url or _LONGEST_URI, info),
            options,
        )
        info, url = attached.info, attached.url
        if attached.body is not None:
            uploads = call_options(options)
            kind, name = info["mimetype"], attached.upload_name
            url = self._upload(attached.body, kind, name, None, False, uploads)
            if small is not None:
                info = {**self._sent_thumbnail(small, uploads), **info}
        content = _with(content, url or "", info)
        return self._send_event(room_id, event_type, content, final_id, options)

    def _check_event(
        self, place: tuple[str, str, str], content: dict[str, Any], options: EventOptions
    ) -> None:
        """Do the checks that sending the event does.

        Raises:
            TypeError: There is no such option.
            ValueError: An argument can't be used.
        """
        check_options(options)
        messages.SEND.path(place)
        timestamp, shared = options.get("timestamp"), self.api._shared
        if timestamp is not None:
            timestamp_ms(timestamp)
        split_timeout(options.get("timeout"), shared.timeout)
        retry_policy(shared.policy, options.get("retry_count"), options.get("deadline"))
        event_body(
            with_external_url(content, options.get("external_url")),
            self.api._mark,
        )

    def _sent_thumbnail(self, small: Thumbnail, options: CallOptions) -> dict[str, Any]:
        """Upload a thumbnail. Returns its keys of ``info``; none if that fails."""
        try:
            uri = self.upload_media(small.data, small.type, **options)
        except MatrixError as error:
            self.api.log.warning("the image is sent without a thumbnail: %s", error)
            return {}
        return {"thumbnail_url": uri, "thumbnail_info": small.info}


class _Attached:
    """A file and its metadata.

    Attributes:
        name: Its name, or its media ID.
        upload_name: The file name given to the upload, or None.
        url: Its URI, None if it must be uploaded.
        body: The body of the upload, None if it has a URI.
        info: Its ``info``, with the caller's values first.
        thumbnail: A smaller image, or None.
    """

    __slots__ = ("body", "info", "name", "thumbnail", "upload_name", "url")

    def __init__(
        self,
        name: str,
        upload_name: str | None,
        url: str | None,
        body: Body | None,
        info: dict[str, Any],
        thumbnail: Thumbnail | None,
    ) -> None:
        self.name = name
        self.upload_name = upload_name
        self.url = url
        self.body = body
        self.info = info
        self.thumbnail = thumbnail

    def digest(self) -> str:
        """A hash of the bytes, if the transaction ID is derived from what is sent: the URI differs
        with each upload."""
        if self.body is None or REPEATABLE.get() is None:
            return ""
        data: Any = self.body.data
        found = hashlib.sha256()
        for block in (data,) if isinstance(data, bytes) else data:
            found.update(block)
        return found.hexdigest()


@contextlib.contextmanager
def _attached(
    url: Attachment,
    info: Mapping[str, Any] | None,
    name: str | None,
    is_picture: bool,
    *,
    named: bool = True,
) -> Iterator[_Attached]:
    """Open a file and read its metadata; it is closed at the end of the ``with`` block.

    Args:
        url: The file.
        info: The caller's ``info``.
        name: Its name.
        is_picture: Whether to examine it as an image.
        named: Whether it must have a name.
    """
    given = content_of(info, "info") if info is not None else {}
    if isinstance(url, str) and url.startswith("mxc://"):
        ContentURI(url)
        yield _Attached(name or url.rpartition("/")[2], None, url, None, given, None)
        return
    with contextlib.ExitStack() as stack:
        source: Any = url
        own_name = None
        if isinstance(url, (str, os.PathLike)):
            source, own_name = stack.enter_context(opened(url))
            name = name or own_name
        elif named and not name:
            raise ValueError("bytes and binary files need file_name: it is what people see")
        body = body_of(source)
        picture = _look(source, body.length) if is_picture else None
        kind = given.get("mimetype")
        if not isinstance(kind, str):
            kind = (picture.type if picture else None) or guess_type(name, own_name)
        known: dict[str, Any] = {"mimetype": kind, "size": body.length}
        small = None
        if picture is not None:
            known["w"], known["h"] = picture.width, picture.height
            if not given.keys() & {"thumbnail_url", "thumbnail_file"}:
                small = picture.thumbnail
        yield _Attached(name or "", name or None, None, body, {**known, **given}, small)


def _with(content: dict[str, Any], url: str, info: dict[str, Any]) -> dict[str, Any]:
    """The content of an event with the URI and ``info`` of its file."""
    return {**content, "url": url, **({"info": info} if info else {})}


def _look(source: Any, size: int) -> Any:
    """Examine an image with Pillow; the position in the file is restored."""
    from ..picture import look_at

    # Pillow reads from the start of a file, but the image may begin at the present position.
    if isinstance(source, (bytes, bytearray, memoryview)):
        return look_at(io.BytesIO(source)) if size <= _MAX_LOOK else None
    start = source.tell()
    try:
        if start == 0:
            return look_at(source)
        return look_at(io.BytesIO(source.read())) if size <= _MAX_LOOK else None
    finally:
        source.seek(start)
