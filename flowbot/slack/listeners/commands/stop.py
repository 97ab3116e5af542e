"""`/flows stop`."""

import re
from dataclasses import dataclass
from functools import cache

from flowbot.domain.policy import Permission
from flowbot.domain.text import normalize_word, simplify
from flowbot.errors import UserError
from flowbot.slack.api.references import ReferenceNames
from flowbot.slack.listeners.commands.command import Command, TypedWord
from flowbot.slack.listeners.commands.list import load_filter_words
from flowbot.slack.listeners.commands.typed_text import TypedText
from flowbot.slack.listeners.stop_actions import StopActions
from flowbot.slack.runner import Interaction, Reply


@dataclass(frozen=True, slots=True)
class StopArguments:
    """Which flows to stop, and what follows: the reason, perhaps after the rest of the website's name.

    Attributes:
        website: As it was typed; None for all.
    """

    website: str | None
    rest: TypedText


@dataclass(frozen=True, slots=True)
class StopCommand(Command[StopArguments]):
    """Asks whether to disable all live flows of a website or of the channel."""

    stops: StopActions
    names: ReferenceNames

    word = "stop"
    synonyms = ("stopall", "halt")
    usage = "website:NAME_OR_ID|all [REASON…]"
    permission = Permission.EDIT

    @staticmethod
    def parse(typed: TypedText, word: TypedWord) -> StopArguments:
        first, rest = typed.split_first()
        if normalize_word(first.plain) in _load_all_words():
            return StopArguments(None, rest)
        if (found := _website_pattern().match(simplify(plain := typed.plain))) is not None:
            website = plain[slice(*found.span(found.lastgroup or 0))].strip()
            if not website:
                raise UserError("list.which_website")
            return StopArguments(website, typed.without_words(0, len(found[0].split())))
        if first.number is not None:
            raise UserError("stop_all.one_flow", id=first.number)
        raise UserError("stop_all.which", verb=word.text)

    async def handle(self, interaction: Interaction, arguments: StopArguments, trigger: str) -> Reply:
        names = await self.names.find(arguments.rest.references)
        rest = arguments.rest
        if arguments.website is None:
            return await self.stops.ask(interaction, None, rest.describe(names))
        words = [each.plain for each in rest.words]
        website, taken = await self.stops.find_website(interaction, arguments.website, words)
        reason = rest.without_words(0, taken) if taken else rest
        return await self.stops.ask(interaction, website, reason.describe(names))


@cache
def _load_all_words() -> frozenset[str]:
    """Return the words for all flows, of all languages."""
    return frozenset(normalize_word(words.all) for words in load_filter_words())


@cache
def _website_pattern() -> re.Pattern[str]:
    """Return the pattern of a website at the beginning, in quotes or a word, after the keys of all languages."""
    key = "|".join(re.escape(words.website) for words in load_filter_words())
    return re.compile(
        rf"""(?:{key}):(?:"(?P<value_1>[^"]*)"|'(?P<value_2>.*?)'(?!\S)|(?P<value_3>\S*))""", re.IGNORECASE
    )
