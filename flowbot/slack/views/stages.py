"""The stages of a request: which approved, which waits, and which come."""

from typing import Final

from flowbot.domain.approval_rule import Principal
from flowbot.domain.ids import GroupId, UserId
from flowbot.domain.votes import approvals_in, list_deciders
from flowbot.i18n.translator import Translator
from flowbot.services.request_details import RequestDetails
from flowbot.slack.views import block_kit, sentences
from flowbot.slack.views.block_kit import Element
from flowbot.slack.views.people import People
from flowbot.slack.views.sentences import sentence_elements

DONE: Final = "✅"
WAITING: Final = "⏳"
TO_COME: Final = "◻️"


def stage_lines(details: RequestDetails, t: Translator, people: People, *, names_groups: bool) -> list[list[Element]]:
    """Build a line a stage of a pending request: who approves, how many have to, and who did.

    Args:
        details: the request.
        t: the words of those who read it.
        people: how people are written.
        names_groups: whether groups are mentioned, which notifies them where a message is new; else by their names.
    """
    policy, current, lines = details.policy, details.stage, list[list[Element]]()
    if policy is None or current is None:
        return lines
    for stage, (entries, quorum) in enumerate(zip(policy.stages, details.quorums, strict=False)):
        given = list_deciders(approvals_in(details.votes, stage))
        mark = DONE if stage < current else WAITING if stage == current else TO_COME
        number = block_kit.text_element(f"{mark} {t('stage.number', n=stage + 1)}", bold=stage == current)
        named = principal_elements(entries, details, t, people, names_groups=names_groups)
        progress = t("request.progress", given=len(given), n=quorum) if stage <= current else t("stage.to_come")
        line = [number, *([block_kit.text_element(": "), *named] if named else []), block_kit.text_element(" · ")]
        line.append(block_kit.text_element(progress))
        lines.append([*line, block_kit.text_element(": "), *people.deciders(given, t)] if given else line)
    return lines


def principal_elements(
    entries: tuple[Principal, ...], details: RequestDetails, t: Translator, people: People, *, names_groups: bool
) -> list[Element]:
    """Build those who approve in a stage; a group whose name is not known is left out where it would be notified."""
    named: dict[str, list[Element]] = {}
    for number, entry in enumerate(entries):
        if isinstance(entry, UserId):
            named[str(number)] = [people.element(entry)]
        elif not isinstance(entry, GroupId):
            place = [block_kit.channel_element(details.change.request.channel)]
            named[str(number)] = sentence_elements(t, "denied.people_in", {"channel": place})
        elif names_groups:
            named[str(number)] = [block_kit.group_element(entry)]
        elif entry in people.groups:
            named[str(number)] = [block_kit.text_element(people.groups[entry])]
    return sentences.list_elements(named, t)
