"""Names of websites, by which people choose and type them: each has to mean one website."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from flowbot.domain.ids import WebsiteId, parse_website_id
from flowbot.domain.text import fold, plain_number, remove_invisible

_EMOJI_JOINERS: Final = re.compile("(?<=[^\\w\\s])[\ufe0f\u200d]")
"""What joins the signs of an emoji; after a letter or a blank it shows nothing."""


class NameProblem(StrEnum):
    """What is wrong with a website's name."""

    INVISIBLE = "invisible"
    NUMBER = "number"
    TAKEN = "taken"


def find_name_problems(names: Mapping[WebsiteId, str]) -> dict[WebsiteId, NameProblem]:
    """Find the names that hold what nobody sees, are another website's number, or look like an earlier website's name.

    Case, the dots of the Turkish i, and blanks at the ends or in a row make no difference between two names.
    """
    problems: dict[WebsiteId, NameProblem] = {}
    seen: set[str] = set()
    for website, name in names.items():
        visible = _EMOJI_JOINERS.sub("", name)
        folded = " ".join(fold(name).split())
        if remove_invisible(visible) != visible:
            problems[website] = NameProblem.INVISIBLE
        elif parse_website_id(plain_number(name)) not in {None, website}:
            problems[website] = NameProblem.NUMBER
        elif folded in seen:
            problems[website] = NameProblem.TAKEN
        seen.add(folded)
    return problems
