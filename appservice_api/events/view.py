"""Views: JSON objects whose keys can be read and written as attributes.

A view is a dict that the homeserver sent, or that will be sent. No key is lost, and a value is
converted only when it is read. What is missing or malformed reads as None; reading never raises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Generic, TypeVar, overload

from ..compat import Self
from ..ids import Identifier

__all__ = [
    "Field",
    "Listing",
    "View",
    "flag",
    "items",
    "listing",
    "mapping",
    "number",
    "one_of",
    "real",
    "table",
    "text",
    "value",
    "view",
]

T = TypeVar("T")
S = TypeVar("S", bound=str)
V = TypeVar("V", bound="View")


class Field(Generic[T]):
    """A key of a view as an attribute; None if it is missing or malformed.

    Setting the attribute to None removes the key, and so does deleting the attribute.

    Args:
        key: The key in the JSON; by default the attribute's name.
        read: Converts the value of the JSON; returns None for a malformed one.
    """

    __slots__ = ("key", "name", "read")

    def __init__(self, key: str | None, read: Callable[[Any], T | None]) -> None:
        self.key = key or ""
        self.name = ""
        self.read = read

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        self.key = self.key or name

    @overload
    def __get__(self, view: None, owner: type) -> Self: ...
    @overload
    def __get__(self, view: View, owner: type) -> T | None: ...
    def __get__(self, view: View | None, owner: type) -> Self | T | None:
        if view is None:
            return self
        found = dict.get(view, self.key)
        if found is None:
            return None
        made = self.read(found)
        if made is not found and isinstance(made, (dict, list)) and len(made) == len(found):
            # Stored, so that changes of it change this view. A list that lost items isn't stored.
            dict.__setitem__(view, self.key, made)
        return made

    def __set__(self, view: View, new: T | None) -> None:
        if new is None:
            view.pop(self.key, None)
        else:
            view[self.key] = new

    def __delete__(self, view: View) -> None:
        view.pop(self.key, None)


class View(dict[str, Any]):
    """A JSON object with attributes. It is a dict.

    Args:
        json: The object; a shallow copy is made.
        fields: Attributes to set; a name with a dot is a key.

    Raises:
        TypeError: There is no such attribute.
    """

    __slots__ = ()
    _fields: ClassVar[Mapping[str, Field[Any]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = {name: one for name, one in vars(cls).items() if isinstance(one, Field)}
        cls._fields = {**cls._fields, **own}

    def __init__(self, json: Mapping[str, Any] | None = None, /, **fields: Any) -> None:
        super().__init__(json or ())
        for name, new in fields.items():
            if name in self._fields:
                setattr(self, name, new)
            elif "." in name:
                self[name] = new
            else:
                known = ", ".join(sorted(self._fields))
                raise TypeError(f"{type(self).__name__} has no {name!r}; it has {known}")

    @classmethod
    def read(cls, json: Any) -> Self:
        """Make a view from JSON; an empty one if it isn't an object."""
        if type(json) is cls:
            return json
        return cls(json if isinstance(json, dict) else None)

    @classmethod
    def deserialize(cls, data: Mapping[str, Any]) -> Self:
        """The same as calling the class."""
        return cls(data)

    def serialize(self) -> dict[str, Any]:
        """A deep copy of the JSON object, of plain dicts, lists and texts."""
        plain: dict[str, Any] = _plain(self)
        return plain

    def copy(self) -> Self:
        """A shallow copy, of the same class."""
        return type(self)(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict.__repr__(self)})"

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__()} - _UNLISTED)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """The form that notebooks show."""
        printer.text(f"{type(self).__name__}(...)" if cycle else "")
        if not cycle:
            with printer.group(4, f"{type(self).__name__}(", ")"):
                printer.pretty(dict(self))


def _plain(found: Any) -> Any:
    if isinstance(found, dict):
        return {str(key): _plain(one) for key, one in found.items()}
    if isinstance(found, (list, tuple)):
        return [_plain(one) for one in found]
    return str(found) if isinstance(found, str) else found


_UNLISTED = frozenset({"deserialize", "fromkeys", "read", "serialize"})


def text(kind: type[S], key: str | None = None) -> Field[S]:
    """A field that holds text: ``str``, or an identifier, which isn't validated."""
    is_valid, make = _conversion(kind)
    return Field(key, lambda found: make(found) if is_valid(found) else None)


def one_of(kind: type[S], key: str | None = None) -> Field[S]:
    """A field that holds a value of an open enumeration; unknown values are kept."""
    return text(kind, key)


def number(key: str | None = None) -> Field[int]:
    """A field that holds an integer."""

    def read(found: Any) -> int | None:
        return found if isinstance(found, int) and not isinstance(found, bool) else None

    return Field(key, read)


def real(key: str | None = None) -> Field[float]:
    """A field that holds an integer or a float."""

    def read(found: Any) -> float | None:
        return found if isinstance(found, (int, float)) and not isinstance(found, bool) else None

    return Field(key, read)


def flag(key: str | None = None) -> Field[bool]:
    """A field that holds True or False."""
    return Field(key, lambda found: found if isinstance(found, bool) else None)


def value(key: str | None = None) -> Field[Any]:
    """A field that holds anything."""
    return Field(key, lambda found: found)


def view(kind: type[V], key: str | None = None) -> Field[V]:
    """A field that holds an object."""

    def read(found: Any) -> V | None:
        if isinstance(found, kind):
            return found
        return kind(found) if isinstance(found, dict) else None

    return Field(key, read)


def table(key: str | None = None) -> Field[dict[str, Any]]:
    """A field that holds an object with arbitrary keys."""
    return Field(key, lambda found: found if isinstance(found, dict) else None)


def items(kind: type[T], key: str | None = None) -> Field[list[T]]:
    """A field that holds a list of texts, identifiers, views or plain JSON of a type. Malformed
    items are left out."""
    is_valid, make = _conversion(kind)

    def read(found: Any) -> list[T] | None:
        if not isinstance(found, list):
            return None
        if all(isinstance(one, kind) for one in found):
            return found
        return [one if isinstance(one, kind) else make(one) for one in found if is_valid(one)]

    return Field(key, read)


class Listing(Field[list[T]]):
    """A list that reads as an empty one if it is missing or malformed."""

    __slots__ = ()

    @overload
    def __get__(self, view: None, owner: type) -> Self: ...
    @overload
    def __get__(self, view: View, owner: type) -> list[T]: ...
    def __get__(self, view: View | None, owner: type) -> Self | list[T]:
        found = super().__get__(view, owner)
        return [] if found is None else found


def listing(kind: type[T], key: str | None = None) -> Listing[T]:
    """As :func:`items`, but never None."""
    return Listing(key, items(kind).read)


def mapping(kind: type[T], key: str | None = None) -> Field[dict[str, T]]:
    """A field that holds an object with arbitrary keys, whose values are like the items of
    :func:`items`."""
    is_valid, make = _conversion(kind)

    def read(found: Any) -> dict[str, T] | None:
        if not isinstance(found, dict):
            return None
        if all(isinstance(one, kind) for one in found.values()):
            return found
        return {
            name: one if isinstance(one, kind) else make(one)
            for name, one in found.items()
            if is_valid(one)
        }

    return Field(key, read)


def _conversion(kind: Any) -> tuple[Callable[[Any], bool], Callable[[Any], Any]]:
    """A test for JSON of a kind, and a conversion to the kind."""
    if issubclass(kind, View):
        return lambda found: isinstance(found, dict), kind.read
    if issubclass(kind, Identifier):
        sigil = kind.sigil
        return lambda found: isinstance(found, str) and found.startswith(sigil), kind.read
    json_type = str if issubclass(kind, str) else kind
    return lambda found: isinstance(found, json_type), kind
