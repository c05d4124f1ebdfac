"""The package's settings: what they say twice is the same."""

from __future__ import annotations

import re
from configparser import ConfigParser
from pathlib import Path

import pytest

requirements = pytest.importorskip("packaging.requirements", reason="packaging isn't installed")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def settings() -> ConfigParser:
    parser = ConfigParser(interpolation=None)
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_the_oldest_dependencies_are_tested(settings: ConfigParser) -> None:
    lowest: dict[str, str] = {}
    extras = [text for _, text in settings.items("options.extras_require")]
    for line in lines("\n".join([settings["options"]["install_requires"], *extras])):
        wanted = requirements.Requirement(line)
        for one in wanted.specifier:
            if one.operator == ">=":
                assert lowest.setdefault(wanted.name, one.version) == one.version, line
    assert {"requests", "waitress", "PyYAML"} <= lowest.keys()
    pinned = {}
    for line in lines(settings["testenv:lowest"]["deps"]):
        wanted = requirements.Requirement(line)
        (one,) = wanted.specifier
        assert one.operator == "=="
        pinned[wanted.name] = one.version

    def numbers(versions: dict[str, str]) -> dict[str, list[int]]:
        return {
            name: [int(part) for part in (version + ".0.0").split(".")[:3]]
            for name, version in versions.items()
        }

    assert numbers(pinned) == numbers(lowest)


def test_the_same_versions_of_python_everywhere(settings: ConfigParser) -> None:
    classifiers = settings["metadata"]["classifiers"]
    told = re.findall(r"^Programming Language :: Python :: (3\.\d+)$", classifiers, re.MULTILINE)
    assert settings["options"]["python_requires"] == f">={told[0]}"
    assert settings["mypy"]["python_version"] == told[0]
    assert f"python{told[0]}" in settings["testenv:lowest"]["base_python"]
    names = [f"py{version.replace('.', '')}" for version in told]
    assert settings["tox:tox"]["labels"].split("=")[1].strip() == ", ".join(names)
    linted = (ROOT / ".ruff.toml").read_text(encoding="utf-8")
    assert f'target-version = "{names[0]}"' in linted


def test_pyproject_has_the_build_system_only() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert re.findall(r"^\[.*\]$", text, re.MULTILINE) == ["[build-system]"]
