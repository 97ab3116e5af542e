"""Headlines: what is asked for or what happened, as a message's first block and in its notification."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from flowbot.domain.change import CREATING_KINDS, Change, ChangeKind, ChangeState
from flowbot.domain.ids import UserId
from flowbot.domain.votes import Decider
from flowbot.i18n.translator import Translator
from flowbot.services.request_details import RequestDetails
from flowbot.slack.views import block_kit, request_blocks
from flowbot.slack.views.block_kit import Block, Element
from flowbot.slack.views.people import MENTIONED, People
from flowbot.slack.views.sentences import sentence_elements

NAMED_MAX: Final = 3
PAST_KEYS: Final[Mapping[str, str]] = {
    "headline.applied_enable": "headline.enabled",
    "headline.applied_disable": "headline.disabled",
}
"""For headlines that say how a flow is now: those that say what was done to it."""
_END_KEYS: Final[Mapping[ChangeState, str]] = {
    ChangeState.WITHDRAWN: "headline.withdrawn_end",
    ChangeState.OUT_OF_DATE: "headline.cancelled_end",
}
"""Of a planned end that leaves its flow as it is."""
_OF_KIND: Final = frozenset({ChangeState.APPLIED, ChangeState.FAILED, ChangeState.UNKNOWN})


def build_headline(
    details: RequestDetails, t: Translator, key: str, people: Mapping[str, Sequence[UserId]], by: People, **own: str
) -> Block:
    """Build a headline of one sentence about a request's flow.

    Args:
        details: the request.
        t: the reader's words.
        key: the message; its placeholder `{flow}` is the flow's number and name.
        people: who stands at its other placeholders.
        by: how people are written.
        own: placeholders filled with flowbot's own words.
    """
    return block_kit.rich_paragraph(*_bold_sentence(details, t, key, people, by, moment=None, **own))


def request_headline(details: RequestDetails, t: Translator, people: People = MENTIONED) -> Block:
    """Build the headline of a request as it is now: what is asked for, or what happened, and who decided."""
    return block_kit.rich_paragraph(*headline_elements(details, t, people))


def headline_elements(
    details: RequestDetails, t: Translator, people: People = MENTIONED, *, is_past: bool = False
) -> list[Element]:
    """Build the same as a part of a line; of the past, in words that stay true whatever came after."""
    elements = _state_elements(details, t, people, is_past=is_past)
    if (ending := _ending(details)) is not None:
        ending_key, deciders = ending
        named, more = deciders[:NAMED_MAX], len(deciders) - NAMED_MAX
        line = sentence_elements(t, ending_key, {"people": people.deciders(named, t)})
        rest = [block_kit.text_element(f", {t('help.more', n=more)}")] if more > 0 else []
        elements += [block_kit.text_element(" · "), *line, *rest]
    return elements


def own_headline(change: Change, t: Translator) -> Block:
    """Build the headline of what became of a change, for who made it."""
    return block_kit.rich_paragraph(*_state_elements(RequestDetails(change, (), {}), t, MENTIONED))


def _state_elements(details: RequestDetails, t: Translator, people: People, *, is_past: bool = False) -> list[Element]:
    change = details.change
    kind, state = change.request.kind, change.state
    if state is ChangeState.PENDING:
        key = "headline.pending"
    elif state is ChangeState.SCHEDULED:
        # Keys: headline.scheduled_edit, headline.scheduled_enable, headline.scheduled_disable,
        # headline.scheduled_delete
        key = f"headline.scheduled_{ChangeKind.EDIT if kind in CREATING_KINDS else kind}"
    elif change.request.ends is not None and state in _END_KEYS:
        key = _END_KEYS[state]
    elif state is ChangeState.APPLIED and change.request.ends_at is not None and not is_past:
        key = "headline.applied_until"
    elif state in _OF_KIND:
        # Keys: headline.applied_create, headline.failed_create, headline.unknown_create, and so on for each ChangeKind
        key = f"headline.{state}_{kind}"
        key = PAST_KEYS.get(key, key) if is_past else key
    else:
        # Keys: headline.applying, headline.rejected, headline.withdrawn, headline.expired, headline.out_of_date
        key = f"headline.{ChangeState.APPLYING if state is ChangeState.DRAFT else state}"
    moment = change.request.ends_at if state is ChangeState.APPLIED else change.progress.starts_at
    own = {"deed": format_deed(change, t), "new": str(change.outcome.flow if change.outcome else "")}
    return _bold_sentence(details, t, key, {"person": [change.request.requester]}, people, moment=moment, **own)


def format_deed(change: Change, t: Translator) -> str:
    """Format what is asked for, as a part of a sentence; of a live flow that is to end, that."""
    request = change.request
    if request.ends_at is not None and request.before is not None and request.before.is_enabled:
        return t("request.to_end")
    # Keys: request.to_create, request.to_edit, and so on for each ChangeKind
    return t(f"request.to_{request.kind}")


def _ending(details: RequestDetails) -> tuple[str, Sequence[Decider]] | None:
    """Return the words for who brought the request to its state, and who that was."""
    change = details.change
    closing = change.progress.closing
    if change.progress.skipped_by is not None:
        return "headline.skipped_by", [Decider(change.progress.skipped_by)]
    if change.state is ChangeState.REJECTED and closing is not None:
        return "headline.rejected_by", [closing.decider]
    if details.is_approved and change.state is not ChangeState.OUT_OF_DATE:
        return "headline.approved_by", details.approvals
    if change.rule is None and change.state in _OF_KIND:
        return "headline.by", [Decider(change.request.requester)]
    return None


def _bold_sentence(
    details: RequestDetails,
    t: Translator,
    key: str,
    people: Mapping[str, Sequence[UserId]],
    by: People,
    *,
    moment: datetime | None = None,
    **own: str,
) -> list[Element]:
    subject = block_kit.text_element(request_blocks.format_subject(details.change, t))
    when = [] if moment is None else [block_kit.date_element(moment, t.format_datetime(moment))]
    places = {"flow": [subject], "when": when} | {place: by.elements(users) for place, users in people.items()}
    return [element | {"style": {"bold": True}} for element in sentence_elements(t, key, places, **own)]
