"""The file of a registration: YAML or JSON, written for its owner only, all or nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from ..errors import MissingExtraError, RegistrationError


def yaml_or_none() -> Any:
    """PyYAML, or None where it isn't installed."""
    try:
        return import_module("yaml")
    except ImportError:
        return None


def read(path: str, name: str) -> Mapping[str, Any]:
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
    if not problem and not isinstance(data, Mapping):
        problem = "must be a mapping of id, url, as_token and so on: generate a new one, or fix it"
    if problem:
        raise RegistrationError(f"{name} {problem}")
    return data  # type: ignore[return-value]


def _parsed(text: str) -> tuple[str, Any]:
    """What is wrong with a file's text, and its content."""
    try:
        return "", json.loads(text)
    except (ValueError, RecursionError):
        yaml = yaml_or_none()
    if yaml is None:
        raise MissingExtraError("reading a YAML registration", "yaml")
    try:
        return "", yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" at line {mark.line + 1}" if mark else ""
        return f"is neither YAML nor JSON{line}: fix the file", None


def dumped(data: dict[str, Any], yaml: Any) -> bytes:
    refusals = (TypeError, ValueError) if yaml is None else (TypeError, ValueError, yaml.YAMLError)
    try:
        if yaml is not None:
            return bytes(yaml.safe_dump(data, sort_keys=False, encoding="utf-8"))
        # Not in ASCII: YAML reads a pair of escaped surrogates as two characters.
        return json.dumps(data, indent=2, ensure_ascii=False).encode() + b"\n"
    except refusals:
        pass
    raise RegistrationError("an unknown key of the registration has a value that isn't JSON")


def write(target: str, data: bytes, overwrite: bool) -> None:
    from secrets import token_hex

    temporary = os.path.join(os.path.dirname(target), f".{token_hex(8)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if overwrite:
            os.replace(temporary, target)
        else:
            _move_new(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def _move_new(temporary: str, target: str) -> None:
    try:
        # Unlike a rename, a link refuses an existing target, and does so in one step.
        os.link(temporary, target)
    except FileExistsError:
        raise
    except OSError:  # not every file system has links
        if os.path.lexists(target):
            raise FileExistsError(target) from None
        os.rename(temporary, target)
    else:
        os.unlink(temporary)
