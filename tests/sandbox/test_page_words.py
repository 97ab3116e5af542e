"""The words of the stand-in's page: nothing asked for is missing, nothing is said in one language alone."""

import re
from typing import Final

import pytest

from flowbot.sandbox.slack.page_api.routes import PAGE_FOLDER

ENTRY: Final = re.compile(r"^  '?([a-z._]+)'?: '(.+)',$", re.MULTILINE)
MODULES: Final = {path.name: path.read_text(encoding="utf-8") for path in PAGE_FOLDER.glob("*.js")}
INDEX: Final = (PAGE_FOLDER / "index.html").read_text(encoding="utf-8")
WORDS: Final = {
    name.removesuffix(".js").removeprefix("words_"): dict(ENTRY.findall(text))
    for name, text in MODULES.items()
    if name.startswith("words_")
}
ENGLISH: Final = WORDS["en"]


def holes(text: str) -> set[str]:
    return set(re.findall(r"\{\w+\}", text))


def asked_for() -> set[str]:
    static = re.findall(r'data-t(?:-label)?="([^"]+)"', INDEX)
    spoken = [key for text in MODULES.values() for key in re.findall(r"\bt\('([a-z._]+)'", text)]
    counted = [key for text in MODULES.values() for key in re.findall(r"\bcounted\('([a-z._]+)'", text)]
    return {*static, *spoken, *counted, *(f"{key}_one" for key in counted)}


@pytest.mark.parametrize("language", WORDS)
def test_all_languages_say_the_same_things(language: str) -> None:
    expected = {key: holes(text) for key, text in ENGLISH.items()}
    assert {key: holes(text) for key, text in WORDS[language].items()} == expected


def test_the_page_asks_for_no_word_that_there_is_not() -> None:
    assert len(asked_for()) > 80
    assert asked_for() <= set(ENGLISH)


def test_every_error_that_has_a_code_has_words() -> None:
    (codes,) = re.findall(r"const CODES = new Set\(\[(.+?)\]\)", MODULES["api.js"], re.DOTALL)
    assert {f"error.{code}" for code in re.findall(r"'(\w+)'", codes)} <= set(ENGLISH)


def test_the_page_knows_nothing_of_the_app_that_is_shown_on_it() -> None:
    assert [name for name, text in MODULES.items() if "/flows" in text or "flowbot" in text.lower()] == []
    assert "flow" not in INDEX.lower()
