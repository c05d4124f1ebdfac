"""The package: what an import loads, and what it offers."""

from __future__ import annotations

import subprocess
import sys

import pytest

import appservice_api
from appservice_api import events
from appservice_api.events.power_levels import CREATOR_LEVEL, level_of, needed_level

UNWANTED = (
    "asyncio",
    "click",
    "rich",
    "yaml",
    "sqlalchemy",
    "flask",
    "django",
    "prometheus_client",
    "twisted",
    "pytest",
)


def test_an_import_loads_nothing_that_is_not_used() -> None:
    code = (
        "import sys, appservice_api; "
        f"print([m for m in {UNWANTED!r} if m in sys.modules], "
        "[m for m in sys.modules if m.startswith('appservice_api.') and "
        "m.split('.')[1] in ('cli', 'testing', 'registration', 'settings')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] []"


def test_all_that_is_offered_is_there() -> None:
    for name in appservice_api.__all__:
        assert getattr(appservice_api, name) is not None
        assert name in dir(appservice_api)
    with pytest.raises(AttributeError, match="nothing"):
        _ = appservice_api.nothing
    assert events.__doc__


CREATE_11 = {"sender": "@c:h", "content": {"room_version": "11"}}
CREATE_12 = {"sender": "@c:h", "content": {"room_version": "12", "additional_creators": ["@d:h"]}}


@pytest.mark.parametrize(
    "user, levels, create, level",
    [
        ("@c:h", None, CREATE_11, 100),
        ("@x:h", None, CREATE_11, 0),
        ("@c:h", {}, CREATE_11, 0),
        ("@c:h", {}, CREATE_12, CREATOR_LEVEL),
        ("@d:h", {"users": {"@d:h": 1}}, CREATE_12, CREATOR_LEVEL),
        ("@d:h", {"users": {"@d:h": 1}}, {**CREATE_12, "content": {"room_version": "org.x"}}, 1),
        ("@c:h", {}, {"sender": "@c:h", "content": {}}, 0),
        ("@c:h", {}, {"sender": "@c:h", "content": "broken"}, 0),
        ("@x:h", {"users_default": " 7 ", "users": "broken"}, None, 7),
        ("@x:h", {"users": {"@x:h": "nonsense"}, "users_default": 3}, None, 3),
        ("@x:h", {"users": {"@x:h": True}}, None, 0),
    ],
)
def test_power_levels(
    user: str, levels: dict[str, object] | None, create: dict[str, object] | None, level: int
) -> None:
    assert level_of(user, levels, create) == level


def test_needed_levels() -> None:
    assert needed_level("m.x", None) == 0
    assert needed_level("m.x", None, state=True) == 50
    assert needed_level("m.x", {"state_default": 0, "events": {"m.x": "30"}}, state=True) == 30
