"""Endpoints of the media repository."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, unquote

from ..clock import now
from .http import Refused, Response, answer, forbidden
from .memory import Call, Media, MemoryHomeserver, endpoint

Json = dict[str, Any]

_DAY = 86_400_000
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+\Z")
# Spec: Client-Server API, "Serving inline content".
_INLINE = re.compile(
    r"text/(css|plain|csv)|application/(ld\+)?json|image/(jpeg|gif|png|apng|webp|avif)"
    r"|video/(mp4|webm|ogg|quicktime)"
    r"|audio/(mp4|webm|aac|mpeg|ogg|wave|wav|x-wav|x-pn-wav|flac|x-flac)"
)
_PICTURES = ("image/jpeg", "image/jpg", "image/webp", "image/gif", "image/png")


@endpoint("GET", "client/v1/media/config", "media/v3/config")
def config(hs: MemoryHomeserver, call: Call) -> Json:
    return {"m.upload.size": hs.upload_size}


@endpoint("POST", "media/v3/upload")
def upload(hs: MemoryHomeserver, call: Call) -> Json:
    uri = _new(hs, call)
    _fill(hs, call, hs.media[uri])
    return {"content_uri": uri}


@endpoint("POST", "media/v1/create")
def create(hs: MemoryHomeserver, call: Call) -> Json:
    expires = now() + _DAY
    return {"content_uri": _new(hs, call), "unused_expires_at": expires}


@endpoint("PUT", "media/v3/upload/{}/{}")
def upload_to(hs: MemoryHomeserver, call: Call) -> Json:
    server, media_id = call.parts
    if server != hs.server_name:
        raise Refused(404, "M_NOT_FOUND", "Non-local server name specified")
    media = hs.media.get(f"mxc://{server}/{media_id}")
    if media is None:
        raise Refused(404, "M_NOT_FOUND", "Unknown media ID")
    if media.owner != call.user:
        raise forbidden("Only the creator of the media ID can upload to it")
    if media.body is not None:
        raise Refused(409, "M_CANNOT_OVERWRITE_MEDIA", "Media ID already has content")
    _fill(hs, call, media)
    return {}


@endpoint("GET", "client/v1/media/download/{}/{}", "client/v1/media/download/{}/{}/{}")
def download(hs: MemoryHomeserver, call: Call) -> Response:
    media, body = _find(hs, call)
    name = call.parts[2] if len(call.parts) > 2 else media.filename
    return _serve(media.content_type, body, name)


@endpoint("GET", "client/v1/media/thumbnail/{}/{}")
def thumbnail(hs: MemoryHomeserver, call: Call) -> Response:
    for name in ("width", "height"):
        if not call.request.query.get(name, [""])[0].isdecimal():
            text = f"Missing required integer query parameter {name}"
            raise Refused(400, "M_MISSING_PARAM", text)
    media, body = _find(hs, call)
    if media.content_type not in _PICTURES:
        raise Refused(
            400,
            "M_UNKNOWN",
            f"Cannot find any thumbnails for the requested media ({call.request.path!r}). This "
            f"might mean the media is not a supported_media_format=({', '.join(_PICTURES)}) or "
            "that thumbnailing failed for some other reason. (Dynamic thumbnails are disabled on "
            "this server.)",
        )
    # A thumbnail may be larger than requested: it is the whole picture.
    return _serve(media.content_type, body, None)


@endpoint("GET", "media/v3/download/{}/{}", "media/v3/download/{}/{}/{}")
def old_download(hs: MemoryHomeserver, call: Call) -> Any:
    _check_old(hs, call)
    return download(hs, call)


@endpoint("GET", "media/v3/thumbnail/{}/{}")
def old_thumbnail(hs: MemoryHomeserver, call: Call) -> Any:
    _check_old(hs, call)
    return thumbnail(hs, call)


def _new(hs: MemoryHomeserver, call: Call) -> str:
    uri = f"mxc://{hs.server_name}/media{next(hs.numbers)}"
    hs.media[uri] = Media(call.user)
    return uri


def _fill(hs: MemoryHomeserver, call: Call, media: Media) -> None:
    if len(call.request.body) > hs.upload_size:
        raise Refused(413, "M_TOO_LARGE", "Upload request body is too large")
    media.body = call.request.body
    media.content_type = call.request.headers.get("Content-Type", media.content_type)
    media.filename = call.request.query.get("filename", [None])[0]


def _find(hs: MemoryHomeserver, call: Call) -> tuple[Media, bytes]:
    media = hs.media.get(f"mxc://{call.parts[0]}/{call.parts[1]}")
    if media is None:
        raise Refused(404, "M_NOT_FOUND", f"Not found {unquote(call.request.path)!r}")
    # At once, however long the client would wait: in a test, nobody uploads meanwhile.
    if media.body is None:
        raise Refused(504, "M_NOT_YET_UPLOADED", "Media has not been uploaded yet")
    return media, media.body


def _check_old(hs: MemoryHomeserver, call: Call) -> None:
    media = hs.media.get(f"mxc://{call.parts[0]}/{call.parts[1]}")
    if media is not None and media.authenticated:
        raise Refused(404, "M_NOT_FOUND", "Not found")


def _serve(content_type: str, body: bytes, name: str | None) -> Response:
    kind = content_type.partition(";")[0].strip().lower()
    disposition = "inline" if _INLINE.fullmatch(kind) else "attachment"
    if name:
        plain = _TOKEN.match(name) is not None
        encoded = name if plain else quote(name, safe="")
        disposition += f"; filename={encoded}" if plain else f"; filename*=utf-8''{encoded}"
    if kind.startswith("text/") and "charset" not in content_type.lower():
        content_type += "; charset=UTF-8"
    return answer(200, body, {"Content-Type": content_type, "Content-Disposition": disposition})
