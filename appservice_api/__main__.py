"""``python -m appservice_api``: the command line, if its script isn't on the PATH."""

from __future__ import annotations

from .cli import main

if __name__ == "__main__":
    main()
