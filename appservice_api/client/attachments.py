"""Attachments: files, pictures, videos and sounds as messages."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from ..api.body import body_of
from ..events.content import content_of
from ..ids import ContentURI, EventID
from .base import CallOptions, EventOptions
from .media import MediaMethods, guess_type
from .messages import MessageMethods, RelatesTo

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Attachment", "AttachmentMethods"]

#: An ``mxc://`` URI, the path of a file, bytes, or a seekable binary file.
Attachment: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes]"

_UPLOAD_OPTIONS = frozenset(CallOptions.__annotations__)
# Larger pictures that aren't in a file of their own aren't looked at.
_MAX_LOOK = 64 * 2**20


class AttachmentMethods(MessageMethods, MediaMethods):
    """Sending files. What isn't on the homeserver yet is uploaded first."""

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
        """Send a file. Sending it twice with the same ``txn_id`` uploads it twice, but makes one
        event.

        Args:
            room_id: The room.
            url: The ``mxc://`` URI of what was uploaded already; or what is to be uploaded: the
                path of a file, bytes, or a seekable binary file.
            info: Its ``info``: ``mimetype``, ``size`` in bytes, and more. Where the file is
                uploaded, these two are filled in, unless they are given.
            file_name: Its name, which is the body; that of the path, or the media ID, if None.
                Bytes and binary files need it.
            file_type: ``m.file``, ``m.image``, ``m.audio`` or ``m.video``.
            relates_to: The ``m.relates_to`` of the content.
            txn_id, options: As for :meth:`send_message_event`.

        Returns:
            The event ID.

        Raises:
            ValueError: An argument can't be used; ``https://`` URLs, for one.
            OSError: The file can't be opened.
            MTooLarge: The homeserver doesn't take files of this size.
            MatrixError: The homeserver refused, or couldn't be reached.
        """
        content: dict[str, Any] = {"msgtype": file_type}
        if relates_to is not None:
            content["m.relates_to"] = content_of(relates_to, "relates_to")
        attached = self._attached(url, info, file_name, file_type == "m.image", options)
        return self.send_message(room_id, {**content, **attached}, txn_id, **options)

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
        """Send an image; as :meth:`send_file`.

        ``info`` may have ``w`` and ``h`` in pixels. Where the image is uploaded and the extra
        ``images`` is installed, they are filled in, and of an image larger than 800x600 a
        thumbnail is uploaded, too, unless ``info`` has one.
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
        """Send a video; as :meth:`send_file`. ``info`` may have ``w`` and ``h`` in pixels and
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
        """Send a sound; as :meth:`send_file`. ``info`` may have ``duration`` in milliseconds."""
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
        """Send a sticker, an ``m.sticker`` event; otherwise as :meth:`send_image`.

        Args:
            room_id, url, info, relates_to, txn_id, options: As for :meth:`send_image`, and so
                are the errors.
            text: What the sticker shows, in words.

        Returns:
            The event ID.
        """
        attached = self._attached(url, info, text or None, True, options, named=False)
        content = {"body": text, "url": attached["url"], "info": attached.get("info", {})}
        if relates_to is not None:
            content["m.relates_to"] = content_of(relates_to, "relates_to")
        return self.send_message_event(room_id, "m.sticker", content, txn_id, **options)

    def _attached(
        self,
        url: Attachment,
        info: Mapping[str, Any] | None,
        file_name: str | None,
        is_picture: bool,
        options: EventOptions,
        *,
        named: bool = True,
    ) -> dict[str, Any]:
        """The body, name, URL and info of a file, which is uploaded where it must be.

        Args:
            url: The file.
            info: What the caller says of it, which wins.
            file_name: Its name.
            is_picture: Whether it may be looked at.
            options: The options of the event.
            named: Whether it must have a name.
        """
        content: dict[str, Any] = {}
        given = content_of(info, "info") if info is not None else {}
        if isinstance(url, str) and url.startswith("mxc://"):
            ContentURI(url)
            content["body"] = file_name or url.rpartition("/")[2]
            content["url"] = url
        else:
            with contextlib.ExitStack() as stack:
                source: Any = url
                if isinstance(url, (str, os.PathLike)):
                    path = _path(url)
                    source = stack.enter_context(open(path, "rb"))
                    file_name = file_name or os.path.basename(path)
                elif named and not file_name:
                    raise ValueError("bytes and binary files need file_name: it is what people see")
                uploads: Any = {k: v for k, v in options.items() if k in _UPLOAD_OPTIONS}
                sent, given = self._sent(source, file_name, given, is_picture, uploads)
                content["body"] = file_name
                content["url"] = sent
        if file_name:
            content["filename"] = file_name
        if given:
            content["info"] = given
        return content

    def _sent(
        self,
        source: Any,
        name: str | None,
        info: dict[str, Any],
        is_picture: bool,
        options: CallOptions,
    ) -> tuple[ContentURI, dict[str, Any]]:
        """Upload a file; its URI, and its info with what is known by then."""
        body = body_of(source)
        picture = _look(source, body.length) if is_picture else None
        kind = info.get("mimetype")
        if not isinstance(kind, str):
            kind = (picture.type if picture else None) or guess_type(name)
        known: dict[str, Any] = {"mimetype": kind, "size": body.length}
        uri = self._upload(body, kind, name, None, False, options)
        if picture is not None:
            known["w"], known["h"] = picture.width, picture.height
            small = picture.thumbnail
            if small is not None and not info.keys() & {"thumbnail_url", "thumbnail_file"}:
                known["thumbnail_url"] = self.upload_media(small.data, small.type, **options)
                known["thumbnail_info"] = {
                    "mimetype": small.type, "size": len(small.data),
                    "w": small.width, "h": small.height,
                }  # fmt: skip
        return uri, {**known, **info}


def _path(url: str | os.PathLike[str]) -> str:
    path = os.fsdecode(url)
    if path.startswith(("http://", "https://")):
        raise ValueError(
            f"{path!r} can't be sent: it isn't an mxc:// URI; download it, and give its bytes or "
            "the path of the file"
        )
    return path


def _look(source: Any, size: int) -> Any:
    """What Pillow knows of a picture; the file stands afterwards where it stood."""
    from .picture import look_at

    # Pillow begins at the beginning of a file, which need not be where the picture begins.
    if isinstance(source, (bytes, bytearray, memoryview)):
        return look_at(io.BytesIO(source)) if size <= _MAX_LOOK else None
    start = source.tell()
    try:
        if start == 0:
            return look_at(source)
        return look_at(io.BytesIO(source.read())) if size <= _MAX_LOOK else None
    finally:
        source.seek(start)
