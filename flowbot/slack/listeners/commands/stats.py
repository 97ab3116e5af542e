"""`/flows stats`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from flowbot.domain.figures import Period
from flowbot.domain.ids import FlowId
from flowbot.domain.policy import Permission
from flowbot.domain.text import normalize_word, shorten
from flowbot.errors import UserError
from flowbot.i18n.command_words import load_command_words
from flowbot.services.flow_statistics import StatisticsRequest, StatisticsService
from flowbot.services.ports import Clock
from flowbot.slack.listeners.commands.command import Command, TypedWord
from flowbot.slack.listeners.commands.parser import parse_flow_id
from flowbot.slack.listeners.commands.typed_text import TypedText
from flowbot.slack.runner import Interaction, Reply
from flowbot.slack.views.statistics import statistics_message


@dataclass(frozen=True, slots=True)
class StatsCommand(Command[StatisticsRequest]):
    """Shows what flows sent and what came of it, by day."""

    statistics: StatisticsService
    clock: Clock

    word = "stats"
    synonyms = ("statistics", "figures", "report", "chart")
    usage = "[ID] [7d|30d|90d]"
    permission = Permission.VIEW

    @staticmethod
    def parse(typed: TypedText, word: TypedWord) -> StatisticsRequest:
        flow: FlowId | None = None
        period = Period.WEEK
        for each in typed.words:
            if (found := _load_periods().get(normalize_word(each.plain))) is not None:
                period = found
            elif re.match(r"\d+\D", each.plain):
                raise UserError("stats.bad_period", given=shorten(each.text, 40))
            else:
                flow = parse_flow_id(each, word)
        return StatisticsRequest(flow, period)

    async def handle(self, interaction: Interaction, arguments: StatisticsRequest, trigger: str) -> Reply:
        channel = interaction.target.require_channel()
        found = await self.statistics.make(interaction.user, channel, arguments)
        return Reply(statistics_message(found, interaction.t, self.clock()))


@cache
def _load_periods() -> Mapping[str, Period]:
    """Return the words of the periods in all languages: each is understood in any of them."""
    marks = ("d", *(words.day_mark for words in load_command_words().values()))
    return {normalize_word(f"{int(period)}{mark}"): period for period in Period for mark in marks}
