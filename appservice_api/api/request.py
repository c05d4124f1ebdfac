"""The request: its query, headers and body, made once for all attempts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import requests

from .body import Body, body_of
from .transport import copy_headers, hooks_for

__all__ = ["as_body", "encode_json", "encode_query", "json_body", "prepare"]

_BAD_HEADER = r"[\x00\r\n]|[^\x00-\xff]"
_RESERVED = frozenset({"connection", "content-length", "host", "transfer-encoding"})
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def encode_json(content: Any) -> bytes:
    """Encode the JSON body of a request.

    Raises:
        ValueError: It holds NaN, an infinity, a lone surrogate, a value that JSON doesn't have, or
            refers to itself.
    """
    try:
        return _encode(content).encode()
    except UnicodeEncodeError:
        raise ValueError("the content holds a lone surrogate, which can't be sent") from None
    except TypeError as error:
        raise ValueError(f"the content can't be sent as JSON: {error}") from None
    except RecursionError:
        raise ValueError("the content is nested too deeply") from None


def encode_query(params: Mapping[str, Any]) -> str:
    """Encode query parameters: None is left out, a list repeats its key, True is ``true``.

    Raises:
        ValueError: A key would carry a token in the URL.
    """
    if not isinstance(params, Mapping):
        raise ValueError(f"query_params must be a dict, not {params!r}")
    pairs = []
    for key, value in params.items():
        if not isinstance(key, str):
            raise ValueError(f"the name of a query parameter must be a str, not {key!r}")
        if key == "access_token":
            raise ValueError("an access token must not be in the URL; give it as token=")
        for item in value if isinstance(value, (list, tuple, set, frozenset)) else (value,):
            if item is None:
                continue
            text = ("false", "true")[item] if isinstance(item, bool) else str(item)
            try:
                pairs.append(f"{quote(key, safe='')}={quote(text, safe='')}")
            except UnicodeEncodeError:
                raise ValueError(f"the query parameter {key!r} holds a lone surrogate") from None
    return "&".join(pairs)


_NO_BODY = Body(None, 0, None)
_EMPTY_OBJECT = Body(b"{}", 2, "application/json")


def json_body(content: Any) -> Body:
    """The body that sends content as JSON.

    Raises:
        ValueError: As :func:`encode_json` says.
    """
    data = encode_json(content)
    return Body(data, len(data), "application/json")


def as_body(method: str, content: Any) -> Body:
    """The body for a caller's content; without content, a POST or PUT sends ``{}``. A :class:`Body`
    is returned as it is.

    Raises:
        ValueError: It is neither JSON, bytes, text nor a binary file that can be sent again.
    """
    if content is None:
        return _EMPTY_OBJECT if method in ("POST", "PUT") else _NO_BODY
    if isinstance(content, (dict, list)):
        return json_body(content)
    if isinstance(content, Body):
        return content
    if isinstance(content, str):
        content = content.encode()
    if isinstance(content, (bytes, bytearray, memoryview)) or hasattr(content, "read"):
        return body_of(content)
    raise ValueError(
        f"content must be a dict, bytes, str or a binary file, not {type(content).__name__}"
    )


def prepare(
    session: requests.Session,
    method: str,
    url: str,
    authorization: str | None,
    body: Body,
    more_headers: Mapping[str, str] | None,
) -> requests.PreparedRequest:
    """The request, once for all attempts: its URL and body never change between them."""
    headers = copy_headers(session.headers)
    if body.type is not None:
        headers["Content-Type"] = body.type
        headers["Content-Length"] = str(body.length)
    if authorization is not None:
        headers["Authorization"] = authorization
    if more_headers:
        if not isinstance(more_headers, Mapping):
            raise ValueError(f"headers must be a dict, not {type(more_headers).__name__}")
        for name, value in more_headers.items():
            both = name + value if isinstance(name, str) and isinstance(value, str) else "\n"
            if re.search(_BAD_HEADER, both) or not name:
                raise ValueError(f"the header {name!r} can't be sent: its value must be one line")
            if name.lower() in _RESERVED or (name.lower() == "authorization" and authorization):
                raise ValueError(f"the header {name!r} is set by this package")
            headers[name] = value
    request = requests.PreparedRequest()
    request.method = method
    request.url = url
    request.headers = headers  # type: ignore[assignment]
    request.body = body.data
    request.hooks = hooks_for(session)
    request._cookies = session.cookies
    if session.params or session.cookies or session.auth:
        _apply_session(request, session)
    return request


def _apply_session(request: requests.PreparedRequest, session: requests.Session) -> None:
    """Add what requests merges from a session; a session of ours has nothing to add."""
    if session.params:
        if {"access_token", "user_id"} & set(session.params):
            raise ValueError("session.params must not have user_id or access_token")
        request.prepare_url(request.url or "", session.params)
    if session.cookies:
        request.prepare_cookies(session.cookies)
    if session.auth:
        request.prepare_auth(session.auth)
