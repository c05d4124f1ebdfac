"""The registration's file, in YAML or JSON."""

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
        RegistrationError: It can't be read, or holds no mapping; no excerpt is shown.
        MissingExtraError: It isn't JSON, and PyYAML isn't installed.
    """
    # A file's text given for its path must not show up in the error of open().
    if "\n" in path or path.lstrip()[:1] == "{":
        raise RegistrationError("The registration must be a path or a mapping, not a file's text")
    # What these errors know is an excerpt or all of the file, tokens included: hence each new
    # error is raised outside of `except`, where it can't carry the old one along.
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
    """Write a file in one step, readable by its owner only.

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
    """What is wrong with a file's text, and its content."""
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
        # Not in ASCII: YAML reads a pair of escaped surrogates as two characters.
        return json.dumps(data, indent=2, ensure_ascii=False).encode() + b"\n"
    except (TypeError, ValueError, getattr(yaml, "YAMLError", ValueError)):
        pass  # the error would carry the value along
    raise RegistrationError("an unknown key of the registration has a value that isn't JSON")
