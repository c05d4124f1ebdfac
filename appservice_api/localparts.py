"""Names of other networks, encoded as localparts.

Spec: Appendices, "Mapping from other character sets".
"""

from __future__ import annotations

import re

__all__ = ["decode_localpart", "encode_localpart"]

_PLAIN = "abcdefghijklmnopqrstuvwxyz0123456789./+-"


def _table(case_sensitive: bool) -> tuple[str, ...]:
    """The encoded form of each byte."""
    table = [f"={byte:02x}" for byte in range(256)]
    for letter in _PLAIN:
        table[ord(letter)] = letter
    for upper in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
        table[ord(upper)] = f"_{upper.lower()}" if case_sensitive else upper.lower()
    table[ord("_")] = "__" if case_sensitive else "_"
    return tuple(table)


_TABLES = {kind: _table(kind) for kind in (True, False)}
# Lower-case letters come last, so that they decode to themselves and not to upper-case ones.
_BYTES = {kind: {text: byte for byte, text in enumerate(table)} for kind, table in _TABLES.items()}
_PIECES = {
    True: re.compile(r"_[a-z_]|=[0-9a-f]{2}|.", re.DOTALL),
    False: re.compile(r"=[0-9a-f]{2}|.", re.DOTALL),
}


def encode_localpart(name: str, *, case_sensitive: bool = True) -> str:
    """Encode a name as a localpart. Different names have different localparts.

    a-z, 0-9 and ``. / + -`` stay; an upper-case letter A-Z becomes ``_`` and the lower-case letter,
    ``_`` becomes ``__``, and each other byte of the UTF-8 form becomes ``=`` and two hex digits.

    Args:
        name: The name.
        case_sensitive: False for networks with case-insensitive names: A-Z become a-z, so that
            names that differ only in case have the same localpart, and ``_`` stays.

    Raises:
        ValueError: The name is empty, contains a lone surrogate, or isn't a str.
    """
    if not isinstance(name, str) or not name:
        raise ValueError(f"a localpart can't be made of {name!r}: it must be a text, not empty")
    try:
        encoded = name.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name!r} holds a lone surrogate, which no localpart can hold") from None
    return "".join(map(_TABLES[case_sensitive].__getitem__, encoded))


def decode_localpart(localpart: str, *, case_sensitive: bool = True) -> str:
    """Decode a localpart that :func:`encode_localpart` has made.

    Args:
        localpart: The localpart.
        case_sensitive: As for :func:`encode_localpart`.

    Raises:
        ValueError: It isn't a localpart of an encoded name. Two localparts never decode to the
            same name.
    """
    if not isinstance(localpart, str) or not localpart:
        raise ValueError(f"{localpart!r} is no localpart of an encoded name")
    known = _BYTES[case_sensitive]
    found = bytearray()
    for piece in _PIECES[case_sensitive].findall(localpart):
        byte = known.get(piece)
        if byte is None:
            raise ValueError(
                f"{localpart!r} is no localpart of an encoded name: {piece!r} stands for nothing"
            )
        found.append(byte)
    try:
        return found.decode()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{localpart!r} is no localpart of an encoded name: {error.reason} in its UTF-8 form"
        ) from None
