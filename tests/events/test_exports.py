"""The package of events: everything is exported, nothing is imported too early."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import pytest

from appservice_api import events

# What others don't need, or find under another name.
_INTERNAL = {"content", "enumeration", "power_levels", "view"}


def test_every_public_name_is_exported() -> None:
    found = {}
    for module in pkgutil.iter_modules(events.__path__):
        if module.name not in _INTERNAL:
            for name in importlib.import_module(f"{events.__name__}.{module.name}").__all__:
                found[name] = module.name
    assert found == events._MODULE_OF
    assert sorted(found) == events.__all__
    assert set(events.__all__) <= set(dir(events))
    for name in events.__all__:
        assert getattr(events, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        events.Nothing  # noqa: B018


def test_client_imports_no_views() -> None:
    code = (
        "import sys, appservice_api\n"
        "print(sorted(m for m in sys.modules if m.startswith('appservice_api.events.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str([
        f"appservice_api.events.{name}"
        for name in ("content", "enumeration", "membership", "power_levels")
    ])  # fmt: skip
