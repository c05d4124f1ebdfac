"""The head of an answer is read as http.client reads it, however it arrives."""

from __future__ import annotations

import http.client
import io
from itertools import product
from typing import Any

import pytest

from appservice_api.api.wire import Response

OK = b"HTTP/1.1 200 OK\r\n"
BODIES = (b"\r\n5\r\nhello\r\n0\r\n\r\n", b"\r\nhello", b"\r\n", b"")
FACTS = ("version", "status", "code", "reason", "chunked", "length", "will_close")
HEADS = {
    "ordinary": OK
    + b"Server: Synapse/1\r\nContent-Type: application/json\r\nContent-Length: 5\r\n",
    "no headers": OK,
    "white space": OK + b"Content-Length:5\r\nA: \t b \t\r\nB:\r\nC:   \r\nD:\t\r\n",
    "any letters": OK + b"CONTENT-LENGTH: 5\r\nA: \xe4\xff\x85 \x0b\x1c\r\n",
    "twice": OK + b"Content-Length: 5\r\nSet-Cookie: a=b\r\nset-cookie: c=d\r\n",
    "continued": OK + b"A: b\r\n c: d\r\nContent-Length: 5\r\n",
    "continued from nothing": OK + b" a: b\r\nContent-Length: 5\r\n",
    "no colon": OK + b"A: b\r\nwhat\r\nContent-Length: 5\r\n",
    "no name": OK + b": b\r\nContent-Length: 5\r\n",
    "a name with a space": OK + b"A b: c\r\nContent-Length: 5\r\n",
    "a name with a space after it": OK + b"A: b\r\nContent-Length : 5\r\n",
    "a letter from Unix": OK + b"From me: today\r\nContent-Length: 5\r\n",
    "a carriage return": OK + b"A: b\rContent-Length: 4\r\nContent-Length: 5\r\n",
    "line feeds alone": OK + b"A: b\nContent-Length: 5\n",
    "chunked": OK + b"Transfer-Encoding: Chunked\r\nContent-Length: 2\r\n",
    "chunked twice": OK + b"Transfer-Encoding: gzip, chunked\r\nContent-Length: 5\r\n",
    "no content": b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n",
    "not modified": b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n",
    "an upgrade": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n",
    "continue": b"HTTP/1.1 100 Continue\r\nA: b\r\n\r\n" + OK + b"Content-Length: 5\r\n",
    "closes": OK + b"Connection: Close\r\nContent-Length: 5\r\n",
    "keeps": OK + b"Connection: keep-alive\r\nContent-Length: 5\r\n",
    "old": b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n",
    "old, keeps": b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 5\r\n",
    "older": b"HTTP/0.9 200\r\nKeep-Alive: 5\r\n",
    "newer": b"HTTP/1.7 200\r\nContent-Length: 5\r\n",
    "another protocol": b"HTTP/2 200 OK\r\nContent-Length: 5\r\n",
    "not a protocol": b"SSH-2.0-x\r\n",
    "no status": b"HTTP/1.1 yes OK\r\n",
    "a length below nothing": OK + b"Content-Length: -5\r\n",
    "a length in words": OK + b"Content-Length: five\r\n",
    "no length": OK + b"Content-Length:\r\n",
    "two lengths": OK + b"Content-Length: 5\r\nContent-Length: 6\r\n",
    "as many headers as may be": OK + 99 * b"A: b\r\n",
    "too many headers": OK + 100 * b"A: b\r\n",
    "more than a buffer holds": OK + 90 * (b"A: " + 600 * b"b" + b"\r\n"),
    "a long line": OK + b"A: " + 65_536 * b" " + b"\r\n",
}


class Trickle(io.RawIOBase):
    """What gives a few bytes at a time."""

    def __init__(self, content: bytes, size: int) -> None:
        self._content = io.BytesIO(content)
        self._size = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._content.readinto(memoryview(buffer)[: self._size])

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)


def heard(kind: type[http.client.HTTPResponse], content: bytes, size: int, method: str) -> Any:
    source: Any = Trickle(content, size)
    answer = kind(source, method=method)
    try:
        answer.begin()
        facts = {name: getattr(answer, name) for name in FACTS}
        return facts, answer.msg.items(), answer.getheaders(), answer.read()
    except http.client.HTTPException as error:
        return type(error), error.args


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_a_head_is_read_as_http_client_reads_it(head: bytes) -> None:
    for body, size, method in product(BODIES, (1, 40, 1_000_000), ("PUT", "HEAD")):
        expected = heard(http.client.HTTPResponse, head + body, size, method)
        assert heard(Response, head + body, size, method) == expected


def test_an_ordinary_head_is_not_left_to_the_email_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(http.client, "parse_headers")
    facts, headers, *_ = heard(Response, HEADS["ordinary"] + b"\r\nhello", 1_000_000, "GET")
    assert facts["length"] == 5
    assert headers == [
        ("Server", "Synapse/1"),
        ("Content-Type", "application/json"),
        ("Content-Length", "5"),
    ]
