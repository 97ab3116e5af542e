"""What became of a pending request's rules since it was requested."""

from typing import Final

from flowbot.domain.approval_rule import Principal
from flowbot.domain.ids import ChannelId, GroupId, UserId
from flowbot.i18n.translator import Translator
from flowbot.services.request_details import RequestDetails
from flowbot.slack.views import block_kit, sentences
from flowbot.slack.views.block_kit import Element
from flowbot.slack.views.people import People
from flowbot.slack.views.sentences import sentence_elements

RIGHT_KEYS: Final = (
    "request.rules_approve",
    "request.rules_not_approve",
    "request.rules_skip",
    "request.rules_not_skip",
)
"""The sentences of `ChangedRights`, in its order."""


def rules_changed_elements(
    details: RequestDetails, t: Translator, people: People, *, names_groups: bool
) -> list[Element]:
    """Build the line that says what changed; nothing where the rules are as they were.

    Args:
        details: the request.
        t: the words of those who read it.
        people: how people are written.
        names_groups: whether groups are named, which notifies them where a message is new.
    """
    first, terms, channel = details.change.progress.first_terms, details.terms, details.change.request.channel
    if first is None:
        return []
    parts = []
    if terms.covers_website:
        for key, entries in zip(RIGHT_KEYS, details.changed_rights, strict=True):
            named = {
                str(number): _name(entry, channel, people, t)
                for number, entry in enumerate(entries)
                if names_groups or not isinstance(entry, GroupId)
            }
            if named:
                parts.append(sentence_elements(t, key, {"people": sentences.list_elements(named, t)}))
        for key, has_changed in (
            ("request.rules_stages", terms.stages != first.stages),
            ("request.rules_no_stand_ins", terms.stand_ins != first.stand_ins),
            ("request.rules_quorum_over", terms.quorum_over != first.quorum_over),
        ):
            if has_changed:
                parts.append([block_kit.text_element(t(key))])
        if terms.quorum != first.quorum:
            parts.append([block_kit.text_element(t("request.rules_quorum", n=terms.quorum, before=first.quorum))])
        if terms.self_approval != first.self_approval:
            parts.append([block_kit.text_element(t("request.rules_not_own"))])
    else:
        place = {"channel": [block_kit.channel_element(channel)]}
        parts.append(sentence_elements(t, "request.rules_no_website", place))
    line = [block_kit.text_element(t("request.rules_changed"), bold=True)]
    for number, part in enumerate(parts):
        line += [block_kit.text_element(" · " if number else ": "), *part]
    return line


def _name(entry: Principal, channel: ChannelId, people: People, t: Translator) -> list[Element]:
    match entry:
        case UserId():
            return [people.element(entry)]
        case GroupId():
            return [block_kit.group_element(entry)]
        case _:
            return sentence_elements(t, "denied.people_in", {"channel": [block_kit.channel_element(channel)]})
