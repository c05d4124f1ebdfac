"""Writes ``architecture.rst``, the rooms of the package and who imports whom, from the imports.

``python docs/architecture.py`` writes it anew; with ``--check`` it only says whether it is stale.
The source is read, not run. `ROOMS` is the one list of the rooms, from the top down.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FILE = Path(__file__).with_suffix(".rst")
PACKAGE = "appservice_api"


@dataclass(frozen=True)
class Room:
    """Modules that belong together.

    Attributes:
        name: What it is called.
        purpose: What it is for, in one sentence without an end.
        members: Its modules and packages, by their names below the package.
    """

    name: str
    purpose: str
    members: tuple[str, ...]


def _room(name: str, purpose: str, members: str = "") -> Room:
    return Room(name, purpose, tuple((members or name).split()))


# Each imports only from those below it.
ROOMS = (
    _room("cli", "the commands of ``appservice-api``, for a person at a terminal", "cli __main__"),
    _room("testing", "the public test kit: stub homeserver, real Synapse, clock, fixtures"),
    _room(
        "bindings",
        "an application service in frameworks: Flask, Django, and metrics for Prometheus",
        "flask django metrics",
    ),
    _room("operations", "what the commands of all frameworks share: check, parking, backlog"),
    _room("application", "``AppService``: registration, API, state store and receiver in one"),
    _room(
        "servers",
        "what carries the receiver over HTTP: WSGI, waitress, and the standard library's server",
        "wsgi server http_server waitress_server",
    ),
    _room(
        "receiver", "what the homeserver pushes: requests in, handlers called, events kept track of"
    ),
    _room("appservice", "``AppServiceAPI`` and its flyweights, made of what is below"),
    _room(
        "intent",
        "``IntentAPI``: a user who is registered, and joined to a room, when a request needs it",
    ),
    _room("client", "what can be said: one class of methods for each chapter of the specification"),
    _room("api", "who speaks and how it travels: path, exchange, retry, transport"),
    _room("state_store", "what is remembered of rooms and users: the contract, memory, databases"),
    _room("answers", "views of what the homeserver answers"),
    _room(
        "vocabulary",
        "events, identifiers, registration, errors, and what else everybody needs",
        "events registration ids uris localparts errors settings clock log fork base_url lazy "
        "compat picture _version",
    ),
)  # fmt: skip

# How an import is made; the strongest of two counts.
LOADED, LATE, TYPES = "x", "o", "t"
_STRENGTH = (TYPES, LATE, LOADED)

_START = """\
.. Written by docs/architecture.py; don't edit.

============
Architecture
============

The rooms of the package (its layers, not rooms of Matrix), from the top down. A room imports only
from rooms below it. Which file has what: "Where do I …" in ``CONTRIBUTING.rst``.

"""
_PICTURE = """\
Who imports whom
================

The row imports from the column. All that is allowed stands to the right of the diagonal; what
stood to its left would run up.

``x``
    when the module is loaded
``o``
    in a function, when that is called
``t``
    for type checkers only (``TYPE_CHECKING``)

"""
_UP = """\
Arrows that run up
==================

"""


@dataclass(frozen=True, order=True)
class Import:
    """One module imports another one. `how` is `LOADED`, `LATE` or `TYPES`."""

    source: str
    target: str
    how: str


def modules() -> dict[str, Path]:
    """The files of all modules, by their names below the package; the package itself has the
    empty name."""
    found = {}
    folder = ROOT / PACKAGE
    for file in sorted(folder.rglob("*.py")):
        parts = file.relative_to(folder).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def imports() -> list[Import]:
    """All imports of one module of the package by another one. What the package itself exports
    is no arrow: it stands for all of them."""
    files = modules()
    found = set()
    for name, file in files.items():
        if name:
            tree = ast.parse(file.read_text(encoding="utf-8"))
            package = name if file.name == "__init__.py" else name.rpartition(".")[0]
            found |= {
                Import(name, target, how)
                for node, how in _statements(tree, LOADED)
                for target in _targets(node, package, files)
                if target not in ("", name)
            }
    return sorted(found)


def _statements(node: ast.AST, how: str) -> Iterator[tuple[ast.Import | ast.ImportFrom, str]]:
    """The imports in a piece of code, and how they are made."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield node, how
    elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        for part in node.body:
            yield from _statements(part, TYPES)
        for part in node.orelse:
            yield from _statements(part, how)
    else:
        called = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            yield from _statements(child, LATE if called and how == LOADED else how)


def _targets(
    node: ast.Import | ast.ImportFrom, package: str, files: Iterable[str]
) -> Iterator[str]:
    """The modules of the package that an import names."""
    if isinstance(node, ast.Import):
        names = [(alias.name, "") for alias in node.names]
    elif node.level:
        parts = [PACKAGE, *filter(None, package.split("."))]
        base = parts[: len(parts) - node.level + 1]
        module = ".".join([*base, *filter(None, [node.module])])
        names = [(module, alias.name) for alias in node.names]
    else:
        names = [(node.module or "", alias.name) for alias in node.names]
    for module, name in names:
        top, _, below = module.partition(".")
        if top == PACKAGE:
            # What is imported is a module of its own, or something in the one before it.
            inner = f"{below}.{name}".lstrip(".")
            yield inner if inner in files else below


def room_of(module: str) -> Room:
    """The room that a module is in.

    Raises:
        LookupError: In none.
    """
    top = module.partition(".")[0]
    for room in ROOMS:
        if top in room.members:
            return room
    raise LookupError(f"{PACKAGE}/{top} is in no room: add it to ROOMS in docs/architecture.py")


def edges() -> dict[tuple[Room, Room], str]:
    """How the rooms import each other, the strongest way of all their modules."""
    found: dict[tuple[Room, Room], str] = {}
    for one in imports():
        pair = room_of(one.source), room_of(one.target)
        if pair[0] is not pair[1]:
            found[pair] = max(found.get(pair, TYPES), one.how, key=_STRENGTH.index)
    return found


def upward() -> list[Import]:
    """The imports from a room above."""
    return [
        one
        for one in imports()
        if ROOMS.index(room_of(one.target)) < ROOMS.index(room_of(one.source))
    ]


def circles(found: Iterable[Import]) -> list[list[str]]:
    """Modules that import each other, in a way or by way of others."""
    targets: dict[str, set[str]] = {}
    for one in found:
        targets.setdefault(one.source, set()).add(one.target)
    reached = {module: _reached(module, targets) for module in targets}
    groups = {
        tuple(sorted(other for other in seen if module in reached.get(other, ())))
        for module, seen in reached.items()
        if module in seen
    }
    return [list(group) for group in sorted(groups)]


def _reached(module: str, targets: dict[str, set[str]]) -> set[str]:
    """All modules that a module imports, by way of others too."""
    seen: set[str] = set()
    pending = [module]
    while pending:
        new = targets.get(pending.pop(), set()) - seen
        seen |= new
        pending += new
    return seen


def text() -> str:
    """The whole file."""
    members: dict[Room, set[str]] = {}
    for module in filter(None, modules()):
        members.setdefault(room_of(module), set()).add(module.partition(".")[0])
    rooms = [room for room in ROOMS if room in members]
    between = edges()
    return "".join(
        [
            _START,
            *_table(rooms, members, between),
            "\n",
            _PICTURE,
            *_picture(rooms, between),
            "\n",
            _UP,
            *_arrows(),
        ]
    )


def _table(
    rooms: list[Room], members: dict[Room, set[str]], between: dict[tuple[Room, Room], str]
) -> Iterator[str]:
    yield ".. list-table::\n   :header-rows: 1\n   :widths: 14 40 46\n\n"
    yield from _row("Room", "What is in it", "Imports from")
    for room in rooms:
        parts = [_file(name) for name in room.members if name in members[room]]
        seen = [
            f"{other.name} (types)" if between[room, other] == TYPES else other.name
            for other in rooms
            if (room, other) in between
        ]
        what = f"{room.purpose[:1].upper()}{room.purpose[1:]}: {', '.join(parts)}"
        yield from _row(room.name, what, ", ".join(seen) or "–")


def _row(*cells: str) -> Iterator[str]:
    for number, cell in enumerate(cells):
        yield f"   {' ' if number else '*'} - {cell}\n"


def _file(member: str) -> str:
    return f"``{member}/``" if (ROOT / PACKAGE / member).is_dir() else f"``{member}.py``"


def _picture(rooms: list[Room], between: dict[tuple[Room, Room], str]) -> Iterator[str]:
    width = max(len(room.name) for room in rooms)
    yield "::\n\n"
    yield f"    {'':{width}}   {''.join(f'{number:>3}' for number in range(1, len(rooms) + 1))}\n"
    for number, room in enumerate(rooms, 1):
        cells = ("\\" if room is other else between.get((room, other), ".") for other in rooms)
        yield f"    {room.name:{width}}{number:>3}{''.join(f'{cell:>3}' for cell in cells)}\n"


def _arrows() -> Iterator[str]:
    found = upward()
    if not found:
        yield "None.\n"
    for one in found:
        how = {LOADED: "", LATE: " (in a function)", TYPES: " (types)"}[one.how]
        yield f"* ``{one.source}`` → ``{one.target}``{how}\n"


def main() -> None:
    """Write the file, or check it."""
    new = text()
    if "--check" not in sys.argv[1:]:
        FILE.write_text(new, encoding="utf-8")
    elif not FILE.exists() or FILE.read_text(encoding="utf-8") != new:
        sys.exit("docs/architecture.rst is stale: run python docs/architecture.py")


if __name__ == "__main__":
    main()
