"""The votes of a pending request: how many it needs and why, who gave them, and how long it waits."""

from datetime import datetime

from flowbot.i18n.translator import Translator
from flowbot.services.request_details import RequestDetails
from flowbot.slack.views import block_kit, request_blocks
from flowbot.slack.views.audience import audience_elements, raised_elements
from flowbot.slack.views.block_kit import Block
from flowbot.slack.views.escalation import escalation_elements
from flowbot.slack.views.people import People
from flowbot.slack.views.rules_changed import rules_changed_elements
from flowbot.slack.views.stages import stage_lines


def votes_block(details: RequestDetails, t: Translator, now: datetime, people: People, *, names_groups: bool) -> Block:
    """Build what a pending request waits for, a line each.

    Args:
        details: the request.
        t: the words of those who read it.
        now: the moment; an expiry that is past is not shown any more.
        people: how people are written.
        names_groups: whether groups are mentioned, which notifies them where a message is new; else by their names.
    """
    if details.has_stages:
        progress = stage_lines(details, t, people, names_groups=names_groups)
    else:
        progress = [request_blocks.progress_elements(details, t, people)]
    needs_skip = details.change.progress.needs_skip
    lines = [
        audience_elements(details, t),
        raised_elements(details, t),
        *progress,
        escalation_elements(details, t, people, names_groups=names_groups),
        request_blocks.expiry_elements(details, t, now),
        [block_kit.text_element(t("request.only_skip"))] if needs_skip else [],
        rules_changed_elements(details, t, people, names_groups=names_groups),
    ]
    return block_kit.rich_text(*(block_kit.rich_line(*line) for line in lines if line))
