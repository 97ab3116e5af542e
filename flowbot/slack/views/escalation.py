"""The escalation of a request: who may decide, too, and since when."""

from datetime import datetime

from flowbot.domain.approval_rule import NotifyMode
from flowbot.i18n.translator import Translator
from flowbot.services.request_details import RequestDetails
from flowbot.slack.views import block_kit, headlines, request_blocks
from flowbot.slack.views.block_kit import Element
from flowbot.slack.views.message import Message
from flowbot.slack.views.people import People
from flowbot.slack.views.sentences import sentence_elements
from flowbot.slack.views.stages import principal_elements


def escalation_elements(details: RequestDetails, t: Translator, people: People, *, names_groups: bool) -> list[Element]:
    """Build since when who else may decide on a pending request; nothing where nobody else may.

    Args:
        details: the request.
        t: the words of those who read it.
        people: how people are written.
        names_groups: whether groups are mentioned, which notifies them where a message is new; else by their names.
    """
    since = details.change.progress.escalated_at
    entries = details.policy.approval.escalate_to if details.policy else ()
    named = principal_elements(entries, details, t, people, names_groups=names_groups)
    if since is None or not named:
        return []
    when = [block_kit.date_element(since, t.format_datetime(since))]
    return sentence_elements(t, "escalation.since", {"when": when, "people": named})


def escalation_message(
    details: RequestDetails, t: Translator, now: datetime, people: People, *, mentions: bool
) -> Message:
    """Build the call of those who may decide, too, under the request's message.

    Args:
        details: the request.
        t: the words of those who read it.
        now: the moment.
        people: how those who approved already are written.
        mentions: whether anybody is mentioned.
    """
    change = details.change
    own = {"deed": headlines.format_deed(change, t), "ago": t.format_time_ago(change.created_at, now)}
    headline = headlines.build_headline(details, t, "headline.reminder", {}, people, **own)
    escalate_to = details.policy.approval.escalate_to if details.policy else ()
    called = request_blocks.mention_elements(details.list_mentioned(escalate_to))
    lines = [
        request_blocks.progress_elements(details, t, people),
        request_blocks.expiry_elements(details, t, now),
        sentence_elements(t, "escalation.calls", {"people": called})
        if called and mentions and change.notify_mode is not NotifyMode.NONE
        else [block_kit.text_element(t("escalation.more"))],
    ]
    return Message((headline, block_kit.rich_text(*(block_kit.rich_line(*line) for line in lines if line))))
