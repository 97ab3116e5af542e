"""A website's name means one website, and holds nothing that nobody sees."""

import pytest

from flowbot.domain.ids import WebsiteId
from flowbot.domain.website_names import NameProblem, clean_name, find_name_problems

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
        ("Lale", "Lale 1️⃣", NONE),
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
        ("Lale", "\N{BRAILLE PATTERN BLANK}", INVISIBLE),
        ("Lale", "Lale\u200b\ufe0f", INVISIBLE),
    ],
)
def test_two_names_are_told_apart(first: str, second: str, problem: NameProblem | None) -> None:
    assert find_name_problems({WebsiteId(1): first, WebsiteId(2): second}).get(WebsiteId(2)) is problem


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        (" Lale \n Moda ", "Lale Moda"),
        ("L\u200bale\u202e", "Lale"),
        ("❤️ Shop", "❤️ Shop"),
        ("👨‍👩‍👧 Aile 1️⃣", "👨‍👩‍👧 Aile 1️⃣"),
        ("Lale\u200d\ufe0f", "Lale"),
        ("Lale 1\ufe0f", "Lale 1"),
        ("Lale \u2060\ufe0f", "Lale"),
        ("\N{BRAILLE PATTERN BLANK}\u200b", ""),
        ("\ufe0f", ""),
    ],
)
def test_a_name_is_stored_without_what_shows_nothing(typed: str, name: str) -> None:
    assert clean_name(typed) == clean_name(name) == name
    assert not name or not find_name_problems({WebsiteId(7): name})
