"""Lookalikes: names that are easily confused.

Two display names are confusable if they have the same skeleton: compatibility forms, case,
accents, invisible characters and letters of other scripts that look like Latin ones make no
difference. Spec: Client-Server API, "Calculating the display name for a user".
"""

from __future__ import annotations

import unicodedata
import zlib
from functools import lru_cache
from typing import Final

__all__ = ["looks", "skeleton"]

# What looks like a Latin letter (after case folding) in Cyrillic, Greek, Armenian and among
# digits; the Unicode Consortium's technical standard 39 calls these confusable.
_LOOKS_LIKE: Final = str.maketrans(
    {
        "а": "a", "в": "b", "с": "c", "ԁ": "d", "е": "e", "һ": "h", "і": "i", "ј": "j",
        "к": "k", "ӏ": "l", "м": "m", "н": "h", "о": "o", "р": "p", "ԛ": "q", "ѕ": "s",
        "т": "t", "у": "y", "ѵ": "v", "ԝ": "w", "х": "x", "ь": "b", "г": "r", "п": "n",
        "α": "a", "β": "b", "γ": "y", "ε": "e", "η": "n", "ι": "i", "κ": "k", "ν": "v",
        "ο": "o", "ρ": "p", "σ": "o", "ς": "c", "τ": "t", "υ": "u", "χ": "x", "ω": "w",
        "μ": "u", "զ": "q", "ո": "n", "ս": "u", "օ": "o", "հ": "h", "յ": "j", "ց": "g",
        "0": "o", "1": "l", "|": "l", "ı": "i", "ł": "l", "ø": "o", "đ": "d",
        "i": "l",
    }
)  # fmt: skip
_INVISIBLE = ("Cf", "Cc", "Mn", "Me", "Zl", "Zp")


@lru_cache(maxsize=4096)
def skeleton(name: str) -> str:
    """What a name looks like; names with the same skeleton are easily confused.

    Args:
        name: A display name.
    """
    folded = unicodedata.normalize("NFKD", name).casefold()
    folded = unicodedata.normalize("NFKD", folded)
    seen = "".join(char for char in folded if unicodedata.category(char) not in _INVISIBLE)
    alike = seen.translate(_LOOKS_LIKE).translate(_LOOKS_LIKE)
    return "".join(alike.split()).replace("rn", "m").replace("vv", "w")


def looks(name: str) -> int:
    """A number of 31 bits derived from a name's skeleton, to search for it; it fits into an INTEGER
    of every database."""
    return zlib.crc32(skeleton(name).encode(errors="replace")) & 0x7FFFFFFF
