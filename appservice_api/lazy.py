"""Names that a package exports and imports only when they are first used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["lazily"]


def lazily(
    package: str, modules: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """What a package needs to export names of its modules without importing them.

    A type checker must not see it: for one that answers for all names, a wrong name is no error.
    It sees ``__all__`` and, under TYPE_CHECKING, imports of the same names.

    Args:
        package: The name of the package.
        modules: The names, divided by white space, by the module that has them. A module whose
            own name is among them is exported itself.

    Returns:
        Its ``__getattr__`` and ``__dir__``.
    """
    module_of = {name: module for module, names in modules.items() for name in names.split()}

    def load(name: str) -> Any:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = import_module(f".{module_of[name]}", package)
        found = module if name == module_of[name] else getattr(module, name)
        setattr(sys.modules[package], name, found)
        return found

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *module_of})

    return load, names
