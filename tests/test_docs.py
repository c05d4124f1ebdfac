"""The documentation that is generated."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import appservice_api.client
import appservice_api.intent
from appservice_api.client.endpoint import endpoints_of

SCRIPT = Path(__file__).resolve().parents[1] / "docs" / "endpoints.py"
FILE = SCRIPT.with_suffix(".rst")


@pytest.fixture(scope="module")
def generated() -> str:
    return str(runpy.run_path(str(SCRIPT))["text"]())


def test_the_table_of_endpoints_is_up_to_date(generated: str) -> None:
    assert FILE.read_text(encoding="utf-8") == generated, "run python docs/endpoints.py"


def test_every_endpoint_and_its_methods_are_in_it(generated: str) -> None:
    endpoints = endpoints_of(appservice_api.client, appservice_api.intent)
    assert any(one.template.endswith("/send/{eventType}/{txnId}") for one in endpoints.values())
    rows = generated.split("   * - ")
    for endpoint in endpoints.values():
        operation = f"``{endpoint.method} {endpoint.template}``"
        needs = f"- {endpoint.needs.value}\n"
        found = [row for row in rows if operation in row and needs in row]
        for name in [name for name in endpoint.methods if not name.startswith("_")]:
            assert any(f"``{name}``" in row for row in found), name


def test_helpers_are_named_beside_what_they_go_through(generated: str) -> None:
    row = next(row for row in generated.split("   * - ") if row.startswith("``send_message_event"))
    assert "also ``edit``, ``error_and_leave``, ``react``" in row
    assert "``send_text``" in row


def test_it_renders_without_a_warning(generated: str) -> None:
    core: Any = pytest.importorskip("docutils.core", reason="docutils isn't installed")
    settings = {"report_level": 1, "halt_level": 1, "output_encoding": "unicode"}
    html = core.publish_string(generated, writer="html", settings_overrides=settings)
    assert html.count("<table") == generated.count(".. list-table::")


def test_check_says_whether_it_is_stale(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    root = SCRIPT.parents[1]
    (docs / SCRIPT.name).write_text(
        SCRIPT.read_text(encoding="utf-8").replace(
            "Path(__file__).resolve().parents[1]", f"Path({str(root)!r})"
        ),
        encoding="utf-8",
    )

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(docs / SCRIPT.name), *args]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    missing = run("--check")
    assert (missing.returncode, "is stale" in missing.stderr) == (1, True)
    assert run().returncode == run("--check").returncode == 0
    (docs / FILE.name).write_text("old", encoding="utf-8")
    assert run("--check").returncode == 1
