"""The package: what an import loads, and what it offers."""

from __future__ import annotations

import subprocess
import sys

import pytest

import appservice_api
from appservice_api import events
from appservice_api.events.power_levels import CREATOR_LEVEL, RoomPowers

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
# What an import loads: how a request travels. Who speaks, and all that can be said, come when they
# are first named.
ROOMS = [
    "_version", "answers", "api", "base_url", "clock", "compat", "errors", "events", "fork", "ids",
    "lazy",
    "log",
]  # fmt: skip


def test_an_import_loads_nothing_that_is_not_used() -> None:
    code = (
        "import sys, appservice_api; "
        f"print([m for m in {UNWANTED!r} if m in sys.modules], "
        "sorted({m.split('.')[1] for m in sys.modules if m.startswith('appservice_api.')}))"
    )
    assert _said_by(code) == f"[] {ROOMS}"


def test_a_first_send_needs_no_module_of_repeats_and_tools() -> None:
    code = (
        "import sys\n"
        "from appservice_api import AppServiceAPI, IntentAPI, MemoryStateStore\n"
        "print([m for m in ('tenacity', 'inspect', 'dataclasses') if m in sys.modules])"
    )
    assert _said_by(code) == "[]"


def test_what_an_import_does_not_load_is_there() -> None:
    code = (
        "import sys, appservice_api as a, pydoc\n"
        "late = ('client', 'intent', 'state_store', 'IntentAPI', 'ASStateStore', 'Pages')\n"
        "assert {*late} <= {*dir(a)}\n"
        "assert 'send_text(' in pydoc.render_doc(a.IntentAPI, renderer=pydoc.plaintext)\n"
        "assert a.client.ClientAPI in a.IntentAPI.__mro__ and a.intent.IntentAPI is a.IntentAPI\n"
        "assert [*a.state_store.__all__] and a.Pages is a.api.pages.Pages\n"
    )
    assert _said_by(code) == ""


def test_threads_that_make_the_first_intent_at_once() -> None:
    code = (
        "import threading, appservice_api as a\n"
        "api = a.AppServiceAPI('http://localhost', bot_mxid='@bot:h', token='t')\n"
        "barrier, made = threading.Barrier(8), []\n"
        "def make(n):\n"
        "    barrier.wait()\n"
        "    made.append(api.intent('@_a:h') if n % 2 else a.IntentAPI(api.user('@_a:h')))\n"
        "threads = [threading.Thread(target=make, args=(n,)) for n in range(8)]\n"
        "for one in threads: one.start()\n"
        "for one in threads: one.join(60)\n"
        "print({type(one).__name__ for one in made}, len({*map(id, made)}))\n"
    )
    assert _said_by(code) == "{'IntentAPI'} 5"


def _said_by(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_all_that_is_offered_is_there() -> None:
    for name in appservice_api.__all__:
        assert getattr(appservice_api, name) is not None
        assert name in dir(appservice_api)
    with pytest.raises(AttributeError, match="nothing"):
        _ = appservice_api.nothing  # type: ignore[attr-defined]
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
    assert RoomPowers(create, levels).level(user) == level


def test_needed_levels() -> None:
    assert RoomPowers(None, None).needed("m.x") == 0
    assert RoomPowers(None, None).needed("m.x", state=True) == 50
    powers = RoomPowers(None, {"state_default": 0, "events": {"m.x": "30"}})
    assert powers.needed("m.x", state=True) == 30
