"""The fixtures of all tests."""

from __future__ import annotations

pytest_plugins = ["appservice_api.testing.plugin"]
