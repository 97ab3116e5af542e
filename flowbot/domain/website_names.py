"""Names of websites, by which people choose and type them: each has to mean one website."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from flowbot.domain.ids import WebsiteId, parse_website_id
from flowbot.domain.text import fold, is_blank, plain_number, remove_invisible

_JOINERS: Final = "\ufe0f\u200d"
_LONE_JOINERS: Final = re.compile(f"(?<![^\\w\\s])(?!(?<=[0-9])\ufe0f\u20e3)[{_JOINERS}]+")
"""What joins the signs of an emoji shows nothing after a letter or a blank; after a digit only a keycap has it."""


class NameProblem(StrEnum):
    """What is wrong with a website's name."""

    INVISIBLE = "invisible"
    NUMBER = "number"
    TAKEN = "taken"


def clean_name(text: str) -> str:
    """Return a website's name without what shows nothing; an emoji keeps its joiners."""
    visible = "".join(each if each in _JOINERS else remove_invisible(each) for each in text)
    return "" if is_blank(text) else " ".join(_LONE_JOINERS.sub("", visible).split())


def find_name_problems(names: Mapping[WebsiteId, str]) -> dict[WebsiteId, NameProblem]:
    """Find the names that hold what nobody sees, are another website's number, or look like an earlier website's name.

    Case, the dots of the Turkish i, and blanks at the ends or in a row make no difference between two names.
    """
    problems: dict[WebsiteId, NameProblem] = {}
    seen: set[str] = set()
    for website, name in names.items():
        folded = " ".join(fold(name).split())
        if clean_name(name) != " ".join(name.split()):
            problems[website] = NameProblem.INVISIBLE
        elif parse_website_id(plain_number(name)) not in {None, website}:
            problems[website] = NameProblem.NUMBER
        elif folded in seen:
            problems[website] = NameProblem.TAKEN
        seen.add(folded)
    return problems
