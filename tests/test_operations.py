"""What the commands of Django and Flask load: neither the test kit nor another's command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCKED = "import sys; sys.modules.update(dict.fromkeys({names}))\n"

# Nothing listens at the port of the URL.
DJANGO = """
import django, json
from django.conf import settings
from django.core.management import CommandError, call_command
from appservice_api import MemoryStateStore
settings.configure(
    INSTALLED_APPS=["appservice_api.django"],
    APPSERVICE={"REGISTRATION": "registration.json", "BASE_URL": "http://127.0.0.1:9",
                "STATE_STORE": MemoryStateStore(), "DEFAULT_RETRY_COUNT": 0},
)
django.setup()
codes = {}
for name, *more in [
    ["register", "demo", "--no-url", "--server-name", "hs.test", "--output", "registration.json"],
    ["check"], ["catch_up"], ["parked", "list"], ["parked", "retry", "--all"],
]:
    try:
        call_command("appservice_" + name, *more)
        codes[name] = 0
    except SystemExit as end:
        codes[name] = end.code
    except CommandError as error:
        codes[name] = error.returncode
print(json.dumps(codes))
"""

FLASK = """
import flask, json
from appservice_api.application import AppService
from appservice_api.cli.flask import commands
from appservice_api.flask import blueprint
site = flask.Flask("site")
runner = site.test_cli_runner()
codes = {"register": runner.invoke(commands, [
    "register", "demo", "--no-url", "--server-name", "hs.test", "--output", "registration.json",
]).exit_code}
app = AppService.from_registration("registration.json", "http://127.0.0.1:9", default_retry_count=0)
site.register_blueprint(blueprint(app))
for name in ("check", "catch-up"):
    codes[name] = runner.invoke(commands, [name]).exit_code
print(json.dumps(codes))
"""


@pytest.mark.parametrize(
    ("framework", "script", "blocked", "codes"),
    [
        ("django", DJANGO, ["appservice_api.cli", "appservice_api.testing", "click", "rich"],
         {"register": 0, "check": 75, "catch_up": 75, "parked": 0}),
        ("flask", FLASK, ["appservice_api.testing", "rich"],
         {"register": 0, "check": 75, "catch-up": 75}),
    ],
)  # fmt: skip
def test_what_a_frameworks_commands_load(
    framework: str, script: str, blocked: list[str], codes: dict[str, int], tmp_path: Path
) -> None:
    pytest.importorskip(framework, reason=f"the extra {framework} isn't installed")
    # A module that is None can't be imported.
    code = BLOCKED.format(names=blocked) + script
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == codes
