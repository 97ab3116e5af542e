"""Freezes: which is on or next, and when they are."""

from collections.abc import Iterable
from datetime import datetime

from flowbot.domain.change import WAITING_STATES, ChangeKind, ChangeState
from flowbot.domain.freezes import WEEKDAYS, Freeze, FrozenTime
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


def format_freeze(freeze: Freeze, t: Translator) -> str:
    """Format a freeze: its name, and when it is."""
    return f"{freeze.name} ({_format_times(freeze, t)})"


def _format_times(freeze: Freeze, t: Translator) -> str:
    if freeze.holidays is not None:
        country, _, part = freeze.holidays.partition("-")
        named = f"{t.format_country(country)}{f', {part}' if part else ''}"
        if freeze.half_day_from is None:
            return t("freeze.holidays", country=named)
        return t("freeze.holidays_half", country=named, time=freeze.half_day_from)
    if freeze.first_day is not None and freeze.last_day is not None:
        days = dict.fromkeys([t.format_day(freeze.first_day), t.format_day(freeze.last_day)])
        return " – ".join(days)
    return format_hours(freeze.weekly or (), t)


def format_hours(weekly: Iterable[str], t: Translator) -> str:
    """Format a weekly freeze's days and hours, in the order in which they were written."""
    parts = (each.partition(" ") for each in weekly)
    return ", ".join(
        f"{t.format_weekday(WEEKDAYS.index(day))}{' ' if hours else ''}{hours.replace('-', '–')}"
        for day, _, hours in parts
    )


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
