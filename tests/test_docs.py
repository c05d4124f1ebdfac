"""The documentation that is generated, and what CONTRIBUTING.rst says of the source."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import appservice_api.client
import appservice_api.intent
from appservice_api.api.endpoint import endpoints_of

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = [ROOT / "docs" / "endpoints.py", ROOT / "docs" / "architecture.py"]


def loaded(script: Path) -> ModuleType:
    name = f"docs_{script.stem}"
    spec = importlib.util.spec_from_file_location(name, script)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def generated() -> str:
    return str(loaded(SCRIPTS[0]).text())


@pytest.fixture
def architecture() -> Any:
    return loaded(SCRIPTS[1])


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_what_is_generated_is_up_to_date(script: Path) -> None:
    written = script.with_suffix(".rst").read_text(encoding="utf-8")
    assert written == loaded(script).text(), f"run python docs/{script.name}"


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


@pytest.mark.parametrize(
    "file",
    [*sorted(ROOT.glob("*.rst")), *sorted((ROOT / "docs").glob("*.rst"))],
    ids=lambda file: file.name,
)
def test_it_renders_without_a_warning(file: Path) -> None:
    core: Any = pytest.importorskip("docutils.core", reason="docutils isn't installed")
    settings = {"report_level": 1, "halt_level": 1, "output_encoding": "unicode"}
    text = file.read_text(encoding="utf-8")
    html = core.publish_string(text, writer="html", settings_overrides=settings)
    assert html.count("<table") >= text.count(".. list-table::")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_check_says_whether_it_is_stale(script: Path, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / script.name).write_text(
        script.read_text(encoding="utf-8").replace(
            "Path(__file__).resolve().parents[1]", f"Path({str(ROOT)!r})"
        ),
        encoding="utf-8",
    )

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(docs / script.name), *args]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    missing = run("--check")
    assert (missing.returncode, "is stale" in missing.stderr) == (1, True)
    assert run().returncode == run("--check").returncode == 0
    (docs / f"{script.stem}.rst").write_text("old", encoding="utf-8")
    assert run("--check").returncode == 1


# --- the rooms


def test_each_module_is_in_one_room(architecture: Any) -> None:
    members = [member for room in architecture.ROOMS for member in room.members]
    assert sorted(members) == sorted(set(members))
    for module in filter(None, architecture.modules()):
        assert architecture.room_of(module) in architecture.ROOMS
    with pytest.raises(LookupError, match="appservice_api/nowhere is in no room"):
        architecture.room_of("nowhere.inner")


def test_imports_of_all_kinds_are_seen(
    architecture: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = {
        "__init__": "from .api import shared\n",
        "api/__init__": "",
        "api/shared": "from ..ids import UserID\nimport json\n",
        "client/__init__": "from ..api import shared\nfrom .base import Base\n",
        "client/base": (
            "import typing\nfrom typing import TYPE_CHECKING\n"
            "if TYPE_CHECKING:\n    from ..intent import IntentAPI\n"
            "else:\n    from .. import ids\n"
            "if typing.TYPE_CHECKING:\n    from ..api import shared\n"
            "class Base:\n    def call(self):\n"
            "        from appservice_api.api.shared import Shared\n"
            "        import appservice_api.ids\n"
        ),
        "ids": "",
        "intent": "from . import client\nfrom .client import Base\n",
    }
    for name, source in sources.items():
        file = tmp_path / "appservice_api" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source, encoding="utf-8")
    monkeypatch.setattr(architecture, "ROOT", tmp_path)
    assert [(one.source, one.target, one.how) for one in architecture.imports()] == [
        ("api.shared", "ids", "x"),
        ("client", "api.shared", "x"),
        ("client", "client.base", "x"),
        ("client.base", "api.shared", "o"),
        ("client.base", "api.shared", "t"),
        ("client.base", "ids", "o"),
        ("client.base", "ids", "x"),
        ("client.base", "intent", "t"),
        ("intent", "client", "x"),
    ]
    assert [(one.source, one.target) for one in architecture.upward()] == [
        ("client.base", "intent")
    ]
    text = architecture.text()
    assert "    intent      1  \\  x  .  .\n    client      2  t  \\  x  x\n" in text
    assert "     - intent (types), api, vocabulary\n" in text
    assert text.endswith("* ``client.base`` → ``intent`` (types)\n")
    (tmp_path / "appservice_api" / "client" / "base.py").write_text("", encoding="utf-8")
    assert architecture.text().endswith("None.\n")


# --- CONTRIBUTING.rst


@pytest.fixture(scope="module")
def contributing() -> str:
    return (ROOT / "CONTRIBUTING.rst").read_text(encoding="utf-8")


def test_it_has_the_rooms_in_their_order(contributing: str, architecture: Any) -> None:
    table = contributing.partition("\nThe rooms\n")[2].partition("\nWhere do I")[0]
    assert re.findall(r"^([a-z_]+) {2,}\S", table, re.MULTILINE) == [
        room.name for room in architecture.ROOMS
    ]


def test_the_files_that_it_names_exist(contributing: str) -> None:
    named = re.findall(r"\b(?:appservice_api|tests|docs)/[\w/]+(?:\.\w+)?", contributing)
    assert len(named) > 20
    assert [name for name in named if not (ROOT / name).exists()] == []
