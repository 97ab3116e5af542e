"""Words for people, in English and Turkish, and their forms of numbers, rates, spans and times."""

from flowbot.locales.translator import Locales, Translator

__all__ = ["Locales", "Translator"]
