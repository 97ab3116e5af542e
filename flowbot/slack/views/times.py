"""When a change starts, and when what it does ends."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from flowbot.domain.change import Change, ChangeKind, ChangeRequest, ChangeState
from flowbot.i18n.translator import Translator
from flowbot.slack.views import block_kit
from flowbot.slack.views.block_kit import Block, Element
from flowbot.slack.views.sentences import sentence_elements


def moment_elements(moment: datetime, t: Translator) -> list[Element]:
    """Build a moment, which each reader sees in their own zone."""
    return [block_kit.date_element(moment, t.format_datetime(moment))]


def times_elements(request: ChangeRequest, t: Translator, *, once_approved: bool = False) -> list[Element]:
    """Build the sentences on the times that were asked for; none where it is at once and for good.

    Args:
        request: the request.
        t: the reader's words.
        once_approved: whether it waits for approval as well.
    """
    sentences = []
    if request.not_before is not None:
        if request.kind is ChangeKind.DISABLE:
            key = "when.stops_approved" if once_approved else "when.stops"
        else:
            key = "when.starts_approved" if once_approved else "when.starts"
        sentences.append((key, request.not_before))
    if request.ends_at is not None:
        sentences.append(("when.ends", request.ends_at))
    elements: list[Element] = []
    for key, moment in sentences:
        elements += [block_kit.text_element(" ")] if elements else []
        elements += sentence_elements(t, key, {"when": moment_elements(moment, t)})
    return elements


def format_times(request: ChangeRequest, t: Translator) -> str:
    """Format the times that were asked for as a line of plain text, which shows nobody their own zone: it names one."""
    times = ((key, f"{t.format_datetime(moment)} ({t.zone.key})") for key, moment in asked_times(request))
    return " · ".join(t(key, when=when) for key, when in times)


def list_times(change: Change) -> Iterator[tuple[str, datetime]]:
    """Yield the keys of the words for the start and for the end of what a change does, with their moments.

    A scheduled change starts at the end of the freeze that holds it.
    """
    request = change.request
    is_held = change.state is ChangeState.SCHEDULED and change.progress.starts_at is not None
    return asked_times(replace(request, not_before=change.progress.starts_at) if is_held else request)


def asked_times(request: ChangeRequest) -> Iterator[tuple[str, datetime]]:
    """Yield the keys of the words for the times that were asked for, with their moments."""
    if request.not_before is not None:
        yield "request.ends" if request.kind is ChangeKind.DISABLE else "request.starts", request.not_before
    if request.ends_at is not None:
        yield "request.ends", request.ends_at


def zone_blocks(given: str | None, t: Translator) -> list[Block]:
    """Build the line on which zone's times are meant, for a person of whose own zone Slack says nothing."""
    return [] if given == t.zone.key else [block_kit.context(t("when.zone", zone=t.zone.key))]
