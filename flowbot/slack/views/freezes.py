"""Freezes: which is on or next, and when they are."""

from collections.abc import Iterable
from datetime import datetime

from flowbot.domain.change import WAITING_STATES, ChangeState
from flowbot.domain.freezes import WEEKDAYS, Freeze, FrozenTime
from flowbot.domain.schedule import is_held_by_freezes
from flowbot.i18n.translator import Translator
from flowbot.services.request_details import RequestDetails
from flowbot.slack.views import block_kit
from flowbot.slack.views.block_kit import Element
from flowbot.slack.views.sentences import sentence_elements
from flowbot.slack.views.times import moment_elements


def frozen_elements(frozen: FrozenTime, t: Translator) -> list[Element]:
    """Build until when nothing goes live, and why; or when that is next."""
    until, name = moment_elements(frozen.until, t), [block_kit.text_element(_format_name(frozen))]
    if frozen.start is None:
        return sentence_elements(t, "freeze.now", {"until": until, "name": name})
    start = moment_elements(frozen.start, t)
    return sentence_elements(t, "freeze.next", {"start": start, "until": until, "name": name})


def format_frozen(frozen: FrozenTime, t: Translator) -> str:
    """Format the same as plain text, in the reader's zone."""
    until, name = t.format_datetime(frozen.until), _format_name(frozen)
    if frozen.start is None:
        return t("freeze.now", until=until, name=name)
    return t("freeze.next", start=t.format_datetime(frozen.start), until=until, name=name)


def _format_name(frozen: FrozenTime) -> str:
    return block_kit.single_line(frozen.name, block_kit.LABEL_MAX)


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
    """Build the freeze of a request, as `find_request_freeze` finds it; nothing where none holds it."""
    frozen = find_request_freeze(details, t, now)
    return [] if frozen is None else [block_kit.text_element("❄ "), *frozen_elements(frozen, t)]


def find_request_freeze(details: RequestDetails, t: Translator, now: datetime) -> FrozenTime | None:
    """Find the freeze that holds a request that waits, or begins before it expires."""
    change = details.change
    # An edit waits only where it might go live.
    is_held = change.progress.skipped_by is None and is_held_by_freezes(change.request, may_go_live=True)
    if change.state not in WAITING_STATES or details.calendar is None or not is_held:
        return None
    frozen = details.calendar.find_frozen_time(max(now, change.request.not_before or now), t.language)
    expiry = details.expires_at if change.state is ChangeState.PENDING else None
    if frozen is not None and frozen.start is not None and (expiry is None or frozen.start > expiry):
        return None
    return frozen
