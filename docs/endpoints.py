"""Writes ``endpoints.rst``, the table of all endpoints, from the endpoints themselves.

``python docs/endpoints.py`` writes it anew; with ``--check`` it only says whether it is stale.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from inspect import getsource, unwrap
from pathlib import Path
from textwrap import dedent
from types import FunctionType

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import appservice_api.client
import appservice_api.intent
from appservice_api import IntentAPI
from appservice_api.api.endpoint import Endpoint, endpoints_of
from appservice_api.client.base import ClientMethods

FILE = Path(__file__).with_suffix(".rst")

_START = """\
.. Written by docs/endpoints.py; don't edit.

=========
Endpoints
=========

What each method of an intent requests, chapter by chapter.

Methods
    The methods that serve the endpoint, and those that make use of them.
Needs
    What is seen to before the request, or made good after a refusal: that the user is
    *registered*; that it is *joined* to the room, which includes that; or *nothing*. *An account*
    is *registered*, and the bot is registered before the first such request: homeservers let it
    act without an account, and never ask for one.
Repeated
    Whether the request is sent again after a failure that leaves open whether the homeserver got
    it. If not, it is sent again only where the homeserver can't have got it. Rate limits are
    waited out for all.
Done already
    The error codes that mean, after such a repeat, that the first attempt had done it. They are
    no error then.
"""
_HEAD = ("Methods", "Operation", "Needs", "Repeated", "Done already")
_WIDTHS = (30, 40, 10, 8, 12)


def text() -> str:
    """The whole file."""
    endpoints = endpoints_of(appservice_api.client, appservice_api.intent)
    users = _users(endpoints.values())
    chapters: dict[str, list[Endpoint]] = {}
    for place, endpoint in endpoints.items():
        # Endpoints are imported where others make use of them, too.
        served = [getattr(IntentAPI, name).__module__ for name in endpoint.methods]
        module = served[0].partition(".")[2] if served else place.rpartition(".")[0]
        chapters.setdefault(module, []).append(endpoint)
    return "".join([_START, *(_chapter(*one, users) for one in sorted(chapters.items()))])


def _chapter(module: str, endpoints: Iterable[Endpoint], users: dict[Endpoint, list[str]]) -> str:
    said = sys.modules[f"appservice_api.{module}"].__doc__ or module
    title = re.split("[:.]", said, maxsplit=1)[0]
    lines = [
        "", title, "=" * len(title), "",
        ".. list-table::", "   :header-rows: 1", f"   :widths: {' '.join(map(str, _WIDTHS))}", "",
        *_row(_HEAD),
    ]  # fmt: skip
    for endpoint in endpoints:
        lines += _row(_cells(endpoint, users[endpoint]))
    return "\n".join(lines) + "\n"


def _row(cells: Iterable[str]) -> Iterator[str]:
    for number, cell in enumerate(cells):
        yield f"   {' ' if number else '*'} - {cell}"


def _cells(endpoint: Endpoint, users: list[str]) -> tuple[str, ...]:
    serving = sorted({name for name in endpoint.methods if not name.startswith("_")})
    methods = _code(serving)
    also = _code(name for name in users if name not in serving)
    return (
        f"{methods}; also {also}" if methods and also else methods or also or "–",
        f"``{endpoint.method} {endpoint.template}``",
        endpoint.needs.value,
        "yes" if endpoint.repeatable else "no",
        _code(endpoint.already) or "–",
    )


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"``{name}``" for name in names)


def _users(endpoints: Iterable[Endpoint]) -> dict[Endpoint, list[str]]:
    """The public methods that serve no endpoint themselves, by the endpoints that they make use
    of, directly or by way of other methods."""
    endpoints = list(endpoints)
    serving = {name for endpoint in endpoints for name in endpoint.methods}
    found: dict[Endpoint, list[str]] = {endpoint: [] for endpoint in endpoints}
    for name in sorted(set(dir(IntentAPI)) - serving):
        method = getattr(IntentAPI, name)
        if not name.startswith("_") and isinstance(method, FunctionType):
            for endpoint in _used(method, set()):
                found[endpoint].append(name)
    return found


def _used(method: object, seen: set[str]) -> set[Endpoint]:
    """The endpoints that the code of a method names, or that of the methods of its own that it
    calls.

    Args:
        method: The method; anything else makes use of nothing.
        seen: The names of methods that were looked at; it grows.
    """
    found: set[Endpoint] = set()
    if not isinstance(method, FunctionType):
        return found
    # What holds a method to its deadline has a module of its own.
    method = unwrap(method)
    for node in ast.walk(ast.parse(dedent(getsource(method)))):
        if isinstance(node, ast.Name):
            value = method.__globals__.get(node.id)
            found |= {value} if isinstance(value, Endpoint) else set()
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "self":
            name = node.attr
            # What all requests go through belongs to none of them.
            if name not in seen and name not in vars(ClientMethods):
                seen.add(name)
                found |= _used(getattr(IntentAPI, name, None), seen)
    return found


def main() -> None:
    """Write the file, or check it."""
    new = text()
    if "--check" not in sys.argv[1:]:
        FILE.write_text(new, encoding="utf-8")
    elif not FILE.exists() or FILE.read_text(encoding="utf-8") != new:
        sys.exit("docs/endpoints.rst is stale: run python docs/endpoints.py")


if __name__ == "__main__":
    main()
