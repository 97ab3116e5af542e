"""A website's name means one website, and holds nothing that nobody sees."""

import pytest

from flowbot.domain.ids import WebsiteId
from flowbot.domain.website_names import NameProblem, find_name_problems

NONE, INVISIBLE, NUMBER, TAKEN = None, NameProblem.INVISIBLE, NameProblem.NUMBER, NameProblem.TAKEN


@pytest.mark.parametrize(
    ("first", "second", "problem"),
    [
        ("Lale Moda", "Kitap Durağı", NONE),
        ("Shop", "Shop TR", NONE),
        ("gül", "gul", NONE),
        ("Lale", "2", NONE),
        ("Lale", "Outlet 1", NONE),
        ("Lale", "Lale ❤️", NONE),
        ("Lale", "👨‍👩‍👧 Aile", NONE),
        ("Lale", "LALE", TAKEN),
        ("İndirim", "indirim", TAKEN),
        ("ILIK", "ılık", TAKEN),
        ("Lale Moda", " lale  moda ", TAKEN),
        ("Lale Moda", "Lale\N{NO-BREAK SPACE}Moda", TAKEN),
        ("Lale", "1", NUMBER),
        ("Lale", " 77 ", NUMBER),
        ("Lale", "٣", NUMBER),
        ("Lale", "L\u200bale", INVISIBLE),
        ("Lale", "Lale\u200d", INVISIBLE),
        ("Lale", "Lale \ufe0f", INVISIBLE),
        ("Lale", "\u202emoda", INVISIBLE),
        ("Lale", "Mo\u00adda", INVISIBLE),
    ],
)
def test_two_names_are_told_apart(first: str, second: str, problem: NameProblem | None) -> None:
    assert find_name_problems({WebsiteId(1): first, WebsiteId(2): second}).get(WebsiteId(2)) is problem
