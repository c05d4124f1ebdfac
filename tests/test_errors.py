"""Errors: one root, one class for each errcode, and all of it picklable."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import requests

from appservice_api import errors
from appservice_api.errors import (
    MatrixConnectionError,
    MatrixError,
    MatrixRequestError,
    MatrixResponseError,
    MatrixTimeoutError,
    MissingExtraError,
    MLimitExceeded,
    RegistrationError,
)

FACTS: dict[str, Any] = {
    "method": "PUT", "path": "/x/{}", "target": "/x/1", "user": "@a:b", "attempts": 3,
}  # fmt: skip


@pytest.mark.parametrize(
    "error",
    [
        MatrixConnectionError("broke", sent=False, **FACTS),
        MatrixTimeoutError("slow", **FACTS),
        MatrixResponseError("HTML", http_status=200, text="<html>", temporary=True, **FACTS),
        MatrixRequestError.of(
            "M_LIMIT_EXCEEDED", message="wait", http_status=429, retry_after=1.5,
            body={"errcode": "M_LIMIT_EXCEEDED"}, **FACTS,
        ),
    ],
)  # fmt: skip
def test_copies_say_the_same(error: MatrixError) -> None:
    error.context = "why"  # type: ignore[attr-defined]
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert vars(again) == vars(error)
        assert again.temporary is True
    assert str(error).startswith("PUT /x/1 as @a:b: ")
    assert str(error).endswith(" (after 3 attempts) [why]")


# What protocol 0 made of an error of an errcode when all errors were in one module.
OLD = (
    b"cappservice_api.errors\n_rebuild\n(cappservice_api.errors\nMLimitExceeded\n"
    b"(dVreason\nV429 M_LIMIT_EXCEEDED: wait\nsVmethod\nV\nsVuser\nNsVattempts\nI1\nsVcontext\nV\n"
    b"sVerrcode\nVM_LIMIT_EXCEEDED\nsVhttp_status\nI429\nstR."
)


def test_an_error_pickled_by_an_older_version_is_read() -> None:
    error = pickle.loads(OLD)
    assert type(error) is MLimitExceeded
    assert str(error) == "429 M_LIMIT_EXCEEDED: wait"
    assert error.temporary


def test_the_classes() -> None:
    for name in errors.__all__:
        assert issubclass(getattr(errors, name), MatrixError)
    assert {kind.__name__ for kind in MatrixRequestError._classes.values()} <= {*errors.__all__}
    assert issubclass(MatrixConnectionError, requests.exceptions.ConnectionError)
    assert issubclass(MatrixTimeoutError, requests.exceptions.Timeout)
    assert issubclass(MissingExtraError, ImportError)
    assert issubclass(RegistrationError, ValueError)
    error = MatrixRequestError.of("M_LIMIT_EXCEEDED", message="x", http_status=429)
    assert type(error) is MLimitExceeded
    assert type(MatrixRequestError.of("X", message="x", http_status=400)) is MatrixRequestError
    assert type(MatrixRequestError.of(None, message="x", http_status=400)) is MatrixRequestError


@pytest.mark.parametrize(
    "status, errcode, temporary",
    [(429, "M_LIMIT_EXCEEDED", True), (502, None, True), (504, None, True), (500, None, False),
     (502, "M_CONNECTION_FAILED", False), (403, "M_FORBIDDEN", False), (404, None, False)],
)  # fmt: skip
def test_what_may_succeed_later(status: int, errcode: str | None, temporary: bool) -> None:
    error = MatrixRequestError.of(errcode, message="x", http_status=status)
    assert error.temporary is temporary


def test_a_missing_extra_says_what_to_install() -> None:
    assert str(MissingExtraError("x", "yaml")) == (
        "x needs the extra 'yaml': pip install 'appservice_api[yaml]'"
    )
