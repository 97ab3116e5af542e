"""`/flows away`."""

from dataclasses import dataclass

from flowbot.domain.days import read_day
from flowbot.domain.ids import UserId
from flowbot.domain.policy import Permission
from flowbot.domain.text import normalize_word, shorten
from flowbot.domain.when import GIVEN_MAX, TimeRole
from flowbot.errors import UserError
from flowbot.services.ports import Clock
from flowbot.slack.listeners.absence_actions import AbsenceActions
from flowbot.slack.listeners.commands.command import Command, TypedWord
from flowbot.slack.listeners.commands.times import load_time_words
from flowbot.slack.listeners.commands.typed_text import TypedText
from flowbot.slack.runner import Interaction, Reply


@dataclass(frozen=True, slots=True)
class AwayArguments:
    """The last day as it was typed, who stands in, and the command's word for an example."""

    day: str
    stand_in: UserId | None
    verb: str


@dataclass(frozen=True, slots=True)
class AwayCommand(Command[AwayArguments]):
    """Notes that the person is away, and who may approve in their place."""

    absences: AbsenceActions
    clock: Clock

    word = "away"
    synonyms = ("vacation", "holiday", "leave", "absent", "ooo")
    usage = "until DATE [@PERSON]"
    permission = Permission.APPROVE
    is_handled_once = True

    @staticmethod
    def parse(typed: TypedText, word: TypedWord) -> AwayArguments:
        people = [each.person for each in typed.words if each.person is not None]
        if len(people) > 1:
            raise UserError("absence.one_person")
        words = [each for each in typed.words if each.person is None]
        if words and load_time_words().roles.get(normalize_word(words[0].plain)) is TimeRole.UNTIL:
            words = words[1:]
        if (unlinked := next((each for each in words if each.plain.startswith("@")), None)) is not None:
            raise UserError("absence.unlinked_name", given=shorten(unlinked.plain, GIVEN_MAX))
        day = " ".join(each.plain for each in words)
        if not day:
            raise UserError("absence.which_day", verb=word.text)
        return AwayArguments(day, people[0] if people else None, word.text)

    async def handle(self, interaction: Interaction, arguments: AwayArguments, trigger: str) -> Reply:
        today = self.clock().astimezone(interaction.t.zone).date()
        if (last_day := read_day(arguments.day, load_time_words(), today)) is None:
            given = shorten(arguments.day, GIVEN_MAX)
            raise UserError("absence.unclear_day", given=given, verb=arguments.verb)
        return await self.absences.begin(interaction, last_day, arguments.stand_in)
