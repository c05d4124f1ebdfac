"""The order of the house: imports of all kinds, those for type checkers too, run down only."""

from __future__ import annotations

import ast
import importlib.util
import sys
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

import appservice_api

ROOT = Path(__file__).resolve().parents[1]

# From the top down, as the design has it.
ORDER = [
    "cli", "testing", "bindings", "operations", "application", "servers",
    "receiver", "appservice", "intent", "client", "api", "state_store", "answers", "vocabulary",
]  # fmt: skip


@pytest.fixture
def architecture() -> Any:
    spec = importlib.util.spec_from_file_location(
        "docs_architecture", ROOT / "docs" / "architecture.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_rooms_are_those_of_the_design(architecture: Any) -> None:
    assert [room.name for room in architecture.ROOMS] == ORDER


def test_no_import_runs_up(architecture: Any) -> None:
    assert architecture.upward() == [], (
        "a room imports only from rooms below it; see docs/architecture.rst"
    )


def test_what_is_named_from_the_package_itself_runs_down_too(architecture: Any) -> None:
    """``import appservice_api`` is no arrow; what is named by it later is one."""
    rooms, up, seen = architecture.ROOMS, [], 0
    for name, file in architecture.modules().items():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and ast.unparse(node).startswith("appservice_api."):
                found = attrgetter(ast.unparse(node).partition(".")[2])(appservice_api)
                if not isinstance(found, type):
                    continue
                seen += 1
                module = found.__module__.partition(".")[2]
                if rooms.index(architecture.room_of(module)) < rooms.index(
                    architecture.room_of(name)
                ):
                    up.append((name, found))
    assert seen
    assert up == []


def test_no_modules_import_each_other(architecture: Any) -> None:
    assert architecture.circles(architecture.imports()) == []


def test_who_speaks_knows_nothing_of_what_can_be_said(architecture: Any) -> None:
    above = {"client", "intent", "appservice"}
    found = [
        one for one in architecture.imports() if architecture.room_of(one.source).name == "api"
    ]
    assert found
    assert [one for one in found if architecture.room_of(one.target).name in above] == []


HOUSE = {
    "__init__": "from .appservice import AppServiceAPI\n",
    "appservice": "from .api import speaker\n",
    "api/__init__": "",
    "api/speaker": "from .shared import Shared\n",
    "api/shared": "from ..ids import UserID\n",
    "client/__init__": "from .base import Base\n",
    "client/base": "from ..api.speaker import Speaker\n",
    "intent": "from .client import Base\n",
    "ids": "",
}
TYPES = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    {}\n"


@pytest.fixture
def house(architecture: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A made-up package, of which each file can be replaced."""
    monkeypatch.setattr(architecture, "ROOT", tmp_path)

    def build(**changed: str) -> Any:
        for name, source in {**HOUSE, **changed}.items():
            file = tmp_path / "appservice_api" / f"{name}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(source, encoding="utf-8")
        return architecture

    return build


def test_a_house_in_order(house: Any) -> None:
    built = house()
    assert built.upward() == []
    assert built.circles(built.imports()) == []


@pytest.mark.parametrize(
    "wrong",
    [
        "from ..intent import IntentAPI\n",
        "def intent():\n    from ..intent import IntentAPI\n",
        "class Speaker:\n    def intent(self):\n        import appservice_api.intent\n",
        TYPES.format("from ..intent import IntentAPI"),
        "import typing\nif typing.TYPE_CHECKING:\n    from .. import intent\n",
    ],
)
def test_an_import_that_runs_up_is_found(house: Any, wrong: str) -> None:
    built = house(**{"api/speaker": wrong})
    found = [(one.source, built.room_of(one.target).name) for one in built.upward()]
    assert found == [("api.speaker", "intent")]
    # The intents import it by way of the client.
    assert built.circles(built.imports()) == [["api.speaker", "client", "client.base", "intent"]]


@pytest.mark.parametrize(
    "wrong",
    ["from . import speaker\n", TYPES.format("from .speaker import Speaker")],
)
def test_a_circle_in_a_room_is_found(house: Any, wrong: str) -> None:
    built = house(**{"api/shared": wrong})
    assert built.upward() == []
    assert built.circles(built.imports()) == [["api.shared", "api.speaker"]]
