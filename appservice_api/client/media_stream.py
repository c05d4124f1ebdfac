"""Media on its way to where it is wanted: into memory, a file, or the caller's hands."""

from __future__ import annotations

import contextlib
import errno
import io
import itertools
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from ..api import wire
from ..api.incoming import Incoming
from ..errors import MatrixResponseError
from .file_name import file_name

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["MediaStream", "into_file", "into_memory"]


class MediaStream:
    """Media as it arrives: a context manager, to iterate over or to read from. It holds a
    connection until it is closed.

    Args:
        incoming: The body of the answer.

    Attributes:
        content_type: The media type; whoever uploaded it said so.
        filename: The name of the file, without anything that would lead out of a folder; None if
            it has none.
        size: How many bytes there are in all; None if that isn't known.
    """

    __slots__ = ("_incoming", "content_type", "filename", "size")

    def __init__(self, incoming: Incoming) -> None:
        self._incoming = incoming
        headers = incoming.headers
        self.content_type = headers.get("Content-Type") or "application/octet-stream"
        self.filename = file_name(headers.get("Content-Disposition", ""))
        self.size = incoming.size

    def __iter__(self) -> Iterator[bytes]:
        """What hasn't been read yet, in blocks of some kibibytes.

        Raises:
            MatrixConnectionError: The connection broke, or nothing came in time.
        """
        return iter(self._incoming)

    def read(self, size: int = -1) -> bytes:
        """Read ``size`` bytes, fewer only at the end; everything by default.

        Raises:
            MatrixConnectionError: The connection broke, or nothing came in time.
        """
        return self._incoming.read(size)

    def close(self) -> None:
        """Let go of the connection, whether everything has been read or not."""
        self._incoming.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<MediaStream {self.content_type} {self.filename!r}, {self.size} bytes>"


def into_memory(incoming: Incoming) -> bytes:
    """Read a body that fits into memory.

    Raises:
        MatrixResponseError: It is too large for that.
    """
    limit = wire.MAX_ANSWER_BYTES
    content = io.BytesIO()
    with contextlib.closing(incoming):
        if (incoming.size or 0) <= limit:
            for block in incoming:
                content.write(block)
                if content.tell() > limit:
                    break
            else:
                return content.getvalue()
    size = f"{incoming.size} bytes" if incoming.size else f"more than {limit} bytes"
    raise MatrixResponseError(
        f"the media has {size}, and no more than {limit} are kept in memory: give path=, or use "
        "stream_media()"
    )


def into_file(path: str | os.PathLike[str], otherwise: str) -> Callable[[Incoming], Path]:
    """What writes a body to a file that is there only once it is complete.

    Args:
        path: The file, which is replaced; or a folder, where the file gets the name that it came
            with, or a similar one that isn't taken.
        otherwise: Its name in a folder, if it came with none.

    Raises:
        OSError: There is no such folder.
        ValueError: ``path`` is something else than a file or a folder.
    """
    target = Path(path)
    if not os.fspath(path) or (target.exists() and not (target.is_file() or target.is_dir())):
        raise ValueError(f"{os.fspath(path)!r} is neither a file nor a folder")
    is_folder = target.is_dir()
    folder = target if is_folder else target.parent
    if not folder.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(folder))

    def write(incoming: Incoming) -> Path:
        part = folder / f".{secrets.token_hex(8)}.part"
        try:
            with contextlib.closing(incoming), open(part, "xb", buffering=0) as file:
                for block in incoming:
                    _write(file, block)
            if not is_folder:
                os.replace(part, target)
                return target
            name = file_name(incoming.headers.get("Content-Disposition", "")) or otherwise
            return _place(part, folder, name)
        except BaseException:
            part.unlink(missing_ok=True)
            raise

    return write


def _write(file: io.FileIO, block: bytes) -> None:
    """Write all of a block; a file without a buffer may take less at a time."""
    view = memoryview(block)
    while view:
        view = view[file.write(view) :]


def _place(part: Path, folder: Path, name: str) -> Path:
    """Give a file its name in a folder, without taking another's away."""
    stem, suffix = os.path.splitext(name)
    for number in itertools.count(2):
        target = folder / name
        try:
            target.open("xb").close()
        except FileExistsError:
            name = f"{stem} ({number}){suffix}"
            continue
        try:
            os.replace(part, target)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
        return target
    raise AssertionError
