"""The documents keep what they say: README.md, .env.example and manifest.yml against the code."""

import re
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Final

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from flowbot.checks import SCOPES
from flowbot.cli import cli
from flowbot.errors import UserError
from flowbot.services.policies import parse_book
from flowbot.settings import Settings
from flowbot.slack import grammar

ROOT: Final = Path(__file__).parent.parent
README: Final = (ROOT / "README.md").read_text(encoding="utf-8")
ENV_EXAMPLE: Final = (ROOT / ".env.example").read_text(encoding="utf-8")
MANIFEST: Final = (ROOT / "manifest.yml").read_text(encoding="utf-8")

SETTINGS: Final = tuple(Settings.model_fields)
EXAMPLE: Final = dict(re.findall(r"^#?([A-Z][A-Z_]*)=(.*)$", ENV_EXAMPLE, re.MULTILINE))
ARGUMENTS: Final = {"show": " 12"}


def section(heading: str) -> str:
    """What stands under a heading of the README, up to the next one of any level."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", README, re.MULTILINE | re.DOTALL)
    assert found, f"README.md has no section {heading!r}"
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The tables' rows below their heads, as cells."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[1:]]


def fenced(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def documented_words() -> list[str]:
    """The words of `/flows` that the README promises, in both languages."""
    cells = [cell for row in rows(section("`/flows`")) for cell in row[:2]]
    return [code.split()[0] for cell in cells for code in re.findall(r"`([^`]+)`", cell)]


def words_of_later_versions() -> list[str]:
    return re.findall(r"`(\w+)`", section("What comes later"))


def commands(group: TyperGroup, prefix: str = "flowbot") -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}"


def all_commands() -> list[str]:
    group = get_command(cli)
    assert isinstance(group, TyperGroup)
    return list(commands(group))


def test_the_settings_table_names_every_setting_and_no_other() -> None:
    named = [row[0].strip("`") for row in rows(section("Settings"))]
    assert sorted(named) == sorted(name.upper() for name in SETTINGS)


def test_the_example_environment_names_every_setting_and_no_other() -> None:
    assert sorted(EXAMPLE) == sorted(name.upper() for name in SETTINGS)


def test_the_example_environment_can_be_read_before_it_is_filled_in(tmp_path: Path) -> None:
    copy = tmp_path / ".env"
    copy.write_text(ENV_EXAMPLE, encoding="utf-8")
    assert Settings.load(copy) == Settings.load(None)


@pytest.mark.parametrize("document", ["README.md", ".env.example"])
def test_the_documented_defaults_are_the_real_ones(document: str) -> None:
    table = {row[0].strip("`"): row[1].strip("`") for row in rows(section("Settings"))}
    said = table if document == "README.md" else EXAMPLE
    for name in ("enkapush_api_url", "enkapush_timezone", "log_level", "log_format", "port", "slack_api_url"):
        assert said[name.upper()].rstrip("/") == str(Settings.model_fields[name].default)
    assert said["DATABASE_URL"] == Settings.model_fields["database_url"].default.get_secret_value()


def test_the_command_table_names_every_command_and_no_other() -> None:
    told = [
        " ".join(takewhile(str.isalpha, re.sub(r"\b[A-Z]+\b", "-", row[0].strip("`")).split()))
        for row in rows(section("Commands"))
    ]
    assert sorted(told) == sorted(all_commands())


@pytest.mark.parametrize("word", documented_words())
def test_a_documented_word_is_a_command(word: str) -> None:
    english = str(grammar.TURKISH.get(word, word))
    command = grammar.parse(word + ARGUMENTS.get(english, ""))
    assert type(command).__name__.lower() == english


@pytest.mark.parametrize("word", words_of_later_versions())
def test_a_word_of_a_later_version_is_answered_so(word: str) -> None:
    with pytest.raises(UserError) as refused:
        grammar.parse(word)
    assert refused.value.key == "command.later"


def test_no_word_is_left_out() -> None:
    assert {*documented_words(), *words_of_later_versions()} == {*grammar.Verb, *grammar.Later, *grammar.TURKISH}


def test_the_sample_policy_is_accepted_and_shows_every_key() -> None:
    (sample,) = fenced("toml")
    (channel,) = parse_book(sample).channels
    assert channel.model_fields_set == set(type(channel).model_fields)
    assert channel.approval.model_fields_set == set(type(channel.approval).model_fields)


def test_the_manifest_asks_for_the_scopes_that_are_checked() -> None:
    block = re.search(r"^    bot:\n((?:      - .+\n)+)", MANIFEST, re.MULTILINE)
    assert block
    asked = re.findall(r"- (\S+)", block[1])
    assert sorted(asked) == sorted(SCOPES)


def test_every_file_that_the_readme_links_to_exists() -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)\)", README)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_every_make_target_that_the_readme_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", README, re.MULTILINE))
    assert named >= {"demo", "test", "lint"}
    assert named <= set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
