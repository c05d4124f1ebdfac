"""A homeserver that says just what a test wants it to, byte by byte."""

from __future__ import annotations

import contextlib
import io
import socket
import threading

__all__ = ["RawHomeserver", "ok"]

JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"


def ok(body: bytes) -> bytes:
    return JSON % (len(body), body)


class RawHomeserver:
    """A socket that answers each request with the bytes that are next.

    Args:
        answers: For each request the pieces of its answer; None ends the connection.
    """

    def __init__(self, *answers: list[bytes | None]) -> None:
        self.requests: list[bytes] = []
        self._answers = list(answers)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.base_url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while self._answers:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._hold, args=(connection,), daemon=True).start()

    def _hold(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream, contextlib.suppress(OSError):
            self._talk(connection, stream)

    def _talk(self, connection: socket.socket, stream: io.BufferedReader) -> None:
        while self._answers:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                line = stream.readline()
                if not line:
                    return
                head += line
            length = 0
            for header in head.split(b"\r\n"):
                if header.lower().startswith(b"content-length:"):
                    length = int(header.partition(b":")[2])
            self.requests.append(head + stream.read(length))
            for piece in self._answers.pop(0):
                if piece is None:
                    return
                connection.sendall(piece)

    def close(self) -> None:
        self._answers.clear()
        self._listener.close()
