"""Media as it arrives: read into memory, into a file, or by the caller."""

from __future__ import annotations

import contextlib
import errno
import io
import itertools
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from ..errors import MatrixResponseError
from . import wire
from .file_name import file_name, safe_name
from .incoming import Incoming

__all__ = ["MediaStream", "into_file", "into_memory"]

_NAMELESS = "media"
_SEPARATORS = tuple(filter(None, (os.sep, os.altsep)))


class MediaStream(io.BufferedIOBase):
    """Media as it arrives: a binary file that can't seek, and a context manager. It holds a
    connection until it is closed.

    Reading raises :class:`MatrixConnectionError` if the connection broke, or nothing came in time,
    and ValueError if it is closed.

    Args:
        incoming: The body of the response.

    Attributes:
        content_type: The media type, as the uploader gave it.
        filename: The name of the file, made safe for use in a folder; None if it has none.
        size: How many bytes there are in all; None if that isn't known.
    """

    def __init__(self, incoming: Incoming) -> None:
        self._incoming = incoming
        headers = incoming.headers
        self.content_type = headers.get("Content-Type") or "application/octet-stream"
        self.filename = file_name(headers.get("Content-Disposition", ""))
        self.size = incoming.size

    def readable(self) -> bool:
        """True: it can be read."""
        return True

    def __iter__(self) -> Iterator[bytes]:
        """What hasn't been read yet, in blocks of 64 KiB at most."""
        while block := self.read1():
            yield block

    def read(self, size: int | None = -1) -> bytes:
        """Read ``size`` bytes, fewer only at the end; everything if it is None or negative."""
        return self._open.read(-1 if size is None else size)

    def read1(self, size: int = -1) -> bytes:
        """Read what is there, ``size`` bytes at most; wait only if there is nothing."""
        return self._open.read1(size)

    @property
    def _open(self) -> Incoming:
        if self.closed:
            raise ValueError("the media can't be read: it is closed")
        return self._incoming

    def close(self) -> None:
        """Release the connection, whether everything has been read or not."""
        if not self.closed:
            self._incoming.close()
        super().close()

    def __repr__(self) -> str:
        return f"<MediaStream {self.content_type} {self.filename!r}, {self.size} bytes>"


def into_memory(incoming: Incoming) -> bytes:
    """Read a body that fits into memory.

    Raises:
        MatrixResponseError: It is too large.
    """
    limit = wire.MAX_RESPONSE_BYTES
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
    """A function that writes a body to a file, which appears only when it is complete.

    Args:
        path: The file, which is replaced; or a folder, where the file gets the name in the
            response, or a similar one that is free.
        otherwise: Its name in a folder, if the response has none.

    Raises:
        OSError: There is no such folder.
        ValueError: ``path`` is neither a file nor a folder.
    """
    text = os.fspath(path) if isinstance(path, (str, os.PathLike)) else None
    if not isinstance(text, str):
        raise ValueError(f"path must be a str or a Path, not {path!r}")
    if not text or "\0" in text:
        raise ValueError(f"{text!r} is neither a file nor a folder")
    # The target of a link is replaced, not the link.
    target = Path(os.path.realpath(text))
    if target.exists() and not (target.is_file() or target.is_dir()):
        raise ValueError(f"{text!r} is neither a file nor a folder")
    is_folder = target.is_dir()
    folder = target if is_folder or text.endswith(_SEPARATORS) else target.parent
    if not folder.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(folder))

    def write(incoming: Incoming) -> Path:
        part = folder / f".{secrets.token_hex(8)}.part"
        mode = None if is_folder else _mode(target)
        try:
            with contextlib.closing(incoming), _new(part, mode) as file:
                for block in incoming:
                    _write(file, block)
            if not is_folder:
                os.replace(part, target)
                return Path(path)
            name = file_name(incoming.headers.get("Content-Disposition", ""))
            return _place(part, Path(path), name or safe_name(otherwise) or _NAMELESS)
        except BaseException:
            part.unlink(missing_ok=True)
            raise

    return write


def _mode(target: Path) -> int | None:
    """The permissions of the file to replace; None if there is none."""
    try:
        return stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def _new(path: Path, mode: int | None) -> Iterator[io.FileIO]:
    """A new file with at most the permissions of the one that it replaces."""

    def create(name: str, flags: int) -> int:
        return os.open(name, flags, 0o666 if mode is None else mode & 0o666)

    with open(path, "xb", buffering=0, opener=create) as file:
        if mode is not None:
            with contextlib.suppress(OSError):  # where a file system has no modes
                os.chmod(path, mode)
        yield file


def _write(file: io.FileIO, block: bytes) -> None:
    """Write all of a block; an unbuffered file may write less at a time."""
    view = memoryview(block)
    while view:
        view = view[file.write(view) :]


def _place(part: Path, folder: Path, name: str) -> Path:
    """Give a file its name in a folder, without replacing an existing file."""
    stem, suffix = os.path.splitext(name)
    for number in itertools.count(2):
        target = folder / name
        try:
            _move(part, target)
        except FileExistsError:
            name = f"{stem} ({number}){suffix}"
            continue
        return target
    raise AssertionError


def _move(part: Path, target: Path) -> None:
    """Give a complete file another name.

    Raises:
        FileExistsError: The name is in use.
    """
    try:
        os.link(part, target)
    except FileExistsError:
        raise
    except OSError:
        # Not every file system has links. There the name is reserved first, and then replaced.
        target.open("xb").close()
        try:
            os.replace(part, target)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
    else:
        part.unlink()
