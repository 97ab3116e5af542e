"""The size of texts as Slack's clients count it, and texts that are read from right to left."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbot.domain.text import cut_utf16, utf16_length
from flowbot.slack.views.block_kit import clip, isolate

ANYTHING = st.text(st.characters())
"""Halves of characters too: they come in from JSON."""


@given(ANYTHING)
def test_a_character_beyond_the_basic_plane_counts_twice(text: str) -> None:
    assert utf16_length(text) == sum(2 if ord(character) > 0xFFFF else 1 for character in text)


@given(ANYTHING, st.integers(1, 20))
def test_what_is_clipped_fits(text: str, limit: int) -> None:
    assert utf16_length(clip(text, limit)) <= limit


@given(ANYTHING, st.integers(-1, 20))
def test_what_is_cut_is_the_longest_beginning_that_fits(text: str, limit: int) -> None:
    fitting = (text[:end] for end in range(len(text), -1, -1) if utf16_length(text[:end]) <= limit)
    assert cut_utf16(text, limit) == next(fitting, "")


@pytest.mark.parametrize(("text", "shown"), [("Sale", "Sale"), ("Güneş", "Güneş"), ("שלום", "\u2068שלום\u2069")])
def test_only_text_from_right_to_left_is_isolated(text: str, shown: str) -> None:
    assert isolate(text) == shown
