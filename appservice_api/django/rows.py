"""Rows of the tables: numbered, inserted, and changed only by what is newer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.db.models import Q

from ..state_store.databases import chunks

__all__ = ["Rows"]


class Rows:
    """The rows in one database. Methods that write need a transaction of the caller.

    Args:
        using: The alias of the database.
    """

    def __init__(self, using: str) -> None:
        self._using = using

    def of(self, model: Any) -> Any:
        """All rows of a model."""
        return model.objects.using(self._using)

    def merge(
        self,
        model: Any,
        key: tuple[str, str],
        new: Mapping[tuple[int, Any], Any],
        others: Iterable[tuple[int, Any]],
        changed: Callable[[Any], Any | None],
        fields: tuple[str, ...],
    ) -> None:
        """Insert the rows that are missing, and change the existing ones.

        All writers insert first, and then lock what they compare, both in the order of the keys, so
        that there is no deadlock.

        Args:
            model: The model.
            key: The names of the two columns of the key.
            new: Rows by their keys.
            others: The keys of more rows that may have to change.
            changed: Returns the changed row, None if it stays.
            fields: The columns that change.
        """
        keys = sorted(new)
        if not keys and not others:
            return
        rows, known = self.of(model), set()
        for chunk in chunks(keys):
            known.update(rows.filter(_any_of(key, chunk)).values_list(*key))
        self.insert([new[one] for one in keys if one not in known])
        for chunk in chunks(sorted(new.keys() | set(others))):
            locked = rows.filter(_any_of(key, chunk)).order_by(*key).select_for_update(no_key=True)
            after = [found for row in locked if (found := changed(row)) is not None]
            self.update(after, tuple(name.removesuffix("_id") for name in key), fields)

    def insert(self, rows: list[Any]) -> None:
        """Insert rows, unless another process has just done so."""
        if rows:
            self.of(type(rows[0])).bulk_create(rows, ignore_conflicts=True)

    def update(self, rows: list[Any], key: tuple[str, ...], fields: tuple[str, ...]) -> None:
        """Change rows, which are locked, by their unique keys."""
        if rows:
            self.of(type(rows[0])).bulk_create(
                rows, update_conflicts=True, unique_fields=key, update_fields=fields
            )

    def numbers(self, model: Any, field: str, names: list[str]) -> dict[str, int]:
        """The numbers of rooms or users; those that are new get one."""
        found = self._numbered(model, field, names)
        missing = sorted(set(names) - found.keys())
        if missing:
            self.insert([model(**{field: name}) for name in missing])
            found |= self._numbered(model, field, missing)
        return found

    def _numbered(self, model: Any, field: str, names: list[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for chunk in chunks(names):
            found.update(self.of(model).filter(**{f"{field}__in": chunk}).values_list(field, "pk"))
        return found


def _any_of(key: tuple[str, str], values: list[tuple[int, Any]]) -> Q:
    """The rows whose keys are among these; they are sorted."""
    first, second = key
    rooms = groupby(values, itemgetter(0))
    return Q(
        *(Q(**{first: room, f"{second}__in": [one[1] for one in ones]}) for room, ones in rooms),
        _connector=Q.OR,
    )
