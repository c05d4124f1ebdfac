"""The table of facts: it is that of the files, and what is made of it is what it allows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from appservice_api.testing import Recorded

from . import facts, files
from .conformance import check, mistakes
from .sample import sample

pytestmark = pytest.mark.openapi


@pytest.mark.skipif(not files.is_there(), reason=f"the specification isn't in {files.FOLDER}")
def test_the_table_is_what_the_files_say() -> None:
    table = facts.made_of_files()
    for name, file in facts.FILES.items():
        assert file.read_text(encoding="utf-8") == table[name], facts.__doc__


def test_the_table_says_what_is_read_from_it() -> None:
    schemas = facts.event_schemas().values()
    table = facts.made_of(facts.specification(), schemas, facts.shared())
    for name, file in facts.FILES.items():
        assert file.read_text(encoding="utf-8") == table[name]


def test_the_table_has_no_prose() -> None:
    for file in facts.FILES.values():
        assert " " not in file.read_text(encoding="utf-8")


def test_samples_are_allowed() -> None:
    schemas: list[Any] = [one.content for one in facts.event_schemas().values()]
    for operation in facts.specification().operations:
        schemas += [one.schema for one in operation.parameters if one.schema]
        for bodies in (operation.bodies, *(one.bodies for one in operation.responses)):
            schemas += [bodies[kind] for kind in bodies if kind == "application/json"]
    assert len(schemas) > 300
    for schema in schemas:
        made = sample(schema)
        json.dumps(made)
        problems = list(mistakes(made, schema, "sample"))
        # Of some alternatives one allows all that another does.
        assert [one for one in problems if "is valid under each of" not in one] == []


def test_a_sample_is_a_body_of_its_operation() -> None:
    specification = facts.specification()
    kick = next(one for one in specification.operations if one.operation_id == "kick")
    body = sample(kick.bodies["application/json"])
    target = kick.path.replace("{roomId}", "!r:hs.test")
    headers = {"Content-Type": "application/json"}
    for made, problems in ((body, 0), ({**body, "user_id": "text"}, 1), ({"reason": "x"}, 1)):
        request = Recorded("POST", target, headers, json.dumps(made).encode())
        assert len(check(request, specification)) == problems
