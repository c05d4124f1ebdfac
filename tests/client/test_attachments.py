"""Files as messages: from a URI, a path, bytes, or a file."""

from __future__ import annotations

import io
import sys
from pathlib import Path as FilePath
from typing import Any

import pytest

from appservice_api import AppServiceAPI, IntentAPI, MForbidden
from appservice_api.testing import DROP, StubHomeserver, answer
from tests.conftest import BOT, GHOST

Image: Any = pytest.importorskip("PIL.Image", reason="Pillow isn't installed")


@pytest.fixture
def room(stub: StubHomeserver) -> str:
    stub.add_user(GHOST)
    return stub.room(members=[BOT, GHOST])


@pytest.fixture
def ghost(api: AppServiceAPI) -> IntentAPI:
    return api.intent(GHOST)


def picture(width: int, height: int, kind: str = "PNG", mode: str = "RGB", **how: Any) -> bytes:
    content = io.BytesIO()
    Image.new(mode, (width, height)).save(content, kind, **how)
    return content.getvalue()


def sent(stub: StubHomeserver) -> Any:
    return stub.requests[-1].json


def uploads(stub: StubHomeserver) -> list[tuple[str, str | None, bytes]]:
    return [
        (one.headers["Content-Type"], one.query.get("filename", [None])[0], one.body)
        for one in stub.requests if "/upload" in one.path
    ]  # fmt: skip


def test_a_file_from_a_path(
    stub: StubHomeserver, ghost: IntentAPI, room: str, tmp_path: FilePath
) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"tea")
    for given in (path, str(path)):
        event_id = ghost.send_file(room, given, relates_to={"x": 1}, timestamp=5)
        assert event_id == stub.events(room)[-1]["event_id"]
        url = sent(stub)["url"]
        assert sent(stub) == {
            "msgtype": "m.file", "body": "notes.txt", "filename": "notes.txt", "url": url,
            "info": {"mimetype": "text/plain", "size": 3}, "m.relates_to": {"x": 1},
        }  # fmt: skip
        assert stub.requests[-1].query["ts"] == ["5"]
        assert stub.requests[-2].query == {"user_id": [GHOST], "filename": ["notes.txt"]}
    assert uploads(stub) == [("text/plain", "notes.txt", b"tea")] * 2
    info = {"mimetype": "text/x", "size": 5, "other": 1}
    ghost.send_file(room, path, info, "other.md")
    assert sent(stub)["info"] == info
    assert sent(stub)["body"] == sent(stub)["filename"] == "other.md"
    assert uploads(stub)[-1] == ("text/x", "other.md", b"tea")
    assert info == {"mimetype": "text/x", "size": 5, "other": 1}


@pytest.mark.parametrize(
    "method, msgtype, name, kind",
    [
        ("send_video", "m.video", "a.mp4", "video/mp4"),
        ("send_audio", "m.audio", "a.mp3", "audio/mpeg"),
        ("send_image", "m.image", "a.gif", "image/gif"),
    ],
)
def test_other_kinds(
    method: str, msgtype: str, name: str, kind: str, stub: StubHomeserver, ghost: IntentAPI,
    room: str,
) -> None:  # fmt: skip
    file = io.BytesIO(b"skipped" + b"data")
    file.seek(7)
    for given in (b"data", file):
        getattr(ghost, method)(room, given, {"duration": 5}, name)
        content = sent(stub)
        assert content["msgtype"] == msgtype
        assert content["info"] == {"mimetype": kind, "size": 4, "duration": 5}
        assert uploads(stub)[-1] == (kind, name, b"data")
    getattr(ghost, method)(room, "mxc://hs.test/abc", {"duration": 5})
    assert sent(stub) == {
        "msgtype": msgtype, "body": "abc", "url": "mxc://hs.test/abc", "info": {"duration": 5},
    }  # fmt: skip


def test_what_cannot_be_sent(stub: StubHomeserver, ghost: IntentAPI, room: str) -> None:
    with pytest.raises(ValueError, match="download it"):
        ghost.send_file(room, "https://example.org/a.png")
    with pytest.raises(ValueError, match="content URI"):
        ghost.send_file(room, "mxc://nothing")
    for nameless in (b"data", io.BytesIO(b"data")):
        with pytest.raises(ValueError, match="file_name"):
            ghost.send_file(room, nameless)
    with pytest.raises(FileNotFoundError):
        ghost.send_file(room, "nowhere.txt")
    for wrong in (io.StringIO("x"), ["x"], None, 5):
        with pytest.raises(ValueError, match="bytes"):
            ghost.send_file(room, wrong, file_name="x")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="info"):
        ghost.send_file(room, b"x", [1], "x")  # type: ignore[arg-type]
    assert stub.requests == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"info": {"duration": 0.5}},
        {"info": {"x": "y" * 70_000}},
        {"info": {"x": "y" * 65_200}},
        {"info": {"x": {1, 2}}},
        {"room_id": "nowhere"},
        {"txn_id": "t" * 300},
        {"txn_id": ".."},
        {"timestamp": -1},
        {"timestamp": "now"},
        {"external_url": "nowhere"},
        {"timeout": -1},
        {"retry_count": -1},
        {"relates_to": 5},
        {"file_name": 5},
        {"file_type": 5},
    ],
    ids=lambda wrong: str(wrong)[:40],
)  # fmt: skip
def test_nothing_is_uploaded_for_an_event_that_cannot_be_sent(
    wrong: dict[str, Any], stub: StubHomeserver, ghost: IntentAPI, room: str
) -> None:
    arguments = {"room_id": room, "url": b"data", "file_name": "a.txt", **wrong}
    with pytest.raises(ValueError, match=r"must|can't|is |may"):
        ghost.send_file(**arguments)
    arguments.pop("file_type", None)
    if "file_type" not in wrong:
        with pytest.raises(ValueError, match=r"must|can't|is |may"):
            ghost.send_image(**arguments)
    assert stub.requests == []


def test_nothing_is_uploaded_for_unknown_options_and_wrong_words(
    stub: StubHomeserver, ghost: IntentAPI, room: str
) -> None:
    with pytest.raises(TypeError, match="colour"):
        ghost.send_file(room, b"data", file_name="a", colour="red")  # type: ignore[call-arg]
    for text in (5, None, b"x"):
        with pytest.raises(ValueError, match="text must be a str"):
            ghost.send_sticker(room, b"data", text=text)  # type: ignore[arg-type]
    assert stub.requests == []


def test_a_thumbnail_that_fails_is_left_out(
    stub: StubHomeserver, ghost: IntentAPI, room: str, caplog: pytest.LogCaptureFixture
) -> None:
    taken: list[int] = []

    def second(request: Any) -> Any:
        taken.append(len(request.body))
        return DROP if len(taken) == 2 else None

    stub.script("POST", "/upload", second, forever=True)
    data = picture(2000, 1000)
    ghost.send_image(room, data, file_name="tea.png")
    info = {"mimetype": "image/png", "size": len(data), "w": 2000, "h": 1000}
    assert sent(stub)["info"] == info
    assert "without a thumbnail" in caplog.text


def test_a_name_without_a_type(
    stub: StubHomeserver, ghost: IntentAPI, room: str, tmp_path: FilePath
) -> None:
    path = tmp_path / "tea.txt"
    path.write_bytes(b"tea")
    ghost.send_file(room, path, file_name="Holiday")
    assert uploads(stub) == [("text/plain", "Holiday", b"tea")]
    assert sent(stub)["info"]["mimetype"] == "text/plain"


def test_a_small_picture(stub: StubHomeserver, ghost: IntentAPI, room: str) -> None:
    data = picture(800, 600)
    ghost.send_image(room, data, file_name="tea")
    assert sent(stub)["info"] == {"mimetype": "image/png", "size": len(data), "w": 800, "h": 600}
    assert uploads(stub) == [("image/png", "tea", data)]
    file = io.BytesIO(b"skipped" + data)
    file.seek(7)
    ghost.send_image(room, file, {"w": 5}, "tea.png")
    assert sent(stub)["info"] == {"mimetype": "image/png", "size": len(data), "w": 5, "h": 600}
    assert uploads(stub)[-1] == ("image/png", "tea.png", data)
    ghost.send_file(room, data, file_name="tea.png")
    assert "w" not in sent(stub)["info"]


@pytest.mark.parametrize(
    "mode, kind, expected", [("RGB", "JPEG", "JPEG"), ("P", "GIF", "JPEG"), ("RGBA", "PNG", "PNG"),
                             ("LA", "PNG", "PNG"), ("CMYK", "JPEG", "JPEG"), ("1", "TIFF", "JPEG")]
)  # fmt: skip
def test_a_large_picture_gets_a_thumbnail(
    mode: str, kind: str, expected: str, stub: StubHomeserver, ghost: IntentAPI, room: str,
    tmp_path: FilePath,
) -> None:  # fmt: skip
    path = tmp_path / "tea"
    path.write_bytes(picture(2000, 1000, kind, mode))
    ghost.send_image(room, path)
    info = sent(stub)["info"]
    (_, _, first), (thumbnail_type, thumbnail_name, thumbnail) = uploads(stub)
    assert first == path.read_bytes()
    assert thumbnail_name is None
    assert (info["mimetype"], info["w"], info["h"]) == (f"image/{kind.lower()}", 2000, 1000)
    assert info["thumbnail_info"] == {
        "mimetype": thumbnail_type, "size": len(thumbnail), "w": 800, "h": 400,
    }  # fmt: skip
    assert info["thumbnail_url"].startswith("mxc://hs.test/")
    assert info["thumbnail_url"] != sent(stub)["url"]
    with Image.open(io.BytesIO(thumbnail)) as small:
        assert (small.format, small.size) == (expected, (800, 400))


def test_a_thumbnail_that_is_given_is_kept(
    stub: StubHomeserver, ghost: IntentAPI, room: str
) -> None:
    info = {"thumbnail_url": "mxc://hs.test/own"}
    ghost.send_image(room, picture(900, 900), info, "tea.png")
    assert sent(stub)["info"]["thumbnail_url"] == "mxc://hs.test/own"
    assert "thumbnail_info" not in sent(stub)["info"]
    assert len(uploads(stub)) == 1


def test_a_picture_that_lies_on_its_side(stub: StubHomeserver, ghost: IntentAPI, room: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    ghost.send_image(room, picture(1000, 500, "JPEG", exif=exif), file_name="tea.jpg")
    info = sent(stub)["info"]
    assert (info["w"], info["h"]) == (500, 1000)
    assert (info["thumbnail_info"]["w"], info["thumbnail_info"]["h"]) == (300, 600)


@pytest.mark.parametrize("size", [(40, 20), (1000, 500)])
def test_a_png_that_lies_on_its_side(
    size: tuple[int, int], stub: StubHomeserver, ghost: IntentAPI, room: str
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    data = picture(*size, exif=exif)
    at = data.index(b"eXIf") - 4
    end = at + 12 + int.from_bytes(data[at : at + 4], "big")
    late = data[:at] + data[end:-12] + data[at:end] + data[-12:]
    for one in (data, late):
        ghost.send_image(room, one, file_name="tea.png")
        info = sent(stub)["info"]
        assert (info["w"], info["h"]) == (size[1], size[0])
        if size[0] > 800:
            assert (info["thumbnail_info"]["w"], info["thumbnail_info"]["h"]) == (300, 600)


def test_broken_pictures_and_bombs_are_sent_all_the_same(
    stub: StubHomeserver, ghost: IntentAPI, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = picture(2000, 1000)
    broken = [b"", b"no picture", large[:20], b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"]
    for data in broken:
        ghost.send_image(room, data, file_name="tea.png")
        assert sent(stub)["info"] == {"mimetype": "image/png", "size": len(data)}
    ghost.send_image(room, large[:-2000], file_name="cut.png")
    assert "thumbnail_url" not in sent(stub)["info"]
    assert sent(stub)["info"]["w"] == 2000
    with monkeypatch.context() as patched:
        patched.setattr("appservice_api.picture._MAX_PIXELS", 1_999_999)
        ghost.send_image(room, large, file_name="tea.png")
        assert "thumbnail_url" not in sent(stub)["info"]
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 900_000)
    ghost.send_image(room, large, file_name="tea.png")
    assert sent(stub)["info"] == {"mimetype": "image/png", "size": len(large)}


def test_without_pillow(
    stub: StubHomeserver, ghost: IntentAPI, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = picture(900, 900)
    monkeypatch.setitem(sys.modules, "PIL", None)
    ghost.send_image(room, data, file_name="tea.png")
    assert sent(stub)["info"] == {"mimetype": "image/png", "size": len(data)}


def test_stickers(stub: StubHomeserver, ghost: IntentAPI, room: str) -> None:
    ghost.send_sticker(room, "mxc://hs.test/abc", {"w": 5}, "a cup", {"x": 1})
    assert stub.calls()[-1].startswith(f"PUT /rooms/{room}/send/m.sticker/")
    assert sent(stub) == {
        "body": "a cup", "url": "mxc://hs.test/abc", "info": {"w": 5}, "m.relates_to": {"x": 1},
    }  # fmt: skip
    ghost.send_sticker(room, "mxc://hs.test/abc")
    assert sent(stub) == {"body": "", "url": "mxc://hs.test/abc", "info": {}}
    data = picture(5, 6)
    ghost.send_sticker(room, data)
    assert sent(stub)["info"] == {"mimetype": "image/png", "size": len(data), "w": 5, "h": 6}


def test_the_same_transaction_id_is_one_event(
    stub: StubHomeserver, ghost: IntentAPI, room: str
) -> None:
    stub.script("PUT", "/send/", DROP)
    ids = {ghost.send_file(room, b"tea", file_name="a", txn_id="remote1") for _ in range(2)}
    assert len(ids) == 1
    assert len(uploads(stub)) == 2


def test_options_reach_both_requests(stub: StubHomeserver, api: AppServiceAPI) -> None:
    new = api.intent("@_new:hs.test")
    refused = answer(403, {"errcode": "M_FORBIDDEN", "error": "not registered this user"})
    stub.script("POST", "/upload", refused)
    with pytest.raises(MForbidden):
        new.send_file(
            "!r:hs.test", b"x", file_name="x", ensure_joined=False, external_url="http://x"
        )
    assert len(stub.requests) == 1
