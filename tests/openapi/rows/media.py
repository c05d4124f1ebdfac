"""The rows of media: uploads, downloads, previews."""

from __future__ import annotations

from .sample import MXC, Rows, call

ROWS: Rows = {
    "create_mxc": [call()],
    "upload_media": [
        call(b"data", "text/plain", "a name.txt"),
        call(b"data", filename="a name.txt", mxc=MXC),
        call(b"data", async_upload=True),
    ],
    "get_media_repo_config": [call()],
    "get_url_preview": [call("https://example.org/?a=b&c", 5)],
    "download_media": [call(MXC, 5), call(MXC + "#auto", filename="a/name.txt")],
    "stream_media": [call(MXC, 5), call(MXC, filename="a name.txt")],
    "download_thumbnail": [call(MXC, 32, 32, "crop", True, 5, animated=True), call(MXC)],
}
