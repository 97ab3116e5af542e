"""Text as people see it: visible size, blank text, and case folding with the Turkish i."""

import unicodedata
from datetime import UTC, datetime
from typing import Final

_UNSEEN: Final = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp", "Mn"})
"""Unicode's categories of what shows nothing by itself: controls, formats, blanks, marks without a letter below."""


_BLANKS: Final = frozenset("\u115f\u1160\u2065\u2800\u3164\uffa0\U0001d159")
"""Letters and signs of other categories that are drawn as nothing: fillers, the empty Braille cell, the empty note."""


def utf16_length(text: str) -> int:
    """Characters as the stricter of Slack's clients count them: UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def is_blank(text: str) -> bool:
    """Whether nobody could see anything of the text, however many characters it has."""
    return all(character in _BLANKS or unicodedata.category(character) in _UNSEEN for character in text)


_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)


_I_WITHOUT_DOTS: Final = str.maketrans({"ı": "i", "\N{COMBINING DOT ABOVE}": None})


def fold(text: str) -> str:
    """The text as search compares it: compatible forms joined, case folded, and İ, I, ı and i taken for one letter.

    So `İNDİRİM` finds `indirim`, and `ILIK` finds `ılık`. Accents count: `gül` is not `gul`.
    """
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_I_WITHOUT_DOTS)
    return unicodedata.normalize("NFKC", folded)
