"""The documents keep what they say: README.md, CHANGELOG.md, .env.example and manifest.yml against the code."""

import re
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import pytest
import yaml
from typer.core import TyperGroup
from typer.main import get_command

from flowbot.cli.main import cli
from flowbot.config import Settings
from flowbot.domain.approval_rule import ApprovalRule
from flowbot.domain.step import StepKind
from flowbot.i18n.command_words import load_command_words
from flowbot.i18n.translator import Translator, Translators
from flowbot.services.history import Format
from flowbot.services.policy_files import parse_book
from flowbot.slack.listeners.commands.catalog import COMMANDS
from flowbot.slack.listeners.commands.parser import CommandParser
from flowbot.slack.manifest import SCOPES, build_manifest, format_manifest
from flowbot.slack.payloads.action_ids import ShortcutId
from flowbot.slack.payloads.events import EVENT_MODELS, STEP_EXECUTED
from tests.readme import replace_table

ROOT: Final = Path(__file__).parent.parent
README: Final = (ROOT / "README.md").read_text(encoding="utf-8")
ENV_EXAMPLE: Final = (ROOT / ".env.example").read_text(encoding="utf-8")
MANIFEST: Final = (ROOT / "manifest.yml").read_text(encoding="utf-8")
CHANGELOG: Final = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

PARSER: Final = CommandParser(COMMANDS)
SETTINGS: Final = tuple(Settings.model_fields)
EXAMPLE: Final = dict(re.findall(r"^#?([A-Z][A-Z_]*)=(.*)$", ENV_EXAMPLE, re.MULTILINE))
LABELS: Final = {
    "Next": "button.next",
    "Previous": "button.previous",
    "Create": "form.create",
    "Save": "form.save",
    "Edit": "button.edit",
    "Duplicate": "button.duplicate",
    "Enable": "button.enable",
    "Disable": "button.disable",
    "Delete": "button.delete",
    "Request approval": "button.request_approval",
    "Approve": "button.approve",
    "Reject": "button.reject",
    "Request changes": "button.request_changes",
    "Comment": "button.comment",
    "Withdraw": "button.withdraw",
    "Restore": "button.restore",
    "Restore this version": "history.restore_version",
    "Stop all": "button.stop_all",
    "Share": "button.share",
    "Show": "button.show",
    "Skip approval": "button.break_glass",
    "Check again": "request.check_again",
    "Ask again": "request.ask_again",
    "Preview": "form.preview",
    "Back": "form.back",
    "Open form": "form.open",
}
"""What people and programs look for on buttons, and where each comes from."""
OUTCOMES: Final = {
    "Approved": "request.approved",
    "Rejected": "request.state_rejected",
    "Withdrawn": "request.state_withdrawn",
    "Expired": "request.state_expired",
    "Out of date": "request.state_out_of_date",
    "Applied": "request.state_applied",
    "Failed": "request.state_failed",
}
FIELDS: Final = {
    "Website": "field.website",
    "Name": "field.name",
    "Title": "field.title",
    "Description": "field.description",
    "URL": "field.url",
    "Image": "field.image",
    "Wait": "field.wait",
    "Wait unit": "field.wait_unit",
    "Segment": "field.segment",
    "Silent": "field.silent",
    "Auto-hide": "field.auto_hide",
    "Time to live": "field.ttl",
    "UTM source": "field.utm_source",
    "UTM medium": "field.utm_medium",
    "UTM campaign": "field.utm_campaign",
    "Reason": "request.reason",
}
PICTURE_MAX: Final = 300_000
"""Bytes: a page that takes long to load is not read."""


def section(heading: str) -> str:
    """Return the text under a heading of the README, up to the next one of any level."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", README, re.MULTILINE | re.DOTALL)
    assert found, f"README.md has no section {heading!r}"
    return found[1]


def table_rows(text: str) -> list[list[str]]:
    """Return the rows of the tables below their heads, as cells."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[1:]]


def fenced_blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def words_in_english() -> Translator:
    return Translators(fixed="en", zone=ZoneInfo("UTC")).for_reader(None)


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
    named = [row[0].strip("`") for row in table_rows(section("Settings"))]
    assert sorted(named) == sorted(name.upper() for name in SETTINGS)


def test_the_example_environment_names_every_setting_and_no_other() -> None:
    assert sorted(EXAMPLE) == sorted(name.upper() for name in SETTINGS)


def test_the_example_environment_can_be_read_before_it_is_filled_in(tmp_path: Path) -> None:
    copy = tmp_path / ".env"
    copy.write_text(ENV_EXAMPLE, encoding="utf-8")
    assert Settings.load(copy) == Settings.load(None)


@pytest.mark.parametrize("document", ["README.md", ".env.example"])
def test_the_documented_defaults_are_the_real_ones(document: str) -> None:
    table = {row[0].strip("`"): row[1].strip("`") for row in table_rows(section("Settings"))}
    said = table if document == "README.md" else EXAMPLE
    for name in ("enkapush_api_url", "enkapush_timezone", "log_level", "log_format", "port", "slack_api_url"):
        assert said[name.upper()].rstrip("/") == str(Settings.model_fields[name].default)
    assert said["DATABASE_URL"] == Settings.model_fields["database_url"].default.get_secret_value()


def test_the_command_table_names_every_command_and_no_other() -> None:
    told = [
        " ".join(takewhile(str.isalpha, re.sub(r"\b[A-Z]+\b", "-", row[0].strip("`")).split()))
        for row in table_rows(section("Commands"))
    ]
    assert sorted(told) == sorted(all_commands())


def test_the_command_table_names_every_format_of_the_audit() -> None:
    (row,) = [row for row in table_rows(section("Commands")) if "audit export" in row[0]]
    (formats,) = re.findall(r"--format ([^\]]+)\]", row[0])
    assert formats.split(r"\|") == [str(form) for form in Format]


def test_the_table_of_commands_is_what_the_code_says() -> None:
    assert replace_table(README) == README, "make readme writes it anew"


def test_the_table_of_commands_names_every_command_in_every_language() -> None:
    table = [row[:-1] for row in table_rows(section("`/flows`"))]
    languages = [{own.word for own in words.commands.values()} for words in load_command_words().values()]
    named = [{re.findall(r"`([^\s`]+)", cell)[-1] for cell in cells} for cells in zip(*table, strict=True)]
    assert named == [{command.word for command in COMMANDS}, *languages]


@pytest.mark.parametrize("row", table_rows(section("`/flows`")), ids=lambda row: str(row[0]))
def test_a_documented_word_and_those_of_other_languages_are_the_same_command(row: list[str]) -> None:
    words = [re.findall(r"`([^\s`]+)", cell)[-1] for cell in row[:-1]]
    assert {PARSER.parse(f"{word} 12").word for word in words} == {words[0]}


@pytest.mark.parametrize(("word", "key"), [*LABELS.items(), *FIELDS.items()])
def test_a_promised_word_is_the_one_that_people_read(word: str, key: str) -> None:
    assert words_in_english()(key) == word


@pytest.mark.parametrize(("word", "key"), OUTCOMES.items())
def test_an_outcome_begins_with_its_promised_word(word: str, key: str) -> None:
    assert words_in_english()(key).startswith(word)


@pytest.mark.parametrize("number", [1, 2])
def test_the_fields_of_a_button_carry_its_number(number: int) -> None:
    t = words_in_english()
    assert t("field.button_title", number=number) == f"Button {number} title"
    assert t("field.button_url", number=number) == f"Button {number} URL"


def test_what_is_not_known_is_called_so() -> None:
    assert "not known" in words_in_english()("request.state_unknown")


def test_the_readme_names_no_button_that_there_is_not() -> None:
    named = {cell for row in table_rows(section("Requests")) for cell in re.findall(r"^`([A-Z][^`]+)`$", row[0])}
    assert named >= {"Approve", "Reject", "Withdraw", "Skip approval", "Ask again", "Check again", "Restore"}
    assert named <= set(LABELS)


def test_the_readme_names_the_buttons_in_turkish_as_they_are() -> None:
    buttons = [[cell.strip("`") for cell in row[:2]] for row in table_rows(section("Requests"))]
    assert len(buttons) == 9
    turkish = Translators(fixed="tr", zone=ZoneInfo("UTC")).for_reader(None)
    assert dict(buttons) == {english: turkish(LABELS[english]) for english, _ in buttons}


def test_the_readme_names_every_outcome() -> None:
    told = {" ".join(word.split()) for word in re.findall(r"\*([A-Z][^*]+)\*", section("Requests"))}
    assert told == set(OUTCOMES) - {"Approved"}


def test_the_sample_policy_is_accepted_and_shows_every_key() -> None:
    (sample,) = fenced_blocks("toml")
    (channel,) = parse_book(sample).channels
    assert channel.model_fields_set == set(type(channel).model_fields)
    # `stages` stand as a comment: beside `approvers` they would be refused.
    staged = re.sub(r"^approvers = .*", "", sample, flags=re.MULTILINE).replace("# stages", "stages")
    written = channel.approval.model_fields_set | parse_book(staged).channels[0].approval.model_fields_set
    assert written == set(type(channel.approval).model_fields)


def test_the_documented_defaults_of_an_approval_are_the_real_ones() -> None:
    (sample,) = fenced_blocks("toml")
    written = parse_book(sample).channels[0].approval
    optional = {"channel", "break_glass", "escalate_after_hours", "escalate_to", "quorum_over"}
    assert written.model_dump(exclude=optional) == ApprovalRule().model_dump(exclude=optional)


def test_the_manifest_is_what_the_command_prints() -> None:
    assert format_manifest(build_manifest("https://flowbot.example.com"), as_json=False) == MANIFEST
    assert yaml.safe_load(MANIFEST)["oauth_config"]["scopes"]["bot"] == list(SCOPES)


def test_every_file_that_the_readme_links_to_exists() -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)\)", README)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_every_make_target_that_the_readme_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE))
    assert named >= {"demo", "test", "lint"}
    assert named <= set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))


def test_every_picture_is_shown_and_light() -> None:
    pictures = sorted((ROOT / "docs").glob("*.png"))
    assert [picture.name for picture in pictures] == [
        "approved.png",
        "chart.png",
        "demo.png",
        "digest.png",
        "form.png",
        "frozen.png",
        "outside.png",
        "scheduled.png",
        "stages.png",
    ]
    for picture in pictures:
        assert f"](docs/{picture.name})" in README
        assert picture.stat().st_size < PICTURE_MAX


def test_every_link_within_the_readme_leads_to_a_heading() -> None:
    headings = re.findall(
        r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", README, flags=re.MULTILINE | re.DOTALL), re.MULTILINE
    )
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    linked = set(re.findall(r"\]\(#([^)]+)\)", README))
    assert linked
    assert linked <= anchors


@pytest.mark.parametrize("url", [None, "https://flowbot.example.com"], ids=["socket", "http"])
def test_the_manifest_asks_for_what_is_listened_to(url: str | None) -> None:
    manifest = build_manifest(url)
    assert manifest["settings"]["event_subscriptions"]["bot_events"] == sorted(EVENT_MODELS.keys() - {STEP_EXECUTED})
    assert manifest["features"]["app_home"]["home_tab_enabled"]
    assert manifest["settings"]["socket_mode_enabled"] is (url is None)
    addresses = re.findall(r"https://\S+/slack/events", format_manifest(manifest, as_json=True))
    assert len(addresses) == (0 if url is None else 4)


@pytest.mark.parametrize("url", [None, "https://flowbot.example.com"], ids=["socket", "http"])
def test_the_steps_are_added_to_the_manifest_and_change_nothing_else(url: str | None) -> None:
    manifest, plain = build_manifest(url, with_steps=True), build_manifest(url)
    functions = manifest.pop("functions")
    assert sorted(functions) == sorted(StepKind)
    assert [function["title"] for function in functions.values()] == ["Create a flow", "Ask to enable a flow"]
    for function in functions.values():
        parameters = function["input_parameters"] | function["output_parameters"]
        assert all(name == parameter["name"] for name, parameter in parameters.items())
        assert {"person", "channel"} <= function["input_parameters"].keys()
    settings, plain_settings = manifest["settings"], plain["settings"]
    assert settings.pop("function_runtime") == "remote"
    assert (settings.pop("org_deploy_enabled"), plain_settings.pop("org_deploy_enabled")) == (True, False)
    settings["event_subscriptions"]["bot_events"].remove(STEP_EXECUTED)
    assert manifest == plain


def test_the_manifest_has_every_shortcut() -> None:
    shortcuts = build_manifest(None)["features"]["shortcuts"]
    assert sorted(shortcut["callback_id"] for shortcut in shortcuts) == sorted(ShortcutId)


def test_the_changelog_names_every_command_of_the_shell_and_no_unknown_word() -> None:
    unreleased = CHANGELOG.split("## [Unreleased]", 1)[1]
    words = set(re.findall(r"[a-z]+", unreleased))
    assert set(re.findall(r"`/flows ([a-z]+)", unreleased)) <= {command.word for command in COMMANDS}
    assert {part for command in all_commands() for part in command.split()} <= words


def test_platforms_install_the_versions_that_were_tried() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["-c constraints.txt", "."]
    assert "pip install -r requirements.txt" in README
