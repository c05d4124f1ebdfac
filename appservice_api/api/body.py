"""The body of a request: bytes, or blocks from memory, a file or an iterable."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable, Iterator
from typing import Any

__all__ = ["BLOCK", "Body", "Stream", "UnreadableBody", "body_of"]

#: How many bytes are sent or read at a time. The timeout applies to each block.
BLOCK = 65_536
_LARGE = 4 * BLOCK


class UnreadableBody(Exception):
    """The data to send can't be read, or its length has changed. ``source_failed`` is True if the
    caller's iterable raised; its error is the cause."""

    source_failed = False


class Stream:
    """A body that is sent in blocks; each iteration starts from the beginning. Exactly ``length``
    bytes are sent: the homeserver would read more bytes as the next request.

    Args:
        length: How many bytes it has.

    Attributes:
        sending: How many seconds the last attempt has spent sending; None if it sent nothing.
    """

    __slots__ = ("length", "sending")
    #: Whether it can be sent only once.
    once = False

    def __init__(self, length: int) -> None:
        self.length = length
        self.sending: float | None = None

    @property
    def spent(self) -> bool:
        """Whether it can't be sent again."""
        return False

    def __iter__(self) -> Iterator[bytes]:
        started = time.monotonic()
        self.sending = 0.0
        for block in self._blocks():
            yield block
            self.sending = time.monotonic() - started

    def _blocks(self) -> Iterator[bytes]:
        raise NotImplementedError


class MemoryBody(Stream):
    """Bytes that are in memory already, without a copy of the whole."""

    __slots__ = ("_view",)

    def __init__(self, view: memoryview) -> None:
        super().__init__(view.nbytes)
        self._view = view

    def _blocks(self) -> Iterator[bytes]:
        for start in range(0, self.length, BLOCK):
            yield bytes(self._view[start : start + BLOCK])


class FileBody(Stream):
    """A seekable binary file, from its current position to its end.

    Args:
        file: The file.

    Raises:
        ValueError: It isn't such a file.
    """

    __slots__ = ("_file", "_start")

    def __init__(self, file: Any) -> None:
        try:
            binary = isinstance(file.read(0), bytes) and file.seekable()
            self._start = file.tell()
            super().__init__(max(file.seek(0, os.SEEK_END) - self._start, 0))
            file.seek(self._start)
            # Files of the kernel have size 0, but aren't empty.
            sized = not _is_device(file) and (self.length > 0 or not file.read(1))
            file.seek(self._start)
        except (AttributeError, OSError, TypeError, ValueError):
            binary = False
        if not binary:
            raise ValueError(
                f"{type(file).__name__} can't be sent: it must be bytes or a seekable file that "
                "is opened in binary mode ('rb'); another binary file needs size="
            )
        if not sized:
            raise ValueError("the file doesn't tell how many bytes it has: give size=")
        self._file = file

    def _blocks(self) -> Iterator[bytes]:
        left = self.length
        try:
            self._file.seek(self._start)
            while left:
                block: bytes = self._file.read(min(BLOCK, left))
                if not block:
                    raise UnreadableBody("the file has become shorter while it was sent")
                left -= len(block)
                yield block
        except OSError as error:
            raise UnreadableBody(f"the file can't be read ({error.strerror or error})") from error
        except ValueError as error:
            raise UnreadableBody(f"the file can't be read ({error})") from error


class OnceBody(Stream):
    """The blocks of an iterable, which can be sent once.

    Args:
        source: The iterable.
        length: How many bytes it yields.
    """

    __slots__ = ("_source", "_started")
    once = True

    def __init__(self, source: Iterable[bytes], length: int) -> None:
        super().__init__(length)
        self._source = source
        self._started = False

    @property
    def spent(self) -> bool:
        return self._started

    def _blocks(self) -> Iterator[bytes]:
        if self._started:
            raise UnreadableBody("what an iterable yields can be sent only once")
        self._started = True
        left = self.length
        for block in self._given():
            left -= len(block)
            if left < 0:
                raise UnreadableBody(f"there are more bytes than the {self.length} of size")
            yield block
        if left:
            raise UnreadableBody(f"{left} bytes are missing to the {self.length} of size")

    def _given(self) -> Iterator[bytes]:
        source = iter(self._source)
        while True:
            try:
                given = next(source)
                view = memoryview(given).cast("B")
            except StopIteration:
                return
            except Exception as error:
                failed = UnreadableBody("the data can't be read")
                failed.source_failed = True
                raise failed from error
            for start in range(0, len(view), BLOCK):
                yield bytes(view[start : start + BLOCK])


class Body:
    """The body of a request: bytes or a stream, its length, and its media type."""

    __slots__ = ("data", "length", "type")

    def __init__(self, data: bytes | Stream | None, length: int, type: str | None) -> None:
        self.data = data
        self.length = length
        self.type = type


def body_of(data: Any, size: int | None = None) -> Body:
    """The body of raw data.

    Args:
        data: Bytes, a binary file, or an iterable of bytes.
        size: How many bytes there are; only an iterable, a file that can't seek, and a device
            need it.

    Raises:
        ValueError: It can't be sent, or has another size.
    """
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < 0):
        raise ValueError(f"size must be a number of bytes, not {size!r}")
    content: bytes | Stream
    if isinstance(data, (bytes, bytearray, memoryview)):
        content = _in_memory(data)
    elif size is not None and _readable_once(data):
        content = OnceBody(iter(lambda: data.read(BLOCK), b""), size)
    elif size is not None and _is_unsized(data):
        content = OnceBody(_first(data, size), size)
    elif size is not None and isinstance(data, Iterable) and not hasattr(data, "read"):
        if isinstance(data, (str, dict)):
            raise ValueError(f"{type(data).__name__} can't be sent: it must be bytes")
        content = OnceBody(data, size)
    else:
        content = FileBody(data)
    length = len(content) if isinstance(content, bytes) else content.length
    if size is not None and size != length:
        raise ValueError(f"size is {size}, but there are {length} bytes")
    return Body(content, length, "application/octet-stream")


def _in_memory(data: bytes | bytearray | memoryview) -> bytes | Stream:
    if memoryview(data).nbytes <= _LARGE or not memoryview(data).c_contiguous:
        data = bytes(data)
    # Data that is sent in one piece has the timeout of one block.
    small = isinstance(data, bytes) and len(data) <= _LARGE
    return bytes(data) if small else MemoryBody(memoryview(data).cast("B"))


def _readable_once(data: Any) -> bool:
    """Whether it is a binary file that can't seek."""
    try:
        return not data.seekable() and isinstance(data.read(0), bytes)
    except (AttributeError, OSError, TypeError, ValueError):
        return False


def _is_device(file: Any) -> bool:
    """Whether a file is a device, a pipe or a socket: it has no end to seek to."""
    try:
        return not stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    except (AttributeError, OSError, TypeError, ValueError):
        return False


def _is_unsized(file: Any) -> bool:
    """Whether it is a binary file that can seek, but whose size is unknown."""
    try:
        unsized = _is_device(file) or os.fstat(file.fileno()).st_size == 0
        return unsized and isinstance(file.read(0), bytes)
    except (AttributeError, OSError, TypeError, ValueError):
        return False


def _first(file: Any, size: int) -> Iterator[bytes]:
    """The first bytes of a file that may have no end."""
    while size and (block := file.read(min(BLOCK, size))):
        size -= len(block)
        yield block
