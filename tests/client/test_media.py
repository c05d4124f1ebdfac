"""Media: uploads, downloads, thumbnails, previews; what goes over the wire."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Any

import pytest

from appservice_api import (
    AppServiceAPI,
    ContentURI,
    IntentAPI,
    MatrixConnectionError,
    MatrixError,
    MatrixResponseError,
    MCannotOverwriteMedia,
    MForbidden,
    MLimitExceeded,
    MNotFound,
    MNotYetUploaded,
    MTooLarge,
    MUnrecognized,
)
from appservice_api.testing import DROP, RESET, ManualClock, StubHomeserver, answer
from tests.conftest import BOT, GHOST

MXC = "mxc://hs.test/abc"
NEW, OLD = "/_matrix/client/v1/media", "/_matrix/media/v3"
CREATED = answer(200, {"content_uri": MXC, "unused_expires_at": 5})
UNRECOGNIZED = answer(404, {"errcode": "M_UNRECOGNIZED", "error": "Unrecognized request"})
MIB = 2**20


@pytest.fixture
def ghost(api: AppServiceAPI, stub: StubHomeserver) -> IntentAPI:
    stub.add_user(GHOST)
    return api.intent(GHOST)


def speaks(stub: StubHomeserver, *versions: str) -> None:
    stub.script("GET", "/versions", answer(200, {"versions": versions}))


def config(stub: StubHomeserver, size: Any) -> None:
    stub.script("GET", f"{NEW}/config", answer(200, {"m.upload.size": size}), forever=True)


def test_upload_of_what_is_in_memory(stub: StubHomeserver, ghost: IntentAPI) -> None:
    for data in (b"data", bytearray(b"data"), memoryview(b"data"), io.BytesIO(b"data")):
        uri = ghost.upload_media(data)
        assert type(uri) is ContentURI
        request = stub.requests[-1]
        assert request.body == b"data"
        assert request.headers["Content-Type"] == "application/octet-stream"
        assert request.query == {"user_id": [GHOST]}
    ghost.upload_media(b"data", filename="notes.tar.gz", size=4)
    assert stub.requests[-1].headers["Content-Type"] == "application/gzip"
    assert stub.requests[-1].query["filename"] == ["notes.tar.gz"]
    ghost.upload_media(b"data", "text/x", "a.png")
    assert stub.requests[-1].headers["Content-Type"] == "text/x"
    ghost.upload_media(b"")
    assert stub.requests[-1].headers["Content-Length"] == "0"


def test_upload_of_a_path(stub: StubHomeserver, ghost: IntentAPI, tmp_path: FilePath) -> None:
    path = tmp_path / "té st.png"
    path.write_bytes(b"x" * 200_000)
    for given in (path, str(path)):
        ghost.upload_media(given)
        request = stub.requests[-1]
        assert request.body == b"x" * 200_000
        assert request.headers["Content-Type"] == "image/png"
        assert request.query["filename"] == ["té st.png"]
    ghost.upload_media(path, filename="other.txt")
    assert stub.requests[-1].headers["Content-Type"] == "text/plain"
    ghost.upload_media(path, filename="")
    assert "filename" not in stub.requests[-1].query
    stub.clear()
    with pytest.raises(FileNotFoundError):
        ghost.upload_media("nowhere.png")
    with pytest.raises(IsADirectoryError):
        ghost.upload_media(tmp_path)
    for address in (MXC, "https://example.org/a.png"):
        with pytest.raises(ValueError, match="not the path of a file"):
            ghost.upload_media(address)
    assert stub.requests == []


def test_what_has_no_end(stub: StubHomeserver, ghost: IntentAPI, tmp_path: FilePath) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, "/dev/zero", "/dev/null"):
        with pytest.raises(ValueError, match="isn't a file with an end"):
            ghost.upload_media(path)
    for device in ("/dev/zero", "/dev/null", "/proc/self/status"):
        with open(device, "rb") as file, pytest.raises(ValueError, match="size="):
            ghost.upload_media(file)
    with pytest.raises(ValueError, match="size="):
        ghost.upload_media("/proc/self/status")
    assert stub.requests == []
    config(stub, None)
    with open("/dev/zero", "rb") as file:
        ghost.upload_media(file, size=100_000)
    assert stub.requests[-1].body == bytes(100_000)
    with open("/dev/null", "rb") as file, pytest.raises(MatrixError, match="5 bytes are missing"):
        ghost.upload_media(file, size=5)
    past = io.BytesIO(b"data")
    past.seek(10)
    ghost.upload_media(past)
    assert stub.requests[-1].body == b""


def test_names_that_cannot_be_sent(
    stub: StubHomeserver, ghost: IntentAPI, tmp_path: FilePath
) -> None:
    path = os.path.join(os.fsencode(tmp_path), b"latin-\xe9.txt")
    with open(path, "wb") as file:
        file.write(b"tea")
    ghost.upload_media(os.fsdecode(path))
    assert stub.requests[-1].query["filename"] == ["latin-\ufffd.txt"]
    assert stub.requests[-1].headers["Content-Type"] == "text/plain"
    ghost.upload_media(os.fsdecode(path), filename="Holiday")
    assert stub.requests[-1].headers["Content-Type"] == "text/plain"
    stub.clear()
    for wrong in (5, b"x"):
        with pytest.raises(ValueError, match="filename must be a str"):
            ghost.upload_media(b"data", filename=wrong)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="mime_type must be a str"):
            ghost.upload_media(b"data", wrong)  # type: ignore[arg-type]
    assert stub.requests == []


def test_upload_of_an_iterable(stub: StubHomeserver, ghost: IntentAPI) -> None:
    config(stub, None)
    ghost.upload_media((bytes([n]) * 70_000 for n in range(3)), size=210_000)
    assert stub.requests[-1].body == b"\0" * 70_000 + b"\1" * 70_000 + b"\2" * 70_000
    read_end, write_end = socket.socketpair()
    with read_end, read_end.makefile("rb") as pipe:
        write_end.sendall(b"piped")
        write_end.close()
        ghost.upload_media(pipe, size=5)
    assert stub.requests[-1].body == b"piped"


def test_an_iterable_is_sent_once(stub: StubHomeserver, ghost: IntentAPI) -> None:
    config(stub, None)
    stub.script("PUT", "/upload", DROP)
    with pytest.raises(MatrixConnectionError) as caught:
        ghost.upload_media(iter([b"data"]), size=4, mxc=MXC)
    assert caught.value.attempts == 1
    stub.script("POST", "/upload", answer(429, {"errcode": "M_LIMIT_EXCEEDED"}))
    with pytest.raises(MLimitExceeded):
        ghost.upload_media(iter([b"data"]), size=4)
    # What wasn't asked for can still be sent.
    stub.stop()
    source = iter([b"data"])
    with pytest.raises(MatrixConnectionError) as caught:
        ghost.upload_media(source, size=4, retry_count=4)
    assert caught.value.attempts == 5
    assert next(source) == b"data"


def test_an_iterable_of_another_size(stub: StubHomeserver, ghost: IntentAPI) -> None:
    config(stub, None)
    for size, words in ((3, "more bytes than the 3"), (5, "1 bytes are missing")):
        with pytest.raises(MatrixError, match=words) as caught:
            ghost.upload_media(iter([b"data"]), size=size)
        assert not caught.value.temporary

    class OwnError(Exception):
        pass

    def failing(error: BaseException) -> Iterator[bytes]:
        yield b"da"
        raise error

    for error in (OwnError("mine"), OSError(5, "disk gone")):
        with pytest.raises(type(error)) as mine:
            ghost.upload_media(failing(error), size=4)
        assert mine.value is error
    with pytest.raises(TypeError):
        ghost.upload_media(iter(["text"]), size=4)  # type: ignore[arg-type]
    assert ghost.upload_media(b"still works").startswith("mxc://")
    stub.clear()
    for wrong in ({"a": 1}, 5, None, io.StringIO("text")):
        with pytest.raises(ValueError, match="must be bytes"):
            ghost.upload_media(wrong, size=4)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="must be bytes"):
        ghost.upload_media([b"data"])
    with pytest.raises(ValueError, match="size is 5, but there are 4 bytes"):
        ghost.upload_media(b"data", size=5)
    no_size: Any
    for no_size in (-1, True, "4", 4.0):
        with pytest.raises(ValueError, match="number of bytes"):
            ghost.upload_media(b"data", size=no_size)
    assert stub.requests == []


def test_a_new_ghost_uploads_from_an_iterable(stub: StubHomeserver, api: AppServiceAPI) -> None:
    new = api.intent("@_new:hs.test")
    refused = answer(403, {"errcode": "M_FORBIDDEN", "error": "not registered this user"})
    stub.script("GET", f"{NEW}/config", refused, answer(200, {"m.upload.size": 10}))
    new.upload_media(iter([b"data"]), size=4)
    assert stub.calls() == [
        "GET /_matrix/client/versions",
        f"GET {NEW}/config as @_new:hs.test",
        "POST /register",
        f"GET {NEW}/config as @_new:hs.test",
        "POST /_matrix/media/v3/upload as @_new:hs.test",
    ]
    assert stub.requests[-1].body == b"data"


def test_a_new_ghost_uploads_a_file(stub: StubHomeserver, api: AppServiceAPI) -> None:
    file = io.BytesIO(b"skipped" + b"x" * 300_000)
    file.seek(7)
    api.intent("@_new:hs.test").upload_media(file)
    uploads = [request.body for request in stub.requests if "/upload" in request.path]
    assert uploads == [b"x" * 300_000] * 2


def test_uploading_to_a_uri(stub: StubHomeserver, ghost: IntentAPI) -> None:
    stub.script("POST", "/create", CREATED, forever=True)
    stub.script("PUT", "/upload", answer(200), forever=True)
    created = ghost.create_mxc()
    assert created.content_uri == MXC
    assert created.unused_expires_at == 5
    assert ghost.upload_media(b"data", "image/png", "a.png", mxc=MXC) == MXC
    assert ghost.upload_media(b"data", async_upload=True) == MXC
    assert stub.calls() == [
        f"POST /_matrix/media/v1/create as {GHOST}",
        f"PUT {OLD}/upload/hs.test/abc as {GHOST}",
        f"POST /_matrix/media/v1/create as {GHOST}",
        f"PUT {OLD}/upload/hs.test/abc as {GHOST}",
    ]
    assert stub.requests[1].headers["Content-Type"] == "image/png"
    assert stub.requests[1].query["filename"] == ["a.png"]
    for wrong in ("abc", "mxc://hs.test/", "mxc://hs.test/..", "mxc://hs.test/a/b", "mxc://../a"):
        with pytest.raises(ValueError, match="content URI"):
            ghost.upload_media(b"data", mxc=wrong)
    stub.unscript()
    stub.script("POST", "/create", answer(200, {}))
    with pytest.raises(MatrixResponseError, match="content_uri"):
        ghost.create_mxc()
    stub.script("POST", "/create", answer(200, {"content_uri": "nonsense"}))
    with pytest.raises(MatrixResponseError, match="not a content URI"):
        ghost.upload_media(b"data", async_upload=True)


@pytest.mark.parametrize("fault", [DROP, RESET, answer(502, b"<html>")], ids=str)
def test_an_upload_to_a_uri_is_repeated(
    fault: Any, stub: StubHomeserver, ghost: IntentAPI, tmp_path: FilePath
) -> None:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(300_000))
    done = answer(409, {"errcode": "M_CANNOT_OVERWRITE_MEDIA", "error": "there"})
    stub.script("PUT", "/upload", fault, fault, done)
    assert ghost.upload_media(path, mxc=MXC) == MXC
    assert [request.body for request in stub.requests] == [path.read_bytes()] * 3
    stub.script("PUT", "/upload", done)
    with pytest.raises(MCannotOverwriteMedia):
        ghost.upload_media(path, mxc=MXC)


@pytest.mark.parametrize("method", ["upload_media", "create_mxc"])
def test_what_may_have_arrived_is_not_repeated(
    method: str, stub: StubHomeserver, ghost: IntentAPI
) -> None:
    stub.script("POST", "/_matrix/media", DROP)
    with pytest.raises(MatrixConnectionError):
        getattr(ghost, method)(*[b"data"][: method == "upload_media"])
    assert len(stub.requests) == 1


def test_the_limit_is_asked_for_once_and_kept(stub: StubHomeserver, api: AppServiceAPI) -> None:
    config(stub, 2 * MIB)
    ghosts = [api.intent(f"@_ghost{n}:hs.test") for n in range(8)]
    for ghost in ghosts:
        stub.add_user(ghost.mxid)
    errors: list[MatrixError] = []

    def upload(ghost: IntentAPI) -> None:
        try:
            ghost.upload_media(bytes(2 * MIB + 1), "text/plain")
        except MTooLarge as error:
            errors.append(error)

    threads = [threading.Thread(target=upload, args=(ghost,)) for ghost in ghosts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(errors) == 8
    text = str(errors[0])
    assert text.startswith("POST /_matrix/media/v3/upload as @_ghost")
    assert "413 M_TOO_LARGE: the file has 2097153 bytes, and the homeserver takes 2097152" in text
    assert len(stub.calls("/config")) == 1
    ghosts[0].upload_media(bytes(2 * MIB))
    with pytest.raises(MTooLarge):
        ghosts[0].upload_media(bytes(2 * MIB + 1), async_upload=True)
    assert len(stub.calls("/upload")) == 1
    assert stub.calls("/create") == []


def test_a_small_upload_is_one_request(stub: StubHomeserver, ghost: IntentAPI) -> None:
    ghost.upload_media(bytes(MIB))
    assert len(stub.requests) == 1


@pytest.mark.parametrize("size", ["big", None, True])
def test_a_limit_that_is_not_told(size: Any, stub: StubHomeserver, ghost: IntentAPI) -> None:
    config(stub, size)
    for _ in range(2):
        ghost.upload_media(bytes(MIB + 1))
    assert len(stub.calls("/config")) == 1


def test_an_upload_does_not_depend_on_the_limit(stub: StubHomeserver, ghost: IntentAPI) -> None:
    forbidden = answer(403, {"errcode": "M_FORBIDDEN", "error": "no"})
    stub.script("GET", "/config", DROP, answer(502, b""), answer(200, b"[]"), forbidden)
    for _ in range(4):
        ghost.upload_media(bytes(MIB + 1))
    assert len(stub.calls("/upload")) == 4
    assert len(stub.calls("/config")) == 3


def test_a_limit_does_not_hold_forever(
    stub: StubHomeserver, ghost: IntentAPI, clock: ManualClock
) -> None:
    sizes = iter([3 * MIB, 2 * MIB, 4 * MIB, None, 5])

    def told(_: Any) -> Any:
        return answer(200, {"m.upload.size": next(sizes)})

    stub.script("GET", f"{NEW}/config", told, forever=True)
    ghost.upload_media(bytes(3 * MIB))
    clock.advance(3500)
    ghost.upload_media(bytes(3 * MIB))
    assert len(stub.calls("/config")) == 1
    clock.advance(200)
    with pytest.raises(MTooLarge):
        ghost.upload_media(bytes(3 * MIB))
    clock.advance(61)
    ghost.upload_media(bytes(3 * MIB))
    assert len(stub.calls("/config")) == 3
    stub.script("POST", "/upload", answer(413, {"errcode": "M_TOO_LARGE", "error": "no"}))
    for _ in range(2):
        with contextlib.suppress(MTooLarge):
            ghost.upload_media(bytes(3 * MIB))
    assert len(stub.calls("/config")) == 4


def test_one_users_token_does_not_spoil_the_limit(
    stub: StubHomeserver, api: AppServiceAPI, ghost: IntentAPI
) -> None:
    stub.add_user("@you:hs.test", "own")
    gone = answer(401, {"errcode": "M_UNKNOWN_TOKEN", "error": "gone"})
    stub.script("GET", f"{NEW}/config", gone, answer(200, {"m.upload.size": 5}))
    api.intent("@you:hs.test", "own").upload_media(bytes(MIB + 1))
    with pytest.raises(MTooLarge):
        ghost.upload_media(bytes(MIB + 1))


@pytest.mark.parametrize("versions", [5, {"v1.11": 1}, True])
def test_versions_that_are_none(versions: Any, stub: StubHomeserver, ghost: IntentAPI) -> None:
    stub.script("GET", "/versions", answer(200, {"versions": versions}), forever=True)
    stub.script("GET", f"{OLD}/download", answer(200, b"data"))
    assert ghost.download_media(MXC) == b"data"


def test_config_and_preview(stub: StubHomeserver, ghost: IntentAPI) -> None:
    config(stub, 5)
    assert ghost.get_media_repo_config().upload_size == 5
    page = {"og:title": "Tea", "og:image": MXC, "og:image:width": 5, "matrix:image:size": "6"}
    stub.script("GET", f"{NEW}/preview_url", answer(200, page))
    preview = ghost.get_url_preview("https://example.org/?a=b&c=d", 7)
    assert stub.requests[-1].query == {
        "user_id": [GHOST], "url": ["https://example.org/?a=b&c=d"], "ts": ["7"],
    }  # fmt: skip
    assert preview == page
    assert (preview.title, preview.image, preview.image_width) == ("Tea", MXC, 5)
    assert (preview.image_size, preview.description) == (None, None)
    for wrong in ("example.org", "ftp://example.org", None):
        with pytest.raises(ValueError, match="can't be previewed"):
            ghost.get_url_preview(wrong)  # type: ignore[arg-type]


def test_downloads(stub: StubHomeserver, ghost: IntentAPI) -> None:
    stub.script("GET", f"{NEW}/", answer(200, b"data"), forever=True)
    assert ghost.download_media(MXC) == b"data"
    assert stub.calls() == [
        "GET /_matrix/client/versions",
        f"GET {NEW}/download/hs.test/abc as {GHOST}",
    ]
    assert ghost.download_media("mxc://[::1]:5/a-_9#auto", 50, filename="a/b ü.png") == b"data"
    assert stub.requests[-1].path == f"{NEW}/download/%5B%3A%3A1%5D%3A5/a-_9/a%2Fb%20%C3%BC.png"
    assert stub.requests[-1].query == {"user_id": [GHOST], "timeout_ms": ["50"]}
    ghost.download_thumbnail(MXC)
    assert stub.requests[-1].path == f"{NEW}/thumbnail/hs.test/abc"
    assert stub.requests[-1].query == {"user_id": [GHOST], "width": ["800"], "height": ["600"]}
    ghost.download_thumbnail(MXC, 32, 33, "crop", True, 5, animated=False)
    assert stub.requests[-1].query == {
        "user_id": [GHOST], "width": ["32"], "height": ["33"], "method": ["crop"],
        "timeout_ms": ["5"], "animated": ["false"],
    }  # fmt: skip


@pytest.mark.parametrize(
    "url",
    ["mxc://hs.test/../x", "mxc://hs.test/..", "mxc://../x", "mxc://hs.test/a%2Fb", "mxc:///x",
     "mxc://hs.test/x?y", "mxc://hs.test\n/x", "https://hs.test/x", "", None, 5],
)  # fmt: skip
def test_urls_that_are_none(url: Any, stub: StubHomeserver, ghost: IntentAPI) -> None:
    for method in (ghost.download_media, ghost.stream_media, ghost.download_thumbnail):
        with pytest.raises(ValueError, match="not a content URI"):
            method(url)
    assert stub.requests == []


def test_arguments_that_cannot_be_meant(
    stub: StubHomeserver, ghost: IntentAPI, tmp_path: FilePath
) -> None:
    for name in ("", ".", ".."):
        with pytest.raises(ValueError, match="fileName"):
            ghost.download_media(MXC, filename=name)
    for wait in (-1, 0.5, True, "5"):
        with pytest.raises(ValueError, match="timeout_ms"):
            ghost.download_media(MXC, wait)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="width"):
        ghost.download_thumbnail(MXC, 0)
    with pytest.raises(ValueError, match="resize_method"):
        ghost.download_thumbnail(MXC, resize_method="shrink")
    with pytest.raises(ValueError, match="neither a file nor a folder"):
        ghost.download_media(MXC, path="")
    assert stub.requests[1:] == []


def test_media_that_is_not_uploaded_yet(stub: StubHomeserver, ghost: IntentAPI) -> None:
    late = answer(504, {"errcode": "M_NOT_YET_UPLOADED", "error": "wait"})
    stub.script("GET", f"{NEW}/download", late)
    with pytest.raises(MNotYetUploaded) as caught:
        ghost.download_media(MXC, 100_000)
    assert caught.value.attempts == 1


@pytest.mark.parametrize("versions", [["v1.1", "v1.10"], ["r0.6.1"], [], "v1.11", None, [5]])
def test_old_homeservers(versions: Any, stub: StubHomeserver, ghost: IntentAPI) -> None:
    stub.script("GET", "/versions", answer(200, {"versions": versions}))
    stub.script("GET", f"{OLD}/config", answer(200, {"m.upload.size": 5}))
    stub.script("GET", f"{OLD}/", answer(200, b"{}"), forever=True)
    assert ghost.get_media_repo_config().upload_size == 5
    assert ghost.download_media(MXC) == b"{}"
    assert stub.requests[-1].query == {"user_id": [GHOST], "allow_redirect": ["true"]}
    ghost.download_media(MXC, filename="a b")
    assert stub.requests[-1].path == f"{OLD}/download/hs.test/abc/a%20b"
    ghost.download_thumbnail(MXC, 1, 2, allow_remote=False)
    assert stub.requests[-1].query == {
        "user_id": [GHOST], "width": ["1"], "height": ["2"], "allow_remote": ["false"],
        "allow_redirect": ["true"],
    }  # fmt: skip
    ghost.get_url_preview("https://example.org")
    assert len(stub.calls("/versions")) == 1
    assert stub.calls(NEW) == []


@pytest.mark.parametrize("versions", [["v1.11"], ["v2.0"], ["v1.2"]])
def test_the_other_endpoint_is_asked_where_one_is_not_known(
    versions: list[str], stub: StubHomeserver, ghost: IntentAPI
) -> None:
    speaks(stub, *versions)
    wrong, right = (OLD, NEW) if versions == ["v1.2"] else (NEW, OLD)
    for unknown in (UNRECOGNIZED, answer(404, b"<html>"), answer(405, b"")):
        stub.script("GET", f"{wrong}/", unknown)
        stub.script("GET", f"{right}/", answer(200, b"data"))
        assert ghost.download_media(MXC) == b"data"
    stub.script("GET", f"{wrong}/", UNRECOGNIZED, forever=True)
    stub.script("GET", f"{right}/", UNRECOGNIZED, answer(404, {"errcode": "M_NOT_FOUND"}))
    with pytest.raises(MUnrecognized) as neither:
        ghost.download_media(MXC)
    assert neither.value.path.startswith(wrong)
    with pytest.raises(MNotFound):
        ghost.download_media(MXC)


def test_refusals_of_one_endpoint_do_not_lead_to_the_other(
    stub: StubHomeserver, ghost: IntentAPI
) -> None:
    speaks(stub, "v1.11")
    stub.script("GET", f"{NEW}/", answer(404, {"errcode": "M_NOT_FOUND"}))
    with pytest.raises(MNotFound):
        ghost.download_media(MXC)
    assert stub.calls(OLD) == []


def test_real_users_elsewhere_have_media_of_their_own(
    stub: StubHomeserver, api: AppServiceAPI
) -> None:
    with StubHomeserver(server_name="other.test") as other:
        other.add_user("@me:other.test", "own")
        stub.script("GET", f"{NEW}/config", answer(200, {"m.upload.size": 1}))
        other.script("GET", f"{NEW}/config", answer(200, {"m.upload.size": 10 * MIB}))
        other.script("GET", f"{NEW}/download", answer(200, b"data"))
        stub.add_user(GHOST)
        with pytest.raises(MTooLarge):
            api.intent(GHOST).upload_media(bytes(MIB + 1))
        me = api.intent("@me:other.test", "own", other.base_url)
        me.upload_media(bytes(MIB + 1))
        assert me.download_media(MXC) == b"data"
        assert {request.token for request in other.requests} == {"own"}
        assert other.calls("/versions") == ["GET /_matrix/client/versions"]
    assert stub.calls("/upload") == []


def test_a_ghost_is_registered_for_a_download(stub: StubHomeserver, api: AppServiceAPI) -> None:
    refused = answer(403, {"errcode": "M_FORBIDDEN", "error": "not registered this user"})
    stub.script("GET", f"{NEW}/download", refused, answer(200, b"data"))
    assert api.intent("@_new:hs.test").download_media(MXC) == b"data"
    stub.script("GET", f"{NEW}/download", refused)
    with pytest.raises(MForbidden):
        api.intent("@_other:hs.test", ensure_joined=False).download_media(MXC)


def test_a_long_wait_for_an_upload_is_waited_for(stub: StubHomeserver, clock: ManualClock) -> None:
    with AppServiceAPI(stub.base_url, BOT, "as_token", clock=clock, timeout=0.01) as api:
        seen: list[Any] = []
        send = api.session.send

        def note(*args: Any, **kwargs: Any) -> Any:
            seen.append(tuple(kwargs["timeout"]))
            return send(*args, **{**kwargs, "timeout": 5})

        api.session.send = note  # type: ignore[method-assign]
        stub.script("GET", f"{NEW}/download", answer(200, b"data"), forever=True)
        api.bot_intent().download_media(MXC, 50_000)
        api.bot_intent().download_media(MXC, 50_000, timeout=7)
    assert seen == [(5, 0.01), (5, 50.01), (5, 7)]
