"""Absences: the answers about a person's own, what a stand-in is told, and the part of the Home tab."""

from collections.abc import Sequence

from flowbot.domain.absences import Absence
from flowbot.domain.ids import UserId
from flowbot.i18n.translator import Translator
from flowbot.services.absences import NewAbsence, PersonAbsences
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.views import block_kit
from flowbot.slack.views.block_kit import Block, Element
from flowbot.slack.views.message import Message
from flowbot.slack.views.sentences import list_elements, sentence_elements
from flowbot.slack.views.times import zone_blocks


def away_message(new: NewAbsence, untold: Sequence[UserId], timezone: str | None, t: Translator) -> Message:
    """Build the answer to a person who is away from now on: until when, who may approve, and how to end it.

    Args:
        new: the absence.
        untold: those who could not be told of it.
        timezone: the person's zone, as Slack says it; None where it does not.
        t: the person's words.
    """
    blocks = [block_kit.rich_paragraph(*_own_elements(new.absence, t))]
    if new.without_stand_ins:
        channels = {str(channel): [block_kit.channel_element(channel)] for channel in new.without_stand_ins}
        excepted = sentence_elements(t, "absence.not_in", {"channels": list_elements(channels, t)})
        blocks.append(block_kit.rich_paragraph(*excepted))
    end = [block_kit.context(t("absence.how_to_end")), block_kit.actions(_back_button(t))]
    return Message((*blocks, *untold_blocks(untold, t), *end, *zone_blocks(timezone, t)))


def back_message(ended: Absence, untold: Sequence[UserId], t: Translator) -> Message:
    """Build the answer to a person who is back."""
    if ended.stand_in is None:
        return Message((block_kit.paragraph(t("absence.ended")),))
    line = sentence_elements(t, "absence.ended_with", _person(ended.stand_in))
    return Message((block_kit.rich_paragraph(*line), *untold_blocks(untold, t)))


def untold_blocks(people: Sequence[UserId], t: Translator) -> list[Block]:
    """Build the remark that people could not be told of an absence; nothing where all were."""
    named = list_elements({str(user): [block_kit.user_element(user)] for user in people}, t)
    return [block_kit.rich_paragraph(*sentence_elements(t, "absence.untold", {"people": named}))] if people else []


def stand_in_message(absence: Absence, t: Translator) -> Message:
    """Build the message to who stands in for somebody from now on."""
    return Message((block_kit.rich_paragraph(*_stand_in_elements(absence, "absence.stand_in", t)),))


def stand_in_ended_message(person: UserId, t: Translator, *, is_back: bool) -> Message:
    """Build the message to who stands in for a person no more: that one is back, or has chosen otherwise."""
    key = "absence.stand_in_ended" if is_back else "absence.stand_in_replaced"
    return Message((block_kit.rich_paragraph(*sentence_elements(t, key, _person(person))),))


def absence_blocks(absences: PersonAbsences, t: Translator, *, may_approve: bool) -> list[Block]:
    """Build the part of the Home tab: for whom the reader stands in, and their own absence or the way to it.

    Args:
        absences: what absences mean for the reader.
        t: the reader's words.
        may_approve: whether the reader may approve anywhere: only then they are offered to be away.
    """
    lines = [_stand_in_elements(each, "absence.home_stand_in", t) for each in absences.stands_in]
    if absences.own is not None:
        lines.insert(0, _own_elements(absences.own, t))
        buttons = [_back_button(t)]
    else:
        buttons = [block_kit.button(t("button.away"), ActionId.ABSENCE_OPEN, "away")] if may_approve else []
    return [
        *([block_kit.header(t("absence.title"))] if lines else ()),
        *(block_kit.rich_paragraph(*line) for line in lines),
        *([block_kit.actions(*buttons)] if buttons else ()),
    ]


def _own_elements(absence: Absence, t: Translator) -> list[Element]:
    day = t.format_day(absence.find_last_day(t.zone))
    if absence.stand_in is None:
        return [block_kit.text_element(t("absence.begun_alone", day=day))]
    return sentence_elements(t, "absence.begun", _person(absence.stand_in), day=day)


def _stand_in_elements(absence: Absence, key: str, t: Translator) -> list[Element]:
    return sentence_elements(t, key, _person(absence.person), day=t.format_day(absence.find_last_day(t.zone)))


def _person(user: UserId) -> dict[str, list[Element]]:
    return {"person": [block_kit.user_element(user)]}


def _back_button(t: Translator) -> Element:
    return block_kit.button(t("button.back"), ActionId.ABSENCE_END, "back")
