"""The iterator of lists that come in pages."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from appservice_api import MatrixResponseError
from appservice_api.api.pages import Page, Pages
from appservice_api.client.base import checked_choice
from appservice_api.events.membership import Membership
from appservice_api.events.view import View

Asked = list[tuple[str | None, int | None]]


def numbers(asked: Asked, count: int, size: int = 3, *, generous: bool = False) -> Any:
    """Ask for pages of the numbers below a count; the token is the next number."""

    def ask(token: str | None, wanted: int | None) -> Page[int]:
        asked.append((token, wanted))
        start = int(token or 0)
        stop = min(start + (size if wanted is None or generous else wanted), count)
        more = str(stop) if stop < count else None
        return Page(list(range(start, stop)), more, View({"start": start}), count)

    return ask


def test_pages_come_when_they_are_wanted() -> None:
    asked: Asked = []
    pages = Pages(numbers(asked, 7), page_size=3)
    assert (asked, pages.page, pages.total, pages.token, pages.done) == (
        [],
        None,
        None,
        None,
        False,
    )
    assert [next(pages), next(pages), next(pages)] == [0, 1, 2]
    assert asked == [(None, 3)]
    assert pages.page == {"start": 0}
    assert list(pages) == [3, 4, 5, 6]
    assert asked == [(None, 3), ("3", 3), ("6", 3)]
    assert pages.done
    assert pages.token is None
    assert (list(pages), len(asked)) == ([], 3)
    assert repr(pages) == "<Pages, at the end>"


@pytest.mark.parametrize(
    "limit, page_size, sizes",
    [
        (0, 3, []),
        (2, 3, [2]),
        (3, 3, [3]),
        (4, 3, [3, 1]),
        (4, None, [4]),
        (100, 3, [3, 3, 3]),
        (None, None, [None, None, None]),
    ],
)
def test_no_more_is_asked_for_than_is_needed(
    limit: int | None, page_size: int | None, sizes: list[int | None]
) -> None:
    asked: Asked = []
    found = list(Pages(numbers(asked, 7), limit=limit, page_size=page_size))
    assert found == list(range(7))[:limit]
    assert [size for _, size in asked] == sizes


def test_going_on_by_the_token() -> None:
    asked: Asked = []
    pages = Pages(numbers(asked, 7), limit=3, page_size=3)
    assert list(pages) == [0, 1, 2]
    assert (pages.token, pages.done) == ("3", False)
    assert list(Pages(numbers(asked, 7), token=pages.token)) == [3, 4, 5, 6]
    # Within a page, the page comes again: nothing is lost.
    pages = Pages(numbers(asked, 7, generous=True), limit=4, page_size=3)
    assert list(pages) == [0, 1, 2, 3]
    assert pages.token == "3"
    assert repr(pages) == "<Pages, at '3'>"


def test_an_error_in_the_middle() -> None:
    asked: Asked = []
    good = numbers(asked, 7)
    broken = [3, 4]

    def ask(token: str | None, size: int | None) -> Page[int]:
        if token == "3" and broken:
            broken.pop()
            raise OSError("lost")
        page: Page[int] = good(token, size)
        return page

    pages = Pages(ask)
    found = [next(pages) for _ in range(3)]
    for _ in range(2):
        with pytest.raises(OSError, match="lost"):
            next(pages)
        assert pages.token == "3"
    assert [*found, *pages] == list(range(7))


def test_the_total_is_known_before_the_first_item() -> None:
    asked: Asked = []
    pages = Pages(numbers(asked, 7), counted=True)
    assert (pages.total, len(asked)) == (7, 1)
    assert (pages.total, len(asked)) == (7, 1)
    assert list(pages) == list(range(7))
    assert Pages(numbers(asked, 7), counted=True, limit=0).total is None
    assert not hasattr(pages, "__len__")
    assert pages


def test_progress_bars() -> None:
    tqdm = pytest.importorskip("tqdm").tqdm
    pages = Pages(numbers([], 7), counted=True)
    with tqdm(pages, total=pages.total, disable=None) as bar:
        assert (bar.total, list(bar)) == (7, list(range(7)))
    with tqdm(Pages(numbers([], 7)), disable=None) as bar:
        assert (bar.total, len(list(bar))) == (None, 7)


def scripted(*script: tuple[list[int], str | None]) -> Any:
    left = list(script)

    def ask(token: str | None, size: int | None) -> Page[int]:
        items, following = left.pop(0) if len(left) > 1 else left[0]
        return Page(items, following, View())

    return ask


@pytest.mark.parametrize(
    "script, found, token",
    [
        # Some homeservers repeat the token at the live end, and some leave it out.
        ([([1], "a"), ([], "a")], [1], "a"),
        ([([1], "a"), ([], None)], [1], "a"),
        ([([1], "a"), ([2], None)], [1, 2], None),
        ([([1], "a"), ([2], "a")], [1, 2], "a"),
        ([([1], "a"), ([2], "b"), ([3], "a")], [1, 2, 3], "a"),
        ([([], "a"), ([], "b"), ([3], None)], [3], None),
        ([([], None)], [], None),
        ([([1], "")], [1], None),
    ],
)
def test_every_list_ends(
    script: list[tuple[list[int], str | None]], found: list[int], token: str | None
) -> None:
    pages = Pages(scripted(*script))
    assert list(pages) == found
    assert pages.done
    assert pages.token == token


def test_a_token_given_by_the_caller_ends_the_list_too() -> None:
    assert list(Pages(scripted(([1], "a")), token="a")) == [1]


def test_empty_pages_without_end() -> None:
    asked: Asked = []

    def ask(token: str | None, size: int | None) -> Page[int]:
        asked.append((token, size))
        return Page([5] if len(asked) == 1005 else [], str(len(asked)), View())

    pages = Pages(ask)
    with pytest.raises(MatrixResponseError, match="1000 pages in a row were empty"):
        next(pages)
    assert len(asked) == 1000
    assert next(pages) == 5


def test_after_an_empty_page_a_whole_one_is_asked_for() -> None:
    asked: Asked = []

    def ask(token: str | None, size: int | None) -> Page[int]:
        asked.append((token, size))
        return Page([] if len(asked) < 3 else [1, 2, 3], str(len(asked)), View())

    pages = Pages(ask, limit=1, page_size=50)
    assert list(pages) == [1]
    assert asked == [(None, 1), ("1", 50), ("2", 50)]
    assert (pages.token, pages.done) == ("2", False)


def test_threads_share_the_items() -> None:
    pages = Pages(numbers([], 300, 7))
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.extend(pages)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(found) == list(range(300))


@pytest.mark.parametrize("wrong", [-1, True, 2.0, "5"])
def test_counts_are_checked(wrong: Any) -> None:
    with pytest.raises(ValueError, match="limit must be an int, 0 or more"):
        Pages(numbers([], 7), limit=wrong)
    with pytest.raises(ValueError, match="page_size must be an int, 1 or more"):
        Pages(numbers([], 7), page_size=wrong)


def test_choices() -> None:
    assert checked_choice("x", Membership.JOIN, "join", "leave") == "join"
    with pytest.raises(ValueError, match="x must be 'join' or 'leave', not 'Leave'"):
        checked_choice("x", "Leave", "join", "leave")
