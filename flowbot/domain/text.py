"""Text as people see it: visible size, blank text, and case folding with the Turkish i."""

import unicodedata
from typing import Final

_INVISIBLE_CATEGORIES: Final = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp", "Mn"})
"""Unicode's categories of what shows nothing by itself: controls, formats, blanks, marks without a letter below."""
_INVISIBLE_LETTERS: Final = frozenset("\u115f\u1160\u2065\u2800\u3164\uffa0\U0001d159")
"""Letters and signs of other categories that are drawn as nothing: fillers, the empty Braille cell, the empty note."""
_WITHOUT_DOTS: Final = str.maketrans({"ı": "i", "\N{COMBINING DOT ABOVE}": None})


def utf16_length(text: str) -> int:
    """Count characters as the stricter of Slack's clients do: in UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def is_blank(text: str) -> bool:
    """Check whether nothing of the text is visible, however many characters it has."""
    return all(
        character in _INVISIBLE_LETTERS or unicodedata.category(character) in _INVISIBLE_CATEGORIES
        for character in text
    )


def normalize_newlines(text: str) -> str:
    """Turn every line end into a line feed."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def fold(text: str) -> str:
    """Fold the text for search: compatible forms joined, case folded, and İ, I, ı and i made one letter.

    So `İNDİRİM` finds `indirim`, and `ILIK` finds `ılık`. Accents count: `gül` is not `gul`.
    """
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_WITHOUT_DOTS)
    return unicodedata.normalize("NFKC", folded)
