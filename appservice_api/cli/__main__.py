"""``python -m appservice_api.cli``, where the script isn't on the PATH."""

from __future__ import annotations

from . import main

main()
