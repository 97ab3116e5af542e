"""The part of the README that is made from the code: `make readme` writes its table of commands anew."""

import re
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale

from flowbot.i18n.languages import LANGUAGES
from flowbot.i18n.translator import Translators
from flowbot.slack.listeners.commands.reference import CommandDescription, describe_commands
from flowbot.slack.listeners.commands.words import HELP

README: Final = Path(__file__).parent.parent / "README.md"
HEADING: Final = "## `/flows`\n\n"


def make_table() -> str:
    """Return the table of the commands: English words and usage, the other languages' words, what each does."""
    others = [language for language in LANGUAGES if language != "en"]
    names = [Locale(language).get_display_name("en") or language for language in others]
    rows = [["text", *names, "does"]]
    for english, *translated in zip(*map(describe, ("en", *others)), strict=True):
        text = f"`{english.word} {english.usage}".rstrip().replace("|", r"\|") + "`"
        if english.word == HELP:
            text = f"(nothing), {text}"
        rows.append([text, *(f"`{other.word}`" for other in translated), english.purpose])
    head, *lines = [f"| {' | '.join(cells)} |\n" for cells in rows]
    return "".join([head, f"{'|---' * len(rows[0])}|\n", *lines])


def describe(language: str) -> tuple[CommandDescription, ...]:
    """Describe the commands in a language."""
    return describe_commands(Translators(fixed=language, zone=ZoneInfo("UTC")).for_reader(None))


def replace_table(text: str) -> str:
    """Return the README's text with the table as the code has it."""
    return re.sub(rf"(?<={re.escape(HEADING)})(\|.*\n)+", lambda _: make_table(), text)


if __name__ == "__main__":
    README.write_text(replace_table(README.read_text(encoding="utf-8")), encoding="utf-8")
