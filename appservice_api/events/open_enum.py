"""The base of all enumerations. They are open: homeservers and clients may use other values."""

from __future__ import annotations

import enum
from typing import Any

from ..compat import Self

__all__ = ["OpenEnum"]


class OpenEnum(str, enum.Enum):
    """A text with names for the values of the specification. Any other text is accepted, too; its
    name is the text itself."""

    def __str__(self) -> str:
        return str(self._value_)

    @classmethod
    def _missing_(cls, value: object) -> Any:
        if not isinstance(value, str):
            return None
        made = str.__new__(cls, value)
        made._name_ = made._value_ = str(value)
        return made

    @property
    def is_known(self) -> bool:
        """Whether the specification has the value."""
        return self._name_ in type(self).__members__

    def __deepcopy__(self, memo: Any) -> Self:
        return self

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (self._value_,)
