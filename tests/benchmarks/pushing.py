"""The pushing side of a homeserver: transactions over connections that are kept open."""

from __future__ import annotations

import json
import re
import selectors
import socket
from typing import Any

SERVER_NAME = "hs.test"
HS_TOKEN = "hs_token"
SENDER = f"@alice:{SERVER_NAME}"
ROOMS = 10

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection:[ \t]*close", re.IGNORECASE)
_NUMBER = b"00000000"
_TIMEOUT = 60.0


def event(name: str, room: int = 0, **content: Any) -> dict[str, Any]:
    """A message as Synapse pushes it.

    Args:
        name: What its ID ends with.
        room: The number of its room.
        content: More of its content.
    """
    return {
        "age": 25,
        "content": {"body": "hello", "msgtype": "m.text", **content},
        "event_id": f"${name.rjust(43, '_')}",
        "origin_server_ts": 1_767_225_600_000,
        "room_id": f"!room{room}:{SERVER_NAME}",
        "sender": SENDER,
        "type": "m.room.message",
        "unsigned": {"age": 25},
        "user_id": SENDER,
    }


class Transactions:
    """Requests of any number that differ in the transaction's and the events' numbers only.

    Args:
        events: How many events each has.
        prefix: The path below which the receiver is mounted.
    """

    def __init__(self, events: int, prefix: str = "") -> None:
        number = _NUMBER.decode()
        made = [event(f"{number}_{one}", one % ROOMS) for one in range(events)]
        self._path = f"{prefix}/_matrix/app/v1/transactions/{number}"
        self._body = json.dumps({"events": made}, separators=(",", ":")).encode()
        self._request = request("PUT", self._path, self._body)

    def request(self, number: int) -> bytes:
        """The whole request number N."""
        return self._request.replace(_NUMBER, b"%08d" % number)

    def parts(self, number: int) -> tuple[str, bytes]:
        """The path and the body of request number N."""
        path = self._path.encode().replace(_NUMBER, b"%08d" % number).decode()
        return path, self._body.replace(_NUMBER, b"%08d" % number)


def headers_of(length: int) -> dict[str, str]:
    """The headers of a transaction."""
    return {
        "Host": "127.0.0.1",
        "User-Agent": "Synapse/1.163.2",
        "Content-Type": "application/json",
        "Accept-Encoding": "gzip",
        "Authorization": f"Bearer {HS_TOKEN}",
        "Content-Length": str(length),
    }


def request(method: str, path: str, body: bytes = b"") -> bytes:
    """A whole request."""
    lines = [f"{name}: {value}\r\n" for name, value in headers_of(len(body)).items()]
    return f"{method} {path} HTTP/1.1\r\n{''.join(lines)}\r\n".encode() + body


def length_of(part: bytes) -> int:
    """How long a whole request, or an answer, is whose head is here."""
    head, end, _ = part.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return len(head) + len(end) + (int(length[1]) if length else 0)


class Connection:
    """A connection to a receiver, made again whenever that has closed it.

    Attributes:
        made: How often it was made.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None
        self._got = b""
        self.made = 0

    def connect(self) -> socket.socket:
        """The socket, connected."""
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), _TIMEOUT)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.made += 1
        return self._socket

    def send(self, data: bytes) -> None:
        """Send a request.

        Raises:
            OSError: The receiver has gone.
        """
        self._got = b""
        self.connect().sendall(data)

    def read(self) -> tuple[int, bytes] | None:
        """Read once; the status and the body of the answer if it is all there, else None.

        Raises:
            OSError: The receiver has gone, or doesn't answer in time.
        """
        part = self.connect().recv(65536)
        self._got += part
        head, end, body = self._got.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if end and length is not None and len(body) >= int(length[1]):
            if head.startswith(b"HTTP/1.0") or _CLOSES.search(head):
                self.close()
            return int(head[9:12]), body
        if not part:
            self.close()
            raise ConnectionResetError("closed before all of the answer was there")
        return None

    def exchange(self, data: bytes) -> tuple[int, bytes]:
        """Send a request and wait for the answer: its status and its body.

        Raises:
            OSError: As of :meth:`send` and :meth:`read`.
        """
        try:
            self.send(data)
            while True:
                answer = self.read()
                if answer is not None:
                    return answer
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Close it; the next request makes it again."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def push(transactions: Transactions, numbers: range, connections: list[Connection]) -> None:
    """Push transactions, one in flight on each connection.

    Raises:
        SystemExit: One wasn't accepted.
    """
    left = iter(numbers)
    if len(connections) == 1:
        for number in left:
            _check(connections[0].exchange(transactions.request(number)))
        return
    with selectors.DefaultSelector() as selector:
        waiting = 0
        for one in connections:
            waiting += _send_next(transactions, left, one, selector)
        while waiting:
            for key, _ in selector.select(_TIMEOUT):
                one = key.data
                found = one.connect()
                answer = one.read()
                if answer is None:
                    continue
                _check(answer)
                selector.unregister(found)
                waiting += _send_next(transactions, left, one, selector) - 1


def _send_next(
    transactions: Transactions, left: Any, one: Connection, selector: selectors.BaseSelector
) -> int:
    """Send the next transaction, if there is one; how many were sent."""
    number = next(left, None)
    if number is None:
        return 0
    one.send(transactions.request(number))
    selector.register(one.connect(), selectors.EVENT_READ, one)
    return 1


def _check(answer: tuple[int, bytes]) -> None:
    if answer[0] != 200 or json.loads(answer[1]) != {}:
        raise SystemExit(f"not accepted: {answer}")
