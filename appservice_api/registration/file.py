"""The file of a registration, in YAML or JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from ..errors import MissingExtraError, RegistrationError

__all__ = ["read", "write"]


def read(path: str) -> Mapping[str, Any]:
    """Read a file.

    Raises:
        RegistrationError: It can't be read, or isn't a mapping. The error has no excerpt.
        MissingExtraError: It isn't JSON, and PyYAML isn't installed.
    """
    # If a file's text is given as its path, it must not appear in the error of open().
    if "\n" in path or path.lstrip()[:1] == "{":
        raise RegistrationError("The registration must be a path or a mapping, not a file's text")
    # These errors hold an excerpt of the file, perhaps a token. Therefore the new error is raised
    # outside of `except`, where it doesn't get the old one as its context.
    problem, data = "", None
    try:
        with open(path, encoding="utf-8-sig") as file:
            problem, data = _parsed(file.read())
    except OSError as error:
        problem = f"can't be read ({error.strerror}): check the path and its rights"
    except ValueError:
        problem = "can't be read: it must be a YAML or JSON file in UTF-8"
    if not problem and isinstance(data, Mapping):
        return data
    problem = problem or "must be a mapping of id, url, as_token and so on"
    raise RegistrationError(f"The registration {path!r} {problem}")


def write(path: str, data: dict[str, Any], *, overwrite: bool) -> None:
    """Write a file atomically, readable by its owner only.

    Raises:
        RegistrationError: It exists already, or can't be written.
    """
    from tempfile import mkstemp

    if not overwrite and os.path.lexists(path):
        raise RegistrationError(
            f"{path!r} exists already, and its tokens may be in use: "
            "pass overwrite=True to replace it"
        )
    content = _dumped(data, None if path.endswith(".json") else _yaml())
    target = os.path.realpath(path)
    try:
        descriptor, temporary = mkstemp(prefix=".", dir=os.path.dirname(target))
        try:
            with open(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise RegistrationError(
            f"{path!r} can't be written ({error.strerror}): check the folder and its rights"
        ) from error


def _yaml() -> ModuleType | None:
    try:
        import yaml
    except ImportError:
        return None
    return yaml


def _parsed(text: str) -> tuple[str, Any]:
    """The problem with a file's text, empty if there is none, and its content."""
    try:
        return "", json.loads(text)
    except (ValueError, RecursionError):
        yaml = _yaml()
    if yaml is None:
        raise MissingExtraError("reading a YAML registration", "yaml")
    try:
        return "", yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" at line {mark.line + 1}" if mark else ""
        return f"is neither YAML nor JSON{line}: fix the file", None


def _dumped(data: dict[str, Any], yaml: ModuleType | None) -> bytes:
    try:
        if yaml is not None:
            return bytes(yaml.safe_dump(data, sort_keys=False, encoding="utf-8"))
        # Not ASCII: YAML reads a pair of escaped surrogates as two characters.
        return json.dumps(data, indent=2, ensure_ascii=False).encode() + b"\n"
    except (TypeError, ValueError, getattr(yaml, "YAMLError", ValueError)):
        pass  # the error below must not have this one as its context
    raise RegistrationError("an unknown key of the registration has a value that isn't JSON")
