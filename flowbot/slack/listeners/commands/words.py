"""The words of the commands in all languages, and the nearest one to a slip."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from flowbot.domain.text import normalize_word
from flowbot.i18n.command_words import LanguageWords
from flowbot.slack.listeners.commands.command import Command, TypedWord

HELP: Final = "help"
"""What is meant by no word at all."""
SHOW: Final = "show"
"""What is meant by a bare number."""
_PREFIX_MIN: Final = 3


class Vocabulary:
    """Finds commands by what people type. All words are folded here, once.

    Args:
        commands: the commands, with their English words.
        languages: the words of the other languages. Where two languages share a word, it is of both.
    """

    def __init__(self, commands: Iterable[type[Command[Any]]], languages: Mapping[str, LanguageWords]) -> None:
        self._words: dict[str, TypedWord] = {}
        self._synonyms: dict[str, TypedWord] = {}
        self._translations: dict[tuple[str, str], TypedWord] = {}
        for command in commands:
            self._add(TypedWord(command.word, command.word, ("en",)), command.synonyms)
        for language, words in languages.items():
            for english, own in words.commands.items():
                self._add(TypedWord(english, own.word, (language,)), own.synonyms)

    def _add(self, word: TypedWord, synonyms: Iterable[str]) -> None:
        self._translations[word.command, word.languages[0]] = word
        known = self._words.setdefault(normalize_word(word.text), word)
        if known.languages != word.languages:
            self._words[normalize_word(word.text)] = replace(known, languages=known.languages + word.languages)
        for synonym in synonyms:
            self._synonyms.setdefault(normalize_word(synonym), word)

    def find(self, word: str) -> TypedWord | None:
        """Return the command's word that was typed, help for no word, or None for an unknown one."""
        return self._words.get(normalize_word(word) if word else HELP)

    def find_synonym(self, word: str) -> TypedWord | None:
        """Return the command's word for another word, or several, that people try before they know it."""
        return self._synonyms.get(normalize_word(word))

    def find_near(self, word: str) -> TypedWord | None:
        """Return the command's word for a synonym, or the nearest to a prefix or a typing error."""
        if (near := self.find_synonym(word)) is not None:
            return near
        plain = normalize_word(word)
        completed = [known for known in self._words if len(plain) >= _PREFIX_MIN and known.startswith(plain)]
        close = completed or difflib.get_close_matches(plain, self._words, n=1, cutoff=0.6)
        return self._words[close[0]] if close else None

    def translate(self, command: str, language: str) -> TypedWord:
        """Return a command's word in a language, or the English one where it has none."""
        return self._translations.get((command, language)) or self._translations[command, "en"]
