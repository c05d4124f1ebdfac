"""Downloads on bad days: what breaks off, what redirects, who is to blame."""

from __future__ import annotations

import contextlib
import gc
import gzip
import io
import os
import shutil
import socket
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path as FilePath
from typing import Any

import pytest
import requests
import requests_mock
import responses

from appservice_api import (
    AppServiceAPI,
    IntentAPI,
    MatrixConnectionError,
    MatrixRequestError,
    MatrixResponseError,
    MatrixTimeoutError,
    MNotFound,
    MTooLarge,
)
from appservice_api.api import wire
from appservice_api.api.redirect import next_url
from appservice_api.testing import ManualClock

from .raw_homeserver import RawHomeserver, ok

BOT, GHOST, MXC = "@bot:h", "@_ghost:h", "mxc://h/abc"
DATA = bytes(range(256)) * 1000
VERSIONS = [ok(b'{"versions":["v1.11"]}')]
DISPOSITION = b'Content-Disposition: inline; filename="a.png"\r\n'

Raw = Callable[..., RawHomeserver]


def media(body: bytes, *, length: int | None = None, more: bytes = b"") -> list[bytes | None]:
    size = len(body) if length is None else length
    head = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n%sContent-Length: %d\r\n\r\n"
    return [head % (more, size) + body, *([None] if size != len(body) else [])]


def refusal(status: int, body: bytes, more: bytes = b"") -> list[bytes | None]:
    return [
        b"HTTP/1.1 %d X\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
        % (status, more, len(body), body)
    ]


def redirect(location: str, status: int = 307) -> list[bytes | None]:
    return refusal(status, b"gone", b"Location: %s\r\n" % location.encode())


@pytest.fixture(params=["own session", "requests.Session"])
def ghost_of(request: pytest.FixtureRequest) -> Iterator[Callable[[RawHomeserver], IntentAPI]]:
    """Makes a ghost of a homeserver, with a session of ours and one of requests'."""
    with contextlib.ExitStack() as stack:

        def make(server: RawHomeserver) -> IntentAPI:
            session = None
            if request.param != "own session":
                session = stack.enter_context(requests.Session())
            api = AppServiceAPI(
                server.base_url, BOT, "as_token", client_session=session,
                clock=ManualClock(auto=True),
            )  # fmt: skip
            return stack.enter_context(api).intent(GHOST)

        yield make


Ghost = Callable[[RawHomeserver], IntentAPI]


def test_a_download_that_breaks_off_is_begun_again(
    raw: Raw, ghost_of: Ghost, tmp_path: FilePath
) -> None:
    cut = media(DATA[:100_000], length=len(DATA))
    server = raw(VERSIONS, cut, cut, media(DATA), cut, media(DATA))
    ghost = ghost_of(server)
    assert ghost.download_media(MXC) == DATA
    path = tmp_path / "got"
    assert ghost.download_media(MXC, path=path) == path
    assert path.read_bytes() == DATA
    assert os.listdir(tmp_path) == ["got"]
    asked = {request.partition(b"\r\n")[0] for request in server.requests[1:]}
    target = b"/_matrix/client/v1/media/download/h/abc?user_id=%40_ghost%3Ah"
    assert asked == {b"GET " + target + b" HTTP/1.1"}
    assert all(b"Authorization: Bearer as_token" in one for one in server.requests)


def test_a_chunked_download_that_breaks_off_is_begun_again(raw: Raw, ghost_of: Ghost) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    server = raw(VERSIONS, [head + b"5\r\nhello\r\n", None], [head + b"5\r\nhello\r\n0\r\n\r\n"])
    assert ghost_of(server).download_media(MXC) == b"hello"


def test_a_stream_that_breaks_off_says_so(raw: Raw, ghost_of: Ghost) -> None:
    server = raw(VERSIONS, media(DATA[:100_000], length=len(DATA)), media(DATA))
    ghost = ghost_of(server)
    received = io.BytesIO()
    with (
        pytest.raises(MatrixConnectionError, match="broke"),
        ghost.stream_media(MXC) as stream,
    ):
        shutil.copyfileobj(stream, received)
    assert DATA.startswith(received.getvalue())
    assert len(server.requests) == 2
    assert ghost.download_media(MXC) == DATA


def test_streaming(raw: Raw, ghost_of: Ghost) -> None:
    server = raw(VERSIONS, *[media(DATA, more=DISPOSITION)] * 3)
    ghost = ghost_of(server)
    with ghost.stream_media(MXC) as stream:
        assert (stream.content_type, stream.filename, stream.size) == (
            "image/png", "a.png", len(DATA),
        )  # fmt: skip
        assert "a.png" in repr(stream)
        assert stream.read(0) == b""
        assert stream.read(70_000) == DATA[:70_000]
        assert stream.read(1) == DATA[70_000:70_001]
        assert b"".join(stream) == DATA[70_001:]
        assert stream.read() == stream.read(5) == b""
    with ghost.stream_media(MXC) as stream:
        assert stream.read() == DATA
    with ghost.stream_media(MXC) as stream:
        stream.read(5)
    stream.close()


def test_a_stream_is_a_file(raw: Raw, ghost_of: Ghost) -> None:
    uploaded = [ok(b'{"content_uri":"mxc://h/abc"}')]
    limit = [ok(b'{"m.upload.size":null}')]
    server = raw(VERSIONS, media(DATA), media(DATA), limit, uploaded)
    ghost = ghost_of(server)
    with ghost.stream_media(MXC) as stream:
        assert (stream.readable(), stream.seekable(), stream.writable()) == (True, False, False)
        buffer = bytearray(10)
        assert stream.readinto(buffer) == 10
        assert bytes(buffer) == DATA[:10]
        assert 1 <= len(stream.read1(5)) <= 5
        assert DATA.endswith(stream.read(None))
        assert stream.read1() == b""
        assert not stream.closed
    assert stream.closed
    for read in (stream.read, stream.read1, lambda: next(iter(stream))):
        with pytest.raises(ValueError, match="closed"):
            read()
    with ghost.stream_media(MXC) as stream:
        assert ghost.upload_media(stream, size=stream.size) == MXC
    assert server.requests[-1].endswith(b"\r\n\r\n" + DATA)


def test_a_stream_gives_what_is_there(ghost_of: Ghost) -> None:
    class Slow(RawHomeserver):
        def _talk(self, connection: socket.socket, stream: io.BufferedReader) -> None:
            while stream.readline() != b"\r\n":
                pass
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + DATA[:1024])
            stream.read(1)

    with contextlib.closing(Slow([])) as server:
        ghost = ghost_of(server)
        ghost.api._shared.versions[server.base_url] = {"versions": ["v1.11"]}
        with ghost.stream_media(MXC, timeout=10) as media:
            assert media.read(1000) == DATA[:1000]
            assert media.read1() == DATA[1000:1024]


def test_a_stream_repeats_until_it_begins(raw: Raw, ghost_of: Ghost) -> None:
    limited = refusal(429, b'{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":1}')
    server = raw(VERSIONS, limited, [None], refusal(502, b"<html>"), media(b"x"))
    with ghost_of(server).stream_media(MXC) as stream:
        assert stream.read() == b"x"


def test_a_full_disk_is_no_failure_of_the_transport(
    raw: Raw, ghost_of: Ghost, tmp_path: FilePath
) -> None:
    full = FilePath("/dev/full")
    if not full.exists():
        pytest.skip("needs /dev/full")
    server = raw(VERSIONS, media(DATA), media(DATA), media(DATA))
    ghost = ghost_of(server)
    with (
        pytest.raises(OSError, match="No space") as caught,
        ghost.stream_media(MXC) as stream,
        full.open("wb") as disk,
    ):
        shutil.copyfileobj(stream, disk)
    assert not isinstance(caught.value, requests.RequestException)
    with pytest.raises(ValueError, match="neither a file nor a folder"):
        ghost.download_media(MXC, path=full)
    assert len(server.requests) == 2


def test_what_fails_leaves_the_file_alone(
    raw: Raw, ghost_of: Ghost, tmp_path: FilePath, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = refusal(404, b'{"errcode":"M_NOT_FOUND","error":"Not found"}')
    cut = media(DATA[:5000], length=len(DATA))
    server = raw(VERSIONS, missing, *[cut] * 5, media(DATA), media(DATA))
    ghost = ghost_of(server)
    path = tmp_path / "file"
    path.write_bytes(b"before")
    with pytest.raises(MNotFound):
        ghost.download_media(MXC, path=path)
    with pytest.raises(MatrixConnectionError) as caught:
        ghost.download_media(MXC, path=str(path))
    assert caught.value.attempts == 5

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("appservice_api.api.media_stream._write", full)
        with pytest.raises(OSError, match="No space left") as disk:
            ghost.download_media(MXC, path=path)
    assert not isinstance(disk.value, requests.RequestException)
    assert len(server.requests) == 8
    assert path.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["file"]
    with pytest.raises(FileNotFoundError):
        ghost.download_media(MXC, path=tmp_path / "nowhere" / "file")
    assert len(server.requests) == 8
    ghost.download_media(MXC, path=path)
    assert path.read_bytes() == DATA


def test_a_folder_takes_the_name_that_comes_with_it(
    raw: Raw, ghost_of: Ghost, tmp_path: FilePath
) -> None:
    hostile = b'Content-Disposition: attachment; filename="../../x/.profile"\r\n'
    server = raw(
        VERSIONS, media(b"1", more=DISPOSITION), media(b"2", more=DISPOSITION),
        media(b"3", more=DISPOSITION), media(b"4", more=hostile), media(b"5"),
    )  # fmt: skip
    ghost = ghost_of(server)
    names = [ghost.download_media(MXC, path=tmp_path).name for _ in range(5)]
    assert names == ["a.png", "a (2).png", "a (3).png", "profile", "abc"]
    assert sorted(os.listdir(tmp_path)) == sorted(names)
    assert [(tmp_path / name).read_bytes() for name in names] == [b"1", b"2", b"3", b"4", b"5"]


def test_a_file_that_is_replaced_stays_what_it_was(
    raw: Raw, ghost_of: Ghost, tmp_path: FilePath
) -> None:
    server = raw(VERSIONS, *[media(DATA)] * 3)
    ghost = ghost_of(server)
    private = tmp_path / "private"
    private.touch(0o600)
    link, dangling = tmp_path / "link", tmp_path / "dangling"
    link.symlink_to(private)
    dangling.symlink_to(tmp_path / "new")
    for path in (private, link, dangling):
        assert ghost.download_media(MXC, path=path) == path
    assert link.is_symlink()
    assert dangling.is_symlink()
    assert private.stat().st_mode & 0o777 == 0o600
    assert private.read_bytes() == (tmp_path / "new").read_bytes() == DATA
    assert sorted(os.listdir(tmp_path)) == ["dangling", "link", "new", "private"]


def test_paths_that_are_none(raw: Raw, ghost_of: Ghost, tmp_path: FilePath) -> None:
    server = raw(VERSIONS, media(DATA))
    ghost = ghost_of(server)
    with pytest.raises(FileNotFoundError):
        ghost.download_media(MXC, path=f"{tmp_path}/nofolder/")
    wrong: list[tuple[Any, str]] = [
        (b"x", "must be a str"), (5, "must be a str"), ("a\0b", "neither"), ("", "neither"),
    ]  # fmt: skip
    for path, words in wrong:
        with pytest.raises(ValueError, match=words):
            ghost.download_media(MXC, path=path)
    assert server.requests == []
    assert os.listdir(tmp_path) == []


def test_names_that_no_file_can_have(
    raw: Raw, ghost_of: Ghost, tmp_path: FilePath, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = b'Content-Disposition: inline; filename="%s.png"\r\n' % (b"n" * 300)
    server = raw(VERSIONS, *[media(b"x", more=long)] * 2, *[media(b"y")] * 3)
    ghost = ghost_of(server)
    names = [ghost.download_media(MXC, path=tmp_path).name for _ in range(2)]
    assert names == ["n" * 196 + ".png", "n" * 196 + " (2).png"]
    names = [ghost.download_media(f"mxc://h/{'m' * 300}", path=tmp_path).name]
    assert names == ["m" * 200]

    def unlinked(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", unlinked)
    names = [ghost.download_media("mxc://h/CON", path=tmp_path).name for _ in range(2)]
    assert names == ["_CON", "_CON (2)"]
    assert all((tmp_path / name).read_bytes() == b"y" for name in names)
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".part")]


def test_too_large_for_memory(
    raw: Raw, ghost_of: Ghost, tmp_path: FilePath, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "MAX_RESPONSE_BYTES", 100_000)
    endless = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        + (b"10000\r\n" + b"x" * 65_536 + b"\r\n") * 3
    )
    server = raw(VERSIONS, media(DATA), [endless], media(DATA))
    ghost = ghost_of(server)
    with pytest.raises(MatrixResponseError, match=r"256000 bytes.*path=.*stream_media"):
        ghost.download_media(MXC)
    with pytest.raises(MatrixResponseError, match="more than 100000 bytes"):
        ghost.download_media(MXC)
    assert len(server.requests) == 3
    assert ghost.download_media(MXC, path=tmp_path / "x").stat().st_size == len(DATA)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_without_token_and_user(
    status: int, raw: Raw, ghost_of: Ghost
) -> None:
    elsewhere = raw(redirect("/signed?b=%20#part"), media(DATA))
    server = raw(VERSIONS, redirect(f"{elsewhere.base_url}/cdn/x?signature=a%2Fb", status))
    ghost = ghost_of(server)
    ghost.api.session.headers["X-Secret"] = "as_token"
    ghost.api.session.cookies.set("crumb", "as_token")
    assert ghost.download_media(MXC) == DATA
    first, second = elsewhere.requests
    assert first.startswith(b"GET /cdn/x?signature=a%2Fb HTTP/1.1\r\n")
    assert second.startswith(b"GET /signed?b=%20 HTTP/1.1\r\n")
    for request in elsewhere.requests:
        assert b"as_token" not in request
        assert b"user_id" not in request
        assert b"authorization" not in request.lower()


@pytest.mark.parametrize("location", ["ftp://h/x", "file:///etc/passwd", "http://u:p@h/x"])
def test_a_redirect_to_what_is_no_download(location: str, raw: Raw, ghost_of: Ghost) -> None:
    server = raw(VERSIONS, redirect(location), media(DATA))
    with pytest.raises(MatrixResponseError, match="can't be followed"):
        ghost_of(server).download_media(MXC)
    assert len(server.requests) == 2


def test_a_redirect_to_nonsense(raw: Raw) -> None:
    server = raw(VERSIONS, redirect("http://[x/"), redirect("http://x:y/"), media(DATA))
    with AppServiceAPI(server.base_url, BOT, "as_token") as api:
        for _ in range(2):
            with pytest.raises(MatrixResponseError, match="can't be followed"):
                api.bot_intent().download_media(MXC)


def test_endless_redirects(raw: Raw, ghost_of: Ghost) -> None:
    elsewhere = raw(*[redirect("/again")] * 20)
    server = raw(VERSIONS, redirect(elsewhere.base_url))
    with pytest.raises(MatrixResponseError, match="more than 5 times"):
        ghost_of(server).download_media(MXC)
    assert len(elsewhere.requests) == 5


def test_a_failure_after_a_redirect_names_the_host_only(raw: Raw, ghost_of: Ghost) -> None:
    xml = refusal(403, b"<Error>AccessDenied</Error>")
    elsewhere = raw(xml)
    host = elsewhere.base_url.partition("//")[2]
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = f"127.0.0.1:{closed.getsockname()[1]}"
    server = raw(
        VERSIONS, redirect(f"http://{host}/x?signature=s3cret"),
        *[redirect(f"http://{nobody}/x?signature=s3cret")] * 5,
    )  # fmt: skip
    ghost = ghost_of(server)
    with pytest.raises(MatrixRequestError, match="403") as refused:
        ghost.download_media(MXC)
    assert f"[redirected to {host}]" in str(refused.value)
    with pytest.raises(MatrixConnectionError, match="can't be reached") as caught:
        ghost.download_media(MXC, retry_count=4)
    assert f"[redirected to {nobody}]" in str(caught.value)
    for error in (refused.value, caught.value):
        assert "s3cret" not in str(error)
        assert error.__cause__ is None


def test_other_requests_follow_no_redirect(raw: Raw, ghost_of: Ghost) -> None:
    server = raw(redirect("/elsewhere"))
    with pytest.raises(MatrixRequestError, match="redirected to '/elsewhere'"):
        ghost_of(server).get_joined_rooms()
    assert len(server.requests) == 1


def test_a_refusal_without_end_is_read_to_a_certain_size(raw: Raw, ghost_of: Ghost) -> None:
    endless = [b"HTTP/1.1 403 X\r\n\r\n", b"x" * 200_000, None]
    server = raw(VERSIONS, endless)
    with pytest.raises(MatrixRequestError, match="not a Matrix answer") as caught:
        ghost_of(server).download_media(MXC)
    assert caught.value.text.startswith("xxx")


def test_a_download_that_stalls(raw: Raw, ghost_of: Ghost) -> None:
    server = raw(VERSIONS, media(b"x" * 10, length=20)[:1], media(b"x" * 20))
    with pytest.raises(MatrixTimeoutError, match="in time"):
        ghost_of(server).download_media(MXC, timeout=0.05, retry_count=0)


def test_connections_are_used_again(raw: Raw) -> None:
    missing = refusal(404, b'{"errcode":"M_NOT_FOUND","error":"Not found"}')
    server = raw(VERSIONS, media(DATA), missing, media(DATA), media(DATA))
    with AppServiceAPI(server.base_url, BOT, "as_token") as api:
        bot = api.bot_intent()
        assert bot.download_media(MXC) == DATA
        with pytest.raises(MNotFound):
            bot.download_media(MXC)
        assert bot.download_media(MXC) == DATA
        with bot.stream_media(MXC) as stream:
            assert stream.read() == DATA
    assert server.connections == 1


def test_an_encoded_download_is_decoded(raw: Raw, ghost_of: Ghost) -> None:
    packed = gzip.compress(DATA)
    server = raw(VERSIONS, *[media(packed, more=b"Content-Encoding: gzip\r\n")] * 2)
    ghost = ghost_of(server)
    assert ghost.download_media(MXC) == DATA
    assert b"Accept-Encoding: identity" in server.requests[1]
    with ghost.stream_media(MXC) as stream:
        assert stream.size is None


@pytest.mark.parametrize("kind", ["gzip", "deflate", "x-gzip"])
def test_an_encoded_download_that_ends_early(kind: str, raw: Raw, ghost_of: Ghost) -> None:
    packed = gzip.compress(DATA) if "gzip" in kind else zlib.compress(DATA)
    head = f"Content-Encoding: {kind}\r\n".encode()
    cut, whole = media(packed[:-9], more=head), media(packed, more=head)
    server = raw(VERSIONS, cut, whole, cut, media(b"no" * 50, more=head), media(b"", more=head))
    ghost = ghost_of(server)
    assert ghost.download_media(MXC) == DATA
    for _ in range(2):
        with pytest.raises(MatrixConnectionError, match="broke"):
            ghost.download_media(MXC, retry_count=0)
    assert ghost.download_media(MXC) == b""


def test_several_parts_of_gzip_and_what_unpacks_to_much(raw: Raw, ghost_of: Ghost) -> None:
    head = b"Content-Encoding: gzip\r\n"
    packed = gzip.compress(DATA) + gzip.compress(bytes(10_000_000))
    server = raw(VERSIONS, media(packed, more=head), media(packed, more=head))
    ghost = ghost_of(server)
    assert ghost.download_media(MXC) == DATA + bytes(10_000_000)
    with ghost.stream_media(MXC) as stream:
        assert max(len(block) for block in stream) <= 65_536


def test_an_encoding_that_is_not_known(raw: Raw, ghost_of: Ghost) -> None:
    server = raw(VERSIONS, media(DATA, more=b"Content-Encoding: rot13\r\n"))
    with pytest.raises(MatrixConnectionError, match="rot13"):
        ghost_of(server).download_media(MXC, retry_count=0)


def test_a_part_is_not_the_whole(raw: Raw, ghost_of: Ghost) -> None:
    part = b"HTTP/1.1 206 Partial Content\r\nContent-Length: 3\r\n\r\nabc"
    server = raw(VERSIONS, [part])
    with pytest.raises(MatrixResponseError, match="a part"):
        ghost_of(server).download_media(MXC)


# urllib3 leaves a connection open where it refuses the head of an answer.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.parametrize(
    "lengths",
    [b"Content-Length: 2\r\nContent-Length: 3\r\n", b"Content-Length: %s\r\n" % (b"9" * 5000),
     b"Content-Length: -1\r\n", b"Content-Length: 2, 3\r\n", b"Content-Length: x\r\n"],
    ids=["two", "5000 digits", "negative", "list", "x"],
)  # fmt: skip
def test_lengths_that_are_none(lengths: bytes, raw: Raw, ghost_of: Ghost) -> None:
    head = b"HTTP/1.1 200 OK\r\n%s\r\n{}" % lengths
    server = raw(VERSIONS, [head, None], [head, None])
    ghost = ghost_of(server)
    ghost.versions()
    with pytest.raises(MatrixConnectionError):
        ghost.download_media(MXC, retry_count=0)
    if type(ghost.api.session) is not requests.Session or b"Length: 2" in lengths:
        with pytest.raises(MatrixConnectionError):
            ghost.get_joined_rooms(retry_count=0)
    gc.collect()


def test_interim_answers_before_a_download(raw: Raw) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    found = [hints, *media(DATA)]
    server = raw(VERSIONS, found, found)
    with AppServiceAPI(server.base_url, BOT, "as_token") as api:
        assert api.bot_intent().download_media(MXC) == DATA
        assert api.bot_intent().download_media(MXC) == DATA
    assert server.connections == 1


@pytest.mark.parametrize("status", [200, 302, 404])
def test_a_deadline_holds_for_what_drips(status: int, raw: Raw) -> None:
    class Dripping(RawHomeserver):
        def _talk(self, connection: socket.socket, stream: io.BufferedReader) -> None:
            stream.readline()
            head = b"HTTP/1.1 %d X\r\nLocation: /x\r\nContent-Length: 60000\r\n" % status
            connection.sendall(head if status == 200 else head + b"\r\n")
            while self._answers:
                connection.sendall(b"x")
                threading.Event().wait(0.005)

    with (
        contextlib.closing(Dripping([])) as server,
        AppServiceAPI(server.base_url, BOT, "as_token") as api,
    ):
        api._shared.versions[server.base_url] = {"versions": ["v1.11"]}
        with pytest.raises(MatrixTimeoutError, match="in time"):
            api.bot_intent().download_media(MXC, timeout=0.1, deadline=0.2, retry_count=0)


@pytest.mark.parametrize("status", [404, 302])
def test_a_deadline_holds_for_bodies_with_any_session(status: int) -> None:
    class Dripping(RawHomeserver):
        def _talk(self, connection: socket.socket, stream: io.BufferedReader) -> None:
            stream.readline()
            connection.sendall(
                b"HTTP/1.1 %d X\r\nLocation: /x\r\nContent-Length: 60000\r\n\r\n" % status
            )
            while self._answers:
                connection.sendall(b"x")
                threading.Event().wait(0.005)

    with contextlib.closing(Dripping([])) as server, requests.Session() as session:
        api = AppServiceAPI(server.base_url, BOT, "as_token", client_session=session)
        api._shared.versions[server.base_url] = {"versions": ["v1.11"]}
        with pytest.raises(MatrixTimeoutError, match="in time"):
            api.bot_intent().download_media(MXC, timeout=0.1, deadline=0.2, retry_count=0)


def test_a_redirect_without_end(raw: Raw, ghost_of: Ghost) -> None:
    endless = b"HTTP/1.1 302 F\r\nLocation: /x\r\nContent-Length: 9999999999\r\n\r\n"
    server = raw(VERSIONS, [endless, bytes(200_000)], media(DATA))
    assert ghost_of(server).download_media(MXC) == DATA


def test_what_a_redirect_may_say(raw: Raw, ghost_of: Ghost) -> None:
    head = "HTTP/1.1 302 X\r\nLocation: /tée?x=ü%20\r\nContent-Length: 0\r\n\r\n".encode()
    server = raw(VERSIONS, [head], media(DATA))
    assert ghost_of(server).download_media(MXC) == DATA
    assert server.requests[-1].startswith(b"GET /t%C3%A9e?x=%C3%BC%20 HTTP")


def test_a_redirect_that_shows_no_signature(raw: Raw, ghost_of: Ghost) -> None:
    places = ["http://cdn.test:x/?signature=s3cret", "http://[cdn/?signature=s3cret",
              "http://cdn.test:99999/?signature=s3cret"]  # fmt: skip
    server = raw(VERSIONS, *[redirect(place) for place in places])
    ghost = ghost_of(server)
    for _ in places:
        with pytest.raises(MatrixResponseError, match="can't be followed") as caught:
            ghost.download_media(MXC)
        assert "s3cret" not in str(caught.value)


def test_a_redirect_does_not_leave_https() -> None:
    with pytest.raises(ValueError, match="plain HTTPS URL"):
        next_url("https://a.test/x", "http://a.test/x")
    assert next_url("https://a.test/x", "//b.test/y#z") == "https://b.test/y"
    assert next_url("http://a.test/x", "https://b.test") == "https://b.test/"


def test_tools_that_patch_requests(tmp_path: FilePath) -> None:
    url = "http://hs.test/_matrix/client/v1/media/download/h/abc"
    with responses.RequestsMock() as mocked:
        mocked.get("http://hs.test/_matrix/client/versions", json={"versions": ["v1.11"]})
        mocked.get(url, status=307, headers={"Location": "http://cdn.test/x"})
        mocked.get("http://cdn.test/x", body=DATA)
        with AppServiceAPI("http://hs.test", BOT, "as_token") as api:
            assert api.bot_intent().download_media(MXC) == DATA
        assert mocked.calls[2].request.headers.get("Authorization") is None
    with requests_mock.Mocker() as mocker:
        mocker.get("http://hs.test/_matrix/client/versions", json={"versions": ["v1.11"]})
        mocker.get(url, content=DATA)
        mocker.post("http://hs.test/_matrix/media/v3/upload", json={"content_uri": MXC})
        with AppServiceAPI("http://hs.test", BOT, "as_token") as api:
            got = api.bot_intent().download_media(MXC, path=tmp_path / "x")
            assert got.read_bytes() == DATA
            assert api.bot_intent().upload_media(got) == MXC


class _Cutting:
    """A homeserver that resets the connection in the middle of an upload."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.base_url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.uploads = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                if b"/upload" not in connection.recv(1000):
                    body = b'{"errcode":"M_UNRECOGNIZED"}'
                    answer = refusal(404, body, b"Connection: close\r\n")
                    connection.sendall(b"".join(filter(None, answer)))
                    continue
                self.uploads += 1
                linger = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    def close(self) -> None:
        self._listener.close()


def test_a_reset_while_uploading_hints_at_the_size(ghost_of: Ghost) -> None:
    with contextlib.closing(_Cutting()) as server:
        ghost = ghost_of(server)  # type: ignore[arg-type]
        data = io.BytesIO(bytes(2**22))
        with pytest.raises(MatrixConnectionError, match="4194304 bytes; too large") as caught:
            ghost.upload_media(data)
        assert caught.value.attempts == 1
        assert server.uploads == 1
        with pytest.raises(MatrixConnectionError) as caught:
            ghost.upload_media(data, mxc=MXC)
        assert caught.value.attempts == server.uploads - 1 == 5


def test_a_refusal_in_the_middle_of_an_upload_is_heard() -> None:
    class Early(RawHomeserver):
        def _talk(self, connection: socket.socket, stream: io.BufferedReader) -> None:
            stream.readline()
            body = b'{"errcode":"M_TOO_LARGE","error":"Upload is too large"}'
            connection.sendall(b"".join(filter(None, refusal(413, body))))
            while stream.read(2**16):
                pass

    with (
        contextlib.closing(Early([])) as server,
        AppServiceAPI(server.base_url, BOT, "as_token") as api,
    ):
        now = api._shared.clock.monotonic()
        api._shared.upload_limits[server.base_url] = now, None
        with pytest.raises(MTooLarge, match="Upload is too large"):
            api.bot_intent().upload_media(io.BytesIO(bytes(2**23)))


def test_large_bodies_are_sent_in_blocks(raw: Raw, ghost_of: Ghost) -> None:
    uploaded = ok(b'{"content_uri":"mxc://h/abc"}')
    server = raw(*[[uploaded]] * 6)
    ghost = ghost_of(server)
    data = DATA * 4
    wide, twice = memoryview(data).cast("I"), bytes(one for one in data for _ in range(2))
    kinds: list[Any] = [data, bytearray(data), memoryview(data), wide, memoryview(twice)[::2]]
    for kind in kinds:
        ghost.upload_media(kind)
    ghost.upload_media(io.BytesIO(data))
    for request in server.requests:
        head, _, body = request.partition(b"\r\n\r\n")
        assert body == data
        assert b"Content-Length: 1024000" in head
        assert b"chunked" not in head
