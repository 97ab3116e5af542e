"""When a change starts, and when what it does ends."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from flowbot.domain.change import Change, ChangeKind, ChangeRequest, ChangeState
from flowbot.i18n.translator import Translator
from flowbot.slack.views import block_kit
from flowbot.slack.views.block_kit import Block, Element
from flowbot.slack.views.sentences import sentence_elements

START_KEYS: Final = ("when.starts", "when.starts_approved")
STOP_KEYS: Final = ("when.stops", "when.stops_approved")
"""Of a change whose approval is not needed or given, and of one that waits for it."""


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
    lines = []
    if request.not_before is not None:
        keys = STOP_KEYS if request.kind is ChangeKind.DISABLE else START_KEYS
        lines.append(sentence_elements(t, keys[once_approved], {"when": moment_elements(request.not_before, t)}))
    if request.ends_at is not None:
        lines.append(sentence_elements(t, "when.ends", {"when": moment_elements(request.ends_at, t)}))
    space = block_kit.text_element(" ")
    return [element for number, line in enumerate(lines) for element in ([space, *line] if number else line)]


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
