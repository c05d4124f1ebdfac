"""What servers of all kinds hand over to the WSGI application."""

from __future__ import annotations

import io
import json
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

from appservice_api.application import AppService

from ..receiver.conftest import event
from .carriers import AUTH


@pytest.mark.parametrize("given", [str, int])
def test_a_length_that_is_a_number(app: AppService, heard: list[str], given: Any) -> None:
    body = json.dumps({"events": [event(1)]}).encode()
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "PUT", "PATH_INFO": "/_matrix/app/v1/transactions/1",
        "HTTP_AUTHORIZATION": AUTH["Authorization"], "CONTENT_LENGTH": given(len(body)),
        "wsgi.input": io.BytesIO(body + b"more"),
    }  # fmt: skip
    setup_testing_defaults(environ)
    started: list[str] = []
    answer = app.wsgi(environ, lambda status, headers: started.append(status))
    assert (started, list(answer)) == (["200 OK"], [b"{}"])
    assert heard == ["$event1"]
