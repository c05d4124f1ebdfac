"""Media on a real homeserver."""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path as FilePath
from typing import Any

import pytest

from appservice_api import (
    AppServiceAPI,
    IntentAPI,
    MatrixRequestError,
    MCannotOverwriteMedia,
    MForbidden,
    MNotFound,
    MNotYetUploaded,
    MTooLarge,
)
from appservice_api.testing import Homeserver

pytestmark = pytest.mark.synapse

Image: Any = pytest.importorskip("PIL.Image", reason="Pillow isn't installed")


@pytest.fixture
def ghost(api: AppServiceAPI, homeserver: Homeserver) -> IntentAPI:
    """A ghost whom the homeserver doesn't know yet."""
    return api.intent(homeserver.ghost("painter"))


@pytest.fixture
def png(tmp_path: FilePath) -> FilePath:
    path = tmp_path / "té a.png"
    Image.effect_noise((1200, 900), 50).save(path)
    return path


def test_up_and_down(ghost: IntentAPI, png: FilePath, tmp_path: FilePath) -> None:
    data = png.read_bytes()
    uri = ghost.upload_media(png)
    assert ghost.download_media(uri) == data
    folder = tmp_path / "got"
    folder.mkdir()
    got = ghost.download_media(uri + "#auto", path=folder)
    assert got == folder / "té a.png"
    assert got.read_bytes() == data
    assert ghost.download_media(uri, path=png) == png
    named = ghost.download_media(uri, path=folder, filename="other name.png")
    assert named == folder / "other name.png"
    with ghost.stream_media(uri) as media:
        assert (media.content_type, media.filename, media.size) == (
            "image/png", "té a.png", len(data),
        )  # fmt: skip
        copy = io.BytesIO()
        shutil.copyfileobj(media, copy)
        assert copy.getvalue() == data
    with ghost.stream_media(uri) as media:
        assert media.read(8) == data[:8]
    thumbnail = ghost.download_thumbnail(uri, 96, 96, "crop")
    with Image.open(io.BytesIO(thumbnail)) as small:
        assert small.size == (96, 96)
    ghost.download_thumbnail(uri, path=folder / "small")
    with Image.open(folder / "small") as small:
        assert small.size == (800, 600)
    with pytest.raises(MNotFound):
        ghost.download_media(uri + "x", path=tmp_path / "missing")
    assert not (tmp_path / "missing").exists()


def test_what_an_iterable_yields(ghost: IntentAPI) -> None:
    blocks = [os.urandom(100_000) for _ in range(30)]
    uri = ghost.upload_media(iter(blocks), size=3_000_000)
    assert ghost.download_media(uri) == b"".join(blocks)


def test_uploading_to_a_uri(ghost: IntentAPI, api: AppServiceAPI, homeserver: Homeserver) -> None:
    created = ghost.create_mxc()
    assert created.content_uri is not None
    assert created.unused_expires_at is not None
    with pytest.raises(MNotYetUploaded):
        ghost.download_media(created.content_uri, 1)
    other = api.intent(homeserver.ghost("other"))
    with pytest.raises(MForbidden):
        other.upload_media(b"stolen", mxc=created.content_uri)
    data = os.urandom(500_000)
    assert ghost.upload_media(data, mxc=created.content_uri) == created.content_uri
    with pytest.raises(MCannotOverwriteMedia):
        ghost.upload_media(b"again", mxc=created.content_uri)
    assert other.download_media(created.content_uri) == data
    uri = ghost.upload_media(b"tea", filename="tea.txt", async_upload=True)
    with ghost.stream_media(uri) as media:
        assert (media.content_type.partition(";")[0], media.read()) == ("text/plain", b"tea")


def test_the_limit(ghost: IntentAPI, homeserver: Homeserver) -> None:
    limit = ghost.get_media_repo_config().upload_size
    assert limit == 10 * 2**20
    with pytest.raises(MTooLarge, match="it wasn't sent"):
        ghost.upload_media(bytes(limit + 1))
    with pytest.raises(MatrixRequestError):
        ghost.get_url_preview("https://example.org")


def test_a_picture_in_a_room(ghost: IntentAPI, api: AppServiceAPI, png: FilePath) -> None:
    room = api.bot_intent().create_room(preset="public_chat")
    event_id = ghost.send_image(room, png)
    content = api.bot_intent().get_event(room, event_id)["content"]
    info = content["info"]
    assert (content["msgtype"], content["body"]) == ("m.image", "té a.png")
    assert (info["mimetype"], info["w"], info["h"]) == ("image/png", 1200, 900)
    assert info["size"] == png.stat().st_size
    assert (info["thumbnail_info"]["w"], info["thumbnail_info"]["h"]) == (800, 600)
    assert ghost.download_media(content["url"]) == png.read_bytes()
    assert len(ghost.download_media(info["thumbnail_url"])) == info["thumbnail_info"]["size"]
