"""File names from untrusted sources: read from a header, and made safe for a folder.

Spec: RFC 6266, "Content-Disposition"; RFC 8187.
"""

from __future__ import annotations

import os
import re
import unicodedata
from urllib.parse import unquote_to_bytes

__all__ = ["file_name", "safe_name"]

_MAX_BYTES = 200
_PARAMETER = re.compile(r';\s*([\w!#$&+.^`|~%*-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
# Characters that Windows doesn't allow in a name.
_SPECIAL = re.compile(r'[<>:"|?*]')
_DEVICE = re.compile(r"(?:CON|PRN|AUX|NUL|CON(?:IN|OUT)\$|(?:COM|LPT)[0-9¹²³])\Z", re.IGNORECASE)
# Control characters, line separators and lone surrogates; and what changes the direction of text.
_UNSEEN = frozenset({"Cc", "Cs", "Zl", "Zp"})
_TURNING = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


def file_name(disposition: str) -> str | None:
    """The name in a ``Content-Disposition`` header, made safe; None if it has none.

    Args:
        disposition: The value of the header.
    """
    found: dict[str, str] = {}
    for name, value in _PARAMETER.findall(disposition):
        found.setdefault(name.lower(), value.strip())
    for name, decode in (("filename*", _extended), ("filename", _plain)):
        text = decode(found[name]) if name in found else None
        if text and (safe := safe_name(text)):
            return safe
    return None


def _plain(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = _ESCAPED.sub(r"\1", value[1:-1])
    try:
        # Headers are read as Latin-1, but many hold UTF-8.
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


def _extended(value: str) -> str | None:
    charset, quote, rest = value.strip('"').partition("'")
    if charset.lower() not in ("utf-8", "iso-8859-1") or not quote:
        return None
    return unquote_to_bytes(rest.partition("'")[2]).decode(charset, errors="replace")


def safe_name(name: str) -> str | None:
    """A name that stays in its folder, isn't hidden and isn't a device; None if nothing is left.

    Args:
        name: The untrusted name.
    """
    name = re.split(r"[/\\]", name)[-1]
    name = "".join(
        letter for letter in name
        if unicodedata.category(letter) not in _UNSEEN and letter not in _TURNING
    )  # fmt: skip
    name = _SPECIAL.sub("_", name).strip().lstrip(".").strip().rstrip(". ")
    if _DEVICE.match(name.partition(".")[0].rstrip()):
        name = f"_{name}"
    stem, suffix = os.path.splitext(name)
    room = _MAX_BYTES - len(suffix.encode())
    if room <= 0:
        stem, suffix, room = name, "", _MAX_BYTES
    return stem.encode()[:room].decode(errors="ignore") + suffix or None
