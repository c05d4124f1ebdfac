"""What annotations name and Python 3.10 doesn't have."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self as Self
    from typing_extensions import Unpack as Unpack
elif sys.version_info >= (3, 11):
    from typing import Self, Unpack
else:
    from types import GenericAlias

    class Self:
        """The class of the object itself."""

    class Unpack:
        """Keyword arguments, of the types that a TypedDict says."""

        __class_getitem__ = classmethod(GenericAlias)
