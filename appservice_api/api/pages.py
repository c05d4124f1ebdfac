"""Lists that come in pages."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Generic, TypeVar

from .. import events
from ..errors import MatrixResponseError

__all__ = ["PAGE_SIZE", "Page", "Pages"]

T = TypeVar("T")

#: How many items of a page are requested by default.
PAGE_SIZE: Final = 100
# Hidden history comes as empty pages, of which a faulty homeserver may send any number.
_MAX_EMPTY = 1000


class Page(Generic[T]):
    """One page, as an iterator needs it.

    Args:
        items: Its items.
        token: The token of the next page, None if there is none.
        answer: The whole answer.
        total: How many items all pages have, None if the homeserver doesn't say.
    """

    __slots__ = ("answer", "items", "token", "total")

    def __init__(
        self,
        items: Sequence[T] | None,
        token: str | None,
        answer: events.view.View,
        total: int | None = None,
    ) -> None:
        self.items = items or ()
        self.token = token or None
        self.answer = answer
        self.total = total


class Pages(Iterator[T], Generic[T]):
    """The items of a list that a homeserver gives page by page.

    A page is requested when its first item is needed. An error of a request is raised; a loop that
    continues requests the same page again. A homeserver that repeats a token ends the list. Several
    threads may share one object: each item goes to one of them.

    Args:
        ask: Requests a page, given its token and how many items it should have.
        limit: How many items at most, None for all.
        page_size: How many items a page should have, None for the homeserver's choice.
        token: Where to begin, None for the beginning.
        counted: Whether the homeserver says how many there are.

    Raises:
        ValueError: A number isn't a count.
    """

    __slots__ = (
        "_ask", "_asked", "_counted", "_items", "_left", "_lock", "_next", "_over", "_page",
        "_seen", "_size", "_total",
    )  # fmt: skip

    def __init__(
        self,
        ask: Callable[[str | None, int | None], Page[T]],
        *,
        limit: int | None = None,
        page_size: int | None = None,
        token: str | None = None,
        counted: bool = False,
    ) -> None:
        self._ask = ask
        self._left = _count("limit", limit, 0)
        self._size = _count("page_size", page_size, 1)
        self._counted = counted
        self._asked = self._next = token
        self._seen = {token}
        self._items: deque[T] = deque()
        self._page: events.view.View | None = None
        self._total: int | None = None
        self._over = False
        self._lock = threading.Lock()

    def __iter__(self) -> Pages[T]:
        return self

    def __next__(self) -> T:
        with self._lock:
            if self._left != 0:
                self._fill()
            if self._left == 0 or not self._items:
                raise StopIteration
            if self._left is not None:
                self._left -= 1
            return self._items.popleft()

    @property
    def token(self) -> str | None:
        """The token with which a later call continues. Between two pages it is that of the next
        page; within a page that of this page, whose items then come again; at the end one for items
        that may be added later, None if the homeserver gives none."""
        return self._asked if self._items else self._next

    @property
    def done(self) -> bool:
        """Whether all items of the homeserver have been returned."""
        return self._over and not self._items

    @property
    def page(self) -> Any:
        """The answer with the last page, a view; None before the first page."""
        return self._page

    @property
    def total(self) -> int | None:
        """How many items the homeserver says there are, None if it doesn't say. Where it does,
        this requests the first page, so that a progress bar can be made before the loop.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.
        """
        with self._lock:
            if self._counted and self._page is None and self._left != 0:
                self._fetch()
            return self._total

    def _fill(self) -> None:
        """Request pages until there is an item, or no more pages."""
        empty = 0
        while not self._items and not self._over:
            if empty == _MAX_EMPTY:
                raise MatrixResponseError(
                    f"{empty} pages in a row were empty, each with a token for another one; asking "
                    "for the next item goes on there"
                )
            self._fetch(empty > 0)
            empty += 1

    def _fetch(self, whole: bool = False) -> None:
        """Request the next page: as many items as are needed, or a whole page to pass hidden items
        quickly."""
        size = self._size
        if self._left is not None and not whole:
            size = self._left if size is None else min(size, self._left)
        page = self._ask(self._next, size)
        self._asked = self._next
        self._items.extend(page.items)
        self._page = page.answer
        self._total = page.total
        self._over = page.token is None or page.token in self._seen
        if page.token is not None:
            self._seen.add(page.token)
            self._next = page.token
        elif page.items:
            self._next = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__}, {'at the end' if self.done else f'at {self.token!r}'}>"


def _count(name: str, value: int | None, least: int) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} must be an int, {least} or more, not {value!r}")
    return value
