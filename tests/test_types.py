"""Types: no public name is Any to a type checker, a wrong one is an error, README is typed.

The checkers are no extra's: ``tox -e types`` has them.
"""

from __future__ import annotations

import ast
import inspect
import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple, get_type_hints

import pytest

ROOT = Path(__file__).resolve().parents[1]
# What packages import for themselves.
INTERNAL = {"_rebuild", "answers", "errors", "events", "lazily"}
# Their annotations have protocols that only type checkers need; no document names them.
INNER = {f"appservice_api.api.{name}" for name in ("ghosts", "retry", "sent")}
# A signal of Django, of which mypy knows no types.
UNTYPED = "appservice_api.django.signals.matrix_event"
# README's code is part of a program that has these.
PROGRAM = """\
from sqlalchemy import Table

messages: Table
names: dict[str, str]
"""
MODULES = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): ast.parse(
        file.read_text(encoding="utf-8")
    )
    for file in sorted((ROOT / "appservice_api").rglob("*.py"))
}


def exported(module: str) -> list[str]:
    """The names in the ``__all__`` of a module: one list, written out."""
    uses = [node for node in ast.walk(MODULES[module]) if getattr(node, "id", "") == "__all__"]
    lists = [
        node.value
        for node in MODULES[module].body
        if isinstance(node, ast.Assign) and node.targets == uses
    ]
    assert len(lists) == len(uses), f"{module} computes __all__"
    return list(ast.literal_eval(lists[0])) if lists else []


def imported(package: str, *, by_checkers: bool) -> list[str]:
    """The names that a package imports from its modules, for type checkers or really."""
    names = []
    for node in MODULES[package].body:
        if (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING") is by_checkers:
            for one in node.body if isinstance(node, ast.If) else [node]:
                if isinstance(one, ast.ImportFrom) and one.level:
                    module = ".".join(filter(None, [package, one.module]))
                    for alias in one.names:
                        names += exported(module) if alias.name == "*" else [alias.name]
    return names


NAMES = {module: names for module in MODULES if (names := exported(module))}
LAZY = [module for module, tree in MODULES.items() if "lazily(__name__" in ast.unparse(tree)]


@pytest.mark.parametrize("package", LAZY)
def test_what_is_listed_looked_up_and_shown_to_checkers_is_the_same(package: str) -> None:
    look_up = vars(import_module(package))["__getattr__"]
    module_of: dict[str, str] = inspect.getclosurevars(look_up).nonlocals["module_of"]
    assert sorted(module_of) == sorted(imported(package, by_checkers=True))
    real = {*imported(package, by_checkers=False)} - INTERNAL
    # A module that is looked up itself isn't for "import *".
    lazy = {name for name, module in module_of.items() if name != module}
    assert sorted(NAMES[package]) == sorted(lazy | real)


# --- as the type checkers see it


class Remark(NamedTuple):
    """What a type checker says of a line."""

    file: str
    line: int
    is_error: bool
    text: str


def mypy(*files: Path) -> list[Remark]:
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", *map(str, files)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    found = re.findall(r"^(.+?):(\d+): (\w+): (.*)$", done.stdout, re.MULTILINE)
    return [Remark(Path(name).name, int(n), kind == "error", text) for name, n, kind, text in found]


def pyright(*files: Path) -> list[Remark]:
    settings = files[0].with_name("pyrightconfig.json")
    settings.write_text(
        json.dumps({
            "typeCheckingMode": "strict",
            "extraPaths": [str(ROOT)],
            "pythonVersion": "3.10",
            "include": [str(file) for file in files],
        }),
        encoding="utf-8",
    )  # fmt: skip
    command = [sys.executable, "-m", "pyright", "-p", str(settings), "--outputjson"]
    done = subprocess.run(
        [*command, "--pythonpath", sys.executable],
        # It asks no registry for a newer one.
        env={**os.environ, "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return [
        Remark(
            Path(one["file"]).name,
            one["range"]["start"]["line"] + 1,
            one["severity"] == "error",
            one["message"],
        )
        for one in json.loads(done.stdout)["generalDiagnostics"]
    ]


@pytest.fixture(scope="module", params=[mypy, pyright], ids=lambda checker: checker.__name__)
def remarks(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], list[Remark]]:
    """What a type checker says of each of the files, by their names."""
    checker = request.param
    if find_spec(checker.__name__) is None:
        pytest.skip(f"{checker.__name__} isn't installed; tox -e types has it")
    folder = tmp_path_factory.mktemp("typed")
    for name, text in sources().items():
        (folder / name).write_text(text, encoding="utf-8")
    found = checker(*folder.glob("*.py"))
    return lambda name: [one for one in found if one.file == name]


def sources() -> dict[str, str]:
    imports = "".join(f"import {module} as m{n}\n" for n, module in enumerate(NAMES))
    names = [f"m{n}.{name}" for n, names in enumerate(NAMES.values()) for name in names]
    wrong = [
        f"m{n}.a_wrong_name\nfrom {module} import a_wrong_name\n" for n, module in enumerate(NAMES)
    ]
    text = (ROOT / "README.rst").read_text(encoding="utf-8")
    blocks = re.findall(r"^\.\. code-block:: python\n\n((?:    .*\n|\n)+)", text, re.MULTILINE)
    return {
        "names.py": imports + "".join(f"reveal_type({name})\n" for name in names),
        "wrong.py": imports + "".join(wrong),
        "readme.py": PROGRAM + "".join(map(textwrap.dedent, blocks)),
    }


def test_every_public_name_has_a_type(remarks: Callable[[str], list[Remark]]) -> None:
    said = remarks("names.py")
    assert [one for one in said if one.is_error] == []
    names = [f"{module}.{name}" for module, names in NAMES.items() for name in names]
    types = {name: one.text for one, name in zip(said, names, strict=True)}
    untyped = r'is "(?:type\[)?(Any|Unknown)\b|\(\*\w+: Any, \*\*\w+: Any\) -> Any'
    assert {name for name, text in types.items() if re.search(untyped, text)} <= {UNTYPED}


def test_a_wrong_name_is_an_error(remarks: Callable[[str], list[Remark]]) -> None:
    lines = {one.line for one in remarks("wrong.py") if one.is_error}
    # Two for each module, after the imports.
    twice = [module for module in NAMES for _ in range(2)]
    assert [module for line, module in enumerate(twice, len(NAMES) + 1) if line not in lines] == []


def test_the_code_of_the_readme_is_typed(remarks: Callable[[str], list[Remark]]) -> None:
    assert remarks("readme.py") == []


# --- at run time


def functions(name: str, found: object) -> Iterator[tuple[str, Callable[..., object]]]:
    """A function, or what a class and its bases have of them that isn't private."""
    if inspect.isfunction(found):
        yield name, found
    if inspect.isclass(found):
        for key in dir(found):
            # Python 3.10 lists some that only a metaclass has.
            member = inspect.getattr_static(found, key, None)
            member = getattr(member, "__func__", getattr(member, "fget", member))
            if inspect.isfunction(member) and (key[0] != "_" or key == "__init__"):
                yield f"{name}.{key}", member


@pytest.fixture(scope="module")
def django(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Models can be imported."""
    pytest.importorskip("django", reason="the extra django isn't installed")
    from .state_store import django_project

    django_project.set_up(tmp_path_factory.mktemp("django"))


@pytest.mark.usefixtures("django")
@pytest.mark.parametrize("module", sorted({*NAMES} - INNER))
def test_annotations_name_what_exists(module: str) -> None:
    failed = {}
    for name in NAMES[module]:
        for where, function in functions(name, getattr(import_module(module), name)):
            if function.__module__.startswith("appservice_api"):
                try:
                    get_type_hints(function)
                except NameError as error:
                    failed[where] = str(error)
    assert failed == {}
