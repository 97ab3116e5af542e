"""The entries of the form's menus."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flowbot.domain.fields import CHOICE_MAX, TTL_SECONDS, WAIT_UNITS, fits_field
from flowbot.domain.flow import ALL_SUBSCRIBERS
from flowbot.domain.ids import WebsiteId
from flowbot.domain.text import fold, utf16_length
from flowbot.locales import Translator
from flowbot.slack.forms.inputs import STATIC_MAX, option
from flowbot.slack.views import kit
from flowbot.slack.views.kit import Element

UNITS: Final[Mapping[str, str]] = {
    "minutes": "form.unit_minutes",
    "hours": "form.unit_hours",
    "days": "form.unit_days",
}
_NAME_MAX: Final = kit.LABEL_MAX - 2
"""Leaves room for the two characters around a text of the other direction."""
_SECONDS: Final = re.compile(r"-?[0-9]{1,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class SegmentChoice:
    """A segment to choose; `subscribers` is None where their number is not known."""

    id: int
    name: str
    subscribers: int | None = None


def websites(names: Mapping[WebsiteId, str], t: Translator) -> list[Element]:
    """The websites by name."""
    return [option(_named(name, t("flow.website", id=str(key)), _NAME_MAX), str(key)) for key, name in names.items()]


def segments(choices: Sequence[SegmentChoice], chosen: str, t: Translator) -> list[Element]:
    """All subscribers, then each segment. The chosen one is there even if it is not among them, so that it stays."""
    known = [option(t("form.segment_all"), ALL_SUBSCRIBERS), *(_segment(choice, t) for choice in choices)]
    if not chosen or any(entry["value"] == chosen for entry in known) or not fits_choice(chosen):
        return known
    return [*known, option(_named("", t("form.segment_number", id=chosen), _NAME_MAX), chosen)]


def units(chosen: str, t: Translator) -> list[Element]:
    """The units of waiting, and the chosen one if it is another that the flow has."""
    known = [option(t(UNITS[unit]), unit) for unit in WAIT_UNITS]
    is_odd = bool(chosen) and chosen not in WAIT_UNITS and fits_field("wait_unit", chosen)
    return [*known, option(_named(chosen, "?", _NAME_MAX), chosen)] if is_odd else known


def ttls(chosen: str, t: Translator) -> list[Element]:
    """The times to live in words, and the chosen one if it is another that the flow has."""
    seconds = [*TTL_SECONDS]
    if _SECONDS.fullmatch(chosen) and str(int(chosen)) == chosen and int(chosen) not in seconds:
        seconds.append(int(chosen))
    return [option(t.span(each) if each else t("flow.ttl_zero"), str(each)) for each in seconds]


def matching(options: Sequence[Element], query: str) -> list[Element]:
    """As many as Slack takes of those whose text holds what was typed; upper and lower case are the same."""
    wanted = fold(query.strip())
    return [entry for entry in options if wanted in fold(entry["text"]["text"])][:STATIC_MAX]


def fits_choice(value: str) -> bool:
    """Whether a menu's entry can hold the value."""
    return 0 < utf16_length(value) <= CHOICE_MAX


def _segment(choice: SegmentChoice, t: Translator) -> Element:
    many = "" if choice.subscribers is None else f" ({t.number(choice.subscribers)})"
    name = _named(choice.name, t("form.segment_number", id=str(choice.id)), _NAME_MAX - len(many))
    return option(name + many, str(choice.id))


def _named(name: str, otherwise: str, limit: int) -> str:
    return kit.isolated(kit.clip(" ".join(name.split()) or otherwise, limit))
