"""Freezes: which is on or next."""

from datetime import datetime

from flowbot.domain.change import WAITING_STATES, ChangeKind, ChangeState
from flowbot.domain.freezes import FrozenTime
from flowbot.i18n.translator import Translator
from flowbot.services.request_details import RequestDetails
from flowbot.slack.views import block_kit
from flowbot.slack.views.block_kit import Element
from flowbot.slack.views.sentences import sentence_elements


def frozen_elements(frozen: FrozenTime, t: Translator) -> list[Element]:
    """Build until when nothing goes live, and why; or when that is next."""
    moments = {"until": frozen.until} if frozen.start is None else {"start": frozen.start, "until": frozen.until}
    elements = {name: [block_kit.date_element(at, t.format_datetime(at))] for name, at in moments.items()}
    elements["name"] = [block_kit.text_element(block_kit.single_line(frozen.name, block_kit.LABEL_MAX))]
    return sentence_elements(t, "freeze.now" if frozen.start is None else "freeze.next", elements)


def request_freeze_elements(details: RequestDetails, t: Translator, now: datetime) -> list[Element]:
    """Build the freeze that holds a request that waits, or begins before it expires; nothing where none does."""
    change = details.change
    if change.state not in WAITING_STATES or details.calendar is None or not _is_held(details):
        return []
    frozen = details.calendar.find_frozen_time(max(now, change.request.not_before or now), t.language)
    expiry = details.expires_at if change.state is ChangeState.PENDING else None
    if frozen is None or (frozen.start is not None and (expiry is None or frozen.start > expiry)):
        return []
    return [block_kit.text_element("❄ "), *frozen_elements(frozen, t)]


def _is_held(details: RequestDetails) -> bool:
    """Check whether the request would make something go live or delete it; an edit waits only where it might."""
    change = details.change
    is_live = change.request.before is not None and change.request.before.is_enabled
    is_held = {ChangeKind.ENABLE: not is_live, ChangeKind.EDIT: True, ChangeKind.DELETE: True}
    return change.progress.skipped_by is None and is_held.get(change.request.kind, False)
