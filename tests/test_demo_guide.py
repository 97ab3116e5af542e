"""The demo's guide: what its page tells newcomers is true of the demo."""

import re
from importlib.resources import files
from pathlib import Path
from typing import Final

import pytest

from flowbot.demo.guide import build_guide
from flowbot.domain.text import fold
from flowbot.i18n.command_words import load_command_words
from flowbot.sandbox.enkapush.seeds import seed_flows
from flowbot.sandbox.slack import build_demo_workspace
from flowbot.services.flow_queries import ListRequest
from flowbot.services.ports import utc_now
from flowbot.slack.listeners.commands.catalog import COMMANDS
from flowbot.slack.listeners.commands.parser import CommandParser
from flowbot.slack.manifest import build_manifest

GUIDE: Final = build_guide().root
TEXT: Final = "\n".join(file.read_text(encoding="utf-8") for file in files("flowbot.demo").joinpath("guides").iterdir())
PARSER: Final = CommandParser(COMMANDS)
OWN_WORDS: Final = {"en": {command.word for command in COMMANDS}} | {
    language: {own.word for own in words.commands.values()} for language, words in load_command_words().items()
}


def test_it_is_told_in_each_language_for_the_same_channels() -> None:
    assert {"en", "tr"} <= set(GUIDE)
    for guide in GUIDE.values():
        assert set(guide.cards) == set(build_demo_workspace().channels)


@pytest.mark.parametrize("language", GUIDE)
def test_it_names_every_word_of_the_command_and_no_other(language: str) -> None:
    assert {command.word for command in GUIDE[language].commands} == OWN_WORDS[language]


@pytest.mark.parametrize("language", GUIDE)
def test_it_says_what_each_command_does_in_one_line(language: str) -> None:
    for command in GUIDE[language].commands:
        assert command.says
        assert not re.search(r"/flows|\d|\n", command.says)


@pytest.mark.parametrize("language", GUIDE)
def test_what_it_offers_is_understood(language: str) -> None:
    guide = GUIDE[language]
    offered = [each.text for card in guide.cards.values() for each in card.tries]
    for text in (*offered, *guide.chips, guide.help):
        command, word, *rest = text.split(" ", 2)
        assert command == guide.command
        assert word in OWN_WORDS[language]
        assert PARSER.parse(" ".join([word, *rest])).mistake is None


@pytest.mark.parametrize("language", GUIDE)
def test_whom_it_names_is_there(language: str) -> None:
    workspace, guide = build_demo_workspace(), GUIDE[language]
    assert workspace.people[guide.start_as].locale
    for door in (door for card in guide.cards.values() for door in card.doors):
        assert door.person in workspace.channels[door.channel].members
        assert workspace.people[door.person].real_name.split()[0] in door.label


def test_the_readmes_search_finds_something_in_the_demo() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    (typed,) = re.findall(r'`(list "[^"`]+")`', readme)
    wanted = PARSER.parse(typed).arguments
    assert isinstance(wanted, ListRequest)
    texts = [fold(f"{flow.name}\n{flow.title}\n{flow.description}") for flow in seed_flows(utc_now())]
    assert any(all(fold(word) in text for word in wanted.query.words) for text in texts)


def test_the_flows_that_it_would_enable_are_disabled() -> None:
    flows = {flow.id: flow for flow in seed_flows(utc_now())}
    named = {int(number) for number in re.findall(r"/flows (?:enable|etkinleştir) (\d+)", TEXT)}
    assert named
    assert not any(flows[number].is_enabled for number in named)


@pytest.mark.parametrize("language", GUIDE)
def test_its_workflows_fill_the_steps_of_the_manifest(language: str) -> None:
    functions = build_manifest(None, with_steps=True)["functions"]
    steps = {each.callback_id: each for each in GUIDE[language].steps}
    assert steps.keys() == functions.keys()
    for callback_id, step in steps.items():
        known = functions[callback_id]["input_parameters"]
        required = {name for name, parameter in known.items() if parameter["is_required"]}
        assert required <= {"person", *step.inputs} <= known.keys()
