"""Arguments that can't be used are refused at once, by name."""

from __future__ import annotations

import re
from typing import Any

import pytest

from appservice_api.application import AppService
from appservice_api.receiver.dispatch import HandlerPolicy
from appservice_api.receiver.http import Request
from appservice_api.testing import StubHomeserver

from .conftest import REGISTRATION, registration

AUTH, PING = {"Authorization": "Bearer hs_token"}, "/_matrix/app/v1/ping"
NAN, ENDLESS = float("nan"), float("inf")


@pytest.mark.parametrize(
    "name, values, rule",
    [
        (
            "lease",
            [0, -1, NAN, ENDLESS, 1e12, None, "30", True],
            "a number of seconds, more than 0",
        ),
        ("copy_timeout", [-1, NAN, ENDLESS, None, "45", False], "a number of seconds, from 0 on"),
        ("max_body", [0, -1, 1.5, None, "32 MiB", True], "a whole number from 1 on"),
        ("query_token", ["no", None, 0, 1], "True or False"),
        ("handler_policy", [3, (3, 0.5, 5.0), "often", {}], "a HandlerPolicy"),
    ],
)
def test_of_the_application_service(
    stub: StubHomeserver, name: str, values: list[Any], rule: str
) -> None:
    for value in values:
        told = re.escape(f"{name} must be {rule}") + f".*not {re.escape(repr(value))}"
        with pytest.raises(ValueError, match=told):
            AppService(registration(), stub.base_url, **{name: value})
    assert stub.requests == []


@pytest.mark.parametrize(
    "policy, told",
    [
        (HandlerPolicy(attempts=0), "attempts must be a whole number from 1 on, not 0"),
        (HandlerPolicy(attempts=2.0), "attempts must be a whole number"),  # type: ignore[arg-type]
        (HandlerPolicy(first_wait=-1), "first_wait must be a number of seconds, from 0 on"),
        (HandlerPolicy(longest_wait=NAN), "longest_wait must be a number of seconds, .* not nan"),
    ],
)
def test_of_a_policy(stub: StubHomeserver, policy: HandlerPolicy, told: str) -> None:
    with pytest.raises(ValueError, match=rf"handler_policy\.{told}"):
        AppService(registration(), stub.base_url, handler_policy=policy)


@pytest.mark.parametrize("given", ["registration.yaml", REGISTRATION, None, 5])
def test_of_what_isnt_a_registration(stub: StubHomeserver, given: Any) -> None:
    with pytest.raises(ValueError, match=r"must be a Registration, not .*from_registration"):
        AppService(given, stub.base_url)


def test_what_can_be_used(stub: StubHomeserver) -> None:
    policy = HandlerPolicy(1, 0, 0)
    with AppService(
        registration(), stub.base_url, lease=0.5, copy_timeout=0, max_body=1, handler_policy=policy
    ) as app:
        assert app.receiver.max_body == 1
        assert app.receiver.handle(Request("POST", PING, "", AUTH, b"{}")).status == 413
        assert app.receiver.handle(Request("POST", PING, "", AUTH, b"")).status == 200


@pytest.mark.parametrize(
    "given, told",
    [
        ({"port": "29300"}, "port must be a whole number from 0 to 65535, not '29300'"),
        ({"port": 70_000}, "port must be a whole number from 0 to 65535, not 70000"),
        ({"host": 5}, "host must be a str, not 5"),
        ({"grace": -1}, "grace must be a number of seconds, from 0 on and finite, not -1"),
    ],
)
def test_of_servers(app: AppService, given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        app.run(**given)
    with pytest.raises(ValueError, match=re.escape(told)), app.serve_in_thread(**given):
        pass
    with pytest.raises(ValueError, match="threads must be a whole number from 1 on, not 0"):
        app.run(threads=0)


def test_the_former_name_of_the_copy_timeout(stub: StubHomeserver) -> None:
    given: dict[str, Any] = {"patience": 3}
    AppService(registration(), stub.base_url, **given).close()
    with pytest.raises(ValueError, match="copy_timeout must be a number"):
        AppService(registration(), stub.base_url, patience=-1)
    with pytest.raises(TypeError, match="former name of copy_timeout: give one of them"):
        AppService(registration(), stub.base_url, copy_timeout=20, **given)
