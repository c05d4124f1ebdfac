"""The report at the end: what was called, and what is wrong with it."""

from __future__ import annotations

import pytest

CALLED = "openapi: called"
OUTSIDE = "openapi: outside"
RAISED = "openapi: raised"
READ = "openapi: read"
UNREADABLE = "openapi: unreadable"

_TITLES = {
    CALLED: "operations called",
    OUTSIDE: "requests outside the specification",
    RAISED: "examples that made a method raise",
    READ: "examples of events read",
    UNREADABLE: "examples that a view can't read",
}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the tests of this folder have noted with `record_property`."""
    found: dict[str, set[str]] = {key: set() for key in _TITLES}
    ran = False
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) != "call":
                continue
            for key, value in report.user_properties:
                if key in found:
                    ran = True
                    found[key].add(str(value))
    if not ran:
        return
    terminalreporter.section("Matrix OpenAPI")
    for key, title in _TITLES.items():
        terminalreporter.write_line(f"{len(found[key])} {title}")
        for line in sorted(found[key]):
            terminalreporter.write_line(f"  {line}")
