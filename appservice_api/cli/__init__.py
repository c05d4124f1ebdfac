"""The command line, ``appservice-api``.

Click and rich are an extra, imported when :func:`main` runs.
"""

from __future__ import annotations

import os
import sys

__all__ = ["main"]

_EXTRA = ("click", "rich")


def main() -> None:
    """Run the command line and end the process."""
    _open_streams()
    for stream in (sys.stdout, sys.stderr):
        # A terminal that can't show a name must not turn a success into a crash.
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")
    try:
        from .commands import commands

        commands.main(prog_name="appservice-api")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        print(
            "appservice-api needs the extra 'cli': pip install 'appservice_api[cli]'",
            file=sys.stderr,
        )
        sys.exit(2)
    except KeyboardInterrupt:  # while modules are imported
        sys.exit(130)


def _open_streams() -> None:
    """Open the null device for streams that were closed by the caller (``>&-``)."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - as long as the process
