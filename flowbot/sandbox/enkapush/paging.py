"""Pages of a list. Source: Enkapush's page "Akışlar", `GET /flows/`."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from flowbot.sandbox.enkapush.answers import Json
from flowbot.sandbox.enkapush.forms import FormError

SIZES = (10, 25, 50, 100, 250, 500, 1000)
"""What `results_per_page` may be."""

_Item = TypeVar("_Item")

_NUMBER = re.compile(r"[1-9][0-9]{0,9}")


@dataclass(frozen=True, slots=True)
class Page:
    """Which page is asked for: its number from 1, and how many a page."""

    number: int = 1
    size: int = 25

    def of(self, items: Collection[_Item]) -> list[_Item]:
        """Return the items that stand on this page."""
        start = (self.number - 1) * self.size
        return list(islice(items, start, start + self.size))

    def meta(self, total: int) -> Json:
        """Return the `meta` of this page of a list of `total` items."""
        return {
            "page": self.number,
            "results_per_page": self.size,
            "total": total,
            "total_pages": self._pages(total),
        }

    def links(self, total: int, list_url: str) -> Json:
        """Return the `links` of this page; `list_url` is the collection without slash or query.

        As in the documented example they carry the page alone, not the page's size.
        """
        last = max(1, self._pages(total))
        return {
            "first": f"{list_url}?page=1",
            "last": f"{list_url}?page={last}",
            "next": f"{list_url}?page={self.number + 1}" if self.number < last else None,
            "prev": f"{list_url}?page={min(self.number - 1, last)}" if self.number > 1 else None,
            "self": f"{list_url}?page={self.number}",
        }

    def _pages(self, total: int) -> int:
        return -(-total // self.size)


def asked_page(query: Iterable[tuple[str, str]]) -> Page:
    """Return the page that a query asks for.

    Raises:
        FormError: A parameter is not allowed, or not documented: nothing would filter, search or sort by it.
    """
    values = {"page": 1, "results_per_page": 25}
    for name, text in query:
        if name not in values:
            raise FormError([(name, f"The {name} parameter is not known.")])
        values[name] = _number(name, text)
    if values["results_per_page"] not in SIZES:
        allowed = ", ".join(map(str, SIZES))
        raise FormError([("results_per_page", f"The results_per_page parameter must be one of {allowed}.")])
    return Page(values["page"], values["results_per_page"])


def _number(name: str, text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise FormError([(name, f"The {name} parameter must be a positive integer.")])
    return int(text)
