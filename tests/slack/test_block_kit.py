"""The size of texts as Slack's clients count it, cuts as people see them, and texts that turn their surroundings."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbot.domain.text import count_clusters, cut_utf16, isolate, utf16_length
from flowbot.slack.views.block_kit import clip

ANYTHING = st.text(st.characters())
"""Halves of characters too: they come in from JSON."""
TURNING = st.text(
    st.sampled_from("ab שم١\n\r\u2029\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"), max_size=30
)
SEEN = ["👩\u200d👩\u200d👧", "👍🏽", "e\u0301\u0323", "🇹🇷", "क्षि", "ğ", "a", "\r\n", "שָׁ"]
JOINED = st.lists(st.sampled_from(SEEN), max_size=12).map("".join)
RIGHT_TO_LEFT = {"R", "AL", "AN", "RLE", "RLO", "LRE", "LRO", "PDF"}
ISOLATES = dict.fromkeys(range(0x2066, 0x206A))


@given(ANYTHING)
def test_a_character_beyond_the_basic_plane_counts_twice(text: str) -> None:
    assert utf16_length(text) == sum(2 if ord(character) > 0xFFFF else 1 for character in text)


@given(ANYTHING | TURNING | JOINED, st.integers(1, 20))
def test_what_is_clipped_fits_and_turns_nothing_around_it(text: str, limit: int) -> None:
    shown = clip(text, limit)
    assert utf16_length(shown) <= limit
    assert_contained(shown)


@given(ANYTHING | JOINED, st.integers(-1, 20))
def test_what_is_cut_is_the_longest_beginning_that_fits_and_parts_no_character_as_seen(text: str, limit: int) -> None:
    kept = cut_utf16(text, limit)
    assert text.startswith(kept)
    assert utf16_length(kept) <= max(limit, 0)
    whole = count_clusters(text)
    starts = [at for at in range(len(text) + 1) if count_clusters(text[:at]) + count_clusters(text[at:]) == whole]
    assert len(kept) in starts
    assert all(utf16_length(text[:at]) > limit for at in starts if at > len(kept))


@pytest.mark.parametrize("seen", ["👩\u200d👩\u200d👧\u200d👦", "👍🏽", "e\u0301", "🇹🇷", "ğ", "क्षि"])
def test_what_is_seen_as_one_character_counts_once_and_is_never_parted(seen: str) -> None:
    assert count_clusters(seen * 3) == 3
    assert clip(seen * 9, utf16_length(seen) * 4) == seen * 3 + "…"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Sale", "Sale"),
        ("Güneş", "Güneş"),
        ("שלום", "\u2068שלום\u2069"),
        ("\u2068שלום\u2069 x", "\u2068שלום\u2069 x"),
        ("\u202eelas", "\u2068\u202eelas\u2069"),
        ("a\u2069\u202eb", "\u2068\u2068a\u2069\u202eb\u2069"),
        ("a\u2067b", "a\u2067b\u2069"),
        ("a\nשלום\r\nb", "a\n\u2068שלום\u2069\r\nb"),
    ],
    ids=ascii,
)
def test_text_that_turns_is_isolated_on_its_line(text: str, shown: str) -> None:
    assert isolate(text) == shown


def test_every_character_that_is_read_from_right_to_left_is_isolated() -> None:
    turning = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.bidirectional(chr(code)) in RIGHT_TO_LEFT]
    assert [each for each in turning if isolate(each) != f"\u2068{each}\u2069"] == []
    assert isolate("\ufeffğ漢👍\u200e\u0301") == "\ufeffğ漢👍\u200e\u0301"


@given(ANYTHING | TURNING)
def test_isolated_text_turns_nothing_around_it_and_stays_as_it_is(text: str) -> None:
    shown = isolate(text)
    assert_contained(shown)
    assert isolate(shown) == shown
    assert shown.translate(ISOLATES) == text.translate(ISOLATES)


def assert_contained(text: str) -> None:
    """Check that on each line every isolate is opened and closed, and that nothing outside of one turns the text."""
    depth = 0
    for character in text:
        kind = unicodedata.bidirectional(character)
        if kind in {"LRI", "RLI", "FSI"}:
            depth += 1
        elif kind == "PDI":
            depth -= 1
            assert depth >= 0
        elif kind == "B":
            assert depth == 0
        else:
            assert depth or kind not in RIGHT_TO_LEFT
    assert depth == 0
