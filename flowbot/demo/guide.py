"""The guide of the demo's page: what newcomers are told, and the commands that they can type."""

import tomllib
from importlib.resources import files
from zoneinfo import ZoneInfo

from flowbot.i18n.languages import LANGUAGES
from flowbot.i18n.translator import Translators
from flowbot.sandbox.slack import Guide
from flowbot.slack.listeners.commands.reference import describe_commands


def build_guide() -> Guide:
    """Return the guide in each language that has one in `guides/`. The page speaks English in the others."""
    found = {language: files(__package__).joinpath("guides", f"{language}.toml") for language in LANGUAGES}
    guides = {}
    for language, file in found.items():
        if file.is_file():
            t = Translators(fixed=language, zone=ZoneInfo("UTC")).for_reader(None)
            commands = [
                {"word": each.word, "arguments": each.usage, "says": each.purpose} for each in describe_commands(t)
            ]
            guides[language] = tomllib.loads(file.read_text(encoding="utf-8")) | {"commands": commands}
    return Guide.model_validate(guides)
