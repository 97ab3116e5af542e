"""Ids as text."""

import pytest

from flowbot.domain.ids import MAX_ID, parse_website_id


@pytest.mark.parametrize("number", [1, 42, 10**18 - 1, 10**18, MAX_ID])
def test_a_website_is_known_by_its_number(number: int) -> None:
    assert parse_website_id(str(number)) == number


@pytest.mark.parametrize(
    "text", ["", "0", "01", "-1", "+1", " 1", "1\n", "1.0", "1_0", "١", "²", "all", str(MAX_ID + 1), "9" * 5000]
)
def test_what_is_no_website_id_is_none(text: str) -> None:
    assert parse_website_id(text) is None
