"""`/flows list`."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from flowbot.domain.policy import Permission
from flowbot.domain.search import FlowQuery, SortOrder
from flowbot.domain.text import DOUBLE_QUOTES, SINGLE_QUOTES, normalize_word, plain_number, shorten, simplify
from flowbot.errors import UserError
from flowbot.i18n.command_words import FilterWords, load_command_words
from flowbot.services.flow_queries import FlowQueries, ListRequest
from flowbot.services.ports import Clock
from flowbot.slack.listeners.commands.command import Command, TypedWord
from flowbot.slack.listeners.commands.typed_text import TypedText
from flowbot.slack.runner import Interaction, Reply
from flowbot.slack.views.flow_list import flow_list_message

ENGLISH: Final = FilterWords(
    enabled="enabled",
    disabled="disabled",
    all="all",
    website="website",
    page="page",
    sort="sort",
    orders={order: order for order in SortOrder},
)
"""Understood in any language, with the words of the command's own."""


@dataclass(frozen=True, slots=True)
class ListCommand(Command[ListRequest]):
    """Lists the flows of the channel."""

    flow_queries: FlowQueries
    clock: Clock

    word = "list"
    synonyms = ("find", "search", "all")
    usage = "[WORDS…] [enabled|disabled] [website:NAME_OR_ID] [sort:new|name|sent|best|worst] [page:N]"
    permission = Permission.VIEW

    @staticmethod
    def parse(typed: TypedText, word: TypedWord) -> ListRequest:
        filters, builder = _load_filters(), _ListBuilder(_load_states(word.languages))
        for token in filters.token.finditer(simplify(shown := typed.plain)):
            kind = token.lastgroup or "word"
            content = shown[slice(*token.span(kind))]
            if token["key"]:
                filters.setters[normalize_word(token["key"])](builder, content.strip())
            elif kind == "word":
                builder.add_word(content)
                continue
            elif content.strip():
                builder.words += (content,)
            builder.before = ""
        query = FlowQuery(builder.words, builder.is_enabled, order=builder.order)
        return ListRequest(query, builder.website, builder.website_at, builder.page)

    async def handle(self, interaction: Interaction, arguments: ListRequest, trigger: str) -> Reply:
        channel = interaction.target.require_channel()
        flows = await self.flow_queries.list_flows(interaction.user, channel, arguments)
        return Reply(flow_list_message(flows, interaction.t, self.clock()))


@dataclass(slots=True)
class _ListBuilder:
    """A list request while it is read word by word; the last of two values counts.

    Attributes:
        before: The word right before the next one, since a state may have two; none where it is quoted.
    """

    states: Mapping[str, bool]
    before: str = ""
    words: tuple[str, ...] = ()
    is_enabled: bool | None = None
    website: str | None = None
    website_at: int = 0
    order: SortOrder = SortOrder.NEW
    page: int = 1

    def add_word(self, word: str) -> None:
        pair, self.before = f"{self.before} {word}", word
        if (state := self.states.get(normalize_word(pair))) is not None:
            self.words, self.is_enabled = self.words[:-1], state
        elif (state := self.states.get(normalize_word(word))) is None:
            # An opening quote without a closing one is no part of the word.
            self.words += (word.lstrip(SINGLE_QUOTES + DOUBLE_QUOTES) or word,)
        else:
            self.is_enabled = state

    def set_website(self, value: str) -> None:
        if not value:
            raise UserError("list.which_website")
        self.website = value
        self.website_at = len(self.words)

    def set_page(self, value: str) -> None:
        number = plain_number(value)
        if not re.fullmatch(r"[0-9]{1,9}", number, re.ASCII):
            raise UserError("list.bad_page", given=shorten(value, 40))
        self.page = int(number)

    def set_order(self, value: str) -> None:
        order = _load_orders().get(normalize_word(value))
        if order is None:
            raise UserError("list.bad_order", given=shorten(value, 40))
        self.order = order


@dataclass(frozen=True, slots=True)
class _Filters:
    """The pattern of a list's words, and what is set by the keys before a colon."""

    token: re.Pattern[str]
    setters: Mapping[str, Callable[[_ListBuilder, str], None]]


@cache
def _load_filters() -> _Filters:
    """Return the keys of all languages: each is understood in any of them."""
    setters = {
        key: setter
        for words in load_filter_words()
        for key, setter in (
            (words.website, _ListBuilder.set_website),
            (words.page, _ListBuilder.set_page),
            (words.sort, _ListBuilder.set_order),
        )
    }
    keys = "|".join(map(re.escape, setters))
    # A single quote ends a word's quotes at its end alone: within, it is an apostrophe.
    token = re.compile(
        rf"""(?P<key>{keys}):(?:"(?P<value_1>[^"]*)"|'(?P<value_2>.*?)'(?!\S)|(?P<value_3>\S*))"""
        rf"""|"(?P<quoted_1>[^"]+)"|'(?P<quoted_2>.+?)'(?!\S)|(?P<word>\S+)""",
        re.IGNORECASE,
    )
    return _Filters(token, {normalize_word(key): setter for key, setter in setters.items()})


def load_filter_words() -> tuple[FilterWords, ...]:
    """Return the words of a list's filter in all languages, each of which is understood in any of them."""
    return (ENGLISH, *(words.filter for words in load_command_words().values()))


@cache
def _load_orders() -> Mapping[str, SortOrder]:
    """Return the words of the orders in all languages."""
    words = (each.orders.items() for each in load_filter_words())
    return {normalize_word(own): SortOrder(english) for orders in words for english, own in orders}


@cache
def _load_states(languages: tuple[str, ...]) -> Mapping[str, bool]:
    """Return the words of the two states in these languages and in English."""
    words = load_command_words()
    filters = (ENGLISH, *(words[language].filter for language in languages if language in words))
    return {
        normalize_word(word): state
        for each in filters
        for state, words_of_state in ((True, (each.enabled,)), (False, (each.disabled, *each.disabled_synonyms)))
        for word in words_of_state
    }
