"""Sentences that people read: short, at most two to a message, and in the words of the glossary."""

import re
import tomllib
from pathlib import Path
from typing import Final

import pytest

from tests.i18n.test_translator import CATALOGS
from tests.sandbox.test_page_words import WORDS

ROOT: Final = Path(__file__).parents[2]
GUIDES: Final = ROOT / "flowbot" / "demo" / "guides"
WORDS_MAX: Final = 20
SENTENCES_MAX: Final = 2
NAMED_AS_THEY_ARE: Final = {
    "field.image": "a field's label, which the contract with people names",
}
"""Messages with a word that the glossary replaces, each with its reason."""
FOREIGN: Final = re.compile(r"“flowbot [^”]*”|devre dışı bırakılmış hesap", re.IGNORECASE)
"""Commands of a terminal, and words of Slack's own."""


def count_words(sentence: str) -> int:
    return sum(any(map(str.isalnum, word)) for word in sentence.split())


def split_sentences(text: str) -> list[str]:
    """Return the sentences, a placeholder counted as one word, as is an ordinal; a line is one at least."""
    filled = re.sub(r"\{\w+\}(\.(?= aşama))?", "X", text)
    return [part for line in filled.split("\n") for part in re.split(r"(?<=[.!?…])\s+", line) if part]


def list_messages(language: str) -> list[tuple[str, str]]:
    """Return the catalog's keys and texts, each form of a plural."""
    return [(key, text) for key, texts in CATALOGS[language].items() for text in texts]


def list_page_texts(language: str) -> list[str]:
    """Return what the demo's page and its guide say."""
    guide = tomllib.loads((GUIDES / f"{language}.toml").read_text(encoding="utf-8"))
    return [*list_texts(guide), *WORDS[language].values()]


@pytest.mark.parametrize("language", CATALOGS)
def test_no_sentence_is_longer_than_twenty_words(language: str) -> None:
    texts = [*(text for _, text in list_messages(language)), *list_page_texts(language)]
    sentences = [each for text in texts for each in split_sentences(text)]
    assert [each for each in sentences if count_words(each) > WORDS_MAX] == []


@pytest.mark.parametrize("language", CATALOGS)
def test_no_message_has_more_than_two_sentences(language: str) -> None:
    # `usage.…` is a list of commands, a line each.
    texts = [(key, text) for key, text in list_messages(language) if not key.startswith("usage.")]
    assert [(key, text) for key, text in texts if len(split_sentences(text)) > SENTENCES_MAX] == []


def list_texts(value: object) -> list[str]:
    match value:
        case dict():
            return [text for each in value.values() for text in list_texts(each)]
        case list():
            return [text for each in value for text in list_texts(each)]
        case str():
            return [value]
        case _:
            return []


def read_replaced_words(language: str) -> re.Pattern[str]:
    """Return the words that the glossary replaces; a Turkish one with any ending."""
    table = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").partition("| English | Turkish | not |")[2]
    rows = [line.strip("|").split("|") for line in table.split("\n\n")[0].splitlines()[2:]]
    column = 3 if language == "tr" else 2
    words = [word.strip() for row in rows for word in row[column].split(",") if word.strip()]
    assert len(words) > 5
    ending = "" if language == "tr" else r"s?\b"
    return re.compile(rf"\b(?:{'|'.join(words)}){ending}", re.IGNORECASE)


@pytest.mark.parametrize("language", CATALOGS)
def test_one_thing_has_one_word(language: str) -> None:
    replaced = read_replaced_words(language)
    texts = [text for key, text in list_messages(language) if key not in NAMED_AS_THEY_ARE]
    texts += list_page_texts(language)
    assert [text for text in texts if replaced.search(FOREIGN.sub("", text))] == []
